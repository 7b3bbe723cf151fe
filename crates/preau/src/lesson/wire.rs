//! A shard's UDP socket: datagrams in batches, in (recvmmsg) and out (segmentation offload: what one receiver is due
//! of the same size goes down the kernel's stack once). Where the kernel has neither, one by one.
//!
//! It knows nothing of rooms. What is sent waits for [`Wire::flush`], which the shard calls at the end of every turn.
//! Invariant: datagrams for one receiver leave in the order in which they came; nothing here ever blocks; what the kernel does not take is
//! lost, as on any network, and WebRTC repairs it.

use mio::net::UdpSocket;
use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr};

/// What is asked of the kernel for each direction, in bytes: a second of a busy machine's media. The
/// kernel gives less when `net.core.rmem_max` and `wmem_max` say so.
const BUFFER: usize = 8 * 1024 * 1024;
/// Longest that one offloaded send may be, in bytes: an IPv4 packet less its headers.
const OFFLOADED: usize = 65_507;
/// Longest datagram without offload: WebRTC keeps below the usual 1,500-byte frames.
const DATAGRAM: usize = 2_048;

/// The socket with its buffers.
pub(super) struct Wire {
    socket: UdpSocket,
    state: UdpSocketState,
    buffers: Vec<Vec<u8>>,
    meta: [RecvMeta; BATCH_SIZE],
    /// Buffer, beginning and end of every datagram of the last batch.
    arrived: Vec<(SocketAddr, usize, usize, usize)>,
    /// What waits to be sent.
    leaving: Vec<(SocketAddr, Vec<u8>)>,
    /// The order in which it will be: a number for the receiver, then the place in what waits.
    order: Vec<u64>,
    /// Datagrams on their way as one.
    joined: Vec<u8>,
}

impl Wire {
    /// Opens the socket on `listen`; port 0 takes a free one.
    ///
    /// # Errors
    /// The operating system's.
    pub(super) fn open(listen: SocketAddr) -> io::Result<Wire> {
        let socket = UdpSocket::bind(listen)?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // Smaller buffers cost packets under load and nothing else.
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), BUFFER);
        let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), BUFFER);
        let size = DATAGRAM * state.gro_segments();
        Ok(Wire {
            socket,
            state,
            buffers: vec![vec![0; size]; BATCH_SIZE],
            meta: [RecvMeta::default(); BATCH_SIZE],
            arrived: Vec::with_capacity(BATCH_SIZE),
            leaving: Vec::new(),
            order: Vec::new(),
            joined: Vec::with_capacity(OFFLOADED),
        })
    }

    /// The address it is bound to.
    ///
    /// # Errors
    /// The operating system's.
    pub(super) fn local(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// For the waiting point.
    pub(super) fn source(&mut self) -> &mut UdpSocket {
        &mut self.socket
    }

    /// Takes a batch; whether there may be more.
    pub(super) fn receive(&mut self) -> bool {
        self.arrived.clear();
        let mut slices: Vec<IoSliceMut<'_>> =
            self.buffers.iter_mut().map(|buffer| IoSliceMut::new(buffer)).collect();
        let count = match self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut self.meta) {
            Ok(count) => count,
            // An earlier packet met a closed port: that says nothing of the next.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return true,
            Err(_) => return false,
        };
        for (index, meta) in self.meta.iter().take(count).enumerate() {
            let stride = meta.stride.max(1);
            let mut from = 0;
            while from < meta.len {
                let to = (from + stride).min(meta.len);
                self.arrived.push((meta.addr, index, from, to));
                from = to;
            }
        }
        true
    }

    /// Datagrams of the last batch.
    pub(super) fn arrived(&self) -> usize {
        self.arrived.len()
    }

    /// One of them.
    pub(super) fn datagram(&self, index: usize) -> (SocketAddr, &[u8]) {
        let (source, buffer, from, to) = self.arrived[index];
        (source, &self.buffers[buffer][from..to])
    }

    /// Sends a datagram with the next [`Wire::flush`].
    pub(super) fn send(&mut self, destination: SocketAddr, contents: Vec<u8>) {
        self.leaving.push((destination, contents));
    }

    /// Hands everything that waits to the kernel, or loses it; and the memory of each to `sent`.
    pub(super) fn flush(&mut self, sent: impl FnMut(Vec<u8>)) {
        let Wire { socket, state, leaving, order, joined, .. } = self;
        order.clear();
        order.extend((0..).zip(leaving.iter()).map(|(at, (to, _))| u64::from(number(*to)) << 32 | at));
        // A picture comes as several packets, each of which goes to everybody: side by side again, receiver by receiver.
        order.sort_unstable();
        let mut rest = order.as_slice();
        let place = |of: u64| of as u32 as usize;
        while let Some(first) = rest.first() {
            let (destination, datagram) = &leaving[place(*first)];
            let count = alike(rest.iter().map(|one| &leaving[place(*one)]), state.max_gso_segments());
            let (contents, segment_size) = if count == 1 {
                (datagram.as_slice(), None)
            } else {
                joined.clear();
                rest[..count].iter().for_each(|one| joined.extend_from_slice(&leaving[place(*one)].1));
                (joined.as_slice(), Some(datagram.len()))
            };
            let transmit =
                Transmit { destination: *destination, ecn: None, contents, segment_size, src_ip: None };
            let _ = state.try_send(UdpSockRef::from(&*socket), &transmit);
            rest = &rest[count..];
        }
        leaving.drain(..).map(|(_, contents)| contents).for_each(sent);
    }
}

