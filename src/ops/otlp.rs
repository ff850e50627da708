//! The standard `OTEL_*` settings of the exporter for traces: taken, or refused with what would be right.
//!
//! The exporter reads most of them itself. Looked at here are those whose mistakes it would take in silence: traces would
//! be lost, and a line in the log would say so only later.

use std::fs;

use http::Uri;
use opentelemetry_otlp::tonic_types::transport::{Certificate, ClientTlsConfig, Identity};

/// A setting that is wrong, and what would be right.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct OtlpError {
    name: String,
    problem: String,
}

/// Where traces are sent.
#[derive(Debug)]
pub(super) struct Otlp {
    /// The collector: `http://` or `https://`, a host and a port.
    pub(super) endpoint: String,
    /// TLS, for `https://`.
    pub(super) tls: Option<ClientTlsConfig>,
}

impl Otlp {
    /// Reads the environment. `None`: it does not ask for traces.
    ///
    /// # Errors
    /// Says which setting is wrong, and what would be right.
    pub(super) fn from(env: &[(String, String)]) -> Result<Option<Self>, OtlpError> {
        let env = Env(env);
        if !env.asks_for_traces()? {
            return Ok(None);
        }
        if let Some((name, protocol)) = env.of_traces("PROTOCOL")
            && protocol != "grpc"
        {
            let problem = format!(
                "is {protocol:?}, and traces are sent by gRPC only; say grpc, and name the collector's gRPC port \
                 (4317 by default) in the endpoint"
            );
            return Err(OtlpError { name, problem });
        }
        if let Some((name, _)) = env.of_traces("COMPRESSION") {
            return Err(OtlpError { name, problem: "is not supported; leave it out".to_owned() });
        }
        let endpoint = env.endpoint()?;
        let tls = endpoint.starts_with("https://").then(|| env.tls()).transpose()?;
        Ok(Some(Self { endpoint, tls }))
    }
}

struct Env<'a>(&'a [(String, String)]);

impl<'a> Env<'a> {
    /// An empty value counts as unset: so says the specification.
    fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// A setting of the exporter: the one for traces, else the one for all signals. With its name.
    fn of_traces(&self, setting: &str) -> Option<(String, &'a str)> {
        let names = [format!("OTEL_EXPORTER_OTLP_TRACES_{setting}"), format!("OTEL_EXPORTER_OTLP_{setting}")];
        names.into_iter().find_map(|name| self.value(&name).map(|value| (name, value)))
    }

    fn asks_for_traces(&self) -> Result<bool, OtlpError> {
        if self.value("OTEL_SDK_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            return Ok(false);
        }
        match self.value("OTEL_TRACES_EXPORTER") {
            None => Ok(self.of_traces("ENDPOINT").is_some()),
            Some("otlp") => Ok(true),
            Some("none") => Ok(false),
            Some(other) => Err(OtlpError {
                name: "OTEL_TRACES_EXPORTER".to_owned(),
                problem: format!("is {other:?}, and must be otlp or none"),
            }),
        }
    }

    /// The collector, with a scheme: the specification takes an endpoint without one for TLS, unless the exporter is told
    /// to be insecure.
    fn endpoint(&self) -> Result<String, OtlpError> {
        let Some((name, given)) = self.of_traces("ENDPOINT") else {
            return Ok("http://localhost:4317".to_owned());
        };
        let wrong = |problem: &str| {
            let right = "must be like http://collector:4317, https://collector:4317 or collector:4317, which means https";
            OtlpError { name: name.clone(), problem: format!("{given:?} {problem}; it {right}") }
        };
        let endpoint = match given.split_once("://") {
            Some(("http" | "https", _)) => given.to_owned(),
            Some(_) => return Err(wrong("has another scheme than http or https")),
            None if self.is_insecure()? => format!("http://{given}"),
            None => format!("https://{given}"),
        };
        let uri: Uri = endpoint.parse().map_err(|_| wrong("is not a URL"))?;
        if uri.host().is_none_or(str::is_empty) {
            return Err(wrong("names no host"));
        }
        if uri.path_and_query().is_some_and(|path| path.as_str() != "/") {
            return Err(wrong("has a path, which gRPC has not: this looks like the collector's HTTP port"));
        }
        Ok(endpoint)
    }

    fn is_insecure(&self) -> Result<bool, OtlpError> {
        match self.of_traces("INSECURE") {
            Some((_, value)) if value.eq_ignore_ascii_case("true") => Ok(true),
            Some((_, value)) if value.eq_ignore_ascii_case("false") => Ok(false),
            Some((name, value)) => {
                Err(OtlpError { name, problem: format!("is {value:?}, and must be true or false") })
            }
            None => Ok(false),
        }
    }

