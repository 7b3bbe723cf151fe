//! VP8 as far as a recording needs to know it: where a frame begins in RTP, and what a key frame says of itself.

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Pixels in a line.
    pub width: u16,
    /// Lines.
    pub height: u16,
}

/// The part of a frame that one packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// Whether the frame begins here: the first packet of its first partition.
    pub begins: bool,
    pub bytes: &'a [u8],
}

/// Takes the payload descriptor off (RFC 7741, section 4.2). `None` when the packet is too short for what it says
/// it holds, or holds nothing.
pub(crate) fn part(payload: &[u8]) -> Option<Part<'_>> {
    let (&first, mut rest) = payload.split_first()?;
    if first & 0x80 != 0 {
        let (&extension, after) = rest.split_first()?;
        rest = after;
        if extension & 0x80 != 0 {
            // The picture's number has 7 or 15 bits.
            let long = rest.first()? & 0x80 != 0;
            rest = rest.get(if long { 2 } else { 1 }..)?;
        }
        if extension & 0x40 != 0 {
            rest = rest.get(1..)?;
        }
        if extension & 0x30 != 0 {
            rest = rest.get(1..)?;
        }
    }
    let begins = first & 0x10 != 0 && first & 0x07 == 0;
    (!rest.is_empty()).then_some(Part { begins, bytes: rest })
}

/// The size that a key frame states; `None` for any other frame (RFC 6386, section 9.1).
#[must_use]
pub fn key_frame(frame: &[u8]) -> Option<Size> {
    let head: &[u8; 10] = frame.first_chunk()?;
    let is_key = head[0] & 1 == 0 && head[3..6] == [0x9d, 0x01, 0x2a];
    // Two bits of each say how to scale it up.
    let of = |low: usize| u16::from_le_bytes([head[low], head[low + 1]]) & 0x3fff;
    is_key.then(|| Size { width: of(6), height: of(8) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_descriptor_comes_off_whatever_it_holds() {
        let of = |payload: &'static [u8]| part(payload).map(|part| (part.begins, part.bytes));
        assert_eq!(of(&[0x10, 7, 8]), Some((true, &[7, 8][..])));
        assert_eq!(of(&[0x00, 7]), Some((false, &[7][..])), "goes on");
        assert_eq!(of(&[0x11, 7]), Some((false, &[7][..])), "a later partition of the frame begins");
        assert_eq!(of(&[0x90, 0x80, 0x12, 7]), Some((true, &[7][..])), "a short number");
        assert_eq!(of(&[0x90, 0x80, 0x92, 0x34, 7]), Some((true, &[7][..])), "a long one");
        assert_eq!(of(&[0x90, 0xe0, 0x92, 0x34, 5, 0x40, 7]), Some((true, &[7][..])));
        for cut in [&[][..], &[0x10], &[0x90], &[0x90, 0x80], &[0x90, 0x80, 0x92, 0x34], &[0x90, 0x60, 1, 2]]
        {
            assert_eq!(of(cut), None, "{cut:?}");
        }
    }

    #[test]
    fn a_key_frame_says_how_large_it_is() {
        let mut frame = [0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xc0, 0x03, 0x1c, 0x42, 9];
        assert_eq!(key_frame(&frame), Some(Size { width: 960, height: 540 }), "without the bits for scaling");
        frame[0] |= 1;
        assert_eq!(key_frame(&frame), None);
        assert_eq!(key_frame(&[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0, 0, 0]), None, "cut off");
    }
}
