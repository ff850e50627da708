//! Follows the frames that a peer sends, for what h2 does not limit: the length of a header block whose last field is not whole,
//! and the memory that the frames and blocks of all connections take that are not whole.

use std::io;

use super::frame::{CONTINUATION, END_HEADERS, FRAME_MAX, HEAD, Head, PREFACE};

/// A header block at most, in bytes, with the padding and priority fields of its frames: room for all metadata that is
/// read, and for metadata that is refused with a reason. h2 keeps up to 96 KiB of a field whose value is still to come.
pub(super) const BLOCK_MAX: usize = 32 << 10;
/// The memory that the fields of an unfinished header block take at most, in bytes, beside the block itself: fields of one
/// byte each, as many as [`super::http2`] reads.
pub(super) const FIELDS_MAX: usize = 40 << 10;

/// Follows frames, from the preface on.
#[derive(Debug)]
pub(super) struct Frames {
    /// Bytes until the next frame begins.
    skip: usize,
    /// The part of the next frame's header that has come.
    head: [u8; HEAD],
    length: usize,
    /// The length of the last frame's payload.
    frame: usize,
    /// The size of the last header block, as far as its frames have begun.
    block: usize,
    /// The block goes on in another frame.
    does_go_on: bool,
}

impl Frames {
    pub(super) fn new() -> Self {
        Self { skip: PREFACE, head: [0; HEAD], length: 0, frame: 0, block: 0, does_go_on: false }
    }

    /// Goes on with the bytes that were read.
    ///
    /// # Errors
    /// A frame is larger than [`FRAME_MAX`], or a header block than [`BLOCK_MAX`], or will be once its last frame is whole.
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

    /// A frame begins.
    fn begin(&mut self, head: Head) -> io::Result<()> {
        if head.length > FRAME_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a frame is too large"));
        }
        (self.skip, self.frame) = (head.length, head.length);
        if !head.is_of_block() {
            return Ok(());
        }
        let before = if head.kind == CONTINUATION { self.block } else { 0 };
        self.block = before + head.length;
        self.does_go_on = head.flags & END_HEADERS == 0;
        if self.block > BLOCK_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a header block is too large"));
        }
        Ok(())
    }

    /// The memory, in bytes, that h2 needs at most for what is not whole: it allocates the length that a frame claims.
    pub(super) fn unfinished(&self) -> usize {
        let frame = if self.skip > 0 { self.frame } else { 0 };
        let block = if self.does_go_on { self.block + FIELDS_MAX } else { 0 };
        frame + block
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::frame::HEADERS;
    use super::*;

    const DATA: u8 = 0;

    fn frame_of(kind: u8, flags: u8, length: usize) -> Vec<u8> {
        let mut bytes = Head { length, kind, flags, stream: [0, 0, 0, 1] }.write();
        // Looks like the header of a frame of a block.
        bytes.resize(HEAD + length, CONTINUATION);
        bytes
    }

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        frame_of(kind, 0, length)
    }

    /// Reads these frames, in pieces of that length.
    fn read(frames: &[Vec<u8>], piece: usize) -> io::Result<Frames> {
        let bytes = [&[0; PREFACE][..], &frames.concat()].concat();
        let mut frames = Frames::new();
        bytes.chunks(piece).try_for_each(|piece| frames.read(piece))?;
        Ok(frames)
    }

    fn is_read(frames: &[Vec<u8>], piece: usize) -> bool {
        read(frames, piece).is_ok()
    }

    proptest! {
        #[test]
        fn a_block_may_have_so_many_bytes_in_any_frames_and_pieces(
            mut lengths in prop::collection::vec(0usize..12_000, 1..8),
            between in 0..=FRAME_MAX,
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
            let other = [frame(DATA, between)];
            prop_assert!(is_read(&[block(&lengths), other.to_vec(), block(&lengths)].concat(), piece));
        }

        #[test]
        fn what_is_unfinished_is_the_frame_and_the_block_that_are_not_whole(
            length in 1usize..12_000,
            missing in any::<prop::sample::Index>(),
            piece in 1usize..5_000,
        ) {
            let missing = missing.index(length) + 1;
            let unfinished = |frames: &[Vec<u8>], missing: usize| {
                let mut frames = frames.to_vec();
                let last = frames.last_mut().unwrap();
                last.truncate(last.len() - missing);
                read(&frames, piece).unwrap().unfinished()
            };
            let (first, whole) = (frame(HEADERS, 100), frame_of(HEADERS, END_HEADERS, length));
            let (goes_on, ends) = (frame(CONTINUATION, length), frame_of(CONTINUATION, END_HEADERS, length));
            prop_assert_eq!(unfinished(&[frame(DATA, length)], missing), length);
            prop_assert_eq!(unfinished(std::slice::from_ref(&whole), missing), length);
            prop_assert_eq!(unfinished(&[first.clone(), goes_on.clone()], missing), 100 + 2 * length + FIELDS_MAX);
            prop_assert_eq!(unfinished(&[first.clone(), goes_on], 0), 100 + length + FIELDS_MAX);
            for whole in [vec![frame(DATA, length)], vec![whole], vec![first, ends]] {
                prop_assert_eq!(unfinished(&whole, 0), 0);
            }
        }
    }

    #[test]
    fn a_block_is_too_large_before_its_last_frame_is_whole() {
        let mut last = frame(CONTINUATION, 1);
        last.truncate(HEAD);
        let most = [frame(HEADERS, BLOCK_MAX / 2), frame(CONTINUATION, BLOCK_MAX / 2)];
        assert!(is_read(&most, 1000));
        assert!(!is_read(&[&most[..], &[last]].concat(), 1000));
    }

    #[test]
    fn a_frame_is_too_large_as_soon_as_its_header_says_so() {
        for kind in [DATA, HEADERS, 187] {
            let header = |length| frame(kind, length)[..HEAD].to_vec();
            assert!(is_read(&[header(FRAME_MAX)], 5) && !is_read(&[header(FRAME_MAX + 1)], 5));
        }
    }
}
