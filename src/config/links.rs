//! The variables that Kubernetes sets in each container for the Services of its namespace ("service links").
//!
//! A Service `countersign-db` gives `COUNTERSIGN_DB_SERVICE_HOST`, `COUNTERSIGN_DB_PORT` and more, which look like
//! settings of this program. A variable is taken for a link only if its value has the form that Kubernetes writes, so
//! that `COUNTERSIGN_LISTEN_PORT=7443` stays a mistake that is told.

use std::net::IpAddr;

/// Whether Kubernetes sets a variable of that name and value for a Service.
pub(super) fn is_service_link(variable: &str, value: &str) -> bool {
    let is_simple = (variable.ends_with("_SERVICE_HOST") && is_address(value))
        || ((variable.ends_with("_SERVICE_PORT") || has_named_port(variable)) && is_port(value))
        || (variable.ends_with("_PORT") && is_url(value));
    // The others have a port and a protocol: _PORT_5432_TCP, and that with _PROTO, _PORT or _ADDR.
    let (port, value_has_its_form) = match variable.rsplit_once('_') {
        Some((port, "PROTO")) => (port, is_protocol(value)),
        Some((port, "PORT")) => (port, is_port(value)),
        Some((port, "ADDR")) => (port, is_address(value)),
        _ => (variable, is_url(value)),
    };
    is_simple || (value_has_its_form && has_numbered_port(port))
}

/// `…_SERVICE_PORT_GRPC`: a port of the Service that has a name.
fn has_named_port(variable: &str) -> bool {
    variable.split_once("_SERVICE_PORT_").is_some_and(|(_, name)| !name.is_empty())
}

/// `…_PORT_5432_TCP`.
fn has_numbered_port(variable: &str) -> bool {
    let parts = variable.rsplit_once('_').and_then(|(rest, protocol)| {
        let (rest, port) = rest.rsplit_once('_')?;
        Some((rest, port, protocol))
    });
    parts.is_some_and(|(rest, port, protocol)| {
        rest.ends_with("_PORT") && is_port(port) && is_protocol(&protocol.to_ascii_lowercase())
    })
}

fn is_protocol(text: &str) -> bool {
    ["tcp", "udp", "sctp"].contains(&text)
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
}

fn is_address(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// `tcp://10.0.0.1:5432`, or with an IPv6 address, which has brackets.
fn is_url(text: &str) -> bool {
    let parts = text.split_once("://").and_then(|(protocol, rest)| {
        let (address, port) = rest.rsplit_once(':')?;
        Some((protocol, address, port))
    });
    parts.is_some_and(|(protocol, address, port)| {
        let address = address.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(address);
        is_protocol(protocol) && is_address(address) && is_port(port)
    })
}
