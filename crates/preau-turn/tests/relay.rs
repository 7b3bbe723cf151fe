//! The relay on a stream, with a client that is not ours and a media server that answers what it hears.

#![allow(clippy::unwrap_used, reason = "a test that fails here has found what it looks for")]

use preau_turn::{Credentials, Ended, PATIENCE, Relay, Secret, Way, framed};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;
use turn_client_proto::api::{Transmit, TurnClientApi as _, TurnConfig, TurnEvent, TurnPollRet, TurnRecvRet};
use turn_client_proto::types::prelude::DelayedTransmitBuild as _;
use turn_client_proto::types::stun::TransportType;
use turn_client_proto::types::{Instant, TurnCredentials};
use turn_client_proto::udp::TurnClientUdp;

const NOW: Duration = Duration::from_secs(1_800_000_000);
const CLIENT: &str = "192.0.2.7:5000";
/// Where browsers believe the media server to be: not where it is.
const ANNOUNCED: &str = "203.0.113.1:7882";
const BOUND: usize = 1 << 16;

/// A media server that sends back what it gets, one byte larger.
async fn media() -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let address = socket.local_addr().unwrap();
    tokio::spawn(async move {
        let mut room = [0; 2_000];
        loop {
            let (length, from) = socket.recv_from(&mut room).await.unwrap();
            let more: Vec<u8> = room[..length].iter().map(|byte| byte.wrapping_add(1)).collect();
            socket.send_to(&more, from).await.unwrap();
        }
    });
    address
}

async fn relay() -> Relay {
    let way = Way { announced: ANNOUNCED.parse().unwrap(), bound: media().await };
    Relay::new(Secret::new(&[7; 32]), vec![way])
}

fn serve(relay: &Relay, bound: usize) -> (DuplexStream, JoinHandle<Ended>) {
    let (near, far) = duplex(bound);
    let relay = relay.clone();
    (near, tokio::spawn(async move { relay.serve(far, &[], CLIENT.parse().unwrap(), NOW).await }))
}

struct Browser {
    client: TurnClientUdp,
    stream: DuplexStream,
    held: Vec<u8>,
    begun: tokio::time::Instant,
}

/// What a browser learns.
#[derive(Debug)]
enum News {
    Event(TurnEvent),
    Media(SocketAddr, Vec<u8>),
    Closed,
}

impl News {
    /// What came from the media server.
    fn media(self) -> (SocketAddr, Vec<u8>) {
        match self {
            News::Media(from, what) => (from, what),
            other => panic!("no media: {other:?}"),
        }
    }
}

impl Browser {
    fn new(stream: DuplexStream, Credentials { username, password }: &Credentials) -> Browser {
        let config = TurnConfig::new(TurnCredentials::new(username, password));
        let (local, remote) = (CLIENT.parse().unwrap(), "198.51.100.1:443".parse().unwrap());
        let client = TurnClientUdp::allocate(local, remote, config);
        Browser { client, stream, held: Vec::new(), begun: tokio::time::Instant::now() }
    }

    fn now(&self) -> Instant {
        Instant::from_nanos(i64::try_from(self.begun.elapsed().as_nanos()).unwrap())
    }

    async fn put(&mut self, bytes: &[u8]) {
        let mut bytes = bytes.to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        // In two pieces, as a network likes to.
        let (first, rest) = bytes.split_at(bytes.len() / 3);
        self.stream.write_all(first).await.unwrap();
        self.stream.write_all(rest).await.unwrap();
    }

    async fn next(&mut self) -> News {
        loop {
            let now = self.now();
            let polled = self.client.poll(now);
            while let Some(out) = self.client.poll_transmit(now) {
                self.put(&out.data).await;
            }
            if let Some(event) = self.client.poll_event() {
                return News::Event(event);
            }
            let TurnPollRet::WaitUntil(at) = polled else { return News::Closed };
            if let Some((length, taken)) = framed(&self.held).unwrap() {
                let message = Transmit::new(
                    self.held[..length].to_vec(),
                    TransportType::Udp,
                    self.client.remote_addr(),
                    self.client.local_addr(),
                );
                self.held.drain(..taken);
                if let TurnRecvRet::PeerData(media) = self.client.recv(message, now) {
                    return News::Media(media.peer, media.data().to_vec());
                }
                continue;
            }
            let mut room = [0; 900];
            // It paces its requests (RFC 8445 section 14), so it must be asked again in a while.
            let due = self.begun + Duration::from_nanos(u64::try_from(at.as_nanos()).unwrap());
            match tokio::time::timeout_at(due, self.stream.read(&mut room)).await {
                Ok(Ok(length @ 1..)) => self.held.extend_from_slice(&room[..length]),
                Ok(_) => return News::Closed,
                Err(_) => {}
            }
        }
    }

    async fn say(&mut self, to: SocketAddr, what: &[u8]) {
        let now = self.now();
        if let Some(out) = self.client.send_to(TransportType::Udp, to, what, now).unwrap() {
            let bytes = out.data.build();
            self.put(&bytes).await;
        }
    }

