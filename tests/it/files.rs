//! Files that SQLite cannot use: each is refused with one sentence that says what would be right, nothing
//! is left half done, and it recovers by itself.

mod mounts;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use countersign::app::{self, OpenError};
use countersign::crypto::keyring::Keyring;
use countersign::domain::proof::Verdict;
use countersign::env::{Entropy, SystemEntropy};
use countersign::error::{Error, Origin};
use countersign::store::{ConnectError, Options, Store};

use sha2::{Digest as _, Sha256};

use crate::harness::databases::{Engine, TestDatabase, on};
use crate::harness::part::{self, Part};
use crate::harness::replica::{Replica, clock};
use crate::harness::served::{self, Served};

/// Short: a test waits as long for a lock that does not come.
const PATIENCE: Duration = Duration::from_millis(300);

async fn open_url(url: &str) -> Result<Store, OpenError> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let keyring = Arc::new(Keyring::generate(&*entropy));
    let options = Options { max_connections: 2, acquire_timeout: PATIENCE, ..crate::harness::options(url) };
    app::open(&options, keyring, &entropy).await
}

async fn refusal(path: &Path) -> String {
    open_url(&format!("sqlite:{}", path.display())).await.err().expect("it cannot be opened").to_string()
}

/// Everything in a directory: names, lengths and a fingerprint of what is in them.
fn content(dir: &Path) -> Vec<String> {
    let mut all: Vec<_> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let content = fs::read(entry.path()).unwrap_or_default();
            let name = entry.file_name().into_string().unwrap();
            format!("{name} {} {}", content.len(), data_encoding::HEXLOWER.encode(&Sha256::digest(&content)))
        })
        .collect();
    all.sort();
    all
}

#[tokio::test]
async fn a_url_of_no_known_database_is_refused() {
    for url in ["", "file.db", "oracle://u@h/d", "SQLITE:x.db"] {
        let refused = open_url(url).await.err().unwrap();
        assert!(matches!(refused, OpenError::Connect(ConnectError::Scheme)), "{url:?}");
        assert_eq!(refused.to_string(), "the database URL must begin with sqlite:, postgres: or mysql:");
    }
}

#[tokio::test]
async fn a_database_in_memory_is_refused() {
    for url in ["sqlite:", "sqlite::memory:", "sqlite://", "sqlite:x.db?mode=memory"] {
        let refused = open_url(url).await.err().unwrap();
        assert!(matches!(refused, OpenError::Connect(ConnectError::NoFile)), "{url:?}");
    }
}

#[tokio::test]
async fn a_url_that_cannot_be_read_is_not_repeated() {
    for url in ["postgres://u:pa#ss/word@h:1/d", "mysql://u:pa#ss/word@h:1/d", "mariadb://u:pa#ss/word@h/d"] {
        let refused = open_url(url).await.err().unwrap();
        assert!(matches!(refused, OpenError::Connect(ConnectError::Url(_))), "{url:?}: {refused}");
        for text in [refused.to_string(), format!("{refused:?}")] {
            assert!(!text.contains("ss/word") && !text.contains("pa#"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_path_is_taken_letter_by_letter() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["a b.db", "a%20b.db", "ä.db", "a#b.db", "a:b.db", "a&b=c.db"] {
        let path = dir.path().join(name);
        open_url(&format!("sqlite:{}", path.display())).await.unwrap().close().await;
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        fs::remove_file(&path).unwrap();
        // And nowhere else.
        assert!(content(dir.path()).is_empty());
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("letter.txt");
    for text in ["Dear Alice,\n".repeat(1000), "x".to_owned(), "SQLite format 3".repeat(100)] {
        fs::write(&path, &text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        let before = content(dir.path());
        let says =
            format!("{} is not a SQLite database; name another file, or move this one away", path.display());
        assert_eq!(refusal(&path).await, says);
        assert_eq!(content(dir.path()), before);
    }
    // Moved away, as it says.
    fs::rename(&path, dir.path().join("aside")).unwrap();
    open_url(&format!("sqlite:{}", path.display())).await.unwrap();
}

#[tokio::test]
async fn a_missing_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("none").join("test.db");
    let says =
        format!("{} cannot be opened; its directory must exist and belong to this user", path.display());
    assert_eq!(refusal(&path).await, says);
    assert!(content(dir.path()).is_empty());
    fs::create_dir(dir.path().join("none")).unwrap();
    open_url(&format!("sqlite:{}", path.display())).await.unwrap();
    // A directory is no file either.
    assert!(refusal(dir.path()).await.contains("cannot be opened"));
}

#[test]
fn what_may_not_be_written_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    part::play(part::command_without_rights("files::part_read_only", dir.path()));
}

#[tokio::test]
#[ignore = "a part of another test, which starts it"]
async fn part_read_only() {
    let Some(somebody_elses) = part::stage() else { return };
    let cannot_be_written = "cannot be written; give this user the right to write the file and its directory";
    let cannot_be_opened = "cannot be opened; its directory must exist and belong to this user";
    // The file with its directory and alone; the directory alone, so that what SQLite keeps beside the file
    // cannot be made.
    for (file, directory) in [(0o400, 0o500), (0o400, 0o700), (0o600, 0o500)] {
        let dir = tempfile::Builder::new().prefix("countersign").tempdir().unwrap();
        let path = dir.path().join("test.db");
        let url = format!("sqlite:{}", path.display());
        open_url(&url).await.unwrap().close().await;
        let before = content(dir.path());
        fs::set_permissions(&path, Permissions::from_mode(file)).unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(directory)).unwrap();
        assert_eq!(
            refusal(&path).await,
            format!("{} {cannot_be_written}", path.display()),
            "{file:o} in {directory:o}"
        );
        let new = dir.path().join("new.db");
        if directory == 0o500 {
            assert_eq!(refusal(&new).await, format!("{} {cannot_be_opened}", new.display()));
        }
        assert_eq!(content(dir.path()), before);
        // With the rights it is as it was: another ring's.
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o700)).unwrap();
        assert!(matches!(open_url(&url).await.err().unwrap(), OpenError::AnotherRing));
        assert_eq!(content(dir.path()), before);
    }
    // In the directory of somebody else's, where this is one.
    if fs::File::create(somebody_elses.join("x")).is_err() {
        let new = somebody_elses.join("new.db");
        assert_eq!(refusal(&new).await, format!("{} {cannot_be_opened}", new.display()));
    }
}

#[tokio::test]
async fn a_file_that_another_process_holds_is_refused_until_it_lets_go() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    open_url(&format!("sqlite:{}", path.display())).await.unwrap().close().await;
    let mut holder = Part::start(part::command("files::part_hold", dir.path()));
    assert_eq!(holder.hear(), "held");
    let says = format!(
        "{} is locked by another process; stop that process, or give each its own database",
        path.display()
    );
    assert_eq!(refusal(&path).await, says);
    holder.kill();
    let refused = open_url(&format!("sqlite:{}", path.display())).await.err().unwrap();
    assert!(matches!(refused, OpenError::AnotherRing), "it is as it was");
}

