//! What a span's fields look like in a JSON log line.
//!
//! They are written down when a request begins, and most requests never log a line. So each field is appended to
//! the text as it comes: the formatter that comes with the library reads the whole text and writes it again for each
//! field that is recorded later, which took a sixth of the processor time of a verification.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FormatFields, FormattedFields};

/// Writes fields as a JSON object that can grow.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct JsonFields;

impl<'w> FormatFields<'w> for JsonFields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        writer.write_char('{')?;
        let mut object = Object { out: &mut writer, is_empty: true, written: Ok(()) };
        fields.record(&mut object);
        object.written?;
        writer.write_char('}')
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let text = &mut current.fields;
        // It is the text of an object, since nobody else writes it.
        text.pop();
        let is_empty = text.len() <= 1;
        let mut object = Object { out: text, is_empty, written: Ok(()) };
        fields.record(&mut object);
        let written = object.written;
        text.push('}');
        written
    }
}

/// An object that is being written.
struct Object<'o, W> {
    out: &'o mut W,
    is_empty: bool,
    written: fmt::Result,
}

/// Whether a field is of no use outside a trace.
fn is_for_traces(name: &str) -> bool {
    name.starts_with("otel.") || matches!(name, "rpc.system" | "rpc.grpc.status_code")
}

impl<W: Write> Object<'_, W> {
    fn field(&mut self, field: &Field, write: impl FnOnce(&mut W) -> fmt::Result) {
        if self.written.is_err() || is_for_traces(field.name()) {
            return;
        }
        let comma = if self.is_empty { "" } else { "," };
        self.is_empty = false;
        // Names are identifiers and dots: they need no escaping.
        self.written = write!(self.out, "{comma}\"{}\":", field.name()).and_then(|()| write(self.out));
    }
}

/// Writes a text as JSON does. What a caller can choose, like the path, must not end the string early.
fn string(out: &mut impl Write, text: &str) -> fmt::Result {
    let is_plain = |b: u8| matches!(b, b' '..=b'~') && b != b'"' && b != b'\\';
    if text.bytes().all(is_plain) {
        return write!(out, "\"{text}\"");
    }
    out.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?)
}

impl<W: Write> Visit for Object<'_, W> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.field(field, |out| string(out, value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.field(field, |out| write!(out, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.field(field, |out| write!(out, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.field(field, |out| write!(out, "{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.field(field, |out| string(out, &format!("{value:?}")));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing::field::Empty;
    use tracing_subscriber::fmt;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The `span` of a line that is logged in one.
    fn logged(in_span: impl FnOnce()) -> serde_json::Value {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = fmt::layer().json().fmt_fields(JsonFields).with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), in_span);
        let text = lines.0.lock().unwrap().clone();
        let line: serde_json::Value = serde_json::from_slice(&text).unwrap();
        line["span"].clone()
    }

    #[test]
    fn what_is_recorded_later_stands_beside_what_was_there() {
        let span = logged(|| {
            let span = tracing::info_span!("rpc", request_id = "r-1", caller = Empty, tries = Empty);
            span.record("caller", "shop");
            span.record("tries", 3);
            span.in_scope(|| tracing::info!("a line"));
        });
        let expected = serde_json::json!({"name": "rpc", "request_id": "r-1", "caller": "shop", "tries": 3});
        assert_eq!(span, expected);
    }

    #[test]
    fn a_span_without_fields_gets_its_first_one_later() {
        let span = logged(|| {
            let span = tracing::info_span!("rpc", is_open = Empty);
            span.record("is_open", true);
            span.in_scope(|| tracing::info!("a line"));
        });
        assert_eq!(span, serde_json::json!({"name": "rpc", "is_open": true}));
        let bare = logged(|| tracing::info_span!("judge").in_scope(|| tracing::info!("a line")));
        assert_eq!(bare, serde_json::json!({"name": "judge"}));
    }

    #[test]
    fn no_text_gets_out_of_its_string() {
        for text in ["\",\"caller\":\"root", "\\", "line\nbreak", "\u{7f}\u{2028}é", "{}", ""] {
            let span = logged(|| {
                let span = tracing::info_span!("rpc", rpc.method = text, caller = Empty, odd = Empty);
                span.record("odd", tracing::field::debug(text));
                span.in_scope(|| tracing::info!("a line"));
            });
            let odd = format!("{text:?}");
            assert_eq!(span, serde_json::json!({"name": "rpc", "rpc.method": text, "odd": odd}), "{text:?}");
        }
    }

    #[test]
    fn what_is_for_traces_only_is_not_in_a_line() {
        let span = logged(|| {
            let span = tracing::info_span!(
                "rpc",
                otel.kind = "server",
                rpc.system = "grpc",
                rpc.service = "s",
                rpc.grpc.status_code = Empty
            );
            span.record("rpc.grpc.status_code", 0);
            span.in_scope(|| tracing::info!("a line"));
        });
        assert_eq!(span, serde_json::json!({"name": "rpc", "rpc.service": "s"}));
    }
}
