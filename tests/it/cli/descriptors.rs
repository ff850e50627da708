//! A server that has no descriptor left for one more connection.

use rustix::process::{Pid, Resource, Rlimit, getrlimit, prlimit};

use super::binary::Place;
use crate::harness::{Client, eventually};

#[tokio::test]
async fn a_server_without_descriptors_waits_until_there_are_some() {
    let place = Place::new();
    let server = place.serve_with(&["--log-level", "info"]);
    let token = std::fs::read_to_string(place.path().join("data/caller-token")).unwrap();
    let process = Pid::from_raw(server.id().cast_signed());
    let maximum = getrlimit(Resource::Nofile).maximum;
    // What is open stays open, and nothing else can be opened.
    let before = prlimit(process, Resource::Nofile, Rlimit { current: Some(3), maximum }).unwrap();
    let address = server.tcp.clone();
    let asked = tokio::spawn(async move {
        Client::tcp(&address, Some(token.trim())).await.device("alice", "any").await.unwrap_err()
    });
    let cannot = "cannot accept connections; waiting until some are closed";
    eventually("it says that it cannot", async || place.log().contains(cannot)).await;
    assert!(!asked.is_finished());
    prlimit(process, Resource::Nofile, before).unwrap();
    let answer = asked.await.unwrap();
    assert_eq!(answer.code(), tonic::Code::NotFound, "{answer:?}");
    eventually("it says that it can", async || place.log().contains("accepting connections again")).await;
    let log = place.log();
    assert_eq!(log.matches(cannot).count(), 1, "{log}");
    assert_eq!(server.stop(), 0);
}
