//! Settings, parsed into types that are valid: built-in defaults, then the file, then the environment, then
//! flags.

mod book;
mod callers;
mod database;
mod error;
pub mod guess;
mod keys;
mod layers;
mod links;
mod listen;
mod log;
mod policy;
mod show;
mod sources;
mod take;

#[cfg(test)]
mod tests;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Value;

pub use self::book::BookFile;
pub use self::database::Database;
pub use self::error::{ConfigError, Mistake};
pub use self::listen::Address;
pub use self::log::Log;
pub use self::sources::{Reread, Sources};

use self::layers::Layers;
use self::take::{Take, flag, number, span, text, texts};
use crate::assurance::rulebook::Rulebook;
use crate::auth::Credentials;
use crate::domain::policy::Policies;
use crate::domain::secret::SecretText;

/// What the command line says. It stands over everything else.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--listen`, each.
    pub listen: Vec<String>,
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--data-dir`.
    pub data_dir: Option<PathBuf>,
    /// `--log-format`.
    pub log_format: Option<String>,
    /// `--log-level`.
    pub log_level: Option<String>,
    /// `--insecure-no-auth`.
    pub insecure_no_auth: bool,
    /// `--allow-plaintext-listen`.
    pub allow_plaintext_listen: bool,
}

/// The settings.
#[derive(Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: Vec<Address>,
    /// A TCP address that others can reach is taken without TLS.
    pub allow_plaintext_listen: bool,
    /// Nobody is asked who they are.
    pub insecure_no_auth: bool,
    /// The mode of a Unix socket.
    pub unix_socket_mode: u32,
    /// Where the key ring, the first caller's token and, on SQLite, the database are.
    pub data_dir: PathBuf,
    /// The database.
    pub database: Database,
    /// The key ring.
    pub keyring: KeyringSource,
    /// Logs.
    pub log: Log,
    /// Bounds.
    pub limits: Limits,
    /// How long requests that are under way may take when the server stops.
    pub shutdown_grace: Duration,
    /// What tenants set.
    pub policies: Policies,
    /// Who may call.
    pub credentials: Credentials,
    /// What decisions go by.
    pub rulebook: Rulebook,
    /// Where that stands, to be read again when it changes. `None`: nowhere.
    pub book_file: Option<BookFile>,
    /// The file of settings, to be read again when it changes. `None`: there is none.
    pub sources: Option<Sources>,
}

/// Where the key ring is.
#[derive(Debug, Clone)]
pub enum KeyringSource {
    /// In a file.
    File(PathBuf),
    /// In a setting itself, as an environment variable holds it.
    Text(SecretText),
}

/// Bounds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at most.
    pub connections: usize,
    /// The largest request.
    pub max_message_bytes: usize,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// Requests under way at most.
    pub concurrency: usize,
}

impl Config {
    /// Reads every layer.
    ///
    /// # Errors
    /// Everything that is wrong, each with where it stands and what would be right.
    pub fn load(
        flags: Flags,
        environment: &[(String, String)],
        file: Option<&Path>,
    ) -> Result<Self, ConfigError> {
        let mut errors = ConfigError::default();
        let mut layers = Layers::default();
        if let Some(path) = file {
            match read(path) {
                Ok(text) => layers.file(path, &text, &mut errors),
                Err(error) => errors.mistakes.extend(error.mistakes),
            }
        }
        layers.environment(environment, &mut errors);
        over(&mut layers, flags.clone());
        match parse(&layers, file, &mut errors) {
            Some(config) if errors.mistakes.is_empty() => {
                let sources = file.map(|file| Sources::new(file, environment, flags, &layers));
                Ok(Self { sources, ..config })
            }
            _ => Err(errors),
        }
    }
}

/// The largest file of settings, in bytes.
const FILE_MAX: u64 = 1 << 20;

/// Reads a file of settings. A running server does so each second, so that a pipe, which keeps a reader waiting, is
/// refused.
fn read(file: &Path) -> Result<String, ConfigError> {
    let text = || {
        let found = std::fs::metadata(file).map_err(|e| e.to_string())?;
        if !found.is_file() {
            return Err("it is not a regular file".to_owned());
        }
        let mut text = String::new();
        let open = std::fs::File::open(file).map_err(|e| e.to_string())?;
        open.take(FILE_MAX + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
        if text.len() as u64 > FILE_MAX {
            return Err(format!("it has more than {FILE_MAX} bytes"));
        }
        Ok(text)
    };
    text().map_err(|why| {
        let mut errors = ConfigError::default();
        errors.add(file.display().to_string(), format!("cannot be read: {why}"));
        errors
    })
}

/// What is wrong with rules in the configuration and in a file of their own.
const TWO_PLACES: &str =
    "names a file for methods, requirements and rules, and there are some here: keep one place";

/// The rulebook of a file of settings, or of a file that holds nothing else, to be looked at without a server.
/// Other settings have to be known, and need not be right.
///
/// # Errors
/// Everything that is wrong, each with where it stands.
pub fn rulebook_of(file: &Path) -> Result<Rulebook, ConfigError> {
    let mut errors = ConfigError::default();
    let mut layers = Layers::default();
    layers.file(file, &BookFile { path: file.to_owned(), is_its_own: false }.text()?, &mut errors);
    match book(&layers, Some(file), &mut errors) {
        (_, Some(book)) if errors.mistakes.is_empty() => Ok(book),
        _ => Err(errors),
    }
}

/// Lays the flags over the other layers.
fn over(layers: &mut Layers, flags: Flags) {
    let text = |text: Option<String>| text.map(Value::String);
    let yes = |flag: bool| flag.then_some(Value::Boolean(true));
    let listen = flags.listen.into_iter().map(Value::String).collect::<Vec<_>>();
    layers.flag("listen", "--listen", (!listen.is_empty()).then_some(Value::Array(listen)));
    layers.flag("database_url", "--database-url", text(flags.database_url));
    let data_dir = flags.data_dir.map(|dir| dir.display().to_string());
    layers.flag("data_dir", "--data-dir", text(data_dir));
    layers.flag("log.format", "--log-format", text(flags.log_format));
    layers.flag("log.level", "--log-level", text(flags.log_level));
    layers.flag("insecure_no_auth", "--insecure-no-auth", yes(flags.insecure_no_auth));
    layers.flag("allow_plaintext_listen", "--allow-plaintext-listen", yes(flags.allow_plaintext_listen));
}

fn parse(layers: &Layers, file: Option<&Path>, errors: &mut ConfigError) -> Option<Config> {
    let second = Duration::from_secs(1);
    let policies = policy::policies(layers, errors);
    let credentials = callers::credentials(layers, errors);
    let (book_file, rulebook) = book(layers, file, errors);
    let mut take = Take::from(&layers.settings, errors);
    let data_dir = take.parsed("data_dir", PathBuf::from("countersign-data"), |v| text(v).map(PathBuf::from));
    let listen = vec![Address::Tcp(([127, 0, 0, 1], 7443).into())];
    let config = Config {
        listen: take.parsed("listen", listen, addresses),
        allow_plaintext_listen: take.parsed("allow_plaintext_listen", false, flag),
        insecure_no_auth: take.parsed("insecure_no_auth", false, flag),
        unix_socket_mode: take.parsed("unix_socket_mode", 0o660, mode),
        database: database::database(&mut take, &data_dir),
        keyring: keyring(&mut take, &data_dir),
        data_dir,
        log: log::log(&mut take),
        limits: Limits {
            connections: take.parsed("limits.connections", 512, |v| number(v, 8, 65_536)),
            max_message_bytes: take
                .parsed("limits.max_message_bytes", 64 << 10, |v| number(v, 4096, 1 << 20)),
            request_timeout: take
                .parsed("limits.request_timeout", 10 * second, |v| span(v, second / 10, 300 * second)),
            concurrency: take.parsed("limits.concurrency", 1024, |v| number(v, 1, 1_000_000)),
        },
        shutdown_grace: take
            .parsed("shutdown_grace", 20 * second, |v| span(v, Duration::ZERO, 3600 * second)),
        policies,
        credentials,
        rulebook: rulebook?,
        book_file,
        sources: None,
    };
    for address in config.listen.iter().filter(|address| address.is_exposed()) {
        if config.insecure_no_auth {
            errors.add("insecure_no_auth", format!("is refused with {address}: anybody who reaches it could do everything; listen on 127.0.0.1 or a Unix socket"));
        } else if !config.allow_plaintext_listen {
            errors.add("listen", format!("{address} is not a loopback address, and without TLS tokens and codes cross the network in the clear; listen on 127.0.0.1 or a Unix socket, or say allow_plaintext_listen = true where something else encrypts"));
        }
    }
    Some(config)
}

/// What decisions go by, and where it stands: in a file of its own, or in the configuration.
fn book(
    layers: &Layers,
    file: Option<&Path>,
    errors: &mut ConfigError,
) -> (Option<BookFile>, Option<Rulebook>) {
    let own = Take::from(&layers.settings, errors).maybe("requirements_file", |v| text(v).map(PathBuf::from));
    let Some(path) = own else {
        let book_file = file.map(|path| BookFile { path: path.to_owned(), is_its_own: false });
        let path = file.unwrap_or(Path::new("requirements"));
        // What is wrong elsewhere does not hide what is wrong here.
        let mut mistakes = ConfigError::default();
        let book = book::rulebook(path, &layers.book, &mut mistakes);
        errors.mistakes.extend(mistakes.mistakes);
        return (book_file, book);
    };
    if layers.book.is_given {
        errors.add("requirements_file", TWO_PLACES);
    }
    let book_file = BookFile { path, is_its_own: true };
    match book_file.read() {
        Ok(book) => (Some(book_file), Some(book)),
        Err(mistakes) => {
            errors.mistakes.extend(mistakes.mistakes);
            (Some(book_file), None)
        }
    }
}

fn keyring(take: &mut Take<'_>, data_dir: &Path) -> KeyringSource {
    let in_text = take.maybe("keyring", |v| text(v).map(SecretText::new));
    let file = take.parsed("keyring_file", crate::crypto::data_dir::keyring_path(data_dir), |v| {
        text(v).map(PathBuf::from)
    });
    in_text.map_or(KeyringSource::File(file), KeyringSource::Text)
}

fn addresses(value: &Value) -> Result<Vec<Address>, String> {
    let addresses: Vec<Address> =
        texts(value)?.iter().map(|text| Address::parse(text)).collect::<Result<_, _>>()?;
    if addresses.is_empty() { Err("must name an address".to_owned()) } else { Ok(addresses) }
}

fn mode(value: &Value) -> Result<u32, String> {
    let problem =
        || "must be an octal mode like \"0660\", and open to nobody beyond owner and group".to_owned();
    let mode = u32::from_str_radix(text(value)?.trim_start_matches("0o"), 8).map_err(|_| problem())?;
    if mode & !0o770 == 0 && mode & 0o600 == 0o600 { Ok(mode) } else { Err(problem()) }
}

fn one_of(value: &Value, known: &[&str]) -> Result<String, String> {
    let text = text(value)?;
    if known.contains(&text.as_str()) {
        Ok(text)
    } else {
        Err(format!("must be one of {}", known.join(", ")))
    }
}
