//! The first caller: whoever reads its token in the data directory has every role.

use std::path::Path;
use std::sync::Arc;

use crate::auth::{Caller, Credentials, Role};
use crate::crypto::data_dir;
use crate::crypto::private_file::ReadError;
use crate::crypto::token::TokenHash;
use crate::domain::ids::{CallerName, Tenant};

/// Reads the hash of the first caller's token. `None`: there is no such file.
///
/// # Errors
/// The file is open to others, or cannot be read.
pub(super) fn token(data_dir: &Path) -> Result<Option<TokenHash>, ReadError> {
    Ok(data_dir::read_token(data_dir)?.map(|token| TokenHash::of(token.expose())))
}

/// The callers of the configuration, and the first caller if there is a token. A token that the configuration gives to
/// a caller is that caller's.
pub(super) fn with_token(configured: &Credentials, token: Option<TokenHash>) -> Credentials {
    let mut credentials = configured.clone();
    if let Some(hash) = token.filter(|hash| !configured.knows_token(hash)) {
        credentials.token(hash, &Arc::new(all_roles("first")));
    }
    credentials
}

/// A caller of the default tenant with every role.
pub(super) fn all_roles(name: &'static str) -> Caller {
    Caller {
        name: CallerName::trusted(name),
        tenant: Tenant::trusted("default"),
        roles: Role::ALL.into_iter().collect(),
    }
}
