//! Callers that come and go while the server runs.

use countersign::crypto::token::TokenHash;

use countersign::wire::pb::GetSubjectRequest;
use tonic::Code;

use super::binary::{Place, Server};
use crate::harness::{Client, eventually};

/// A file of settings with these callers, each with the token `cs_` and its name.
fn naming(callers: &[&str]) -> String {
    let caller = |name: &&str| {
        let hash = TokenHash::of(&format!("cs_{name}"));
        format!("[[callers]]\nname = \"{name}\"\nroles = [\"verify\"]\ntokens_sha256 = [\"{hash}\"]\n")
    };
    callers.iter().map(caller).collect()
}

/// Whether the server knows the caller of that token.
fn knows(place: &Place, token: &str) -> bool {
    let asked = place.run_in(&[("COUNTERSIGN_TOKEN", token)], &["subject", "show", "alice"], "");
    assert!(asked.status == 0 || asked.err.contains("ERROR_REASON_CALLER_UNKNOWN"), "{asked:?}");
    asked.status == 0
}

/// What becomes of a request with an empty token. No command sends one.
async fn by_nobody(server: &Server) -> Code {
    let mut client = Client::tcp(&server.tcp, Some("")).await.subjects;
    let answer = client.get_subject(GetSubjectRequest { subject: "alice".into() }).await;
    answer.err().map_or(Code::Ok, |status| status.code())
}

async fn until_logs(place: &Place, text: &str) {
    eventually(&format!("the log says {text}"), async || place.log().contains(text)).await;
}

fn write(place: &Place, text: &str) {
    // As a ConfigMap does it: another file takes the name.
    std::fs::write(place.path().join("next.toml"), text).unwrap();
    std::fs::rename(place.path().join("next.toml"), place.path().join("settings.toml")).unwrap();
}

const ARGUMENTS: &[&str] = &["--config", "settings.toml", "--log-level", "info"];

#[tokio::test]
async fn a_token_that_leaves_the_file_is_refused_within_seconds() {
    let place = Place::new();
    write(&place, &naming(&["web", "leaked"]));
    let _server = place.serve_with(ARGUMENTS);
    assert!(knows(&place, "cs_web") && knows(&place, "cs_leaked") && !knows(&place, "cs_new"));

    write(&place, &naming(&["web", "new"]));
    eventually("the leaked token is refused", async || !knows(&place, "cs_leaked")).await;
    assert!(knows(&place, "cs_web") && knows(&place, "cs_new"));
    until_logs(&place, "the callers were read again: 1 added (new), 1 removed (leaked)").await;

    // A file with a mistake anywhere changes nothing.
    write(&place, &format!("{}[limits]\nconcurrency = 0\n", naming(&["other"])));
    until_logs(&place, "limits.concurrency: must be a whole number from 1 to 1000000").await;
    assert!(knows(&place, "cs_web") && knows(&place, "cs_new") && !knows(&place, "cs_other"));

    write(&place, &naming(&["new"]));
    eventually("the file is taken when it is right again", async || !knows(&place, "cs_web")).await;
    assert!(knows(&place, "cs_new"));
    let log = place.log();
    assert_eq!(
        log.matches("the settings were not taken; those from before stay in force").count(),
        1,
        "{log}"
    );
    for name in ["web", "leaked", "new"] {
        assert!(!log.contains(&TokenHash::of(&format!("cs_{name}")).to_string()), "{log}");
    }
}

#[tokio::test]
async fn a_signal_reads_the_files_again_and_says_what_came_of_it() {
    let place = Place::new();
    write(&place, &naming(&["web"]));
    let server = place.serve_with(ARGUMENTS);
    server.signal("-HUP");
    until_logs(&place, "told to read the settings again: nothing changed").await;

    let requirements =
        "[methods.password]\nfactor_types = [\"knowledge\"]\n[requirements]\nlogin = \"password\"\n";
    let others = "[log]\nlevel = \"debug\"\n[policy]\nissuer = \"Acme\"\n[tenants.acme]\nissuer = \"Acme\"\n";
    write(&place, &format!("{}{requirements}{others}", naming(&["new"])));
    server.signal("-HUP");
    until_logs(&place, "the callers were read again: 1 added (new), 1 removed (web)").await;
    until_logs(&place, "the requirements were read again: 1 added (login), other methods").await;
    // log.level is set by a flag, which stands over the file.
    let restart = "read only at the start, so restart to apply them: policy.issuer, tenants.acme.issuer";
    until_logs(&place, restart).await;
    assert!(knows(&place, "cs_new") && !knows(&place, "cs_web"));

    // What was said on its own is said again to who asks.
    server.signal("-HUP");
    eventually("it is said again", async || place.log().matches(restart).count() == 2).await;
    assert_eq!(server.stop(), 0);
}