/// A number for an address, to sort by: the same for the same. Two addresses that share one only go less well together.
fn number(address: SocketAddr) -> u32 {
    let host = match address.ip() {
        IpAddr::V4(ip) => u64::from(u32::from(ip)),
        IpAddr::V6(ip) => {
            let bits = u128::from(ip);
            (bits >> 64) as u64 ^ bits as u64
        }
    };
    // Fibonacci hashing (Knuth, The Art of Computer Programming, section 6.4): the upper half is well mixed.
    ((host << 16 ^ u64::from(address.port())).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}

/// How many of the first datagrams can go as one: for the same receiver, all as long as the first, only the last of
/// them shorter, and together no longer than the kernel takes.
fn alike<'d>(datagrams: impl Iterator<Item = &'d (SocketAddr, Vec<u8>)>, most: usize) -> usize {
    let mut first: Option<(SocketAddr, usize)> = None;
    let (mut count, mut total) = (0, 0);
    for (destination, contents) in datagrams {
        let (receiver, size) = *first.get_or_insert((*destination, contents.len()));
        total += contents.len();
        let fits =
            receiver == *destination && contents.len() <= size && total <= OFFLOADED && count < most.max(1);
        if count > 0 && !fits {
            break;
        }
        count += 1;
        if contents.len() < size {
            break;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket as Socket;

    fn to(port: u16, length: usize) -> (SocketAddr, Vec<u8>) {
        (SocketAddr::from(([127, 0, 0, 1], port)), vec![0; length])
    }

    #[test]
    fn what_is_alike_goes_together() {
        let count = |datagrams: &[(SocketAddr, Vec<u8>)], most| alike(datagrams.iter(), most);
        assert_eq!(count(&[to(1, 100)], 64), 1);
        assert_eq!(count(&[to(1, 100), to(1, 100), to(1, 100)], 64), 3);
        assert_eq!(count(&[to(1, 100), to(1, 100), to(1, 100)], 2), 2);
        assert_eq!(count(&[to(1, 100), to(1, 100)], 1), 1, "a kernel without offload");
        assert_eq!(count(&[to(1, 100), to(2, 100)], 64), 1, "somebody else");
        assert_eq!(count(&[to(1, 100), to(1, 80), to(1, 80)], 64), 2, "a shorter one is the last");
        assert_eq!(count(&[to(1, 80), to(1, 100)], 64), 1, "a longer one begins anew");
        assert_eq!(count(&vec![to(1, 1_200); 64], 64), 54, "no more than fits into one");
    }

    #[test]
    fn everybody_gets_theirs_in_order() {
        let receivers = [(); 3].map(|()| Socket::bind("127.0.0.1:0").expect("a socket"));
        let mut wire = Wire::open("127.0.0.1:0".parse().expect("an address")).expect("a socket");
        // Three pictures for three receivers, packet by packet, the last of each shorter.
        for number in 0..12_u8 {
            for receiver in &receivers {
                let length = if number % 4 == 3 { 500 } else { 1_100 };
                wire.send(receiver.local_addr().expect("an address"), vec![number; length]);
            }
        }
        let mut sent = 0;
        wire.flush(|contents| sent += contents.len());
        assert_eq!(sent, 3 * (9 * 1_100 + 3 * 500));
        let mut buffer = [0; 2_048];
        for receiver in &receivers {
            for number in 0..12_u8 {
                let length = receiver.recv(&mut buffer).expect("a datagram");
                assert_eq!((buffer[0], length), (number, if number % 4 == 3 { 500 } else { 1_100 }));
            }
        }
        assert!(wire.leaving.is_empty());
    }
}
