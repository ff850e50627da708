//! Who asks: the caller's token.

use std::path::Path;

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};

use super::target::Endpoint;
use crate::cli::environment::Environment;
use crate::cli::failure::Failure;
use crate::crypto::data_dir;
use crate::domain::secret::SecretText;

/// A caller's token, or none: over a Unix socket the server may know the user.
pub(in crate::cli) struct Token {
    header: Option<MetadataValue<Ascii>>,
    found: String,
}

impl Token {
    /// The flag's file, else the environment's, else the one of a data directory on this machine.
    pub(in crate::cli) fn find(
        flag: Option<&Path>,
        environment: &Environment,
        data_dir: &Path,
        endpoint: &Endpoint,
    ) -> Result<Self, Failure> {
        if let Some(path) = flag {
            return Self::of_file(path, "--token-file");
        }
        if let Some(token) = environment.value("COUNTERSIGN_TOKEN") {
            return Self::of(&SecretText::new(token.to_owned()), "COUNTERSIGN_TOKEN");
        }
        if let Some(path) = environment.value("COUNTERSIGN_TOKEN_FILE") {
            return Self::of_file(Path::new(path), "COUNTERSIGN_TOKEN_FILE");
        }
        let path = data_dir::token_path(data_dir);
        // It has every role, and nobody named it for this server: it does not leave the machine unasked.
        if !endpoint.is_local() {
            let why =
                format!("{} is not sent to another machine unless --token-file names it", path.display());
            return Ok(Self { header: None, found: format!("no token was sent: {why}") });
        }
        match data_dir::read_token(data_dir).map_err(Failure::error)? {
            Some(token) => Self::of(&token, &path.display().to_string()),
            None => Ok(Self {
                header: None,
                found: format!(
                    "no token was sent: name its file with --token-file, set COUNTERSIGN_TOKEN, or name the \
                     data directory with --data-dir (there is no token in {})",
                    path.display()
                ),
            }),
        }
    }

    /// Nobody in particular: health is open to all.
    pub(in crate::cli) fn none() -> Self {
        Self { header: None, found: "no token was sent".to_owned() }
    }

    fn of_file(path: &Path, source: &str) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|e| Failure::error(format!("{source}: {} cannot be read: {e}", path.display())))?;
        Self::of(&SecretText::new(text), &format!("{source} ({})", path.display()))
    }

    /// A token, and where it was found.
    pub(in crate::cli) fn of(token: &SecretText, source: &str) -> Result<Self, Failure> {
        let token = token.expose().trim();
        let visible = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let header = MetadataValue::try_from(format!("Bearer {token}")).ok().filter(|_| visible);
        let mut header = header.ok_or_else(|| {
            Failure::error(format!("{source} must hold a token: cs_ and 43 characters, on one line"))
        })?;
        header.set_sensitive(true);
        Ok(Self {
            header: Some(header),
            found: format!("the token of {source} was sent: is it this server's?"),
        })
    }

    /// Puts it on a request.
    pub(super) fn sign(&self, metadata: &mut MetadataMap) {
        if let Some(header) = &self.header {
            metadata.insert("authorization", header.clone());
        }
    }

    /// What to say when the server does not know the caller.
    pub(super) fn hint(&self) -> String {
        self.found.clone()
    }
}
