use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn only_modes_that_shut_others_out_are_private() {
    for mode in [0o400, 0o600, 0o200] {
        assert!(is_private(mode, 1000), "{mode:o}");
        assert!(is_private(mode, 0), "{mode:o}");
    }
    for mode in [0o440, 0o640] {
        assert!(is_private(mode, 0), "a mounted secret is {mode:o} and root's");
        assert!(!is_private(mode, 1000), "{mode:o}");
    }
    for mode in [0o644, 0o604, 0o660, 0o620, 0o602, 0o666, 0o700, 0o444, 0o4600, 0o777] {
        assert!(!is_private(mode, 1000), "{mode:o}");
        assert!(!is_private(mode, 0), "{mode:o}");
    }
}

#[test]
fn a_file_that_is_open_to_others_is_refused_with_its_mode() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    create(&path, &SecretText::new("s3cret".into())).unwrap();
    assert_eq!(read(&path).unwrap().expose(), "s3cret");
    chmod(&path, 0o644);
    let error = read(&path).unwrap_err();
    assert!(matches!(error, ReadError::Open { mode: 0o644, .. }), "{error}");
    assert!(
        error.to_string().contains("has mode 0644") && error.to_string().contains("chmod 600"),
        "{error}"
    );
    assert!(!error.to_string().contains("s3cret"));
}

#[test]
fn what_is_missing_no_file_too_long_or_no_text_is_each_its_own_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    assert!(matches!(read(&path), Err(ReadError::Missing { .. })));
    assert!(matches!(read(dir.path()), Err(ReadError::NotAFile { .. })));
    create(&path, &SecretText::new("x".repeat(64 * 1024))).unwrap();
    assert_eq!(read(&path).unwrap().expose().len(), 64 * 1024);
    fs::write(&path, "x".repeat(64 * 1024 + 1)).unwrap();
    assert!(matches!(read(&path), Err(ReadError::NotText { .. })));
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(read(&path), Err(ReadError::NotText { .. })));
}

#[test]
fn a_file_is_made_once_private_and_never_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    assert_eq!(create(&path, &SecretText::new("first".into())).unwrap(), Made::Created);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert_eq!(create(&path, &SecretText::new("second".into())).unwrap(), Made::Existed);
    assert_eq!(fs::read_to_string(&path).unwrap(), "first");
}

#[test]
fn a_link_that_leads_nowhere_is_not_followed_to_make_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let (path, elsewhere) = (dir.path().join("secret"), dir.path().join("elsewhere"));
    std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
    assert_eq!(create(&path, &SecretText::new("x".into())).unwrap(), Made::Existed);
    assert!(!elsewhere.exists());
}

#[test]
fn a_file_that_cannot_be_written_whole_is_not_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("secret");
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    assert!(write_durably(full, &path, &SecretText::new("x".into())).is_err());
    let nowhere = dir.path().join("no").join("secret");
    assert!(create(&nowhere, &SecretText::new("x".into())).is_err());
    assert!(!nowhere.exists());
}
