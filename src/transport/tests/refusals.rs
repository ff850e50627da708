//! Answers without a body.

use std::sync::LazyLock;

use http::header::CONTENT_TYPE;

use super::super::frame::{END_HEADERS, END_STREAM, Head};
use super::*;

const REQUESTS: u8 = 20;
/// Too long for the table of header fields. h2 encodes 16 KiB of headers ahead.
static MESSAGE: LazyLock<String> = LazyLock::new(|| "x".repeat(4000));
/// POST, http and `/` of the static table (RFC 7541, appendix A).
const REQUEST: &[u8] = &[0x83, 0x86, 0x84];

#[tokio::test]
async fn a_refusal_that_is_not_written_keeps_its_stream_open() {
    for (room, is_open) in [(64, true), (256 << 10, false)] {
        let (mut near, far) = duplex(room);
        let connections = Connections::new(1, MANY as usize, PATIENT, CancellationToken::new());
        let (connection, answered) = (connections.add(Peer::Unknown), Arc::new(Semaphore::new(0)));
        let counted = answered.clone();
        let service = service_fn(move |_: Request<Body>| {
            counted.add_permits(1);
            let refusal = Response::builder().header(CONTENT_TYPE, "application/grpc").header("x", &*MESSAGE);
            std::future::ready(Ok::<_, Infallible>(refusal.body(Body::empty()).unwrap()))
        });
        tokio::spawn(http2::serve(far, connection.clone(), connections, service));
        near.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        let head =
            |length, kind, flags, stream| Head { length, kind, flags, stream: [0, 0, 0, stream] }.write();
        near.write_all(&head(0, 4, 0, 0)).await.unwrap();
        for number in 0..REQUESTS {
            let head = head(REQUEST.len(), HEADERS, END_HEADERS | END_STREAM, 2 * number + 1);
            near.write_all(&[&head, REQUEST].concat()).await.unwrap();
        }
        drop(answered.acquire_many(REQUESTS.into()).await.unwrap());
        // hyper hands the last answer to h2, which writes it if there is room.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(connection.idle(Instant::now()).is_none(), is_open, "{room}");
    }
}
