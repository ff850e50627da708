//! The data directory: what a start makes in it, and what it does not.

use super::binary::Place;

#[test]
fn a_key_ring_that_is_missing_is_not_made_anew_beside_a_database() {
    let place = Place::new();
    assert_eq!(place.serve().stop(), 0);
    let ring = place.path().join("data/keyring");
    let kept = place.path().join("kept");
    std::fs::rename(&ring, &kept).unwrap();
    let before = names(&place);
    for arguments in [&["serve", "--listen", "unix:cs.sock"][..], &["init"]] {
        let refused = place.run(arguments);
        assert_eq!(refused.status, 2, "{refused:?}");
        let says = "there is a database at data/countersign.db, and its key ring data/keyring is missing: restore the key \
                    ring from a backup, since without it nothing in the database opens; or move the database away to \
                    begin anew";
        assert!(refused.err.contains(says), "{refused:?}");
        assert_eq!(names(&place), before, "nothing is written");
    }
    std::fs::rename(&kept, &ring).unwrap();
    assert_eq!(place.serve().stop(), 0);
}

#[test]
fn a_first_start_that_broke_off_is_begun_again() {
    let place = Place::new();
    std::fs::create_dir(place.path().join("data")).unwrap();
    let file = std::fs::File::create(place.path().join("data/countersign.db")).unwrap();
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert_eq!(place.serve().stop(), 0);
}

#[test]
fn a_second_server_leaves_the_address_of_the_first_alone() {
    let place = Place::new();
    let server = place.serve();
    let address = std::fs::read(place.path().join("data/address")).unwrap();
    let settings = [("COUNTERSIGN_DATABASE_ACQUIRE_TIMEOUT", "200ms")];
    // What ends by itself comes first: a server that is not refused would serve.
    for arguments in [&["migrate"][..], &["serve", "--listen", "127.0.0.1:0"]] {
        let refused = place.run_in(&settings, arguments, "");
        assert_eq!(refused.status, 2, "{refused:?}");
        let says = "data/countersign.db is in use by another countersign process";
        assert!(refused.err.contains(says), "{refused:?}");
    }
    assert_eq!(std::fs::read(place.path().join("data/address")).unwrap(), address);
    assert_eq!(place.run(&["probe"]).status, 0, "the first one serves");
    assert_eq!(server.stop(), 0);
}

/// Everything in the data directory.
fn names(place: &Place) -> Vec<String> {
    let entries = std::fs::read_dir(place.path().join("data")).unwrap();
    let mut names: Vec<_> = entries.map(|one| one.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
