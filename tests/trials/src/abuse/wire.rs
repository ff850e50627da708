//! HTTP/2 as bytes (RFC 9113), with headers as literals (RFC 7541, 6.2). An attacker sends
//! what no client library sends.

/// What a client sends first (RFC 9113, 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The largest payload of a frame that every peer takes.
pub(super) const FRAME_MAX: usize = 16 << 10;
/// The length of a frame's header.
pub(super) const HEAD: usize = 9;

/// Types of frames (RFC 9113, 6).
pub(super) mod kind {
    pub(in crate::abuse) const DATA: u8 = 0;
    pub(in crate::abuse) const HEADERS: u8 = 1;
    pub(in crate::abuse) const PRIORITY: u8 = 2;
    pub(in crate::abuse) const RST_STREAM: u8 = 3;
    pub(in crate::abuse) const SETTINGS: u8 = 4;
    pub(in crate::abuse) const PING: u8 = 6;
    pub(in crate::abuse) const GOAWAY: u8 = 7;
    pub(in crate::abuse) const WINDOW_UPDATE: u8 = 8;
    pub(in crate::abuse) const CONTINUATION: u8 = 9;
    /// No version knows it.
    pub(in crate::abuse) const UNKNOWN: u8 = 99;
}

/// Flags of frames.
pub(super) mod flag {
    pub(in crate::abuse) const END_STREAM: u8 = 1;
    pub(in crate::abuse) const ACK: u8 = 1;
    pub(in crate::abuse) const END_HEADERS: u8 = 4;
}

/// Settings (RFC 9113, 6.5.2).
pub(super) mod setting {
    pub(in crate::abuse) const MAX_CONCURRENT_STREAMS: u16 = 3;
    pub(in crate::abuse) const INITIAL_WINDOW_SIZE: u16 = 4;
}

/// The error code CANCEL (RFC 9113, 7).
pub(super) const CANCEL: [u8; 4] = [0, 0, 0, 8];

/// A frame that came.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

/// A frame as bytes.
pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let mut bytes = length[1..].to_vec();
    bytes.extend([kind, flags]);
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Takes the first frame out of what has come, if it is there.
pub(super) fn take(inbox: &mut Vec<u8>) -> Option<Frame> {
    let head = inbox.first_chunk::<HEAD>()?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
    let (kind, flags) = (head[3], head[4]);
    let stream = u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]);
    let payload = inbox.get(HEAD..HEAD + length)?.to_vec();
    inbox.drain(..HEAD + length);
    Some(Frame { kind, flags, stream, payload })
}

/// A SETTINGS frame.
pub(super) fn settings(values: &[(u16, u32)]) -> Vec<u8> {
    let payload: Vec<u8> = values
        .iter()
        .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
        .collect();
    frame(kind::SETTINGS, 0, 0, &payload)
}

/// The headers of a gRPC request.
pub(super) fn headers(path: &str, token: Option<&str>, more: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    let fixed = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    for (name, value) in fixed.iter().chain(more) {
        literal(&mut block, name, value);
    }
    if let Some(token) = token {
        literal(&mut block, "authorization", &format!("Bearer {token}"));
    }
    block
}

/// A header as a literal with a new name, without indexing.
pub(super) fn literal(block: &mut Vec<u8>, name: &str, value: &str) {
    field(block, 0, name, value);
}

/// The same, which the server keeps for later: [`NEWEST`] (RFC 7541, 6.2.1).
pub(super) fn indexed(block: &mut Vec<u8>, name: &str, value: &str) {
    field(block, 0x40, name, value);
}

/// The field that was kept last (RFC 7541, 6.1: index 62).
pub(super) const NEWEST: u8 = 0x80 | 62;

fn field(block: &mut Vec<u8>, form: u8, name: &str, value: &str) {
    block.push(form);
    for text in [name, value] {
        length(block, text.len());
        block.extend(text.as_bytes());
    }
}

/// An integer with a prefix of seven bits (RFC 7541, 5.1).
fn length(block: &mut Vec<u8>, length: usize) {
    let Some(mut rest) = length.checked_sub(127) else {
        block.push(length as u8);
        return;
    };
    block.push(127);
    while rest >= 128 {
        block.push((rest % 128) as u8 | 128);
        rest /= 128;
    }
    block.push(rest as u8);
}

/// What precedes a gRPC message: a flag and its length, which need not be true.
pub(super) fn prefix(is_compressed: bool, length: u32) -> Vec<u8> {
    [&[u8::from(is_compressed)][..], &length.to_be_bytes()].concat()
}

/// A gRPC message.
pub(super) fn message(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    [&prefix(false, length)[..], body].concat()
}

/// A gzip stream (RFC 1952) of so many zero bytes or a few more, in a thousandth of the space: one deflate block
/// with fixed codes (RFC 1951, 3.2.6), in which a zero is repeated 258 times again and again. Its checksum is wrong,
/// which is found only after the last byte.
pub(super) fn gzip_of_zeros(length: usize) -> Vec<u8> {
    let mut bytes = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let (mut pending, mut bits) = (0u32, 0u32);
    let mut put = |bytes: &mut Vec<u8>, code: u32, count: u32| {
        pending |= code << bits;
        bits += count;
        while bits >= 8 {
            bytes.push(pending as u8);
            pending >>= 8;
            bits -= 8;
        }
    };
    // The last block, with fixed codes; then a literal 0.
    put(&mut bytes, 0b011, 3);
    put(&mut bytes, u32::from(0x30u8.reverse_bits()), 8);
    for _ in 0..length.div_ceil(258) {
        // Length 258 is code 285 (11000101), without extra bits; distance 1 is code 0, of five bits.
        put(&mut bytes, u32::from(0b1100_0101u8.reverse_bits()), 8);
        put(&mut bytes, 0, 5);
    }
    // The end of the block, and what fills its last byte.
    put(&mut bytes, 0, 14);
    bytes.extend([0; 8]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_taken_only_when_it_is_whole() {
        let bytes = frame(kind::PING, flag::ACK, 5, b"12345678");
        let mut inbox = bytes[..bytes.len() - 1].to_vec();
        assert_eq!(take(&mut inbox), None);
        inbox.push(b'8');
        let whole = Frame { kind: kind::PING, flags: flag::ACK, stream: 5, payload: b"12345678".to_vec() };
        assert_eq!((take(&mut inbox), inbox.len()), (Some(whole), 0));
    }

    #[test]
    fn lengths_are_those_of_the_hpack_examples() {
        let of = |number| {
            let mut block = Vec::new();
            length(&mut block, number);
            block
        };
        assert_eq!(of(10), [10]);
        assert_eq!(of(127), [127, 0]);
        // RFC 7541, C.1.2, with a prefix of seven bits instead of five.
        assert_eq!(of(1337), [127, 186, 9]);
    }

    #[test]
    fn a_bomb_is_small() {
        assert!(gzip_of_zeros(16 << 20).len() < 110_000);
    }
}
