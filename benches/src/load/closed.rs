//! Closed loops: each sends its next call when the last one was answered, at once or when it is its turn.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::body::Bytes;

use super::call::Connection;
use super::{Order, Span, Tally, What, body};
use crate::Failed;

struct Plan {
    what: What,
    bodies: Vec<Bytes>,
    is_once: bool,
    next: AtomicUsize,
    span: Span,
    /// How long each loop takes at least for a call.
    pace: Option<Duration>,
}

/// Loads, and gives what was seen and how many calls were made.
pub(super) async fn run(
    order: &Order,
    span: Span,
    connections: &[Connection],
    bodies: Vec<Bytes>,
    is_once: bool,
) -> Result<(Tally, usize), Failed> {
    let pace = order.rate.map(|rate| Duration::from_secs_f64(order.in_flight as f64 / rate));
    let plan = Arc::new(Plan { what: order.what, bodies, is_once, next: AtomicUsize::new(0), span, pace });
    let workers: Vec<_> = (0..order.in_flight)
        .map(|i| {
            // They do not all begin at the same moment.
            let first = pace.unwrap_or_default().mul_f64(i as f64 / order.in_flight as f64);
            tokio::spawn(work(plan.clone(), connections[i % connections.len()].clone(), first))
        })
        .collect();
    let mut all = Tally::default();
    for worker in workers {
        all.add(worker.await??);
    }
    let calls = plan.next.load(Ordering::Relaxed);
    Ok((all, if is_once { calls.min(plan.bodies.len()) } else { calls }))
}

async fn work(plan: Arc<Plan>, mut connection: Connection, first: Duration) -> Result<Tally, Failed> {
    let mut tally = Tally::default();
    let mut turn = Instant::now() + first;
    loop {
        if let Some(pace) = plan.pace {
            tokio::time::sleep_until(turn.into()).await;
            turn += pace;
        }
        let sent = Instant::now();
        if sent >= plan.span.end {
            return Ok(tally);
        }
        let number = plan.next.fetch_add(1, Ordering::Relaxed);
        let place = if plan.is_once { number } else { number % plan.bodies.len() };
        let Some(body) = plan.bodies.get(place).cloned() else {
            tally.ran_out = true;
            return Ok(tally);
        };
        let reply = connection.call(body).await?;
        tally.note(plan.span, sent, body::what_else(plan.what, &reply));
    }
}
