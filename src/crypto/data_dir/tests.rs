use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::crypto::token::TokenHash;
use crate::env::SystemEntropy;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_new_directory_and_its_files_are_nobody_elses_to_read() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("deep").join("data");
    let made = init(&dir, &SystemEntropy).unwrap();
    assert_eq!(made, Initialised { dir: Made::Created, keyring: Made::Created, token: Made::Created });
    assert_eq!(mode(&dir), 0o700);
    assert_eq!(mode(&keyring_path(&dir)), 0o600);
    assert_eq!(mode(&token_path(&dir)), 0o600);
    Keyring::load(&keyring_path(&dir)).unwrap();
    assert!(read_token(&dir).unwrap().unwrap().expose().starts_with("cs_"));
}

#[test]
fn a_second_time_changes_nothing_and_says_so() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("data");
    init(&dir, &SystemEntropy).unwrap();
    let (ring, token) = (fs::read(keyring_path(&dir)).unwrap(), fs::read(token_path(&dir)).unwrap());
    let made = init(&dir, &SystemEntropy).unwrap();
    assert_eq!(made, Initialised { dir: Made::Existed, keyring: Made::Existed, token: Made::Existed });
    assert_eq!(fs::read(keyring_path(&dir)).unwrap(), ring);
    assert_eq!(fs::read(token_path(&dir)).unwrap(), token);
}

#[test]
fn what_is_missing_is_made_and_the_rest_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    init(dir.path(), &SystemEntropy).unwrap();
    let ring = fs::read(keyring_path(dir.path())).unwrap();
    fs::remove_file(token_path(dir.path())).unwrap();
    assert!(read_token(dir.path()).unwrap().is_none());
    let made = init(dir.path(), &SystemEntropy).unwrap();
    assert_eq!((made.keyring, made.token), (Made::Existed, Made::Created));
    assert_eq!(fs::read(keyring_path(dir.path())).unwrap(), ring);
}

#[test]
fn a_directory_that_others_can_change_is_refused_with_nothing_in_it() {
    for open in [0o720, 0o702, 0o777, 0o1777, 0o2770] {
        let dir = tempfile::tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(open)).unwrap();
        let error = init(dir.path(), &SystemEntropy).unwrap_err();
        assert!(error.to_string().contains(&format!("has mode {open:04o}")), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

#[test]
fn a_file_in_place_of_the_directory_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("data");
    fs::write(&path, "").unwrap();
    assert!(matches!(init(&path, &SystemEntropy), Err(InitError::NotADirectory { .. })));
}

#[test]
fn a_token_that_an_editor_gave_a_last_newline_is_the_same_token() {
    let dir = tempfile::tempdir().unwrap();
    private_file::create(&token_path(dir.path()), &SecretText::new("cs_x\n".into())).unwrap();
    let token = read_token(dir.path()).unwrap().unwrap();
    assert_eq!(TokenHash::of(token.expose()), TokenHash::of("cs_x"));
}

#[test]
fn a_first_start_makes_a_token_if_it_is_wanted_and_no_other_start_does() {
    for wants_token in [true, false] {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(first_start(dir.path(), &SystemEntropy, wants_token).unwrap(), Made::Created);
        assert_eq!(read_token(dir.path()).unwrap().is_some(), wants_token);
        let ring = fs::read(keyring_path(dir.path())).unwrap();
        // It is gone, and stays so.
        let _ = fs::remove_file(token_path(dir.path()));
        assert_eq!(first_start(dir.path(), &SystemEntropy, true).unwrap(), Made::Existed);
        assert!(read_token(dir.path()).unwrap().is_none());
        assert_eq!(fs::read(keyring_path(dir.path())).unwrap(), ring);
    }
}

#[test]
fn a_first_start_that_ended_before_the_key_ring_was_made_keeps_its_token() {
    let dir = tempfile::tempdir().unwrap();
    first_start(dir.path(), &SystemEntropy, true).unwrap();
    let token = fs::read(token_path(dir.path())).unwrap();
    fs::remove_file(keyring_path(dir.path())).unwrap();
    first_start(dir.path(), &SystemEntropy, true).unwrap();
    assert_eq!(fs::read(token_path(dir.path())).unwrap(), token);
}

#[test]
fn an_empty_file_is_no_token_and_is_made_anew() {
    for empty in ["", "\n", " \t\r\n"] {
        let dir = tempfile::tempdir().unwrap();
        private_file::create(&token_path(dir.path()), &SecretText::new(empty.into())).unwrap();
        assert!(read_token(dir.path()).unwrap().is_none(), "{empty:?}");
        first_start(dir.path(), &SystemEntropy, true).unwrap();
        let token = read_token(dir.path()).unwrap().unwrap();
        assert!(token.expose().starts_with("cs_"));

        fs::write(token_path(dir.path()), empty).unwrap();
        assert_eq!(init(dir.path(), &SystemEntropy).unwrap().token, Made::Created);
        assert_ne!(read_token(dir.path()).unwrap().unwrap().expose(), token.expose());
    }
}
