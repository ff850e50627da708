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
use tokio::time::timeout;
use tonic::body::Body;

use super::share::{Share, Shares};
use crate::domain::refusal::Refusal;
use crate::domain::violation::Violations;

/// The largest message of a method that anybody may call, in bytes.
pub(super) const OPEN_MESSAGE_MAX: usize = 4 << 10;
/// How long a body may take to arrive.
pub(super) const ARRIVAL: Duration = Duration::from_secs(5);
/// The bytes of all bodies over [`FREE`] together, each until its method has answered. Callers share them.
const BUDGET: usize = 16 << 20;
/// A body up to this size, in bytes, is not counted: the slots bound how many there are. The largest body of a method
/// that anybody may call has this size, so that those bodies need no budget, which is divided among callers.
const FREE: usize = OPEN_MESSAGE_MAX + PREFIX;
/// The length of what precedes a message: a flag and four bytes of its length.
const PREFIX: usize = 5;

/// The budget of all bodies, in bytes. Each caller has enough of it for one message of `largest` bytes at least.
pub(super) fn budget(largest: usize) -> Arc<Shares> {
    Shares::new(BUDGET, largest + PREFIX)
}

/// The bounds of a request's body.
pub(super) struct Bounds {
    /// The largest message, in bytes.
    most: usize,
    /// The share of the budget, which grows with the body. `None`: the method is one that anybody may call.
    share: Option<Share>,
}

impl Bounds {
    /// The bounds of a method that anybody may call.
    pub(super) fn open() -> Self {
        Self { most: OPEN_MESSAGE_MAX, share: None }
    }

    /// The bounds of a request of a caller, with messages of up to so many bytes. The share is given back when the
    /// bounds are dropped.
    pub(super) fn of_caller(most: usize, share: Share) -> Self {
        Self { most, share: Some(share) }
    }

    /// Takes the budget for a body of that length, which needs a new buffer beyond that `capacity`. Gives the capacity: at
    /// most twice the length.
    ///
    /// # Errors
    /// The message is too large, or the caller's bodies use up all that the caller can have.
    fn admit(&mut self, length: usize, capacity: usize) -> Result<usize, Refusal> {
        let most = self.most + PREFIX;
        if length > most {
            return Err(too_large(self.most));
        }
        let capacity = if length > capacity { (2 * capacity).clamp(length, most) } else { capacity };
        if capacity > FREE
            && let Some(share) = &mut self.share
            && !share.grow_to(capacity)
        {
            return Err(Refusal::Overloaded);
        }
        Ok(capacity)
    }
}

/// Reads a body as [`whole`] does, if it arrives within that time.
pub(super) async fn arrived(body: Body, bounds: &mut Bounds, within: Duration) -> Result<Body, Refusal> {
    let mut reading = pin!(whole(body, bounds));
    // Most bodies are there when the request is: those need no timer.
    match (&mut reading).now_or_never() {
        Some(read) => read,
        None => timeout(within, reading).await.unwrap_or(Err(Refusal::DeadlineExceeded)),
    }
}

