use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

use super::*;
use crate::cli::environment::Environment;
use crate::domain::secret::SecretText;
use crate::wire::pb;
use crate::wire::pb::verification_service_client::VerificationServiceClient;
use crate::wire::pb::verification_service_server::{VerificationService, VerificationServiceServer};

const NOWHERE: &str = "/nonexistent";

fn named(flag: Option<&str>, environment: &Environment, dir: &Path) -> String {
    Target::find(flag, environment, dir).unwrap().to_string()
}

#[test]
fn the_nearest_name_of_a_server_counts() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let nothing = Environment::default();
    assert_eq!(named(None, &nothing, dir), "127.0.0.1:7443 (named by the default)");
    remember(dir, &["unix:/run/cs.sock".to_owned(), "127.0.0.1:1".to_owned()]);
    let by_note = format!("unix:/run/cs.sock (named by {}/address)", dir.display());
    assert_eq!(named(None, &nothing, dir), by_note);
    let variable = Environment::from([("COUNTERSIGN_SERVER", "sidecar:2")]);
    assert_eq!(named(None, &variable, dir), "sidecar:2 (named by COUNTERSIGN_SERVER)");
    assert_eq!(named(Some("[::1]:3"), &variable, dir), "[::1]:3 (named by --server)");
    let empty = Environment::from([("COUNTERSIGN_SERVER", "")]);
    assert_eq!(named(None, &empty, dir), by_note);
    forget(dir);
    assert_eq!(named(None, &nothing, dir), "127.0.0.1:7443 (named by the default)");
}

#[test]
fn an_address_is_noted_so_that_it_can_be_connected_to() {
    let dir = tempfile::tempdir().unwrap();
    let noted = |address: &str| {
        remember(dir.path(), &[address.to_owned()]);
        Target::find(None, &Environment::default(), dir.path()).unwrap().endpoint
    };
    assert_eq!(noted("0.0.0.0:7443"), Endpoint::Tcp("127.0.0.1:7443".into()));
    assert_eq!(noted("[::]:7443"), Endpoint::Tcp("[::1]:7443".into()));
    assert_eq!(noted("10.0.0.0:7443"), Endpoint::Tcp("10.0.0.0:7443".into()));
    let Endpoint::Unix(path) = noted("unix:here.sock") else { panic!("a socket") };
    assert!(path.is_absolute() && path.ends_with("here.sock"), "{}", path.display());
    // A directory that is not there is no reason to fail.
    remember(Path::new(NOWHERE), &["127.0.0.1:1".to_owned()]);
}

#[test]
fn an_address_is_a_host_and_a_port_or_a_socket() {
    let unix = |path: &str| Ok(Endpoint::Unix(PathBuf::from(path)));
    let tcp = |address: &str| Ok(Endpoint::Tcp(address.to_owned()));
    assert_eq!(Endpoint::parse("unix:/run/x"), unix("/run/x"));
    assert_eq!(Endpoint::parse("unix:///run/x"), unix("/run/x"));
    assert_eq!(Endpoint::parse("http://h:1"), tcp("h:1"));
    assert_eq!(Endpoint::parse("[::1]:65535"), tcp("[::1]:65535"));
    for wrong in ["", "h", "h:", ":1", "h:0", "h:65536", "::1:80", "h/x:1", "u@h:1", "https://h:1", "unix:"] {
        assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
    }
}

fn sent(token: &Token) -> Option<String> {
    let mut metadata = tonic::metadata::MetadataMap::new();
    token.sign(&mut metadata);
    metadata.get("authorization").map(|value| value.to_str().unwrap().to_owned())
}

#[test]
fn the_nearest_token_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let file = |name: &str| {
        let path = dir.join(name);
        std::fs::write(&path, format!("cs_{name}\n")).unwrap();
        path
    };
    let [flag, variable, _] = ["flag", "variable", "caller-token"].map(file);
    std::fs::set_permissions(dir.join("caller-token"), std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .unwrap();
    let local = Endpoint::parse("localhost:1").unwrap();
    let find = |flag: Option<&Path>, environment: &Environment| {
        sent(&Token::find(flag, environment, dir, &local).unwrap())
    };
    let in_file = [("COUNTERSIGN_TOKEN_FILE", variable.to_str().unwrap())];
    let both = [in_file[0], ("COUNTERSIGN_TOKEN", "cs_plain")];
    assert_eq!(find(None, &Environment::default()).as_deref(), Some("Bearer cs_caller-token"));
    assert_eq!(find(None, &Environment::from(in_file)).as_deref(), Some("Bearer cs_variable"));
    assert_eq!(find(None, &Environment::from(both)).as_deref(), Some("Bearer cs_plain"));
    assert_eq!(find(Some(&flag), &Environment::from(both)).as_deref(), Some("Bearer cs_flag"));
}

