//! Who may call.

use std::collections::BTreeSet;
use std::sync::Arc;

use toml::Value;

use super::error::ConfigError;
use super::layers::Layers;
use super::take::{Take, number, text, texts};
use crate::auth::{Caller, Credentials, Role};
use crate::crypto::token::TokenHash;
use crate::domain::ids::{CallerName, Tenant};

/// Parses the callers, with all by which they are known.
pub(super) fn credentials(layers: &Layers, errors: &mut ConfigError) -> Credentials {
    let mut credentials = Credentials::default();
    let mut names = BTreeSet::new();
    for (i, settings) in layers.callers.iter().enumerate() {
        let place = format!("callers[{i}]");
        let before = errors.mistakes.len();
        let mut take = Take::from(settings, errors);
        let name = take.maybe("name", |v| CallerName::parse(&text(v)?).map_err(|e| e.to_string()));
        let tenant = take.parsed("tenant", Tenant::trusted("default"), |v| {
            Tenant::parse(&text(v)?).map_err(|e| e.to_string())
        });
        let roles = take.parsed("roles", BTreeSet::new(), roles);
        let hashes = take.parsed("tokens_sha256", Vec::new(), hashes);
        let uids = take.parsed("uids", Vec::new(), uids);
        if errors.mistakes.len() > before {
            continue;
        }
        let Some(name) = name else {
            errors.add(place, "needs a name");
            continue;
        };
        if !names.insert(name.clone()) {
            errors.add(&place, format!("the name {name} is another caller's"));
        }
        if roles.is_empty() {
            errors.add(&place, format!("needs roles: some of {}", role_names()));
        }
        if hashes.is_empty() && uids.is_empty() {
            errors.add(&place, "needs tokens_sha256 or uids: otherwise nobody is this caller");
        }
        let caller = Arc::new(Caller { name, tenant, roles });
        for hash in hashes {
            if !credentials.token(hash, &caller) {
                errors.add(&place, "has a token that is another caller's");
            }
        }
        for uid in uids {
            if !credentials.uid(uid, &caller) {
                errors.add(&place, format!("has the user id {uid}, which is another caller's"));
            }
        }
    }
    credentials
}

fn roles(value: &Value) -> Result<BTreeSet<Role>, String> {
    let role = |name: String| {
        Role::from_name(&name).ok_or_else(|| format!("{name:?} is not a role: {}", role_names()))
    };
    texts(value)?.into_iter().map(role).collect()
}

fn hashes(value: &Value) -> Result<Vec<TokenHash>, String> {
    texts(value)?.iter().map(|hex| TokenHash::parse(hex).map_err(|e| e.to_string())).collect()
}

fn uids(value: &Value) -> Result<Vec<u32>, String> {
    let Value::Array(values) = value else { return Err("must be a list of user ids".to_owned()) };
    values.iter().map(|value| number(value, 0, i64::from(u32::MAX))).collect()
}

fn role_names() -> String {
    Role::ALL.map(Role::as_str).join(", ")
}