#[tokio::test]
async fn a_file_that_others_can_read_or_change_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let url = format!("sqlite:{}", path.display());
    let store = open_url(&url).await.unwrap();
    let files = ["test.db", "test.db-wal", "test.db-shm"].map(|name| dir.path().join(name));
    for file in &files {
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o7777, 0o600, "{}", file.display());
    }
    for file in &files {
        for mode in [0o666, 0o644, 0o660, 0o602] {
            fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
            let before = content(dir.path());
            let says = format!(
                "{} has mode {mode:04o} and is open to others; run `chmod 600` on it",
                file.display()
            );
            assert_eq!(refusal(&path).await, says);
            assert_eq!(content(dir.path()), before);
        }
        fs::set_permissions(file, Permissions::from_mode(0o600)).unwrap();
    }
    store.close().await;
    assert!(matches!(open_url(&url).await.err().unwrap(), OpenError::AnotherRing), "it is as it was");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_is_refused_until_the_first_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.db");
    let link = dir.path().join("link.db");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    // Ended well, and killed.
    for is_killed in [false, true] {
        let first = Served::start(dir.path());
        let says = format!(
            "{} is in use by another countersign process, and a SQLite database serves only one; stop that process, \
             or use PostgreSQL or MariaDB",
            path.display()
        );
        for name in [&path, &link] {
            assert_eq!(refusal(name).await, says);
        }
        if is_killed {
            first.kill();
        } else {
            first.end();
        }
        let refused = open_url(&format!("sqlite:{}", path.display())).await.err().unwrap();
        assert!(matches!(refused, OpenError::AnotherRing), "the file is free again: {refused}");
        assert!(!dir.path().join("test.db-lock").exists());
    }
}

/// As a rolling restart has it: the next process waits for the one that ends.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_waits_for_the_first_to_end() {
    let dir = tempfile::tempdir().unwrap();
    let first = Served::start(dir.path());
    let mut database = TestDatabase::in_file(&dir.path().join("test.db"));
    database.keyring = served::keyring(dir.path());
    let second = tokio::spawn(async move { database.try_open().await });
    first.end();
    assert!(second.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_server_whose_file_is_held_accepts_nothing_and_recovers() {
    on(Engine::Sqlite, async |database: TestDatabase| {
        let replica = Replica::start_with_patience(&database, &clock(), PATIENCE).await;
        let proving = replica.hotp("alice").await;
        let mut holder = Part::start(part::command("files::part_hold", database.dir.path()));
        assert_eq!(holder.hear(), "held");
        // It waits for the lock as long as it may, and no longer.
        let patience = tokio::time::timeout(PATIENCE * 10, replica.offer(&proving, &proving.codes[0]));
        match patience.await.expect("it gives up in time") {
            Err(Error::Fault(fault)) => assert_eq!(fault.origin, Origin::Store),
            other => panic!("{other:?}"),
        }
        // Reading goes on.
        assert_eq!(replica.device(&proving).await.version, 2);
        holder.kill();
        assert_eq!(replica.offer(&proving, &proving.codes[0]).await.unwrap(), Verdict::Accepted);
    })
    .await;
}

/// Holds the write lock of the database until it is killed.
#[tokio::test]
#[ignore = "a part of other tests, which start it"]
async fn part_hold() {
    use sea_orm::ConnectionTrait as _;
    let Some(dir) = part::stage() else { return };
    let db = TestDatabase::in_file(&dir.join("test.db")).raw(1).await;
    db.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    part::say("held");
    part::wait_for_the_end();
}
