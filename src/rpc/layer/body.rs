//! Reads the body of a request whole, before its method is called.
//!
//! What a peer says of the size of its message costs nothing: memory is used only for bytes that have come.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::poll_fn;
use http_body::Body as _;
use http_body_util::Full;
use hyper::body::Bytes;
use tokio::time::timeout;
use tonic::body::Body;

use crate::domain::refusal::Refusal;
use crate::domain::violation::Violations;

/// The largest message of a method that anybody may call, in bytes.
pub(super) const OPEN_MAX: usize = 4 << 10;
/// How long a body may take to arrive.
const ARRIVAL: Duration = Duration::from_secs(5);
/// All bodies together, in bytes, without the first [`FREE`] of each.
const BUDGET: usize = 16 << 20;
/// How much of a body costs nothing of the budget: its request has a slot, of which there are few.
const FREE: usize = 4 << 10;
/// The length of what precedes a message: a flag and four bytes of its length.
const PREFIX: usize = 5;

/// What bodies that are being read may use together.
#[derive(Debug)]
pub(super) struct Budget(AtomicUsize);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicUsize::new(BUDGET))
    }
}

/// Bytes of the budget, given back when this is dropped.
#[derive(Debug)]
pub(super) struct Spent {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Spent {
    fn nothing(budget: &Arc<Budget>) -> Self {
        Self { budget: budget.clone(), bytes: 0 }
    }

    /// Spends up to that many bytes in all.
    fn up_to(&mut self, bytes: usize) -> Result<(), Refusal> {
        let more = bytes.saturating_sub(self.bytes);
        let spend = |left: usize| left.checked_sub(more);
        let spent = self.budget.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend);
        self.bytes += more;
        spent.map(drop).map_err(|_| {
            self.bytes -= more;
            Refusal::Overloaded
        })
    }
}

impl Drop for Spent {
    fn drop(&mut self) {
        self.budget.0.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

/// Reads a body as [`whole`] does, within [`ARRIVAL`].
pub(super) async fn arrived(body: Body, most: usize, budget: &Arc<Budget>) -> Result<(Body, Spent), Refusal> {
    let mut reading = pin!(whole(body, most, budget));
    // Most bodies are there when the request is: those need no timer.
    match (&mut reading).now_or_never() {
        Some(read) => read,
        None => timeout(ARRIVAL, reading).await.unwrap_or(Err(Refusal::DeadlineExceeded)),
    }
}

/// Reads a body of one message of at most `most` bytes. Gives it with what it uses of the budget.
///
/// # Errors
/// It is larger, is not whole, or all bodies together use the budget up.
async fn whole(mut body: Body, most: usize, budget: &Arc<Budget>) -> Result<(Body, Spent), Refusal> {
    let mut spent = Spent::nothing(budget);
    let mut read = Vec::new();
    loop {
        let frame = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await;
        let data = match frame {
            None => break,
            // The peer gave the stream up.
            Some(Err(_)) => return Err(not_whole()),
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
            spent.up_to(length)?;
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
