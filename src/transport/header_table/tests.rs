//! The bytes that are passed on, and the limits before the acknowledgement.

use std::future::poll_fn;
use std::pin::Pin;

use proptest::prelude::*;

use super::super::frame::PUSH_PROMISE;
use super::*;

const PREFACE_TEXT: &[u8; PREFACE] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let head = Head { length: payload.len(), kind, flags, stream: [0, 0, 0, 1] };
    [&head.write(), payload].concat()
}

/// A socket from which bytes come in pieces of these lengths, again and again.
struct Pieces {
    bytes: Vec<u8>,
    lengths: Vec<usize>,
    next: usize,
}

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let length = self.lengths[self.next % self.lengths.len()];
        self.next += 1;
        let length = length.min(self.bytes.len()).min(into.remaining());
        into.put_slice(&self.bytes[..length]);
        self.bytes.drain(..length);
        Poll::Ready(Ok(()))
    }
}

/// The bytes that are passed on of those that come in pieces of these lengths, into so much room.
async fn passed_on(bytes: Vec<u8>, lengths: Vec<usize>, room: usize) -> io::Result<Vec<u8>> {
    let connection = Connection::alone(0);
    let mut reset = TableReset::new();
    let mut socket = Pieces { bytes, lengths, next: 0 };
    let mut passed = Vec::new();
    loop {
        let mut buffer = vec![0; room];
        let mut into = ReadBuf::new(&mut buffer);
        connection.refill_read_budget();
        if reset.is_over() {
            passed.append(&mut socket.bytes);
            return Ok(passed);
        }
        poll_fn(|cx| reset.poll_read(&mut socket, &connection, cx, &mut into)).await?;
        if into.filled().is_empty() {
            return Ok(passed);
        }
        passed.extend_from_slice(into.filled());
    }
}

/// Frames that a peer may send before its acknowledgement.
fn early_frames() -> impl Strategy<Value = Vec<u8>> {
    let kinds = prop_oneof![Just(0u8), Just(1), Just(2), Just(6), Just(8), Just(9), Just(187)];
    let parts = (kinds, any::<u8>(), prop::collection::vec(any::<u8>(), 0..40));
    let frames = prop::collection::vec(parts, 0..6);
    frames.prop_map(|frames| {
        let begin = [PREFACE_TEXT.to_vec(), frame(SETTINGS, 0, &[0, 4, 0, 0, 255, 255])];
        let rest = frames.iter().map(|(kind, flags, payload)| frame(*kind, *flags, payload));
        begin.into_iter().chain(rest).collect::<Vec<_>>().concat()
    })
}

/// A HEADERS frame, with as much padding and with priority fields as its flags say.
fn headers(flags: u8, block: &[u8], padding: u8) -> Vec<u8> {
    let (is_padded, has_priority) = (flags & PADDED != 0, flags & PRIORITY != 0);
    let mut payload = Vec::new();
    payload.extend(is_padded.then_some(padding));
    payload.extend([9; PRIORITY_FIELDS].iter().filter(|_| has_priority));
    payload.extend(block);
    payload.extend(vec![0; if is_padded { usize::from(padding) } else { 0 }]);
    frame(HEADERS, flags, &payload)
}

proptest! {
    #[test]
    fn a_table_size_update_comes_before_the_first_block_after_the_acknowledgement_and_nothing_else_changes(
        early in early_frames(),
        flags in any::<u8>(),
        padding in 0u8..40,
        block in prop::collection::vec(any::<u8>(), 0..60),
        rest in prop::collection::vec(any::<u8>(), 0..60),
        lengths in prop::collection::vec(1usize..50, 1..5),
        room in 1usize..50,
        cut in any::<prop::sample::Index>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let acknowledgement = frame(SETTINGS, ACK, &[]);
        let first = headers(flags, &block, padding);
        let update = frame(HEADERS, flags & END_STREAM, &[NO_TABLE]);
        let continuation = frame(CONTINUATION, flags & END_HEADERS, &block);
        let sent = [&early, &acknowledgement, &first, &rest].map(Vec::as_slice).concat();
        let wanted = [&early, &acknowledgement, &update, &continuation, &rest].map(Vec::as_slice).concat();
        let passed = |sent: &[u8]| runtime.block_on(passed_on(sent.to_vec(), lengths.clone(), room));
        prop_assert_eq!(passed(&sent).unwrap(), wanted);
        // Without the acknowledgement, and where the peer ends at any point.
        let unacknowledged = [early.as_slice(), &first].concat();
        let begin = &unacknowledged[..cut.index(unacknowledged.len())];
        prop_assert_eq!(passed(begin).unwrap(), begin);
        prop_assert!(passed(&sent[..cut.index(sent.len())]).is_ok());
    }
}

