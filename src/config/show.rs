//! The settings in force, for `config check`: without secrets.

use std::fmt::Write as _;

use toml::Value;

use super::take::show_span;
use super::{Config, KeyringSource};
use crate::assurance::rulebook::{RuleSource, Rulebook};
use crate::domain::method::{MethodName, Sort};
use crate::domain::policy::Policy;
use crate::domain::setting::{Settings, Unit};
use crate::domain::strength::Strength;
use crate::kinds;

impl Config {
    /// The settings in force as TOML, without secrets: of the database's URL only what comes before a
    /// password, of the key ring only where it is.
    #[must_use]
    pub fn redacted_toml(&self) -> String {
        let mut out = String::new();
        let listen: Vec<String> =
            self.listen.iter().map(|address| format!("{:?}", address.to_string())).collect();
        let keyring = match &self.keyring {
            KeyringSource::File(path) => format!("keyring_file = {:?}", path.display().to_string()),
            KeyringSource::Text(_) => "# keyring: given in the environment".to_owned(),
        };
        // Writing to a String does not fail.
        let _ = writeln!(
            out,
            "listen = [{}]\nallow_plaintext_listen = {}\ninsecure_no_auth = {}\nunix_socket_mode = \"{:04o}\"\n\
             data_dir = {:?}\ndatabase_url = {:?}\n{keyring}\nshutdown_grace = \"{}\"\n\n\
             [database]\nmax_connections = {}\nacquire_timeout = \"{}\"\nstatement_timeout = \"{}\"\n\
             lock_timeout = \"{}\"\nallow_weak_durability = {}\nallow_clock_skew = {}\n\n\
             [log]\nformat = {:?}\nlevel = {:?}\n\n\
             [limits]\nconcurrency = {}\nconnections = {}\nmax_message_bytes = {}\nrequest_timeout = \"{}\"\n",
            listen.join(", "),
            self.allow_plaintext_listen,
            self.insecure_no_auth,
            self.unix_socket_mode,
            self.data_dir.display().to_string(),
            redacted(self.database.url.expose()),
            show_span(self.shutdown_grace),
            self.database.max_connections,
            show_span(self.database.acquire_timeout),
            show_span(self.database.statement_timeout),
            show_span(self.database.lock_timeout),
            self.database.allow_weak_durability,
            self.database.allow_clock_skew,
            self.log.format,
            self.log.level,
            self.limits.concurrency,
            self.limits.connections,
            self.limits.max_message_bytes,
            show_span(self.limits.request_timeout),
        );
        write_policy(&mut out, "policy", &self.policies.default);
        let mut tenants: Vec<_> = self.policies.tenants.iter().collect();
        tenants.sort_by_key(|(name, _)| (*name).clone());
        for (name, policy) in tenants {
            write_policy(&mut out, &format!("tenants.{name}"), policy);
        }
        write_book(&mut out, &self.rulebook);
        out
    }
}

fn write_book(out: &mut String, book: &Rulebook) {
    for entry in book.vocabulary().iter() {
        if let (Sort::External(name), Some(worth)) = (&entry.sort, entry.strengths.first()) {
            write_method(out, name, worth);
        }
    }
    let _ = writeln!(out, "[requirements]");
    for requirement in book.requirements().iter() {
        let _ = writeln!(out, "{:?} = {:?}", requirement.name(), requirement.text());
    }
    for RuleSource { requirement, when, instead } in book.rule_sources() {
        let rule = [("requirement", requirement), ("when", when), ("use", instead)];
        let lines = rule.map(|(name, text)| format!("{name} = {}\n", Value::String(text.clone())));
        let _ = write!(out, "\n[[rules]]\n{}", lines.concat());
    }
}

fn write_method(out: &mut String, name: &MethodName, worth: &Strength) {
    let _ = writeln!(out, "[methods.{:?}]", name.as_str());
    if !worth.amr.is_empty() {
        let _ = writeln!(out, "amr = {:?}", worth.amr);
    }
    if !worth.factor_types.is_empty() {
        let factors = worth.factor_types.iter().map(|factor| factor.as_str());
        let _ = writeln!(out, "factor_types = {:?}", factors.collect::<Vec<_>>());
    }
    let flags = [
        ("phishing_resistant", worth.phishing_resistant),
        ("hardware_bound", worth.hardware_bound),
        ("user_verified", worth.user_verified),
        ("restricted_channel", worth.restricted_channel),
        ("recovery", worth.recovery),
    ];
    for (flag, _) in flags.into_iter().filter(|(_, holds)| *holds) {
        let _ = writeln!(out, "{flag} = true");
    }
    out.push('\n');
}

fn write_policy(out: &mut String, table: &str, policy: &Policy) {
    let _ = writeln!(out, "[{table}]");
    for (name, text) in [("issuer", &policy.issuer), ("image", &policy.image)] {
        if let Some(text) = text {
            let _ = writeln!(out, "{name} = {text:?}");
        }
    }
    let _ = writeln!(
        out,
        "devices_per_subject = {}\npending_for = \"{}\"\n{}\
         throttle = {{ factor = \"{}\", max_delay = \"{}\", subject_max_delay = \"{}\", lock_after = {} }}\n\
         evidence = {{ session_for = \"{}\", client_for = \"{}\", transaction_for = \"{}\" }}\n\
         remember_for = \"{}\"",
        policy.devices_per_subject,
        show_span(policy.pending_for),
        of_kinds(&policy.kinds),
        show_span(policy.throttle.factor),
        show_span(policy.throttle.max_delay),
        show_span(policy.throttle.subject_max_delay),
        policy.throttle.lock_after,
        show_span(policy.evidence.session_for),
        show_span(policy.evidence.client_for),
        show_span(policy.evidence.transaction_for),
        show_span(policy.remember_for),
    );
    if let Some(grace) = policy.enrollment_grace {
        let _ = writeln!(out, "enrollment_grace = \"{}\"", show_span(grace));
    }
    out.push('\n');
}

/// The settings of the kinds of devices, a line for each table and for each setting outside of one.
fn of_kinds(settings: &Settings) -> String {
    let mut tables: Vec<(&str, Vec<String>)> = Vec::new();
    for setting in kinds::settings() {
        let value = match setting.unit {
            Unit::Number => settings.number(setting).to_string(),
            Unit::Seconds => format!("\"{}\"", show_span(settings.span(setting))),
            Unit::Flag => settings.flag(setting).to_string(),
        };
        let (table, name) = setting.name.split_once('.').unwrap_or(("", setting.name));
        let line = format!("{name} = {value}");
        match tables.last_mut() {
            Some((last, lines)) if *last == table => lines.push(line),
            _ => tables.push((table, vec![line])),
        }
    }
    let line = |(table, lines): (&str, Vec<String>)| match table {
        "" => lines.join("\n") + "\n",
        table => format!("{table} = {{ {} }}\n", lines.join(", ")),
    };
    tables.into_iter().map(line).collect()
}

/// A database's URL without its password, and without its query, which may hold one too.
fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (rest, query) = rest.split_once('?').map_or((rest, ""), |(rest, _)| (rest, "?…"));
    let authority_end = rest.find('/').unwrap_or(rest.len());
    let rest = match rest.get(..authority_end).and_then(|authority| authority.rfind('@')) {
        Some(at) if !scheme.is_empty() => {
            let user = rest.get(..at).and_then(|login| login.split(':').next()).unwrap_or("");
            format!("{user}:…{}", rest.get(at..).unwrap_or(""))
        }
        _ => rest.to_owned(),
    };
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    format!("{scheme}{rest}{query}")
}
