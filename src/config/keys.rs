//! Every setting by its name: the one list that the file, the environment and `config check` are held to.

use super::links::is_service_link;
use crate::kinds;

/// Settings of the server. In the file a dot is a table; in the environment they are upper case, after
/// `COUNTERSIGN_`, with `_` for the dot.
pub(super) const SETTINGS: &[&str] = &[
    "listen",
    "allow_plaintext_listen",
    "insecure_no_auth",
    "unix_socket_mode",
    "data_dir",
    "database_url",
    "database_url_file",
    "database.max_connections",
    "database.acquire_timeout",
    "database.statement_timeout",
    "database.lock_timeout",
    "database.allow_weak_durability",
    "database.allow_clock_skew",
    "keyring",
    "keyring_file",
    "requirements_file",
    "log.format",
    "log.level",
    "limits.concurrency",
    "limits.connections",
    "limits.max_message_bytes",
    "limits.request_timeout",
    "shutdown_grace",
];

/// Settings of every tenant, in `[policy]`, and of one, in `[tenants.NAME]`: those of the kinds of devices, and all others.
pub(super) fn policy() -> Vec<&'static str> {
    OF_TENANTS.iter().copied().chain(kinds::settings().map(|setting| setting.name)).collect()
}

const OF_TENANTS: &[&str] = &[
    "issuer",
    "image",
    "devices_per_subject",
    "pending_for",
    "throttle.factor",
    "throttle.max_delay",
    "throttle.subject_max_delay",
    "throttle.lock_after",
    "evidence.session_for",
    "evidence.client_for",
    "evidence.transaction_for",
    "remember_for",
    "enrollment_grace",
];

/// What an external method is worth, in `[methods.NAME]`.
pub(super) const METHOD: &[&str] = &[
    "amr",
    "factor_types",
    "phishing_resistant",
    "hardware_bound",
    "user_verified",
    "restricted_channel",
    "recovery",
];

/// A rule, in `[[rules]]`.
pub(super) const RULE: &[&str] = &["requirement", "when", "use"];

/// Settings of a caller, in `[[callers]]`.
pub(super) const CALLER: &[&str] = &["name", "tenant", "roles", "tokens_sha256", "uids"];

/// Whether a variable of the same prefix is no setting: the operator's commands or the tests read it, or Kubernetes
/// sets it for a Service.
pub(super) fn is_foreign(variable: &str, value: &str) -> bool {
    const COMMANDS: [&str; 4] =
        ["COUNTERSIGN_CONFIG", "COUNTERSIGN_SERVER", "COUNTERSIGN_TOKEN", "COUNTERSIGN_TOKEN_FILE"];
    COMMANDS.contains(&variable)
        || variable.starts_with("COUNTERSIGN_TEST_")
        || is_service_link(variable, value)
}

/// The name of a setting in the environment.
pub(super) fn variable(setting: &str) -> String {
    format!("COUNTERSIGN_{}", setting.replace('.', "_").to_uppercase())
}

/// The known name that is nearest to one that is not known, if any is near.
pub(super) fn nearest<'k>(name: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    known
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 3 + 1)
        .min()
        .map(|(_, candidate)| candidate)
}
