//! Logs, and traces over OTLP where the standard `OTEL_*` settings ask for them.

use std::io::IsTerminal as _;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{WithExportConfig as _, WithTonicConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt};

use super::fields::JsonFields;
use super::otlp::{Otlp, OtlpError};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    Auto,
    /// Text.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why logs or traces cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter is not one.
    #[error("log.level is not a filter, like info or countersign=debug: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The settings of the exporter are wrong.
    #[error("traces cannot be exported: {0}")]
    Otlp(#[from] OtlpError),
    /// The exporter does not take its settings.
    #[error("traces cannot be exported with these OTEL_ settings: {0}")]
    Exporter(#[from] opentelemetry_otlp::ExporterBuildError),
    /// It was set up before.
    #[error("logs were set up before: {0}")]
    Again(#[from] tracing_subscriber::util::TryInitError),
}

/// The exporter of traces, if traces are exported.
#[derive(Debug, Default)]
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Starts logs and, where the environment asks for it, traces. Log lines go to standard error.
    ///
    /// # Errors
    /// Says which setting is wrong.
    pub fn start(format: LogFormat, filter: &str, env: &[(String, String)]) -> Result<Self, TelemetryError> {
        let provider = Otlp::from(env)?.map(|otlp| provider(otlp, env)).transpose()?;
        let traces = provider.as_ref().map(|provider| {
            opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
            let tracer = provider.tracer("countersign");
            // Spans of this program only: the exporter's own connection makes spans too.
            tracing_opentelemetry::layer()
                .with_location(false)
                .with_threads(false)
                .with_tracer(tracer)
                .with_filter(EnvFilter::new("off,countersign=debug"))
        });
        let json = match format {
            LogFormat::Auto => !std::io::stderr().is_terminal(),
            LogFormat::Text => false,
            LogFormat::Json => true,
        };
        let lines = fmt::layer().with_writer(std::io::stderr);
        let lines = if json {
            lines.json().flatten_event(true).with_span_list(false).fmt_fields(JsonFields).boxed()
        } else {
            lines.with_target(false).boxed()
        };
        let lines = lines.with_filter(EnvFilter::try_new(filter)?);
        Registry::default().with(traces).with(lines).try_init()?;
        Ok(Self(provider))
    }

    /// Sends what is left to send.
    pub fn stop(self) {
        if let Some(provider) = self.0
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "some traces were not sent");
        }
    }
}

fn provider(otlp: Otlp, env: &[(String, String)]) -> Result<SdkTracerProvider, TelemetryError> {
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(otlp.endpoint);
    let exporter = match otlp.tls {
        Some(tls) => exporter.with_tls_config(tls).build()?,
        None => exporter.build()?,
    };
    let is_named = env.iter().any(|(name, value)| match name.as_str() {
        "OTEL_SERVICE_NAME" => !value.is_empty(),
        "OTEL_RESOURCE_ATTRIBUTES" => value.contains("service.name="),
        _ => false,
    });
    let resource = Resource::builder();
    let resource = if is_named { resource } else { resource.with_service_name("countersign") };
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource.build()).build())
}