#[test]
fn the_token_of_the_data_directory_does_not_leave_the_machine_unasked() {
    let dir = tempfile::tempdir().unwrap();
    crate::crypto::data_dir::init(dir.path(), &crate::env::SystemEntropy).unwrap();
    let find = |address: &str| {
        let endpoint = Endpoint::parse(address).unwrap();
        Token::find(None, &Environment::default(), dir.path(), &endpoint).unwrap()
    };
    for local in ["127.0.0.1:1", "[::1]:1", "localhost:1", "unix:/x"] {
        assert!(sent(&find(local)).is_some(), "{local}");
    }
    for remote in ["10.0.0.1:1", "sidecar:1", "localhost.example.org:1"] {
        assert_eq!(sent(&find(remote)), None, "{remote}");
        assert!(find(remote).hint().contains("--token-file"));
    }
}

#[test]
fn what_cannot_be_a_token_is_refused_without_repeating_it() {
    for wrong in ["", "cs_two words", "cs_é", "cs_a\ncs_b"] {
        let refused = Token::of(&SecretText::new(wrong.to_owned()), "COUNTERSIGN_TOKEN").err().unwrap();
        let told = refused.to_string();
        assert!(told.contains("COUNTERSIGN_TOKEN must hold a token"), "{told}");
        assert!(wrong.is_empty() || !told.contains(wrong), "{told}");
    }
}

/// A server that is not available for as many calls as it is told, and notes what it is asked.
#[derive(Clone, Default)]
struct Flaky {
    asked: Arc<Mutex<Vec<pb::VerifyRequest>>>,
    failures: usize,
    code: Option<Code>,
}

#[tonic::async_trait]
impl VerificationService for Flaky {
    async fn verify(
        &self,
        request: Request<pb::VerifyRequest>,
    ) -> Result<Response<pb::VerifyResponse>, Status> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(request.into_inner());
        if asked.len() <= self.failures {
            return Err(Status::new(self.code.unwrap_or(Code::Unavailable), "not now"));
        }
        Ok(Response::new(pb::VerifyResponse::default()))
    }
}

/// Calls such a server once. Gives what came of it, and what the server was asked.
fn called(server: Flaky) -> (Result<pb::VerifyResponse, Failure>, Vec<pb::VerifyRequest>) {
    let asked = server.asked.clone();
    let answer = crate::cli::block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server::builder()
            .add_service(VerificationServiceServer::new(server))
            .serve_with_incoming(TcpListenerStream::new(listener));
        let server = tokio::spawn(server);
        let target = Target::of(Endpoint::Tcp(address.to_string()));
        let client = Client::connect(target, Token::none(), Duration::from_secs(10)).await?;
        let request = pb::VerifyRequest { request_id: "r".into(), ..Default::default() };
        let answer = client
            .call(request, async |channel, request| {
                VerificationServiceClient::new(channel).verify(request).await
            })
            .await;
        server.abort();
        answer
    });
    let asked = asked.lock().unwrap().clone();
    (answer, asked)
}

#[test]
fn a_server_that_is_not_available_is_asked_again_with_the_same_request_id() {
    let (answer, asked) = called(Flaky { failures: 2, ..Flaky::default() });
    assert!(answer.is_ok(), "{answer:?}");
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|request| request.request_id == "r"));
}

#[test]
fn it_is_asked_three_times_and_no_more() {
    let (answer, asked) = called(Flaky { failures: 9, ..Flaky::default() });
    assert!(answer.unwrap_err().to_string().contains("UNAVAILABLE"));
    assert_eq!(asked.len(), 3);
}

#[test]
fn any_other_error_is_an_answer() {
    for code in [Code::Aborted, Code::NotFound, Code::Internal] {
        let (answer, asked) = called(Flaky { failures: 9, code: Some(code), ..Flaky::default() });
        assert!(answer.is_err());
        assert_eq!(asked.len(), 1, "{code:?}");
    }
}