    /// Asks for a way, and leave to use it towards `to`.
    async fn open(&mut self, to: SocketAddr) {
        let created = self.next().await;
        assert!(
            matches!(created, News::Event(TurnEvent::AllocationCreated(TransportType::Udp, _))),
            "{created:?}"
        );
        let now = self.now();
        self.client.create_permission(TransportType::Udp, to.ip(), now).unwrap();
        let may = self.next().await;
        assert!(matches!(may, News::Event(TurnEvent::PermissionCreated(..))), "{may:?}");
    }
}

#[tokio::test]
async fn media_go_both_ways_with_and_without_a_channel() {
    let relay = relay().await;
    let (stream, ended) = serve(&relay, BOUND);
    let mut browser = Browser::new(stream, &relay.issue(NOW));
    let to: SocketAddr = ANNOUNCED.parse().unwrap();
    browser.open(to).await;
    for size in [1, 2, 3, 4, 1_200] {
        browser.say(to, &vec![size as u8; size]).await;
        assert_eq!(browser.next().await.media(), (to, vec![size as u8 + 1; size]));
    }
    let now = browser.now();
    browser.client.bind_channel(TransportType::Udp, to, now).unwrap();
    let bound = browser.next().await;
    assert!(matches!(bound, News::Event(TurnEvent::ChannelCreated(..))), "{bound:?}");
    // Lengths that must be filled up on a stream, several before the first answer.
    for size in [5, 6, 7, 8, 1_101] {
        browser.say(to, &vec![size as u8; size]).await;
    }
    for size in [5, 6, 7, 8, 1_101_usize] {
        assert_eq!(browser.next().await.media(), (to, vec![(size as u8).wrapping_add(1); size]));
    }
    drop(browser);
    assert!(matches!(ended.await.unwrap(), Ended::Broken(_)));
}

#[tokio::test]
async fn it_leads_to_the_media_server_and_nowhere_else() {
    let relay = relay().await;
    let victim = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let (stream, _ended) = serve(&relay, BOUND);
    let mut browser = Browser::new(stream, &relay.issue(NOW));
    let elsewhere = victim.local_addr().unwrap();
    // The protocol may give leave; nothing leaves all the same.
    browser.open(elsewhere).await;
    browser.say(elsewhere, b"hello").await;
    let to: SocketAddr = ANNOUNCED.parse().unwrap();
    let now = browser.now();
    browser.client.create_permission(TransportType::Udp, to.ip(), now).unwrap();
    assert!(matches!(browser.next().await, News::Event(TurnEvent::PermissionCreated(..))));
    // Another port of the media server's address is elsewhere, too.
    browser.say(SocketAddr::new(to.ip(), 22), b"hello").await;
    browser.say(to, b"hello").await;
    // This has come and gone, so what was sent before it would be there.
    assert_eq!(browser.next().await.media(), (to, b"ifmmp".to_vec()));
    assert!(victim.try_recv_from(&mut [0; 9]).is_err());
    // Nor does anybody else reach the browser through it.
    let Some((_, relayed)) = browser.client.relayed_addresses().next() else { panic!("no way") };
    victim.send_to(b"psst", relayed).await.unwrap();
    browser.say(to, b"b").await;
    assert_eq!(browser.next().await.media(), (to, b"c".to_vec()));
}

#[tokio::test(start_paused = true)]
async fn without_a_good_password_there_is_no_way() {
    let relay = relay().await;
    let good = relay.issue(NOW);
    let old = relay.issue(NOW - Duration::from_secs(13 * 3_600));
    let wrong = Credentials { password: "x".to_owned(), ..good.clone() };
    let unknown = Credentials { username: "1".to_owned(), ..good };
    for credentials in [old, wrong, unknown] {
        let (stream, _ended) = serve(&relay, BOUND);
        let mut browser = Browser::new(stream, &credentials);
        let news = browser.next().await;
        let refused = matches!(news, News::Event(TurnEvent::AllocationCreateFailed(_)) | News::Closed);
        assert!(refused, "{credentials:?}: {news:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_shows_no_password_does_not_stay() {
    let relay = relay().await;
    let (mut stream, ended) = serve(&relay, BOUND);
    let begun = tokio::time::Instant::now();
    // Half a message, for ever.
    stream.write_all(&[0, 1, 0, 8]).await.unwrap();
    assert!(matches!(ended.await.unwrap(), Ended::Idle));
    assert!(begun.elapsed() >= PATIENCE && begun.elapsed() < PATIENCE * 2);
}

#[tokio::test]
async fn other_languages_end_the_connection() {
    let relay = relay().await;
    for bytes in [&b"\x80\x00\x00\x00"[..], b"\x00\x01\xff\xff", b"\xffabc"] {
        let (mut stream, ended) = serve(&relay, BOUND);
        stream.write_all(bytes).await.unwrap();
        assert!(matches!(ended.await.unwrap(), Ended::Foreign(_)));
    }
}
