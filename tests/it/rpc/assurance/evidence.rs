//! Evidence: recorded, listed, taken back.

use std::collections::BTreeSet;
use std::time::Duration;

use countersign::domain::moment::Moment;
use countersign::env::Clock as _;
use countersign::wire::pb;
use countersign::wire::pb::EvidenceScope as Scope;
use countersign::wire::pb::revoke_evidence_request::Selection;
use prost::Message as _;
use tonic::{Code, Status};

use super::REQUEST;
use crate::harness::answers::refused;
use crate::harness::assurance::session;
use crate::harness::fixture::{NOBODYS, SECRET};
use crate::harness::{Client, Harness, START, hotp};
use crate::rpc::throttle::moment;

fn password(context: pb::Context) -> pb::RecordEvidenceRequest {
    pb::RecordEvidenceRequest {
        subject: "alice".to_owned(),
        context: Some(context),
        method: "password".to_owned(),
        ..Default::default()
    }
}

async fn record(client: &Client, request: pb::RecordEvidenceRequest) -> Result<pb::Evidence, Status> {
    let answer: pb::RecordEvidenceResponse = client.send("AssuranceService/RecordEvidence", &request).await?;
    Ok(answer.evidence.unwrap())
}

async fn list(client: &Client, request: pb::ListEvidenceRequest) -> Result<pb::ListEvidenceResponse, Status> {
    client
        .send(
            "AssuranceService/ListEvidence",
            &pb::ListEvidenceRequest { subject: "alice".to_owned(), ..request },
        )
        .await
}

/// A context with all that it can hold.
async fn everywhere(client: &Client) -> pb::Context {
    let remembered = client.remember("alice", "browser").await;
    pb::Context {
        session: "here".to_owned(),
        client_token: remembered.client_token,
        transaction_digest: vec![7; 32],
    }
}

#[tokio::test]
async fn evidence_reaches_as_far_as_its_scope_and_by_default_no_further_than_it_was_given_for() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let everywhere = everywhere(&client).await;
    let without = |what: &str| match what {
        "transaction" => pb::Context { transaction_digest: Vec::new(), ..everywhere.clone() },
        "token" => pb::Context { client_token: String::new(), ..everywhere.clone() },
        _ => pb::Context { session: String::new(), ..everywhere.clone() },
    };
    const DAY: u64 = 24 * 3600;
    for (context, asked, given, lasts) in [
        (everywhere.clone(), Scope::Unspecified, Scope::Transaction, 600),
        (without("transaction"), Scope::Unspecified, Scope::Session, DAY),
        (everywhere.clone(), Scope::Session, Scope::Session, DAY),
        (everywhere.clone(), Scope::Transaction, Scope::Transaction, 600),
        (without("session"), Scope::Transaction, Scope::Transaction, 600),
        (everywhere.clone(), Scope::Client, Scope::Client, 30 * DAY),
        (without("session"), Scope::Client, Scope::Client, 30 * DAY),
        // A browser that is known no more, or shows anything else: not the caller's mistake.
        (
            pb::Context { client_token: "anything".to_owned(), ..everywhere.clone() },
            Scope::Client,
            Scope::Session,
            DAY,
        ),
    ] {
        let request = pb::RecordEvidenceRequest { scope: asked.into(), ..password(context.clone()) };
        let evidence = record(&client, request).await.unwrap();
        assert_eq!(evidence.scope(), given, "{asked:?} in {context:?}");
        let until = harness.clock.now().plus(Duration::from_secs(lasts));
        assert_eq!(evidence.expire_time, Some(moment(until)), "{asked:?}");
    }
    for (context, asked) in [
        (without("session"), Scope::Session),
        (without("transaction"), Scope::Transaction),
        (without("token"), Scope::Client),
    ] {
        let request = pb::RecordEvidenceRequest { scope: asked.into(), ..password(context) };
        assert_eq!(refused(&record(&client, request).await.unwrap_err()), "INVALID_REQUEST scope");
    }
    harness.stop().await;
}

