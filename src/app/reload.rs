//! What a server reads again while it runs: callers, and methods, requirements and rules, when their file changes; the
//! first caller's token; and all of it on SIGHUP.
//!
//! The content of a file is looked at, and nothing else: a ConfigMap exchanges a directory behind a symlink, an editor
//! moves another file into its place, a script writes into it. From here all of these look alike.

mod watch;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use self::watch::{Content, Watch};
use super::first;
use crate::assurance::feasible::infeasible;
use crate::assurance::rulebook::Rulebook;
use crate::auth::{CallerChanges, Callers, Credentials};
use crate::config::{BookFile, ConfigError, Reread, Sources};
use crate::crypto::private_file::ReadError;
use crate::crypto::token::TokenHash;
use crate::service::Service;

/// How often files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Where a server's callers and rules stand.
pub(super) struct Files {
    /// The file of settings. `None`: there is none.
    pub(super) settings: Option<Arc<Sources>>,
    /// The file of requirements, if they have one of their own.
    pub(super) requirements: Option<BookFile>,
    /// Where the first caller's token is.
    pub(super) data_dir: PathBuf,
}

/// The callers and rules in force.
pub(super) struct InForce {
    /// The use cases, which hold the rules.
    pub(super) service: Arc<Service>,
    /// Who may call.
    pub(super) callers: Arc<Callers>,
    /// Who may call as the settings say.
    pub(super) configured: Credentials,
    /// The first caller's token.
    pub(super) token: Option<TokenHash>,
}

/// The contents of the files at one check.
struct Found {
    settings: Option<Content>,
    requirements: Option<Content>,
    token: Result<Option<TokenHash>, ReadError>,
}

/// Keeps a server's callers and rules as their files say. `now` has everything read again at once.
pub(super) async fn keep_up(files: Files, in_force: InForce, now: Arc<Notify>, stop: CancellationToken) {
    let files = Arc::new(files);
    let mut reload = Reload {
        in_force,
        settings: Watch::default(),
        requirements: Watch::default(),
        needs_restart: Vec::new(),
        has_said: false,
    };
    let mut every = tokio::time::interval(LOOK_EVERY);
    loop {
        let is_told = tokio::select! {
            () = stop.cancelled() => return,
            () = now.notified() => true,
            _ = every.tick() => false,
        };
        let looking = files.clone();
        let Ok(found) = tokio::task::spawn_blocking(move || looking.look()).await else { continue };
        reload.take(&files, found, is_told).await;
    }
}

impl Files {
    fn look(&self) -> Found {
        Found {
            settings: self.settings.as_ref().map(|sources| sources.text()),
            requirements: self.requirements.as_ref().map(BookFile::text),
            token: first::token(&self.data_dir),
        }
    }
}

struct Reload {
    in_force: InForce,
    settings: Watch,
    requirements: Watch,
    /// Settings that were said to be others than at the start.
    needs_restart: Vec<String>,
    /// Whether a line was logged since the last check.
    has_said: bool,
}

impl Reload {
    /// Puts in force what is new and right, and says what it is. Who told the server to read everything again is also
    /// told if nothing changed.
    async fn take(&mut self, files: &Files, found: Found, is_told: bool) {
        self.has_said = false;
        let new = |watch: &mut Watch, content: Option<Content>| {
            content.and_then(|it| if is_told { Some(watch.settle(it)) } else { watch.settled(it) })
        };
        let settings = new(&mut self.settings, found.settings);
        let requirements = new(&mut self.requirements, found.requirements);
        if let Some((content, sources)) = settings.zip(files.settings.clone()) {
            if is_told {
                self.needs_restart.clear();
            }
            self.take_settings(sources, content).await;
        }
        if let Some((content, file)) = requirements.zip(files.requirements.clone()) {
            self.take_requirements(file, content).await;
        }
        self.take_token(found.token);
        if is_told && !self.has_said {
            tracing::info!("told to read the settings again: nothing changed");
        }
    }