#[tokio::test]
async fn a_block_of_the_largest_frame_is_passed_on() {
    let block = vec![0; 16 << 10];
    let sent = [&PREFACE_TEXT[..], &frame(SETTINGS, ACK, &[]), &frame(HEADERS, END_HEADERS, &block)];
    let passed = passed_on(sent.concat(), vec![1000], 4096).await.unwrap();
    assert!(passed.ends_with(&frame(CONTINUATION, END_HEADERS, &block)));
}

#[tokio::test]
async fn a_block_with_more_padding_than_there_is_ends_the_connection() {
    for (padding, is_passed) in [(4, true), (5, false)] {
        let first = frame(HEADERS, PADDED, &[padding, 1, 2, 3, 4]);
        let sent = [&PREFACE_TEXT[..], &frame(SETTINGS, ACK, &[]), &first];
        assert_eq!(passed_on(sent.concat(), vec![1000], 4096).await.is_ok(), is_passed, "{padding}");
    }
}

/// Reads frames of a peer.
async fn read(frames: &[Vec<u8>]) -> io::Result<()> {
    passed_on([PREFACE_TEXT.to_vec(), frames.concat()].concat(), vec![4096], 4096).await.map(drop)
}

#[tokio::test]
async fn a_peer_that_acknowledges_nothing_may_send_so_much_up_to_its_last_header_block() {
    let filler = || frame(187, 0, &[0; 16 << 10]);
    let filled: Vec<_> = std::iter::repeat_with(filler).take(7).collect();
    for kind in [HEADERS, CONTINUATION, PUSH_PROMISE] {
        let block = |length| frame(kind, 0, &vec![0; length]);
        let left = BEFORE_ACK_MAX - PREFACE - filled.concat().len() - HEAD;
        assert!(read(&[&filled[..], &[block(left)]].concat()).await.is_ok());
        assert!(read(&[&filled[..], &[block(left + 1)]].concat()).await.is_err());
        // The same after the acknowledgement, and other frames without any.
        let acknowledged = [&[frame(SETTINGS, ACK, &[])], &filled[..], &[block(left + 1)]].concat();
        assert!(read(&acknowledged).await.is_ok());
    }
    assert!(read(&[&filled[..], &filled].concat()).await.is_ok());
}

#[tokio::test]
async fn what_the_table_may_keep_is_given_back_with_the_update() {
    let connection = Connection::alone(0);
    let mut reset = TableReset::new();
    let frames = [frame(187, 0, &[0; 16 << 10]), headers(END_HEADERS, &[0], 0), frame(SETTINGS, ACK, &[])];
    let bytes = [PREFACE_TEXT.to_vec(), frames.concat()].concat();
    let mut socket = Pieces { bytes, lengths: vec![4096], next: 0 };
    let mut held = Vec::new();
    for more in [vec![], headers(END_HEADERS, &[0], 0)] {
        socket.bytes.extend(more);
        while !socket.bytes.is_empty() || !reset.output.is_empty() {
            connection.refill_read_budget();
            let mut buffer = [0; 4096];
            let mut into = ReadBuf::new(&mut buffer);
            poll_fn(|cx| reset.poll_read(&mut socket, &connection, cx, &mut into)).await.unwrap();
        }
        held.push(reset.kept());
    }
    let first_block = PREFACE + HEAD + (16 << 10) + HEAD + 1;
    assert_eq!(held, [first_block, 0]);
}
