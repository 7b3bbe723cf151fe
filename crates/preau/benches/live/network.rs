//! One UDP socket for hundreds of people, each of whom has an address of their own.
//!
//! Every address of the private network belongs to this machine, so one socket receives for all of them in batches
//! (the kernel says for whom), and sends under whichever address it likes. That leaves most of the people's core for
//! what people do. Invariant: nothing blocks; what does not fit is lost and counted by the kernel.

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSockRef, UdpSocketState};
use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// Asked of the kernel for each direction, in bytes.
const BUFFER: usize = 16 * 1024 * 1024;
const DATAGRAM: usize = 2_048;

/// The people's socket.
pub(crate) struct Network {
    socket: UdpSocket,
    state: UdpSocketState,
    port: u16,
    /// The first two bytes of everybody's address.
    net: [u8; 2],
    buffers: Vec<Vec<u8>>,
    meta: [RecvMeta; BATCH_SIZE],
}

/// A datagram for somebody.
pub(crate) struct Arrived<'b> {
    /// Which address, counted from zero.
    pub(crate) number: usize,
    pub(crate) from: SocketAddr,
    pub(crate) bytes: &'b [u8],
}

impl Network {
    /// Opens the socket; everybody's address is in `net`.0.0/16.
    pub(crate) fn open(net: [u8; 2]) -> io::Result<Network> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        let state = UdpSocketState::new(UdpSockRef::from(&socket))?;
        // SO_RCVBUFFORCE is not asked for: what drops is counted and printed.
        let _ = state.set_recv_buffer_size(UdpSockRef::from(&socket), BUFFER);
        let _ = state.set_send_buffer_size(UdpSockRef::from(&socket), BUFFER);
        socket.set_nonblocking(true)?;
        let size = DATAGRAM * state.gro_segments();
        Ok(Network {
            port: socket.local_addr()?.port(),
            socket,
            state,
            net,
            buffers: vec![vec![0; size]; BATCH_SIZE],
            meta: [RecvMeta::default(); BATCH_SIZE],
        })
    }

    /// The address of this number.
    pub(crate) fn address(&self, number: usize) -> SocketAddr {
        let [a, b] = self.net;
        // From the third byte 1 on: servers live in 0.
        let (c, d) = (1 + number / 250, 1 + number % 250);
        SocketAddr::from(([a, b, c as u8, d as u8], self.port))
    }

    /// The port of everybody.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// For waiting.
    pub(crate) fn socket(&self) -> &UdpSocket {
        &self.socket
    }

    /// Takes a batch; whether there may be more.
    pub(crate) fn receive(&mut self, mut take: impl FnMut(Arrived<'_>)) -> bool {
        let mut slices: Vec<IoSliceMut<'_>> =
            self.buffers.iter_mut().map(|one| IoSliceMut::new(one)).collect();
        let Ok(count) = self.state.recv(UdpSockRef::from(&self.socket), &mut slices, &mut self.meta) else {
            return false;
        };
        drop(slices);
        for (meta, buffer) in self.meta.iter().zip(&self.buffers).take(count) {
            let Some(IpAddr::V4(to)) = meta.dst_ip else { continue };
            let [_, _, c, d] = to.octets();
            if c == 0 || d == 0 {
                continue;
            }
            let number = (usize::from(c) - 1) * 250 + usize::from(d) - 1;
            for bytes in buffer[..meta.len].chunks(meta.stride.max(1)) {
                take(Arrived { number, from: meta.addr, bytes });
            }
        }
        true
    }

    /// Sends under an address of ours.
    pub(crate) fn send(&self, from: SocketAddr, destination: SocketAddr, contents: &[u8]) {
        let transmit =
            Transmit { destination, ecn: None, contents, segment_size: None, src_ip: Some(from.ip()) };
        let _ = self.state.try_send(UdpSockRef::from(&self.socket), &transmit);
    }
}

/// Datagrams that the kernel threw away because nobody took them in time: of the UDP sockets with these ports.
pub(crate) fn dropped(port: impl Fn(u16) -> bool) -> u64 {
    let table = std::fs::read_to_string("/proc/net/udp").unwrap_or_default();
    let of_line = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let local = u16::from_str_radix(fields.nth(1)?.rsplit_once(':')?.1, 16).ok()?;
        let drops: u64 = fields.last()?.parse().ok()?;
        port(local).then_some(drops)
    };
    table.lines().skip(1).filter_map(of_line).sum()
}
