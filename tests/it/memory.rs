//! The memory of the real binary: nobody else reads it, no core file holds it, and nothing of a request is left in it.

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use countersign::crypto::token::TokenHash;
use countersign::ops::dumps::forbid_dumps;
use countersign::wire::pb;
use countersign::wire::pb::enroll_device_request::Setup;
use countersign::wire::pb::enrollment::Material;
use rustix::process::{Resource, Rlimit, getrlimit};

use crate::harness::part::{command_without_rights, is_root, play, stage};
use crate::harness::{Process, eventually, proof};

/// Runs a command in a directory, which may leave core files, and aborts it when it has begun. Whether it dumped core.
async fn dumps_core(dir: &Path, command: &str, has_begun: impl Fn() -> bool) -> bool {
    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -c unlimited; exec {command}")])
        .current_dir(dir)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    eventually("it has begun", async || has_begun()).await;
    assert!(Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().unwrap().success());
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(6), "{command}");
    status.core_dumped()
}

#[tokio::test]
async fn a_crash_leaves_no_core_file() {
    let dir = tempfile::tempdir().unwrap();
    let started = dir.path().join("started");
    let control = format!("sh -c 'echo > {}; sleep 60 & wait'", started.display());
    if !dumps_core(dir.path(), &control, || started.exists()).await {
        // Here no process dumps core: there is nothing to see.
        return;
    }
    let binary = env!("CARGO_BIN_EXE_countersign");
    // It notes its address when it serves.
    let serve = format!("{binary} serve --listen 127.0.0.1:0 --data-dir data");
    let address = dir.path().join("data/address");
    assert!(!dumps_core(dir.path(), &serve, || address.exists()).await, "it dumped core");
}

#[test]
fn no_other_process_of_the_same_user_can_read_the_memory() {
    let dir = tempfile::tempdir().unwrap();
    play(command_without_rights("memory::part_forbid", dir.path()));
}

#[test]
#[ignore = "a part of other tests, which start it"]
fn part_forbid() {
    let Some(_) = stage() else { return };
    // What belongs to root in `/proc`, no process without rights opens.
    let owner = || std::fs::metadata("/proc/self/mem").unwrap().uid();
    assert_ne!(owner(), 0);
    forbid_dumps().unwrap();
    assert_eq!(owner(), 0);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    assert_eq!(getrlimit(Resource::Core), none, "a core file");
}

/// What others can read of the memory of a process: all that is mapped to be read. `None`: nothing.
fn memory(process: u32) -> Option<Vec<u8>> {
    let maps = std::fs::read_to_string(format!("/proc/{process}/maps")).ok()?;
    let memory = File::open(format!("/proc/{process}/mem")).ok()?;
    let mut all = Vec::new();
    for line in maps.lines() {
        let (range, rest) = line.split_once(' ').unwrap();
        // Files are mapped for reading only, and the program itself holds no secret.
        if !rest.starts_with("rw") {
            continue;
        }
        let (from, to) = range.split_once('-').unwrap();
        let at = |hex| u64::from_str_radix(hex, 16).unwrap();
        let mut part = vec![0; usize::try_from(at(to) - at(from)).unwrap()];
        // What is only reserved cannot be read.
        let read = memory.read_at(&mut part, at(from)).unwrap_or(0);
        all.extend_from_slice(&part[..read]);
    }
    Some(all)
}

/// Which of the canaries are in the memory. It is read once: it is large.
fn found<'c>(memory: &[u8], canaries: &'c [(&'c str, Vec<u8>)]) -> BTreeSet<&'c str> {
    let begins = |byte| canaries.iter().filter(move |(_, canary)| canary[0] == byte);
    let firsts: BTreeSet<u8> = canaries.iter().map(|(_, canary)| canary[0]).collect();
    let mut is_first = [false; 256];
    firsts.into_iter().for_each(|byte| is_first[usize::from(byte)] = true);
    let places = memory.iter().enumerate().filter(|(_, byte)| is_first[usize::from(**byte)]);
    let here = |(at, byte): (usize, &u8)| {
        begins(*byte).filter(move |(_, canary)| memory[at..].starts_with(canary)).map(|(what, _)| *what)
    };
    places.flat_map(here).collect()
}

#[tokio::test]
async fn nothing_of_a_request_is_left_when_it_has_ended() {
    const TOKEN: &str = "cs_canary-of-a-bearer-token-that-nobody-else-has";
    const SECRET: &[u8] = b"canary secret of a device";
    const CHOSEN: &str = "canary code chosen by a desk";
    const NAME: &str = "canary name of a device";
    const WRONG: &str = "canary code that is wrong";
    let dir = tempfile::tempdir().unwrap();
    let settings = dir.path().join("settings.toml");
    let hash = TokenHash::of(TOKEN);
    let caller = format!(
        "[[callers]]\nname = \"app\"\nroles = [\"verify\", \"manage\", \"assert\", \"admin\"]\ntokens_sha256 = [\"{hash}\"]\n"
    );
    std::fs::write(&settings, caller).unwrap();
    let process = Process::start(&[("COUNTERSIGN_CONFIG", settings.to_str().unwrap())]).await;
    let mut canaries: Vec<(&str, Vec<u8>)> = vec![
        ("the bearer token", TOKEN.into()),
        ("a secret that was brought", SECRET.to_vec()),
        ("a code that was chosen", CHOSEN.into()),
        ("a code that is wrong", WRONG.into()),
    ];
    let client = process.client_with(TOKEN).await;
    client.enroll_totp("alice", NAME, SECRET).await;
    let made = client.enroll("alice", "made", Setup::Hotp(Default::default())).await.unwrap();
    let Some(Material::Oath(made)) = made.enrollment.unwrap().material else { panic!("no material") };
    canaries.push(("a secret that was made", made.secret_base32.into()));
    canaries.push(("a URI", made.otpauth_uri.into()));
    canaries.push(("a QR code", made.qr_png[40..80].to_vec()));
    let list = pb::IssueRecoveryCodesRequest { subject: "alice".to_owned(), ..Default::default() };
    let chosen =
        pb::IssueRecoveryCodesRequest { code: CHOSEN.to_owned(), keep_existing: true, ..list.clone() };
    let issued = client.devices.clone().issue_recovery_codes(list).await.unwrap().into_inner();
    client.devices.clone().issue_recovery_codes(chosen).await.unwrap();
    for code in &issued.recovery_codes.unwrap().codes[..2] {
        canaries.push(("a recovery code", code.clone().into()));
    }
    let offered =
        pb::VerifyRequest { subject: "alice".to_owned(), proof: Some(proof(WRONG)), ..Default::default() };
    client.verification.clone().verify(offered).await.unwrap();
    let remembered = client.remember("alice", "browser").await;
    canaries.push(("the token of a client", remembered.client_token.into()));
    drop(client);

    let Some(_) = memory(process.id()) else {
        assert!(!is_root(), "root reads every memory");
        return;
    };
    // The control: what is kept in the cache of devices is found.
    canaries.push(("the name of a device", NAME.into()));
    // The connection ends after the last answer.
    let mut left = BTreeSet::new();
    let mut every = tokio::time::interval(Duration::from_millis(200));
    for _ in 0..15 {
        every.tick().await;
        left = found(&memory(process.id()).unwrap(), &canaries);
        if left.len() == 1 {
            break;
        }
    }
    assert_eq!(left, BTreeSet::from(["the name of a device"]));
    process.stop().await;
}