#[tokio::test]
async fn evidence_that_would_count_nowhere_is_refused() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let everywhere = everywhere(&client).await;
    let token_only = pb::Context { client_token: everywhere.client_token, ..Default::default() };
    let stale_only = pb::Context { client_token: "anything".to_owned(), ..Default::default() };
    let before = harness.dump().await;
    for (context, scope) in [
        (None, Scope::Unspecified),
        (Some(pb::Context::default()), Scope::Unspecified),
        // By default it reaches no further than a session, and there is none.
        (Some(token_only.clone()), Scope::Unspecified),
        (Some(stale_only.clone()), Scope::Unspecified),
        (Some(stale_only), Scope::Client),
    ] {
        let request = pb::RecordEvidenceRequest {
            context: context.clone(),
            scope: scope.into(),
            ..password(pb::Context::default())
        };
        let refusal = record(&client, request).await.unwrap_err();
        assert_eq!(refused(&refusal), "INVALID_REQUEST context", "{context:?}");
    }
    assert_eq!(harness.dump().await, before);
    let request = pb::RecordEvidenceRequest { scope: Scope::Client.into(), ..password(token_only) };
    record(&client, request).await.unwrap();
    harness.stop().await;
}

#[tokio::test]
async fn an_amr_value_may_be_a_uri_of_up_to_255_bytes_and_all_together_have_512() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let uri = "https://refeds.org/profile/mfa#x";
    let longest = format!("urn:{}", "x".repeat(251));
    // 512 bytes.
    let amr = vec![uri.to_owned(), longest.clone(), longest[..225].to_owned()];
    let with = |amr: Vec<String>| pb::RecordEvidenceRequest { amr, ..password(session("here")) };
    let evidence = record(&client, with(amr.clone())).await.unwrap();
    assert_eq!(evidence.strength.unwrap().amr, amr);
    for wrong in [format!("{longest}x"), "two words".to_owned(), String::new(), "é".to_owned()] {
        assert_eq!(refused(&record(&client, with(vec![wrong])).await.unwrap_err()), "INVALID_REQUEST amr[0]");
    }
    for wrong in [[&amr[..], &["x".to_owned()]].concat(), vec![longest.clone(); 16]] {
        assert_eq!(refused(&record(&client, with(wrong)).await.unwrap_err()), "INVALID_REQUEST amr");
    }
    harness.stop().await;
}

#[tokio::test]
async fn what_is_recorded_is_worth_what_the_configuration_and_the_issuer_say() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let request = pb::RecordEvidenceRequest {
        method: "sso".to_owned(),
        source: "https://issuer.example".to_owned(),
        amr: vec!["pwd".to_owned(), "mfa".to_owned()],
        ..password(session("here"))
    };
    let evidence = record(&client, request).await.unwrap();
    assert_eq!(
        evidence.method.clone().and_then(|method| method.method),
        Some(pb::method::Method::External("sso".to_owned()))
    );
    assert_eq!((evidence.source.as_str(), evidence.device_id.as_str()), ("https://issuer.example", ""));
    let strength = evidence.strength.clone().unwrap();
    assert_eq!(strength.amr, ["pwd", "mfa"]);
    assert_eq!(strength.factor_types, [i32::from(pb::FactorType::Knowledge)]);
    assert!(strength.phishing_resistant && !strength.recovery);
    assert_eq!(evidence.verify_time, Some(moment(START)));
    let listed = list(&client, pb::ListEvidenceRequest::default()).await.unwrap();
    assert_eq!(listed.evidence, [evidence], "as it was recorded");
    harness.stop().await;
}

#[tokio::test]
async fn what_is_no_method_of_the_configuration_is_recorded_by_nobody() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    // A kind of device is proved here, and not said.
    for method in ["pasword", "totp", "any", "login", "Password"] {
        let request = pb::RecordEvidenceRequest { method: method.to_owned(), ..password(session("here")) };
        let status = record(&client, request).await.unwrap_err();
        assert_eq!(
            (status.code(), refused(&status)),
            (Code::InvalidArgument, "INVALID_REQUEST method".to_owned())
        );
        assert!(status.message().contains("a method of the configuration: password, sso"), "{status:?}");
    }
    assert_eq!(list(&client, pb::ListEvidenceRequest::default()).await.unwrap().evidence, []);
    harness.stop().await;
}