    async fn take_settings(&mut self, sources: Arc<Sources>, content: Content) {
        let file = sources.file().display().to_string();
        let was_bad = self.settings.is_bad;
        let parsed = parse(content, move |text| sources.parse(text)).await;
        self.settings.is_bad = parsed.is_err();
        match parsed {
            Ok(Reread { credentials, rulebook, needs_restart }) => {
                let changes = CallerChanges::between(&self.in_force.configured, &credentials);
                self.in_force.configured = credentials;
                self.replace_callers();
                if !changes.is_empty() || was_bad {
                    self.has_said = true;
                    tracing::info!(file, "the callers were read again: {changes}");
                    self.warn_if_nobody();
                }
                if let Some(book) = rulebook {
                    self.put_in_force(&file, book, was_bad);
                }
                if needs_restart != self.needs_restart && !needs_restart.is_empty() {
                    self.has_said = true;
                    let names = needs_restart.join(", ");
                    tracing::warn!(
                        file,
                        "settings changed that are read only at the start, so restart to apply them: {names}"
                    );
                }
                self.needs_restart = needs_restart;
            }
            Err(error) => {
                self.has_said = true;
                tracing::warn!("the settings were not taken; those from before stay in force\n{error}");
            }
        }
    }

    async fn take_requirements(&mut self, file: BookFile, content: Content) {
        let path = file.path.display().to_string();
        let was_bad = self.requirements.is_bad;
        let parsed = parse(content, move |text| file.parse(text)).await;
        self.requirements.is_bad = parsed.is_err();
        match parsed {
            Ok(book) => self.put_in_force(&path, book, was_bad),
            Err(error) => {
                self.has_said = true;
                tracing::warn!("the requirements were not taken; those from before stay in force\n{error}");
            }
        }
    }

    fn put_in_force(&mut self, file: &str, book: Rulebook, was_bad: bool) {
        let warnings = infeasible(&book);
        let changes = self.in_force.service.replace_rulebook(book);
        if !changes.is_empty() || was_bad {
            self.has_said = true;
            tracing::info!(file, "the requirements were read again: {changes}");
            for warning in warnings {
                tracing::warn!(file, "{warning}");
            }
        }
    }

    /// A token file that is gone, or that cannot be read, is the end of its token. If the system cannot say now, since for
    /// example too many files are open, the token stays as it was.
    fn take_token(&mut self, found: Result<Option<TokenHash>, ReadError>) {
        let (token, why) = match found {
            Ok(token) => (token, String::new()),
            Err(ReadError::Io { source, .. }) if passes(&source) => return,
            Err(error) => (None, format!(": {error}")),
        };
        let before = std::mem::replace(&mut self.in_force.token, token);
        if before == token {
            return;
        }
        self.has_said = true;
        self.replace_callers();
        match token {
            Some(_) => tracing::warn!(
                "the token in the data directory is accepted from now on: its caller has every role"
            ),
            None => tracing::warn!("the first caller's token is refused from now on{why}"),
        }
        self.warn_if_nobody();
    }

    fn replace_callers(&self) {
        let InForce { callers, configured, token, .. } = &self.in_force;
        callers.replace(first::with_token(configured, *token));
    }

    fn warn_if_nobody(&self) {
        if self.in_force.callers.current().is_empty() {
            tracing::warn!("nobody can call this server now: name callers in the configuration");
        }
    }
}

/// Parses a content where it may take its time.
async fn parse<T: Send + 'static>(
    content: Content,
    parse: impl FnOnce(&str) -> Result<T, ConfigError> + Send + 'static,
) -> Result<T, ConfigError> {
    let text = content?;
    let parsed = tokio::task::spawn_blocking(move || parse(&text)).await;
    parsed.unwrap_or_else(|_| Err(ConfigError::default()))
}

/// Whether the system may be able to read a file the next time that it is asked.
fn passes(error: &io::Error) -> bool {
    let passing = [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::INTR, Errno::IO];
    Errno::from_io_error(error).is_some_and(|errno| passing.contains(&errno))
}
