//! What a request costs before it is carried out, and until its answer is sent.

use std::collections::BTreeSet;

use futures_util::stream;
use http_body::Frame;
use http_body_util::{Full, StreamBody};
use hyper::body::Bytes;
use tonic::Code;
use tower::{ServiceExt as _, service_fn};

use super::body::OPEN_MESSAGE_MAX;
use super::*;
use crate::auth::{Credentials, Role};
use crate::crypto::token::TokenHash;
use crate::domain::ids::{CallerName, Tenant};
use crate::env::SystemEntropy;

const CHECK: &str = "/grpc.health.v1.Health/Check";
const WATCH: &str = "/grpc.health.v1.Health/Watch";
const VERIFY: &str = "/countersign.v1.VerificationService/Verify";
const REFLECT: &str = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const ENROLL: &str = "/countersign.v1.DeviceService/EnrollDevice";

const TOKEN: &str = "cs_of-a-caller-who-may-verify";

/// A layer for one caller, who may verify, with so many slots.
fn layer(concurrency: usize) -> Layer {
    let (name, tenant) = (CallerName::trusted("app"), Tenant::trusted("default"));
    let caller = Arc::new(Caller { name, tenant, roles: BTreeSet::from([Role::Verify]) });
    let mut credentials = Credentials::default();
    assert!(credentials.token(TokenHash::of(TOKEN), &caller));
    Layer::new(Rules {
        callers: Arc::new(Callers::new(credentials)),
        anybody: None,
        concurrency,
        max_message: 64 << 10,
        timeout: Duration::from_secs(30),
        entropy: Arc::new(SystemEntropy),
    })
}

/// Calls a method that succeeds, and answers with the metadata that it was given.
async fn call(layer: &Layer, path: &str, body: Body) -> Response<Body> {
    answered(layer, path, body, 0).await
}

