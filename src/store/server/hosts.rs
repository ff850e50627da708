//! The servers that a URL names, as libpq and the MySQL drivers read it: several hosts with commas between
//! them. Any of them may be the one that takes writes.

use crate::domain::secret::SecretText;

/// One of the servers.
#[derive(Debug, Clone)]
pub(in crate::store) struct Host {
    /// For people: host and port as they were written.
    pub(in crate::store) name: String,
    /// The URL of this one alone.
    pub(in crate::store) url: SecretText,
}

/// Reads the servers out of a URL.
///
/// # Errors
/// Says what would be right. Does not repeat the URL.
pub(in crate::store) fn hosts(url: &str) -> Result<Vec<Host>, String> {
    let (scheme, rest) = url.split_once("://").ok_or("there is no // after its scheme")?;
    // One protocol, two names for it.
    let scheme = if scheme == "mariadb" { "mysql" } else { scheme };
    let is_postgres = scheme.starts_with("postgres");
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
    let (login, listed) = authority.rfind('@').map_or(("", authority), |at| authority.split_at(at + 1));
    let mut query = Query::read(query);
    if let Some(wanted) = query.take("target_session_attrs")
        && !["any", "read-write", "primary"].contains(&wanted.as_str())
    {
        return Err("target_session_attrs must be read-write: every connection is for writing".to_owned());
    }
    query.verify_what_is_given(is_postgres);
    // libpq takes the hosts from the query as well, with their ports beside them.
    let beside = if is_postgres { query.take("host") } else { None };
    let servers: Vec<(String, Option<String>)> = match &beside {
        Some(hosts) => with_ports(hosts, query.take("port").as_deref())?,
        None => listed.split(',').map(|host| (host.to_owned(), None)).collect(),
    };
    if servers.len() > 1 && servers.iter().any(|(host, _)| host.is_empty()) {
        return Err("one of the hosts between its commas is empty".to_owned());
    }
    let alone = |(host, port): (String, Option<String>)| {
        let (at, mut query) = if beside.is_some() { ("", query.clone()) } else { (&*host, query.clone()) };
        if beside.is_some() {
            query.0.push(("host".to_owned(), host.clone()));
            query.0.extend(port.clone().map(|port| ("port".to_owned(), port)));
        }
        let name = port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let url = format!("{scheme}://{login}{at}{path}{}", query.written());
        Host { name: if name.is_empty() { "localhost".to_owned() } else { name }, url: SecretText::new(url) }
    };
    Ok(servers.into_iter().map(alone).collect())
}

/// Hosts with the ports that belong to them: one for all, or one for each.
fn with_ports(hosts: &str, ports: Option<&str>) -> Result<Vec<(String, Option<String>)>, String> {
    let hosts = list(hosts);
    let ports = ports.map_or_else(Vec::new, list);
    if ports.len() > 1 && ports.len() != hosts.len() {
        return Err("port must be one for all hosts, or one for each of them".to_owned());
    }
    let port = |place: usize| ports.get(if ports.len() == 1 { 0 } else { place }).cloned();
    let port = |place| port(place).filter(|port| !port.is_empty());
    Ok(hosts.into_iter().enumerate().map(|(place, host)| (host, port(place))).collect())
}

fn list(text: &str) -> Vec<String> {
    text.replace("%2C", ",").replace("%2c", ",").split(',').map(str::to_owned).collect()
}

/// A URL's query, as it was written.
#[derive(Clone)]
struct Query(Vec<(String, String)>);

impl Query {
    fn read(query: &str) -> Self {
        let parts = query.split('&').filter(|part| !part.is_empty());
        Self(parts.map(|part| part.split_once('=').unwrap_or((part, ""))).map(owned).collect())
    }

    /// Takes the last value of that name out.
    fn take(&mut self, name: &str) -> Option<String> {
        let value = self.value(&[name]).map(str::to_owned);
        self.0.retain(|(key, _)| key != name);
        value
    }

    fn value(&self, names: &[&str]) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| names.contains(&key.as_str()));
        found.map(|(_, value)| value.as_str())
    }

    /// Whoever names a certificate authority wants the server's certificate checked. libpq does so with
    /// `sslmode=require`, and the MySQL drivers where no mode is named.
    fn verify_what_is_given(&mut self, is_postgres: bool) {
        const MODE: [&str; 2] = ["sslmode", "ssl-mode"];
        let mode = self.value(&MODE);
        let is_to_verify = if is_postgres {
            mode == Some("require") && self.value(&["sslrootcert", "ssl-root-cert", "ssl-ca"]).is_some()
        } else {
            mode.is_none() && self.value(&["sslca", "ssl-ca"]).is_some()
        };
        if is_to_verify {
            self.0.retain(|(key, _)| !MODE.contains(&key.as_str()));
            let verify = if is_postgres { "verify-ca" } else { "verify_ca" };
            self.0.push(("sslmode".to_owned(), verify.to_owned()));
        }
    }

    fn written(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|(key, value)| format!("{key}={value}")).collect();
        if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
    }
}

fn owned((key, value): (&str, &str)) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[cfg(test)]
mod tests;
