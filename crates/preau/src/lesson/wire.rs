//! The shard's UDP socket: datagrams in batches (recvmmsg and segmentation offload where the kernel has
//! them), out one by one.
//!
//! It knows nothing of rooms. Invariant: nothing here ever blocks; what the kernel does not take is
//! lost, as on any network, and WebRTC repairs it.

use mio::net::UdpSocket;
use quinn_udp::{BATCH_SIZE, RecvMeta, UdpSockRef, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;

/// What is asked of the kernel for each direction, in bytes: a second of a busy machine's media. The
/// kernel gives less when `net.core.rmem_max` and `wmem_max` say so.
const BUFFER: usize = 8 * 1024 * 1024;
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

    /// Sends a datagram, or loses it.
    pub(super) fn send(&self, destination: SocketAddr, contents: &[u8]) {
        let _ = self.socket.send_to(contents, destination);
    }
}
