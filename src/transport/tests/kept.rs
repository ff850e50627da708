//! Bytes before the acknowledgement of the SETTINGS.

use tokio::io::DuplexStream;

use super::super::frame::{END_HEADERS, END_STREAM, HEAD, HEADERS, Head};
use super::super::kept::{BUDGET, FREE};
use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// POST, http and `/` of the static table (RFC 7541, appendix A).
const REQUEST: &[u8] = &[0x83, 0x86, 0x84];

/// The bytes that a greedy peer sends, and how many such peers use up the budget.
const LARGE: usize = 112 << 10;
const ENOUGH: usize = BUDGET / (LARGE - FREE) + 1;

/// A preface, frames of an unknown type with so many bytes, a multiple of 16 KiB, and a request.
fn early(filler: usize) -> Vec<u8> {
    let head = |length, kind, flags, stream| Head { length, kind, flags, stream: [0, 0, 0, stream] }.write();
    let settings = head(0, 4, 0, 0);
    let fillers = vec![16 << 10; filler / (16 << 10)];
    let fillers: Vec<u8> =
        fillers.into_iter().flat_map(|length| [head(length, 187, 0, 0), vec![0; length]].concat()).collect();
    let request = [&head(REQUEST.len(), HEADERS, END_HEADERS | END_STREAM, 1), REQUEST].concat();
    [PREFACE, &settings, &fillers, &request].concat()
}

/// Sends all of it without an acknowledgement, and reads until the headers of the answer. False: the connection ends.
async fn is_answered(socket: &mut DuplexStream, bytes: &[u8]) -> bool {
    if socket.write_all(bytes).await.is_err() {
        return false;
    }
    loop {
        let mut head = [0; HEAD];
        if socket.read_exact(&mut head).await.is_err() {
            return false;
        }
        let head = Head::read(head);
        if socket.read_exact(&mut vec![0; head.length]).await.is_err() {
            return false;
        }
        if head.kind == HEADERS {
            return true;
        }
    }
}

#[tokio::test]
async fn peers_that_use_up_the_budget_do_not_close_the_connections_of_others() {
    let server = Server::new(Answer::Plain, PATIENT);
    let (large, mut greedy) = (early(LARGE), Vec::new());
    for _ in 0..ENOUGH + 20 {
        let mut socket = server.connect(256 << 10);
        assert!(is_answered(&mut socket, &large).await, "the newest connection is closed");
        greedy.push(socket);
    }
    let mut new = server.connect(256 << 10);
    assert!(is_answered(&mut new, &early(4 * FREE)).await);
    // The oldest are closed instead.
    let mut oldest = greedy.swap_remove(0);
    timeout(Duration::from_secs(60), oldest.read_to_end(&mut Vec::new())).await.unwrap().unwrap();
    assert!(server.connections.count() <= ENOUGH);
}
