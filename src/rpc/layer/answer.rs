//! Encodes an answer at once, and counts its bytes until they are sent.

use std::future::ready;
use std::sync::Arc;

use http::Response;
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use tonic::body::Body;

use super::share::{Share, Shares};
use crate::domain::refusal::Refusal;

/// The bytes of all answers over [`FREE`] together, each until it is sent. Callers share them.
const BUDGET: usize = 16 << 20;
/// An answer up to this size, in bytes, is not counted: the slots bound how many there are.
const FREE: usize = 4 << 10;
/// The least part of each caller, in bytes: more than nearly all answers have.
const LEAST: usize = 256 << 10;

/// The budget of all answers, in bytes.
pub(super) fn budget() -> Arc<Shares> {
    Shares::new(BUDGET, LEAST)
}

/// The answer, encoded, and its share of the budget, to be held until the answer is sent. `share`: nothing is taken of it
/// yet; `None` for methods that anybody may call, whose answers are small.
///
/// # Errors
/// The caller's answers use up all that the caller can have.
pub(super) async fn encoded(
    answer: Response<Body>,
    share: Option<Share>,
) -> Result<(Response<Body>, Option<Share>), Refusal> {
    if answer.body().is_end_stream() {
        return Ok((answer, None));
    }
    let (head, body) = answer.into_parts();
    let body = match body.collect().await {
        Ok(body) => body,
        Err(status) => return Ok((status.into_http(), None)),
    };
    let trailers = body.trailers().cloned();
    // Copied: the encoder's buffer has 8 KiB at least, and up to twice the length.
    let bytes = Bytes::from(body.to_bytes().to_vec());
    let mut share = share.filter(|_| bytes.len() > FREE);
    if let Some(share) = &mut share
        && !share.grow_to(bytes.len())
    {
        return Err(Refusal::AnswersUnsent);
    }
    let body = Full::new(bytes).with_trailers(ready(trailers.map(Ok)));
    Ok((Response::from_parts(head, Body::new(body)), share))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use futures_util::stream;
    use http::HeaderMap;
    use http_body::Frame;
    use http_body_util::StreamBody;

    use super::*;
    use crate::auth::Caller;
    use crate::domain::ids::{CallerName, Tenant};

    /// An answer in these pieces, with trailers.
    fn answer(pieces: &[usize]) -> Response<Body> {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
        let pieces: Vec<_> = pieces.iter().map(|length| Frame::data(Bytes::from(vec![7; *length]))).collect();
        let frames = pieces.into_iter().chain([Frame::trailers(trailers)]).map(Ok::<_, Infallible>);
        Response::new(Body::new(StreamBody::new(stream::iter(frames))))
    }

    fn share(budget: &Arc<Shares>, name: &'static str) -> Option<Share> {
        let (name, tenant) = (CallerName::trusted(name), Tenant::trusted("default"));
        let caller = Arc::new(Caller { name, tenant, roles: BTreeSet::new() });
        Some(budget.empty(&caller, 2))
    }

    #[tokio::test]
    async fn an_answer_is_whole_and_its_bytes_are_counted() {
        let budget = budget();
        let (answer, share) = encoded(answer(&[6000, 1, 0]), share(&budget, "app")).await.unwrap();
        let mut body = answer.into_body();
        assert_eq!(body.size_hint().lower(), 6001);
        let bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(bytes, vec![7; 6001]);
        let trailers = body.frame().await.unwrap().unwrap().into_trailers().unwrap();
        assert_eq!(trailers["grpc-status"], "0");
        assert!(body.frame().await.is_none());
        assert_eq!(budget.used(), 6001);
        drop(share);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn a_caller_whose_answers_are_not_sent_takes_nothing_that_others_have() {
        let budget = budget();
        let mut unsent = Vec::new();
        let refused = loop {
            match encoded(answer(&[64 << 10]), share(&budget, "greedy")).await {
                Ok(answer) => unsent.push(answer),
                Err(refusal) => break refusal,
            }
        };
        assert_eq!(refused, Refusal::AnswersUnsent);
        assert_eq!(unsent.len(), (BUDGET * 3 / 4) / (64 << 10), "its own part and the common one");
        assert!(encoded(answer(&[64 << 10]), share(&budget, "app")).await.is_ok());
        assert!(encoded(answer(&[FREE]), share(&budget, "greedy")).await.is_ok());
        drop(unsent);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn an_answer_without_a_body_stays_without_one() {
        let status = tonic::Status::unavailable("later").into_http();
        let (answer, _) = encoded(status, None).await.unwrap();
        assert!(answer.body().is_end_stream());
        assert_eq!(answer.headers()["grpc-status"], "14");
    }
}