/// The same with an answer of so many bytes.
async fn answered(layer: &Layer, path: &str, body: Body, length: usize) -> Response<Body> {
    let echo = service_fn(move |request: Request<Body>| async move {
        let mut response = Response::new(Body::new(Full::new(Bytes::from(vec![7; length]))));
        *response.headers_mut() = request.headers().clone();
        Ok::<_, Infallible>(response)
    });
    let request = Request::post(path)
        .header(http::header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .header(http::header::CONTENT_TYPE, "application/grpc");
    let answered = tower_layer::Layer::layer(layer, echo).oneshot(request.body(body).unwrap()).await;
    match answered {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

fn code(response: &Response<Body>) -> Code {
    Status::from_header_map(response.headers()).map_or(Code::Ok, |status| status.code())
}

/// A body that does not come.
fn awaited() -> Body {
    Body::new(StreamBody::new(stream::pending::<Result<Frame<Bytes>, Infallible>>()))
}

#[tokio::test]
async fn a_role_is_asked_for_before_a_slot_and_before_the_body() {
    for slots in [0, 1] {
        let layer = layer(slots);
        let refused = call(&layer, ENROLL, awaited()).now_or_never().expect("an answer without a body");
        assert_eq!(code(&refused), Code::PermissionDenied, "{slots} slots");
    }
    let refused = call(&layer(0), VERIFY, awaited()).now_or_never().expect("an answer without a body");
    assert_eq!(code(&refused), Code::Unavailable);
    assert!(call(&layer(1), VERIFY, awaited()).now_or_never().is_none());
}

#[tokio::test]
async fn a_slot_is_free_when_the_answer_is_sent_and_no_sooner() {
    let layer = layer(1);
    let answer = call(&layer, VERIFY, Body::empty()).await;
    assert_eq!(code(&answer), Code::Ok);
    assert_eq!(code(&call(&layer, VERIFY, Body::empty()).await), Code::Unavailable);
    drop(answer);
    assert_eq!(code(&call(&layer, VERIFY, Body::empty()).await), Code::Ok);
}

#[tokio::test]
async fn a_slot_is_kept_for_as_long_as_anything_of_its_request_goes_on() {
    let layer = layer(1);
    let (end, is_ended) = tokio::sync::oneshot::channel::<()>();
    let is_ended = Arc::new(std::sync::Mutex::new(Some(is_ended)));
    let going_on = service_fn(move |_: Request<Body>| {
        let is_ended = is_ended.lock().unwrap().take().unwrap();
        async move {
            let _ = crate::env::request::to_the_end(is_ended).await;
            Ok::<_, Infallible>(Response::new(Body::empty()))
        }
    });
    let request = Request::post(VERIFY).header(http::header::AUTHORIZATION, format!("Bearer {TOKEN}"));
    let request = request.body(Body::empty()).unwrap();
    let mut dropped = Box::pin(tower_layer::Layer::layer(&layer, going_on).oneshot(request));
    assert!((&mut dropped).now_or_never().is_none());
    drop(dropped);
    assert_eq!(code(&call(&layer, VERIFY, Body::empty()).await), Code::Unavailable);
    end.send(()).unwrap();
    while code(&call(&layer, VERIFY, Body::empty()).await) != Code::Ok {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn large_answers_are_counted_until_they_are_sent_and_small_ones_are_not() {
    let layer = layer(10_000);
    let mut unsent = Vec::new();
    let refused = loop {
        let answer = answered(&layer, VERIFY, Body::empty(), 64 << 10).await;
        match code(&answer) {
            Code::Ok => unsent.push(answer),
            _ => break answer,
        }
    };
    assert_eq!((code(&refused), unsent.len()), (Code::Unavailable, 256), "16 MiB");
    for _ in 0..1_000 {
        unsent.push(answered(&layer, VERIFY, Body::empty(), 4 << 10).await);
    }
    assert!(unsent.iter().all(|answer| code(answer) == Code::Ok));
    drop(unsent);
    assert_eq!(code(&answered(&layer, VERIFY, Body::empty(), 64 << 10).await), Code::Ok);
}

#[tokio::test]
async fn callers_have_few_streams_under_way() {
    let layer = layer(100);
    let mut streams = Vec::new();
    for _ in 0..8 {
        streams.push(call(&layer, REFLECT, awaited()).await);
    }
    assert!(streams.iter().all(|answer| code(answer) == Code::Ok));
    assert_eq!(code(&call(&layer, REFLECT, awaited()).await), Code::Unavailable);
    assert_eq!(code(&call(&layer, VERIFY, Body::empty()).await), Code::Ok);
    streams.pop();
    assert_eq!(code(&call(&layer, REFLECT, awaited()).await), Code::Ok);
}

#[tokio::test]
async fn a_method_that_anybody_may_call_has_small_messages() {
    let layer = layer(1);
    let message = |length: usize| {
        let head = u32::try_from(length).unwrap().to_be_bytes();
        Body::new(Full::new(Bytes::from([&[0][..], &head, &vec![0; length]].concat())))
    };
    assert_eq!(code(&call(&layer, CHECK, message(OPEN_MESSAGE_MAX)).await), Code::Ok);
    assert_eq!(code(&call(&layer, CHECK, message(OPEN_MESSAGE_MAX + 1)).await), Code::InvalidArgument);
    assert_eq!(code(&call(&layer, VERIFY, message(OPEN_MESSAGE_MAX + 1)).await), Code::Ok);
}

#[tokio::test]
async fn a_method_gets_no_metadata_but_its_own() {
    for path in [CHECK, WATCH, VERIFY, REFLECT] {
        let seen = call(&layer(1), path, Body::empty()).await;
        assert!(seen.headers().contains_key(http::header::CONTENT_TYPE), "{path}");
        assert!(!seen.headers().contains_key(http::header::AUTHORIZATION), "{path}");
    }
}

#[tokio::test]
async fn only_the_answer_of_a_stream_may_go_on_without_an_end() {
    for (path, is_open_ended) in [(CHECK, false), (VERIFY, false), (WATCH, true), (REFLECT, true)] {
        let answer = call(&layer(1), path, Body::empty()).await;
        assert_eq!(answer.extensions().get::<OpenEnded>().is_some(), is_open_ended, "{path}");
    }
}
