//! The plan of the house as a table.
//!
//! A pattern is a path below `src/`: `kinds/` is all that is in the room, `kinds/*/wire.rs` that file of each
//! kind. What a file may import is what all rows say that fit it.

/// Which files may import what from the other rooms: `room`, or `room::item` where it is no more than that.
pub(super) const IMPORTS: &[(&str, &[&str])] = &[
    ("main.rs", &["cli", "app"]),
    ("lib.rs", &[]),
    // The composition root is the only one that knows all.
    ("app/", &["*"]),
    // The operator's commands speak gRPC like everybody else: no service, no store.
    // The demo plays an authenticator app; a QR code is drawn in the terminal.
    (
        "cli/",
        &["app", "auth::Role", "config", "crypto", "domain", "env", "error", "kinds::oath", "ops", "wire"],
    ),
    // The names of the kinds are what may be typed.
    ("cli/typed.rs", &["kinds"]),
    // Files are checked and compared where there is no server, before they are given to one.
    ("cli/requirements/", &["assurance"]),
    // Kinds bring settings along, and requirements speak of kinds.
    ("config/", &["assurance", "auth", "crypto", "domain", "error", "kinds"]),
    ("ops/", &["config", "domain", "error"]),
    ("rpc/", &["wire", "auth", "service", "kinds", "domain", "error"]),
    // Request ids and trace ids are made there, and refusals are counted.
    ("rpc/layer/", &["env::Entropy", "env::request", "ops::refused"]),
    // Requests come over connections, which are told which of them are authenticated.
    ("rpc/layer/", &["transport"]),
    ("transport/", &["config::Address"]),
    ("service/", &["auth", "kinds", "assurance", "store", "domain", "env", "error"]),
    // Kinds are pure: chance comes as an argument, time as a value.
    ("kinds/", &["domain", "crypto", "error", "env::Entropy"]),
    // Messages are known where they are read and written.
    ("kinds/contract.rs", &["wire::pb"]),
    ("kinds/wire.rs", &["wire"]),
    ("kinds/*/wire.rs", &["wire"]),
    ("assurance/", &["domain"]),
    // Ids and nonces are made where rows are written; a wait ends with its request's time.
    ("store/", &["domain", "crypto", "error", "env::Entropy", "env::request"]),
    // A caller is looked up by the hash of its token.
    ("auth/", &["domain", "error", "crypto::token"]),
    // Secrets are domain types, so that they are unprintable everywhere.
    ("crypto/", &["env", "error", "domain::secret", "domain::violation"]),
    ("wire/", &["domain", "error"]),
    // Faults are logged where they are told.
    ("wire/status.rs", &["ops::lines"]),
    ("env/", &["domain::ids", "domain::moment"]),
    ("error.rs", &["domain"]),
    ("domain/", &[]),
];

/// The only files that may know these crates, and those whose names begin with theirs and an underscore.
pub(super) const CRATES: &[(&str, &[&str])] = &[
    ("tonic", &["rpc/", "wire/", "cli/", "app/", "transport/"]),
    ("prost", &["wire/", "rpc/", "kinds/wire.rs", "kinds/*/wire.rs"]),
    ("sea_orm", &["store/"]),
    ("sqlx", &["store/"]),
    ("countersign_migrations", &["store/"]),
];

/// No file is longer, in lines.
pub(super) const LONGEST: usize = 500;
/// Past this, in lines, a file is said to be long.
pub(super) const LONG: usize = 300;

/// Whether a pattern fits a path below `src/`.
pub(super) fn fits(pattern: &str, path: &str) -> bool {
    if pattern.ends_with('/') {
        return path.starts_with(pattern) || path.strip_suffix(".rs") == pattern.strip_suffix('/');
    }
    let (pattern, path) = (pattern.split('/'), path.split('/'));
    pattern.clone().count() == path.clone().count()
        && pattern.zip(path).all(|(wanted, part)| wanted == "*" || wanted == part)
}
