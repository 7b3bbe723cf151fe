//! Memory of datagrams that were sent, for those that are written next.
//!
//! A packet for thirty receivers is thirty datagrams that live for some microseconds. From the allocator each would come out of
//! other memory than the last, which no cache knows and the kernel may have taken back; from here it is the memory that
//! was written last. Invariant: what is kept is bounded in number and in size.

/// How many are kept, and how long each may be: a packet of a Wi-Fi's or an Ethernet's usual size and what sealing adds.
const KEPT: usize = 1_024;
const LENGTH: usize = 1_536;

/// Empty buffers.
#[derive(Default)]
pub(crate) struct Buffers(Vec<Vec<u8>>);

impl Buffers {
    /// An empty one.
    pub(crate) fn take(&mut self) -> Vec<u8> {
        self.0.pop().unwrap_or_else(|| Vec::with_capacity(LENGTH))
    }

    /// Gives back what was sent, or anything else that is not needed any more.
    pub(crate) fn give(&mut self, mut buffer: Vec<u8>) {
        // Others come from elsewhere: the library's datagrams, or what did not fit.
        if self.0.len() < KEPT && buffer.capacity() == LENGTH {
            buffer.clear();
            self.0.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_is_written_again_and_no_more_is_kept_than_that() {
        let mut buffers = Buffers::default();
        let mut first = buffers.take();
        first.extend_from_slice(b"a datagram");
        let place = first.as_ptr();
        buffers.give(first);
        let again = buffers.take();
        assert!(again.is_empty());
        assert_eq!(again.as_ptr(), place);
        // Neither short ones, that would grow, nor long ones.
        buffers.give(Vec::new());
        buffers.give(vec![0; 65_000]);
        assert_eq!(buffers.0.len(), 0);
        for _ in 0..2 * KEPT {
            buffers.give(Vec::with_capacity(LENGTH));
        }
        assert_eq!(buffers.0.len(), KEPT);
    }
}
