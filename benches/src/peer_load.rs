//! The load on the peer, in a process of its own: closed loops over connections that are kept, each call with a code
//! that is due.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::raw::Limit;
use crate::{Failed, fleet};

/// What is to be done.
#[derive(Debug, Clone, clap::Args)]
pub struct Order {
    /// The peer's port.
    #[arg(long)]
    pub port: u16,
    /// Calls under way at once, each over a connection of its own.
    #[arg(long)]
    pub in_flight: usize,
    /// Seconds that count.
    #[arg(long)]
    pub seconds: f64,
    /// Devices, one after the other.
    #[arg(long)]
    pub devices: usize,
    /// Calls that were made before.
    #[arg(long)]
    pub made: usize,
}

/// Before what counts.
const WARM_UP: Duration = Duration::from_millis(300);

type Connection = SendRequest<Empty<Bytes>>;

/// Loads it and says how fast it is.
pub async fn run(order: Order) -> Result<Limit, Failed> {
    let begin = Instant::now() + WARM_UP;
    let end = begin + Duration::from_secs_f64(order.seconds);
    let next = Arc::new(AtomicUsize::new(order.made));
    let mut workers = Vec::new();
    for _ in 0..order.in_flight {
        workers.push(tokio::spawn(work(order.clone(), next.clone(), begin, end)));
    }
    let mut took = Vec::new();
    for worker in workers {
        took.extend(worker.await??);
    }
    let rate = took.len() as f64 / order.seconds;
    Ok(Limit { operations: next.load(Ordering::Relaxed) - order.made, ..Limit::of_rate(rate, took) })
}

async fn work(
    order: Order,
    next: Arc<AtomicUsize>,
    begin: Instant,
    end: Instant,
) -> Result<Vec<Duration>, Failed> {
    let mut connection = connect(order.port).await?;
    let mut took = Vec::new();
    loop {
        let made = next.fetch_add(1, Ordering::Relaxed);
        let (number, counter) = (made % order.devices, made / order.devices);
        let code = fleet::code(&fleet::generator(&fleet::member(number)), u64::try_from(counter)?);
        let uri: Uri = format!("/verify/{number}/{}", code.expose()).parse()?;
        let sent = Instant::now();
        if sent >= end {
            return Ok(took);
        }
        if connection.ready().await.is_err() {
            connection = connect(order.port).await?;
        }
        let request = Request::get(uri).header("host", "peer").body(Empty::new())?;
        let response = connection.send_request(request).await?;
        let status = response.status();
        response.into_body().collect().await?;
        if status != StatusCode::OK {
            return Err(format!("the peer answered {status}").into());
        }
        let answered = Instant::now();
        if sent >= begin && answered <= end {
            took.push(answered - sent);
        }
    }
}

async fn connect(port: u16) -> Result<Connection, Failed> {
    let stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port))).await?;
    stream.set_nodelay(true)?;
    let (sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(driver);
    Ok(sender)
}
