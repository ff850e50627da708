//! The headers of HTTP/2 frames (RFC 9113, 4.1 and 6).

/// The length of the connection preface, in bytes (RFC 9113, 3.4).
pub(super) const PREFACE: usize = 24;
/// The length of a frame's header, in bytes.
pub(super) const HEAD: usize = 9;

/// The largest payload of a frame, in bytes: the size that is announced (RFC 9113, 4.2).
pub(super) const FRAME_MAX: usize = 16 << 10;

/// Types of frames.
pub(super) const HEADERS: u8 = 1;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PUSH_PROMISE: u8 = 5;
pub(super) const CONTINUATION: u8 = 9;

/// Flags of frames.
pub(super) const ACK: u8 = 1;
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
pub(super) const PADDED: u8 = 8;
pub(super) const PRIORITY: u8 = 0x20;

/// The header of a frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    /// The length of the payload, in bytes.
    pub(super) length: usize,
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: [u8; 4],
}

impl Head {
    pub(super) fn read(bytes: [u8; HEAD]) -> Self {
        let [high, middle, low, kind, flags, stream @ ..] = bytes;
        Self { length: u32::from_be_bytes([0, high, middle, low]) as usize, kind, flags, stream }
    }

    /// The bytes of the header. No payload is larger than the three bytes of its length allow.
    pub(super) fn write(self) -> Vec<u8> {
        let length = u32::try_from(self.length).unwrap_or(u32::MAX).to_be_bytes();
        [&length[1..], &[self.kind, self.flags], &self.stream].concat()
    }

    /// Whether the frame begins or continues a header block.
    pub(super) fn is_of_block(self) -> bool {
        matches!(self.kind, HEADERS | PUSH_PROMISE | CONTINUATION)
    }
}
