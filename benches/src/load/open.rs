//! An open loop: calls are sent when they are due, whether or not those before are answered. What waits to be
//! sent has begun to wait for its answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use hyper::body::Bytes;
use tokio::task::JoinSet;

use super::call::Connection;
use super::{Order, Span, Tally, body};
use crate::Failed;

/// How often what is due is sent.
const TICK: Duration = Duration::from_millis(1);

/// Loads, and gives what was seen and how many calls were made.
pub(super) async fn run(
    order: &Order,
    span: Span,
    rate: f64,
    connections: &[Connection],
    bodies: Vec<Bytes>,
    is_once: bool,
) -> Result<(Tally, usize), Failed> {
    let begin = Instant::now();
    let tally = Arc::new(Mutex::new(Tally::default()));
    let mut under_way = JoinSet::new();
    let (mut calls, what) = (0, order.what);
    while Instant::now() < span.end {
        while calls as f64 <= begin.elapsed().as_secs_f64() * rate {
            let place = if is_once { calls } else { calls % bodies.len() };
            let Some(body) = bodies.get(place).cloned() else {
                return Err("the codes ran out before the time did".into());
            };
            let due = begin + Duration::from_secs_f64(calls as f64 / rate);
            let mut connection = connections[calls % connections.len()].clone();
            calls += 1;
            let tally = tally.clone();
            under_way.spawn(async move {
                let what_else = match connection.call(body).await {
                    Ok(reply) => body::what_else(what, &reply),
                    Err(_) => Some("no answer".to_owned()),
                };
                tally.lock().unwrap_or_else(PoisonError::into_inner).note(span, due, what_else);
            });
        }
        // What has ended is let go of.
        while under_way.try_join_next().is_some() {}
        tokio::time::sleep(TICK).await;
    }
    under_way.shutdown().await;
    let tally = std::mem::take(&mut *tally.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((tally, calls))
}
