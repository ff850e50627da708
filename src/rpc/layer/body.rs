//! Reads the body of a request whole, before its method is called.
//!
//! Memory is allocated for bytes that have arrived, never for the length that a message claims.

use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::poll_fn;
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
use tonic::body::Body;

use crate::domain::refusal::Refusal;
use crate::domain::violation::Violations;

/// The largest message of a method that anybody may call, in bytes.
pub(super) const OPEN_MESSAGE_MAX: usize = 4 << 10;
/// How long a body may take to arrive.
pub(super) const ARRIVAL: Duration = Duration::from_secs(5);
/// The bytes that all bodies over [`FREE`] may use together, each until its method has answered.
const BUDGET: usize = 16 << 20;
/// A body up to this size, in bytes, is not counted: the slots bound how many there are.
const FREE: usize = 4 << 10;
/// The length of what precedes a message: a flag and four bytes of its length.
const PREFIX: usize = 5;

/// The budget of all bodies: a permit is a byte.
pub(super) fn budget() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(BUDGET))
}

/// The part of the budget that a body uses. `None`: the body is small.
pub(super) type Spent = Option<OwnedSemaphorePermit>;

/// Spends up to that many bytes in all.
fn spend(spent: &mut Spent, bytes: usize, budget: &Arc<Semaphore>) -> Result<(), Refusal> {
    let more = bytes - spent.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
    let more = u32::try_from(more).map_err(|_| Refusal::Overloaded)?;
    let permit = budget.clone().try_acquire_many_owned(more).map_err(|_| Refusal::Overloaded)?;
    match spent {
        Some(spent) => spent.merge(permit),
        None => *spent = Some(permit),
    }
    Ok(())
}

/// Reads a body as [`whole`] does, if it arrives within that time.
pub(super) async fn arrived(
    body: Body,
    most: usize,
    within: Duration,
    budget: &Arc<Semaphore>,
) -> Result<(Body, Spent), Refusal> {
    let mut reading = pin!(whole(body, most, budget));
    // Most bodies are there when the request is: those need no timer.
    match (&mut reading).now_or_never() {
        Some(read) => read,
        None => timeout(within, reading).await.unwrap_or(Err(Refusal::DeadlineExceeded)),
    }
}

/// Reads a body of one message of at most `most` bytes. Gives it with what it uses of the budget.
///
/// # Errors
/// It is larger, is not whole, or all bodies together use the budget up.
async fn whole(mut body: Body, most: usize, budget: &Arc<Semaphore>) -> Result<(Body, Spent), Refusal> {
    let mut spent = None;
    let mut read = Vec::new();
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        let data = match frame {
            None => break,
            // The peer gave the stream up, so nobody reads an answer: whoever waits for one drops this.
            Some(Err(_)) => return pending().await,
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) => data,
                // Trailers, which gRPC does not use in requests.
                Err(_) => continue,
            },
        };
        let length = read.len() + data.len();
        if length > most + PREFIX {
            return Err(too_large(most));
        }
        if length > FREE {
            spend(&mut spent, length, budget)?;
        }
        if read.is_empty() && body.is_end_stream() {
            check(&data, most)?;
            return Ok((Body::new(Full::new(data)), spent));
        }
        // Copied: a piece keeps the whole buffer alive from which it was cut.
        read.extend_from_slice(&data);
        if claimed(&read).is_some_and(|claimed| claimed > most) {
            return Err(too_large(most));
        }
    }
    check(&read, most)?;
    Ok((Body::new(Full::new(Bytes::from(read))), spent))
}

/// Refuses a body whose message claims to be too large, or larger than the body. A body without a message, and what is
/// wrong with its flag, is for the decoder.
fn check(body: &[u8], most: usize) -> Result<(), Refusal> {
    match claimed(body) {
        Some(claimed) if claimed > most => Err(too_large(most)),
        Some(claimed) if body.len() < claimed + PREFIX => Err(not_whole()),
        _ => Ok(()),
    }
}

/// The length that the message claims to have.
fn claimed(body: &[u8]) -> Option<usize> {
    let (_, rest) = body.split_first()?;
    let length = rest.first_chunk::<4>()?;
    usize::try_from(u32::from_be_bytes(*length)).ok()
}

fn too_large(most: usize) -> Refusal {
    Refusal::Invalid(Violations::one("request", format!("must be at most {most} bytes")))
}

