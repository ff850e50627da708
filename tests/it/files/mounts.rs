//! A file system that is mounted read-only, and one that is full: in a process that has mounts of its own.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign::app::OpenError;
use countersign::domain::proof::Verdict;
use countersign::error::{Error, Origin};
use countersign::store::Audit;

use super::{PATIENCE, content, open_url, refusal};
use crate::harness::databases::TestDatabase;
use crate::harness::eventually;
use crate::harness::part;
use crate::harness::replica::{Replica, clock};

/// Plays a part in a process that has mounts of its own.
fn with_mounts(test: &str, mounts: &str) {
    let dir = tempfile::tempdir().unwrap();
    if let Some(reason) = part::no_mounts(dir.path()) {
        let line = format!("left out, there cannot be mounts here ({reason}): {test}\n");
        std::io::stderr().write_all(line.as_bytes()).unwrap();
        return;
    }
    part::play(part::command_with_mounts(test, dir.path(), mounts));
}

#[test]
fn a_file_system_that_is_read_only_is_refused() {
    with_mounts("files::mounts::part_read_only_mount", "mount -t tmpfs none \"$DIR\"");
}

#[tokio::test]
#[ignore = "a part of another test, which starts it"]
async fn part_read_only_mount() {
    let Some(dir) = part::stage() else { return };
    let path = dir.join("test.db");
    let url = format!("sqlite:{}", path.display());
    open_url(&url).await.unwrap().close().await;
    let before = content(&dir);
    remount(&dir, "ro");
    for name in ["test.db", "new.db"] {
        let refused = refusal(&dir.join(name)).await;
        assert!(refused.contains("its directory"), "{refused}");
    }
    assert_eq!(content(&dir), before);
    remount(&dir, "rw");
    assert!(matches!(open_url(&url).await.err().unwrap(), OpenError::AnotherRing), "it is as it was");
}

fn remount(dir: &Path, how: &str) {
    let options = format!("remount,{how}");
    let done = Command::new("mount").args(["-o", &options]).arg(dir).status().unwrap();
    assert!(done.success());
}

#[test]
fn a_full_disk_accepts_nothing_and_recovers() {
    with_mounts("files::mounts::part_full_disk", "mount -t tmpfs -o size=1m none \"$DIR\"");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a part of another test, which starts it"]
async fn part_full_disk() {
    let Some(dir) = part::stage() else { return };
    let database = TestDatabase::in_file(&dir.join("test.db"));
    let replica = Replica::start_with_patience(&database, &clock(), PATIENCE).await;
    let idle = Replica::start_with_patience(&database, &clock(), PATIENCE).await;
    let codes = replica.recovery_codes("alice").await;
    replica.service.look().await.unwrap();
    let filler = fill(&dir);

    // Some may still fit in what SQLite has already; then nothing does.
    let mut enrolled = 0;
    let mut full = None;
    for number in 0..200 {
        match replica.try_hotp(&format!("subject {number}")).await {
            Ok(()) => enrolled += 1,
            Err(Error::Fault(fault)) => {
                full = Some(fault);
                break;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    let fault = full.expect("the disk is full");
    assert!(matches!(fault.origin, Origin::Store | Origin::Doubt), "{fault}");
    assert!(fault.to_string().contains("full"), "{fault}");
    for _ in 0..2 {
        let why = replica.service.look().await.unwrap_err().to_string();
        assert!(why.contains("full"), "{why}");
    }
    // Where no commit is asked for, it is found out all the same.
    eventually("it is seen without a commit", async || idle.service.look().await.is_err()).await;
    let why = idle.service.look().await.unwrap_err().to_string();
    assert!(why.contains("full"), "{why}");
    let mut used = 0;
    for code in &codes.codes {
        match replica.offer(&codes, code).await {
            Ok(Verdict::Accepted) => used += 1,
            Err(Error::Fault(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    // Reading goes on, and shows what was told and nothing else.
    assert_eq!(database.count("device").await, 1 + enrolled);
    assert_eq!(database.events("proof.accepted").await, used as i64);
    assert_eq!(replica.device(&codes).await.version, 1 + used as i64);
    let path = dir.join("new.db");
    assert_eq!(
        refusal(&path).await,
        format!("the disk of {} is full; make room, then start again", path.display())
    );

    fs::remove_file(filler).unwrap();
    for replica in [&replica, &idle] {
        replica.service.look().await.unwrap();
    }
    assert_eq!(database.count("meta").await, 1, "nothing of the attempts is left");
    for code in &codes.codes[used..] {
        assert_eq!(replica.offer(&codes, code).await.unwrap(), Verdict::Accepted);
    }
    assert!(matches!(replica.offer(&codes, &codes.codes[0]).await.unwrap(), Verdict::Rejected { .. }));
    assert!(matches!(replica.service.store().audit().await.unwrap(), Audit::Whole { .. }));
    open_url(&format!("sqlite:{}", path.display())).await.unwrap();
}

/// Writes a file until there is no room left.
fn fill(dir: &Path) -> PathBuf {
    let path = dir.join("filler");
    let mut file = fs::File::create(&path).unwrap();
    for size in [4096, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    path
}