    /// The collector's certificate is checked against the named authorities, else against those that browsers know.
    fn tls(&self) -> Result<ClientTlsConfig, OtlpError> {
        let mut tls = ClientTlsConfig::new();
        tls = match self.pem("CERTIFICATE", "CERTIFICATE")? {
            Some((_, authorities)) => tls.ca_certificate(Certificate::from_pem(authorities)),
            None => tls.with_enabled_roots(),
        };
        let (certificate, key) =
            (self.pem("CLIENT_CERTIFICATE", "CERTIFICATE")?, self.pem("CLIENT_KEY", "PRIVATE KEY")?);
        match (certificate, key) {
            (Some((_, certificate)), Some((_, key))) => {
                Ok(tls.identity(Identity::from_pem(certificate, key)))
            }
            (None, None) => Ok(tls),
            (Some((name, _)), None) => {
                Err(OtlpError { name, problem: "needs OTEL_EXPORTER_OTLP_CLIENT_KEY too".to_owned() })
            }
            (None, Some((name, _))) => {
                Err(OtlpError { name, problem: "needs OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE too".to_owned() })
            }
        }
    }

    /// The PEM in the file that a setting names, and the setting's name.
    fn pem(&self, setting: &str, label: &str) -> Result<Option<(String, String)>, OtlpError> {
        let Some((name, path)) = self.of_traces(setting) else { return Ok(None) };
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) => {
                return Err(OtlpError { name, problem: format!("{path} cannot be read: {error}") });
            }
        };
        let is_there = text.lines().any(|line| line.starts_with("-----BEGIN ") && line.contains(label));
        if !is_there {
            return Err(OtlpError { name, problem: format!("{path} holds no {label} in PEM") });
        }
        Ok(Some((name, text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(env: &[(&str, &str)]) -> Result<Option<Otlp>, String> {
        let env: Vec<_> = env.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Otlp::from(&env).map_err(|error| error.to_string())
    }

    fn asks(env: &[(&str, &str)]) -> bool {
        read(env).unwrap().is_some()
    }

    #[test]
    fn traces_are_off_until_the_environment_asks_for_them() {
        assert!(!asks(&[]));
        assert!(!asks(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]));
        assert!(asks(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4317")]));
        assert!(asks(&[("OTEL_TRACES_EXPORTER", "otlp")]));
        assert!(!asks(&[("OTEL_TRACES_EXPORTER", "none"), ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h")]));
        assert!(!asks(&[("OTEL_SDK_DISABLED", "true"), ("OTEL_TRACES_EXPORTER", "otlp")]));
        // What is switched off may be wrong.
        assert!(!asks(&[("OTEL_SDK_DISABLED", "TRUE"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")]));
    }

    #[test]
    fn an_endpoint_is_taken_as_the_specification_says() {
        for (given, insecure, endpoint) in [
            ("http://collector:4317", "", "http://collector:4317"),
            ("http://collector:4317/", "", "http://collector:4317/"),
            ("https://collector:4317", "true", "https://collector:4317"),
            ("collector:4317", "", "https://collector:4317"),
            ("collector:4317", "false", "https://collector:4317"),
            ("collector:4317", "True", "http://collector:4317"),
            ("[::1]:4317", "true", "http://[::1]:4317"),
        ] {
            let env = [("OTEL_EXPORTER_OTLP_ENDPOINT", given), ("OTEL_EXPORTER_OTLP_INSECURE", insecure)];
            let otlp = read(&env).unwrap().unwrap();
            assert_eq!(otlp.endpoint, endpoint);
            assert_eq!(otlp.tls.is_some(), endpoint.starts_with("https:"), "{given}");
        }
        // What is said for traces stands over what is said for all signals.
        let env = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:1"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:2"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
            ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc"),
        ];
        assert_eq!(read(&env).unwrap().unwrap().endpoint, "http://traces:2");
    }

    #[test]
    fn what_would_lose_traces_is_refused_in_words() {
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector:4317");
        for (name, value, said) in [
            (
                "OTEL_EXPORTER_OTLP_PROTOCOL",
                "http/protobuf",
                "by gRPC only; say grpc, and name the collector's gRPC port",
            ),
            (
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
                "http/json",
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: is \"http/json\"",
            ),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "is not supported; leave it out"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nonexistent", "/nonexistent cannot be read: No such file"),
            ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/dev/null", "/dev/null holds no CERTIFICATE in PEM"),
            ("OTEL_TRACES_EXPORTER", "console", "is \"console\", and must be otlp or none"),
            (
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                "ftp://x:1",
                "has another scheme than http or https; it must be like",
            ),
            (
                "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
                "http://collector:4318/v1/traces",
                "has a path, which gRPC has not",
            ),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "not a host", "is not a URL"),
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://:4317", "names no host"),
        ] {
            let error = read(&[endpoint, (name, value)]).unwrap_err();
            assert!(error.contains(said) && error.starts_with(name), "{name}={value}: {error}");
        }
        let insecure = [("OTEL_EXPORTER_OTLP_ENDPOINT", "h:1"), ("OTEL_EXPORTER_OTLP_INSECURE", "1")];
        assert!(read(&insecure).unwrap_err().ends_with("is \"1\", and must be true or false"));
    }
}