#[tokio::test]
async fn what_was_proved_lies_neither_in_the_future_nor_too_far_back() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let at = |micros: i64| {
        let time = Moment::from_micros(START.micros() + micros);
        pb::RecordEvidenceRequest { verify_time: Some(moment(time)), ..password(session("here")) }
    };
    const DAY: i64 = 24 * 3600 * 1_000_000;
    // The caller's clock may be a little ahead: what it says was proved, was by now.
    for (told, noted) in [(0, 0), (5_000_000, 0), (-1, -1), (1 - DAY, 1 - DAY)] {
        let evidence = record(&client, at(told)).await.unwrap();
        let time = Moment::from_micros(START.micros() + noted);
        assert_eq!(evidence.verify_time, Some(moment(time)), "{told}");
        let until = time.plus(Duration::from_micros(DAY.unsigned_abs()));
        assert_eq!(evidence.expire_time, Some(moment(until)), "{told}: it lasts from when it was proved");
    }
    for told in [5_000_001, 3600 * 1_000_000, -DAY, -400 * DAY] {
        let status = record(&client, at(told)).await.unwrap_err();
        assert_eq!(refused(&status), "INVALID_REQUEST verify_time", "{told}");
    }
    // No valid timestamps, whatever the moment that they could mean.
    for (seconds, nanos) in [
        (i64::MIN, 999_999_999),
        (i64::MAX, 999_999_999),
        (-62_135_596_801, 0),
        (253_402_300_800, 0),
        (START.secs(), -1),
        (START.secs(), i32::MIN),
        (START.secs() - 10, 1_000_000_000),
        (START.secs() - 10, i32::MAX),
    ] {
        let verify_time = Some(prost_types::Timestamp { seconds, nanos });
        let request = pb::RecordEvidenceRequest { verify_time, ..password(session("here")) };
        assert_eq!(refused(&record(&client, request).await.unwrap_err()), "INVALID_REQUEST verify_time");
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_page_of_large_pieces_ends_early_and_the_next_one_goes_on() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    for number in 0..100 {
        harness.clock.advance(Duration::from_secs(1));
        let amr = vec![format!("{number:0255}"), "x".repeat(255)];
        let source = "x".repeat(255);
        let request = pb::RecordEvidenceRequest { amr, source, ..password(session("here")) };
        record(&client, request).await.unwrap();
    }
    let (mut pages, mut ids, mut page_token) = (0, BTreeSet::new(), String::new());
    loop {
        let request = pb::ListEvidenceRequest { page_size: 200, page_token, ..Default::default() };
        let page = list(&client, request).await.unwrap();
        assert!(page.encoded_len() < 66 << 10, "{} bytes", page.encoded_len());
        ids.extend(page.evidence.into_iter().map(|evidence| evidence.id));
        pages += 1;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!((pages, ids.len()), (2, 100));
    harness.stop().await;
}

#[tokio::test]
async fn evidence_is_listed_by_page_newest_first() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let mut ids = Vec::new();
    for number in 0..60 {
        harness.clock.advance(Duration::from_secs(1));
        let context = session(if number % 2 == 0 { "even" } else { "odd" });
        // Each is worth something else: of alike ones the newest is kept.
        let amr = vec![format!("urn:example:{number}")];
        let request = pb::RecordEvidenceRequest { amr, ..password(context) };
        ids.push(record(&client, request).await.unwrap().id);
    }
    ids.reverse();
    let listed = |answer: &pb::ListEvidenceResponse| -> Vec<String> {
        answer.evidence.iter().map(|evidence| evidence.id.clone()).collect()
    };
    let first = list(&client, pb::ListEvidenceRequest::default()).await.unwrap();
    assert_eq!(listed(&first), ids[..50], "50 by default");
    let next = pb::ListEvidenceRequest { page_token: first.next_page_token, ..Default::default() };
    let last = list(&client, next).await.unwrap();
    assert_eq!((listed(&last).as_slice(), last.next_page_token.as_str()), (&ids[50..], ""));
    let whole = pb::ListEvidenceRequest { page_size: 1000, ..Default::default() };
    assert_eq!(listed(&list(&client, whole).await.unwrap()), ids);
    let even =
        pb::ListEvidenceRequest { context: Some(session("even")), page_size: 200, ..Default::default() };
    let even = listed(&list(&client, even).await.unwrap());
    assert_eq!(even, ids.iter().skip(1).step_by(2).cloned().collect::<Vec<_>>());
    let nowhere = pb::ListEvidenceRequest { context: Some(pb::Context::default()), ..Default::default() };
    assert_eq!(listed(&list(&client, nowhere).await.unwrap()), Vec::<String>::new());
    for (request, wrong) in [
        (pb::ListEvidenceRequest { page_size: -1, ..Default::default() }, "page_size"),
        (pb::ListEvidenceRequest { page_token: NOBODYS.to_owned(), ..Default::default() }, "page_token"),
    ] {
        let status = list(&client, request).await.unwrap_err();
        assert_eq!(refused(&status), format!("INVALID_REQUEST {wrong}"));
    }
    harness.stop().await;
}

