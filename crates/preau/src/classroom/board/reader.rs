//! Reads what a page wants to change on the board, byte by byte, before anything is merged.
//!
//! A board is one Yjs map, `elements`: the id of a drawn thing, and the thing as a plain object. Yjs knows much
//! more (texts, nested types, documents in documents), and the code that merges trusts what it is given. So
//! only what a board is made of passes: entries of that one map, plain values of bounded depth, and deletions.
//! The format is version 1 of Yjs' updates; numbers are LEB128.
//!
//! Invariant: no input makes this panic, recurse deeper than [`DEEPEST`], or allocate more than its own length.

/// The one root of the document.
pub(super) const ROOT: &str = "elements";
/// Bytes of the longest id of a drawn thing.
const LONGEST_KEY: usize = 64;
/// How deep values may lie in one another; a bound arrow needs four.
const DEEPEST: u8 = 8;
/// Greatest clock; the code that merges calculates with signed 32 bits.
const LAST_CLOCK: u32 = 1 << 30;
/// Yjs' ids of writers have 53 bits.
const LAST_CLIENT: u64 = (1 << 53) - 1;
/// What can be drawn. Pictures, frames of other sites and the like are not for a board of the school.
const KINDS: [&[u8]; 7] = [b"rectangle", b"diamond", b"ellipse", b"arrow", b"line", b"freedraw", b"text"];

/// Why an update is no update of a board, in words for a developer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no update of a board: {0}")]
pub(super) struct Unsound(&'static str);

type Read<T> = Result<T, Unsound>;

/// What an update changes and builds on, by writers and their clocks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outline {
    /// What it adds: the writer, the first clock, and the first clock after it.
    pub(super) adds: Vec<(u64, u32, u32)>,
    /// What must be there already, or come with it.
    pub(super) needs: Vec<(u64, u32)>,
}

/// Reads an update.
///
/// # Errors
/// [`Unsound`] for everything that a page of ours would not send.
pub(super) fn outline(update: &[u8]) -> Read<Outline> {
    let mut bytes = Bytes(update);
    let mut outline = Outline::default();
    for _ in 0..bytes.count()? {
        let structs = bytes.count()?;
        let (client, first) = (bytes.client()?, bytes.clock()?);
        let mut clock = first;
        for _ in 0..structs {
            clock = later(clock, bytes.block(&mut outline.needs)?)?;
        }
        if outline.adds.iter().any(|(known, ..)| *known == client) {
            return Err(Unsound("a writer comes twice"));
        }
        outline.adds.push((client, first, clock));
    }
    for _ in 0..bytes.count()? {
        let client = bytes.client()?;
        for _ in 0..bytes.count()? {
            let first = bytes.clock()?;
            let length = bytes.clock()?;
            let end = later(first, length)?;
            outline.needs.push((client, end - 1));
        }
    }
    if bytes.0.is_empty() { Ok(outline) } else { Err(Unsound("something follows its end")) }
}

/// The clock after something of that length.
fn later(clock: u32, length: u32) -> Read<u32> {
    if length == 0 {
        return Err(Unsound("something has no length"));
    }
    let end = clock.saturating_add(length);
    if end > LAST_CLOCK { Err(Unsound("a clock is too great")) } else { Ok(end) }
}

/// What is left to read.
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, length: usize) -> Read<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Unsound("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn byte(&mut self) -> Read<u8> {
        self.take(1)?.first().copied().ok_or(Unsound("it ends too early"))
    }

    /// An unsigned number of 63 bits at most.
    fn number(&mut self) -> Read<u64> {
        let mut number = 0_u64;
        for place in 0..9 {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << (7 * place);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Unsound("a number is too long"))
    }

    /// How many of something follow; each has a byte at least.
    fn count(&mut self) -> Read<usize> {
        let count = usize::try_from(self.number()?).map_err(|_| Unsound("a number is too great"))?;
        if count > self.0.len() { Err(Unsound("it ends too early")) } else { Ok(count) }
    }

    fn client(&mut self) -> Read<u64> {
        let client = self.number()?;
        if client > LAST_CLIENT { Err(Unsound("a writer's id is too great")) } else { Ok(client) }
    }

    fn clock(&mut self) -> Read<u32> {
        let clock = u32::try_from(self.number()?).map_err(|_| Unsound("a clock is too great"))?;
        if clock > LAST_CLOCK { Err(Unsound("a clock is too great")) } else { Ok(clock) }
    }

    fn text(&mut self) -> Read<&'b [u8]> {
        let length = self.count()?;
        let text = self.take(length)?;
        std::str::from_utf8(text).map(|_| text).map_err(|_| Unsound("a text is not UTF-8"))
    }

    /// A block; its length in clocks.
    fn block(&mut self, needs: &mut Vec<(u64, u32)>) -> Read<u32> {
        let info = self.byte()?;
        let (origin, right, sub) = (info & 0x80 != 0, info & 0x40 != 0, info & 0x20 != 0);
        if info == 0 {
            // What was deleted long ago and has no content any more.
            return self.clock();
        }
        if right || !sub {
            return Err(Unsound("a board is a map"));
        }
        if origin {
            // It follows the entry that it replaces, and belongs where that belongs.
            needs.push((self.client()?, self.clock()?));
        } else {
            if self.number()? != 1 || self.text()? != ROOT.as_bytes() {
                return Err(Unsound("a board has one map"));
            }
            if !(1..=LONGEST_KEY).contains(&self.text()?.len()) {
                return Err(Unsound("an id has 1 to 64 bytes"));
            }
        }
        match info & 0x1f {
            1 => self.clock(),
            8 => {
                if self.number()? != 1 {
                    return Err(Unsound("an entry has one value"));
                }
                self.thing()?;
                Ok(1)
            }
            _ => Err(Unsound("only plain values are drawn")),
        }
    }

    /// A drawn thing: an object that says what it is.
    fn thing(&mut self) -> Read<()> {
        if self.byte()? != 118 {
            return Err(Unsound("a drawn thing is an object"));
        }
        let mut known = false;
        for _ in 0..self.count()? {
            let key = self.text()?;
            if key == b"type" {
                if self.byte()? != 119 || !KINDS.contains(&self.text()?) {
                    return Err(Unsound("this cannot be drawn"));
                }
                known = true;
            } else {
                self.value(1)?;
            }
        }
        if known { Ok(()) } else { Err(Unsound("a drawn thing says what it is")) }
    }

    /// A plain value.
    fn value(&mut self, depth: u8) -> Read<()> {
        if depth > DEEPEST {
            return Err(Unsound("values lie too deep in one another"));
        }
        match self.byte()? {
            // Undefined, null, false, true.
            127 | 126 | 121 | 120 => {}
            // A signed number: six bits in its first byte.
            125 => {
                let mut length = 1;
                while self.byte()? >= 0x80 {
                    length += 1;
                    if length > 8 {
                        return Err(Unsound("a number is too long"));
                    }
                }
            }
            124 => {
                self.take(4)?;
            }
            123 => {
                self.take(8)?;
            }
            119 => {
                self.text()?;
            }
            118 => {
                for _ in 0..self.count()? {
                    self.text()?;
                    self.value(depth + 1)?;
                }
            }
            117 => {
                for _ in 0..self.count()? {
                    self.value(depth + 1)?;
                }
            }
            _ => return Err(Unsound("a value is none of JSON's")),
        }
        Ok(())
    }
}