fn not_whole() -> Refusal {
    let problem = "must be one whole message, framed as gRPC frames it";
    Refusal::Invalid(Violations::one("request", problem))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::{StreamExt as _, stream};
    use http_body::Frame;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;

    /// A body that comes in those pieces, and then ends or not.
    fn pieces(pieces: &[&[u8]], does_end: bool) -> Body {
        let pieces: Vec<_> = pieces.iter().map(|piece| Bytes::copy_from_slice(piece)).collect();
        let frames = stream::iter(pieces).map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
        if does_end {
            Body::new(StreamBody::new(frames))
        } else {
            Body::new(StreamBody::new(frames.chain(stream::pending())))
        }
    }

    fn framed(message: &[u8]) -> Vec<u8> {
        [&[0][..], &u32::try_from(message.len()).unwrap().to_be_bytes(), message].concat()
    }

    /// What is read, or what is wrong.
    async fn read(body: Body, budget: &Arc<Semaphore>) -> Result<Vec<u8>, String> {
        match whole(body, 8192, budget).await {
            Ok((body, _spent)) => Ok(body.collect().await.unwrap().to_bytes().to_vec()),
            Err(Refusal::Invalid(violations)) => {
                Err(violations.iter().map(|violation| violation.problem.to_string()).collect())
            }
            Err(refusal) => Err(format!("{refusal:?}")),
        }
    }

    #[tokio::test]
    async fn a_message_is_read_in_whatever_pieces_it_comes() {
        let budget = budget();
        let message = framed(&[7; 6000]);
        for size in [1, 4, 5, 6, 1000, 6005] {
            let cut: Vec<&[u8]> = message.chunks(size).collect();
            assert_eq!(read(pieces(&cut, true), &budget).await.as_ref(), Ok(&message), "{size}");
        }
        assert_eq!(read(pieces(&[], true), &budget).await, Ok(Vec::new()));
        assert_eq!(budget.available_permits(), BUDGET);
    }

    #[tokio::test]
    async fn a_body_is_refused_at_its_claim_or_at_its_size_without_waiting_for_its_end() {
        let budget = budget();
        let too_large = Err("must be at most 8192 bytes".to_owned());
        let claims = |bytes: u32| [&[0][..], &bytes.to_be_bytes()].concat();
        for claimed in [8193, u32::MAX] {
            assert_eq!(read(pieces(&[&claims(claimed)], false), &budget).await, too_large, "{claimed}");
        }
        assert_eq!(read(pieces(&[&claims(1), &[0; 4096], &[0; 4097]], false), &budget).await, too_large);
        let short = read(pieces(&[&claims(8192), &[0; 8191]], true), &budget).await;
        assert_eq!(short, Err("must be one whole message, framed as gRPC frames it".to_owned()));
        assert!((&mut Box::pin(read(pieces(&[&claims(8192)], false), &budget))).now_or_never().is_none());
    }

    #[tokio::test]
    async fn bodies_share_a_budget_and_small_ones_need_none() {
        let budget = Arc::new(Semaphore::new(6000));
        let large = framed(&[7; 5000]);
        let (_, spent) = whole(pieces(&[&large], true), 8192, &budget).await.unwrap();
        assert_eq!(budget.available_permits(), 6000 - large.len());
        assert_eq!(read(pieces(&[&large], true), &budget).await, Err("Overloaded".to_owned()));
        assert_eq!(budget.available_permits(), 6000 - large.len());
        let small = framed(&[7; 4000]);
        assert_eq!(read(pieces(&[&small], true), &budget).await, Ok(small));
        drop(spent);
        assert_eq!(budget.available_permits(), 6000);
    }

    #[tokio::test]
    async fn what_a_message_claims_uses_nothing_of_the_budget_until_it_arrives() {
        let budget = budget();
        let mut message = framed(&[7; 8192]);
        message.truncate(FREE);
        let mut reading = Box::pin(whole(pieces(&[&message], false), 8192, &budget));
        assert!((&mut reading).now_or_never().is_none());
        assert_eq!(budget.available_permits(), BUDGET);
    }

    #[tokio::test]
    async fn a_body_whose_stream_was_reset_is_not_answered() {
        let first = Ok(Frame::data(Bytes::from_static(&[0; 3])));
        let reset = Err(tonic::Status::cancelled("reset"));
        let body = Body::new(StreamBody::new(stream::iter([first, reset])));
        assert!(Box::pin(whole(body, 8192, &budget())).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let (body, within) = (pieces(&[b"\0\0"], false), Duration::from_millis(1));
        let late = arrived(body, 8192, within, &budget()).await;
        assert_eq!(late.err(), Some(Refusal::DeadlineExceeded));
    }
}
