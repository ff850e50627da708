//! The limit of a header block. h2 limits the fields of a block, but keeps what has come of a field whose value is still to
//! come, up to 96 KiB.

use std::io;

use super::frame::{CONTINUATION, HEAD, Head, PREFACE};

/// A header block at most, in bytes, with the padding and priority fields of its frames: room for all metadata that is
/// read, and for metadata that is refused with a reason.
pub(super) const BLOCK_MAX: usize = 32 << 10;

/// Follows the frames that a peer sends, from the preface on.
#[derive(Debug)]
pub(super) struct Blocks {
    /// Bytes until the next frame begins.
    skip: usize,
    /// The part of the next frame's header that has come.
    head: [u8; HEAD],
    length: usize,
    /// The size of the last block, as far as its frames have begun.
    block: usize,
}

impl Blocks {
    pub(super) fn new() -> Self {
        Self { skip: PREFACE, head: [0; HEAD], length: 0, block: 0 }
    }

    /// Goes on with the bytes that were read.
    ///
    /// # Errors
    /// A header block is larger than [`BLOCK_MAX`], or will be once its last frame is whole.
    pub(super) fn read(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return Ok(());
            }
            let more = (HEAD - self.length).min(bytes.len());
            self.head[self.length..self.length + more].copy_from_slice(&bytes[..more]);
            self.length += more;
            bytes = &bytes[more..];
            if self.length == HEAD {
                self.length = 0;
                self.begin(Head::read(self.head))?;
            }
        }
    }

    fn begin(&mut self, head: Head) -> io::Result<()> {
        self.skip = head.length;
        if head.is_of_block() {
            let before = if head.kind == CONTINUATION { self.block } else { 0 };
            self.block = before + head.length;
            if self.block > BLOCK_MAX {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "a header block is too large"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frame::HEADERS;
    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let mut bytes = Head { length, kind, flags: 0, stream: [0, 0, 0, 1] }.write();
        // Looks like the header of a frame of a block.
        bytes.resize(HEAD + length, CONTINUATION);
        bytes
    }

    fn is_read(frames: &[Vec<u8>], piece: usize) -> bool {
        let bytes = [&[0; PREFACE][..], &frames.concat()].concat();
        let mut blocks = Blocks::new();
        bytes.chunks(piece).all(|piece| blocks.read(piece).is_ok())
    }

    proptest! {
        #[test]
        fn a_block_may_have_so_many_bytes_in_any_frames_and_pieces(
            mut lengths in prop::collection::vec(0usize..12_000, 1..8),
            between in 0usize..40_000,
            piece in 1usize..5_000,
        ) {
            let block = |lengths: &[usize]| -> Vec<Vec<u8>> {
                let kinds = std::iter::once(HEADERS).chain(std::iter::repeat(CONTINUATION));
                lengths.iter().zip(kinds).map(|(length, kind)| frame(kind, *length)).collect()
            };
            let is_small = lengths.iter().sum::<usize>() <= BLOCK_MAX;
            prop_assert_eq!(is_read(&block(&lengths), piece), is_small);
            // Each block is counted by itself, and nothing but blocks is counted.
            lengths.truncate(2);
            let other = [frame(0, between)];
            prop_assert!(is_read(&[block(&lengths), other.to_vec(), block(&lengths)].concat(), piece));
        }
    }

    #[test]
    fn a_block_is_too_large_before_its_last_frame_is_whole() {
        let mut last = frame(CONTINUATION, 1);
        last.truncate(HEAD);
        assert!(is_read(&[frame(HEADERS, BLOCK_MAX)], 1000));
        assert!(!is_read(&[frame(HEADERS, BLOCK_MAX), last], 1000));
    }
}
