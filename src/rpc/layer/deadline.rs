//! How long a request may take: what the caller says in `grpc-timeout`, and never longer than the server
//! allows.

use std::time::Duration;

/// The time that a request has.
pub(super) fn of(headers: &http::HeaderMap, most: Duration) -> Duration {
    let asked = headers.get("grpc-timeout").and_then(|value| value.to_str().ok()).and_then(parse);
    asked.map_or(most, |asked| asked.min(most))
}

/// Reads `grpc-timeout`: at most eight digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(n * 3600),
        "M" => Duration::from_secs(n * 60),
        "S" => Duration::from_secs(n),
        "m" => Duration::from_millis(n),
        "u" => Duration::from_micros(n),
        "n" => Duration::from_nanos(n),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_nonsense_is_not() {
        assert_eq!(parse("2H"), Some(Duration::from_secs(7200)));
        assert_eq!(parse("3M"), Some(Duration::from_secs(180)));
        assert_eq!(parse("4S"), Some(Duration::from_secs(4)));
        assert_eq!(parse("5m"), Some(Duration::from_millis(5)));
        assert_eq!(parse("6u"), Some(Duration::from_micros(6)));
        assert_eq!(parse("7n"), Some(Duration::from_nanos(7)));
        for nonsense in ["", "S", "1", "123456789S", "-1S", "1é", "+1S", "1.5S"] {
            assert_eq!(parse(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn the_server_s_own_limit_is_the_ceiling() {
        let mut headers = http::HeaderMap::new();
        let most = Duration::from_secs(10);
        assert_eq!(of(&headers, most), most);
        headers.insert("grpc-timeout", http::HeaderValue::from_static("1H"));
        assert_eq!(of(&headers, most), most);
        headers.insert("grpc-timeout", http::HeaderValue::from_static("250m"));
        assert_eq!(of(&headers, most), Duration::from_millis(250));
    }
}