#[tokio::test]
async fn of_what_several_sources_say_alike_the_newest_is_kept() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let mut last = String::new();
    for number in 0..10 {
        harness.clock.advance(Duration::from_secs(1));
        let source = format!("source {number}");
        let request = pb::RecordEvidenceRequest { source, ..password(session("one")) };
        last = record(&client, request).await.unwrap().id;
    }
    let kept = list(&client, pb::ListEvidenceRequest::default()).await.unwrap().evidence;
    assert_eq!(kept.iter().map(|evidence| evidence.id.as_str()).collect::<Vec<_>>(), [last]);
    harness.stop().await;
}

#[tokio::test]
async fn what_is_taken_back_is_counted_once() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let one = record(&client, password(session("one"))).await.unwrap();
    for name in ["one", "two", "two"] {
        record(&client, password(session(name))).await.unwrap();
    }
    let revoke = async |selection, request_id: &str| {
        let (subject, request_id) = ("alice".to_owned(), request_id.to_owned());
        let request = pb::RevokeEvidenceRequest { subject, selection, request_id };
        let answer: Result<pb::RevokeEvidenceResponse, _> =
            client.send("AssuranceService/RevokeEvidence", &request).await;
        answer.map(|answer| answer.revoked_count).map_err(|status| refused(&status))
    };
    let this = || Some(Selection::EvidenceId(one.id.clone()));
    assert_eq!(revoke(this(), REQUEST).await, Ok(1));
    assert_eq!(revoke(this(), REQUEST).await, Ok(1), "a retry gets the same answer");
    assert_eq!(revoke(this(), "").await, Ok(0));
    assert_eq!(revoke(Some(Selection::EvidenceId(NOBODYS.to_owned())), "").await, Ok(0));
    assert_eq!(revoke(Some(Selection::Session("two".to_owned())), "").await, Ok(2));
    assert_eq!(revoke(Some(Selection::Everything(true)), "").await, Ok(1));
    assert_eq!(revoke(Some(Selection::Everything(true)), "").await, Ok(0));
    for (selection, wrong) in [
        (None, "selection"),
        (Some(Selection::Everything(false)), "everything"),
        (Some(Selection::Session("a\0b".to_owned())), "session"),
        (Some(Selection::EvidenceId(String::new())), "evidence_id"),
    ] {
        assert_eq!(revoke(selection, "").await, Err(format!("INVALID_REQUEST {wrong}")));
    }
    harness.stop().await;
}

#[tokio::test]
async fn a_confirmation_is_evidence_where_it_was_given() {
    let harness = Harness::start().await;
    let client = harness.client().await;
    let setup = crate::harness::calls::hotp_setup(SECRET, 0);
    let pending = client.enroll("alice", "token", setup).await.unwrap().device.unwrap();
    let request = |counter| pb::ConfirmDeviceRequest {
        subject: "alice".to_owned(),
        device_id: pending.id.clone(),
        proof: Some(crate::harness::proof(&hotp(SECRET, counter))),
        context: Some(session("here")),
        ..Default::default()
    };
    let confirm = async |request| {
        let answer: pb::ConfirmDeviceResponse =
            client.send("DeviceService/ConfirmDevice", &request).await.unwrap();
        answer
    };
    assert_eq!(confirm(request(100)).await.evidence, None, "a wrong code is none");
    harness.clock.advance(Duration::from_secs(1));
    let evidence = confirm(request(0)).await.evidence.unwrap();
    assert_eq!((evidence.device_id.as_str(), evidence.scope()), (pending.id.as_str(), Scope::Session));
    assert_eq!(evidence.strength.clone().unwrap().amr, ["otp"]);
    let here = pb::ListEvidenceRequest { context: Some(session("here")), ..Default::default() };
    assert_eq!(list(&client, here.clone()).await.unwrap().evidence, [evidence]);
    assert_eq!(client.revoke("alice", Selection::Session("here".to_owned())).await, 1);
    assert_eq!(list(&client, here).await.unwrap().evidence, []);
    harness.stop().await;
}