/// Reads a body of one message.
///
/// # Errors
/// The message is larger than its bounds, or is not whole.
async fn whole(mut body: Body, bounds: &mut Bounds) -> Result<Body, Refusal> {
    let most = bounds.most;
    let mut read: Vec<u8> = Vec::new();
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
        let capacity = bounds.admit(read.len() + data.len(), read.capacity())?;
        if read.is_empty() && body.is_end_stream() {
            check(&data, most)?;
            return Ok(Body::new(Full::new(data)));
        }
        // Copied: a piece keeps the whole buffer alive from which it was cut.
        read.reserve_exact(capacity - read.len());
        read.extend_from_slice(&data);
        if claimed(&read).is_some_and(|claimed| claimed > most) {
            return Err(too_large(most));
        }
    }
    check(&read, most)?;
    Ok(Body::new(Full::new(Bytes::from(read))))
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
    use std::collections::BTreeSet;
    use std::convert::Infallible;

    use futures_util::{StreamExt as _, stream};
    use http_body::Frame;
    use http_body_util::{BodyExt as _, StreamBody};

    use super::*;
    use crate::auth::Caller;
    use crate::domain::ids::{CallerName, Tenant};

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

    /// The message that is read, or the problem with it.
    async fn read(body: Body, bounds: &mut Bounds) -> Result<Vec<u8>, String> {
        match whole(body, bounds).await {
            Ok(body) => Ok(body.collect().await.unwrap().to_bytes().to_vec()),
            Err(Refusal::Invalid(violations)) => {
                Err(violations.iter().map(|violation| violation.problem.to_string()).collect())
            }
            Err(refusal) => Err(format!("{refusal:?}")),
        }
    }

    /// The bounds of a request by that caller, one of two, with messages of up to 8 KiB.
    fn bounds(budget: &Arc<Shares>, name: &'static str) -> Bounds {
        let (name, tenant) = (CallerName::trusted(name), Tenant::trusted("default"));
        let caller = Arc::new(Caller { name, tenant, roles: BTreeSet::new() });
        Bounds::of_caller(8192, budget.empty(&caller, 2))
    }

    #[tokio::test]
    async fn a_message_is_read_in_whatever_pieces_it_comes() {
        let budget = budget(8192);
        let message = framed(&[7; 6000]);
        for size in [1, 4, 5, 6, 1000, 6005] {
            let (cut, mut bounds): (Vec<&[u8]>, _) = (message.chunks(size).collect(), bounds(&budget, "app"));
            assert_eq!(read(pieces(&cut, true), &mut bounds).await.as_ref(), Ok(&message), "{size}");
            let used = message.len()..=message.len() * 2;
            assert!(used.contains(&budget.used()), "{size}: {}", budget.used());
        }
        assert_eq!(read(pieces(&[], true), &mut bounds(&budget, "app")).await, Ok(Vec::new()));
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn a_body_is_refused_at_its_claim_or_at_its_size_without_waiting_for_its_end() {
        let budget = budget(8192);
        let too_large = Err("must be at most 8192 bytes".to_owned());
        let claims = |bytes: u32| [&[0][..], &bytes.to_be_bytes()].concat();
        let bounds = &mut bounds(&budget, "app");
        for claimed in [8193, u32::MAX] {
            assert_eq!(read(pieces(&[&claims(claimed)], false), bounds).await, too_large, "{claimed}");
        }
        assert_eq!(read(pieces(&[&claims(1), &[0; 4096], &[0; 4097]], false), bounds).await, too_large);
        let short = read(pieces(&[&claims(8192), &[0; 8191]], true), bounds).await;
        assert_eq!(short, Err("must be one whole message, framed as gRPC frames it".to_owned()));
        assert!((&mut Box::pin(read(pieces(&[&claims(8192)], false), bounds))).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_caller_whose_bodies_do_not_end_takes_nothing_that_others_have() {
        let budget = budget(8192);
        let unfinished = &framed(&[7; 8192])[..8190];
        let mut reading = Vec::new();
        for _ in 0..=BUDGET / unfinished.len() {
            let mut bounds = bounds(&budget, "greedy");
            let mut body = Box::pin(async move { read(pieces(&[unfinished], false), &mut bounds).await });
            match (&mut body).now_or_never() {
                None => reading.push(body),
                Some(refused) => assert_eq!(refused, Err("Overloaded".to_owned())),
            }
        }
        assert!(reading.len() > 1000, "the common part is for whoever comes");
        let large = framed(&[7; 8192]);
        assert_eq!(read(pieces(&[&large], true), &mut bounds(&budget, "app")).await, Ok(large));
        // Small bodies need no budget.
        let small = framed(&[7; OPEN_MESSAGE_MAX]);
        assert_eq!(read(pieces(&[&small], true), &mut bounds(&budget, "greedy")).await, Ok(small));
        drop(reading);
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn among_however_many_callers_each_has_enough_for_a_message() {
        let budget = budget(8192);
        let (message, callers) = (framed(&[7; 8192]), BUDGET / 8192 + 10);
        let mut all = Vec::new();
        for number in 0..callers {
            let (name, tenant) =
                (CallerName::trusted(&format!("caller {number}")), Tenant::trusted("default"));
            let caller = Arc::new(Caller { name, tenant, roles: BTreeSet::new() });
            let mut bounds = Bounds::of_caller(8192, budget.empty(&caller, callers));
            assert_eq!(read(pieces(&[&message], true), &mut bounds).await.as_ref(), Ok(&message), "{number}");
            all.push(bounds);
        }
        assert_eq!(budget.used(), callers * message.len());
    }

    #[tokio::test]
    async fn a_method_that_anybody_may_call_uses_nothing_of_the_budget() {
        let largest = framed(&[7; OPEN_MESSAGE_MAX]);
        assert_eq!(largest.len(), FREE);
        assert_eq!(read(pieces(&[&largest], true), &mut Bounds::open()).await, Ok(largest.clone()));
        let budget = budget(8192);
        let mut bounds = bounds(&budget, "app");
        assert_eq!(read(pieces(&[&largest], true), &mut bounds).await, Ok(largest));
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn what_a_message_claims_uses_nothing_of_the_budget_until_it_arrives() {
        let budget = budget(8192);
        let mut message = framed(&[7; 8192]);
        message.truncate(FREE);
        let mut bounds = bounds(&budget, "app");
        let mut reading = Box::pin(whole(pieces(&[&message], false), &mut bounds));
        assert!((&mut reading).now_or_never().is_none());
        assert_eq!(budget.used(), 0);
    }

    #[tokio::test]
    async fn a_body_whose_stream_was_reset_is_not_answered() {
        let first = Ok(Frame::data(Bytes::from_static(&[0; 3])));
        let reset = Err(tonic::Status::cancelled("reset"));
        let body = Body::new(StreamBody::new(stream::iter([first, reset])));
        assert!(Box::pin(whole(body, &mut Bounds::open())).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_body_that_does_not_come_is_given_up() {
        let (body, within) = (pieces(&[b"\0\0"], false), Duration::from_millis(1));
        let late = arrived(body, &mut Bounds::open(), within).await;
        assert_eq!(late.err(), Some(Refusal::DeadlineExceeded));
    }
}