#[tokio::test]
async fn a_token_with_every_role_is_made_only_where_nobody_else_may_call() {
    let place = Place::new();
    let token = place.path().join("data/caller-token");
    write(&place, &naming(&["web"]));
    let server = place.serve_with(ARGUMENTS);
    assert!(place.path().join("data/keyring").exists() && !token.exists());
    assert!(knows(&place, "cs_web"));
    server.stop();
    // The callers are gone, and it is not the first start any more.
    let refused = place.run(&["serve", "--listen", "unix:cs.sock"]);
    assert_eq!(refused.status, 2, "{refused:?}");
    assert!(refused.err.contains("nobody could call this server"), "{refused:?}");
    assert!(!token.exists());

    let open = Place::new();
    let _server = open.serve_with(&["--insecure-no-auth"]);
    assert!(open.path().join("data/keyring").exists() && !open.path().join("data/caller-token").exists());
}

#[tokio::test]
async fn the_token_with_every_role_is_dead_as_soon_as_it_is_gone_and_stays_so() {
    let place = Place::new();
    let path = place.path().join("data/caller-token");
    let server = place.serve_with(&["--log-level", "info"]);
    let token = std::fs::read_to_string(&path).unwrap();
    assert!(knows(&place, &token));

    std::fs::remove_file(&path).unwrap();
    eventually("the token is refused", async || !knows(&place, &token)).await;
    until_logs(&place, "the first caller's token is refused from now on").await;
    until_logs(&place, "nobody can call this server now").await;

    // An operator makes another one, which is taken without a restart.
    assert_eq!(place.run(&["init", "--data-dir", "data"]).status, 0);
    let second = std::fs::read_to_string(&path).unwrap();
    assert_ne!(second, token);
    eventually("the new token is known", async || knows(&place, &second)).await;
    assert!(!knows(&place, &token));

    // One that others can read is as good as lost.
    let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    std::fs::set_permissions(&path, open).unwrap();
    eventually("the open token is refused", async || !knows(&place, &second)).await;
    until_logs(&place, "refused from now on: data/caller-token has mode 0644").await;
    std::fs::remove_file(&path).unwrap();
    assert_eq!(server.stop(), 0);

    let refused = place.run(&["serve", "--listen", "unix:cs.sock"]);
    assert!(refused.err.contains("nobody could call this server"), "{refused:?}");
    assert!(!path.exists(), "it is not made again");
}

#[tokio::test]
async fn an_empty_file_or_an_empty_tokens_hash_makes_nobody_a_caller() {
    let place = Place::new();
    let path = place.path().join("data/caller-token");
    write(&place, &naming(&["web"]));
    assert_eq!(place.run(&["init", "--data-dir", "data"]).status, 0);
    let server = place.serve_with(ARGUMENTS);
    let token = std::fs::read_to_string(&path).unwrap();
    assert!(knows(&place, &token));
    assert_eq!(by_nobody(&server).await, Code::Unauthenticated);

    for empty in ["", " \n"] {
        std::fs::write(&path, empty).unwrap();
        eventually("the token is refused", async || !knows(&place, &token)).await;
        assert_eq!(by_nobody(&server).await, Code::Unauthenticated, "{empty:?}");
        std::fs::write(&path, &token).unwrap();
        eventually("the token is known again", async || knows(&place, &token)).await;
    }

    // A script whose variable of the token is not set writes this hash.
    let hash = TokenHash::of("");
    let nobody =
        format!("[[callers]]\nname = \"nobody\"\nroles = [\"verify\"]\ntokens_sha256 = [\"{hash}\"]\n");
    write(&place, &format!("{}{nobody}", naming(&["web"])));
    until_logs(
        &place,
        "callers[1].tokens_sha256: must be the SHA-256 of a token, and is that of the empty text",
    )
    .await;
    assert_eq!(by_nobody(&server).await, Code::Unauthenticated);
    assert_eq!(server.stop(), 0);

    // An empty file is there at the start.
    std::fs::write(&path, "").unwrap();
    let refused = place.run(&["serve", "--listen", "unix:cs.sock"]);
    assert!(refused.err.contains("nobody could call this server"), "{refused:?}");
    write(&place, &naming(&["web"]));
    let server = place.serve_with(ARGUMENTS);
    assert!(knows(&place, "cs_web"));
    assert_eq!(by_nobody(&server).await, Code::Unauthenticated);

    // What the refusal advises helps.
    let made = place.run(&["init", "--data-dir", "data"]);
    assert!(made.out.contains("data/caller-token: made"), "{made:?}");
    let second = std::fs::read_to_string(&path).unwrap();
    eventually("the new token is known", async || knows(&place, &second)).await;
}
