//! How people signal to a server that speaks LiveKit's protocol: LiveKit's own, or ours. On `/rtc`, with one
//! connection to publish and one to receive, which both know and Go's and Python's clients use.

use super::people::People;
use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use lk::signal_request::Message as Say;
use lk::signal_response::Message as Told;
use preau_sfu::grants::Grants;
use preau_sfu::protocol as lk;
use preau_sfu::token::{Claims, TokenKey};
use prost::Message as _;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use str0m::media::MediaKind;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;

/// Clients ping this often, or are thought gone.
const PING: Duration = Duration::from_secs(5);

/// How often, and with which pauses, a server is tried.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(100);

struct Member {
    room: String,
    up: Option<usize>,
    down: usize,
    /// What they will publish, and how many of those were confirmed.
    tracks: Vec<(MediaKind, String)>,
    confirmed: usize,
    say: UnboundedSender<Say>,
}

/// Everybody, before one server.
pub(crate) struct Classes {
    server: SocketAddr,
    key: TokenKey,
    runtime: tokio::runtime::Handle,
    members: Vec<Member>,
    told: Receiver<(usize, Told)>,
    tell: Sender<(usize, Told)>,
}

impl Classes {
    pub(crate) fn new(server: SocketAddr, key: TokenKey, runtime: tokio::runtime::Handle) -> Classes {
        let (tell, told) = channel();
        Classes { server, key, runtime, members: Vec::new(), told, tell }
    }

    /// Somebody comes, and will publish these kinds of tracks.
    pub(crate) fn join(&mut self, people: &mut People, room: &str, kinds: &[MediaKind]) {
        let number = self.members.len();
        let up = (!kinds.is_empty()).then(|| people.add());
        let down = people.add();
        let tracks =
            kinds.iter().enumerate().map(|(at, kind)| (*kind, format!("cid-{number}-{at}"))).collect();
        let (say, words) = unbounded_channel();
        self.members.push(Member { room: room.to_owned(), up, down, tracks, confirmed: 0, say });
        let path = format!(
            "ws://{}/rtc?access_token={}&auto_subscribe=1&sdk=python&version=1.0.0&protocol=15",
            self.server,
            self.token(number)
        );
        self.runtime.spawn(converse(self.server, path, number, words, self.tell.clone()));
    }

    fn token(&self, number: usize) -> String {
        let member = &self.members[number];
        let issued_at = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
        let claims = Claims {
            // Of different length each, as people's are; and who is in two rooms has two.
            identity: format!("{}-{number}", member.room).into(),
            name: format!("Somebody {number}"),
            room: member.room.as_str().into(),
            metadata: String::new(),
            attributes: Default::default(),
            grants: Grants { can_publish: true, can_subscribe: true, ..Grants::default() },
            issued_at: issued_at.saturating_sub(1),
        };
        self.key.mint(&claims, 3_600)
    }

    /// Peer connections that are wanted in all: those on which something travels. Who is alone in publishing
    /// receives nothing, and what becomes of their second connection is the server's affair.
    pub(crate) fn wanted(&self) -> usize {
        let receives = |member: &Member| {
            let mut others = self.members.iter().filter(|one| one.up.is_some() && one.down != member.down);
            others.any(|one| one.room == member.room)
        };
        let of = |member: &Member| usize::from(member.up.is_some()) + usize::from(receives(member));
        self.members.iter().map(of).sum()
    }

    /// Does what the server has said since.
    pub(crate) fn listen(&mut self, people: &mut People) -> anyhow::Result<()> {
        while let Ok((number, told)) = self.told.try_recv() {
            self.hear(people, number, told).with_context(|| format!("member {number}"))?;
        }
        Ok(())
    }

    fn hear(&mut self, people: &mut People, number: usize, told: Told) -> anyhow::Result<()> {
        let member = &mut self.members[number];
        match told {
            Told::Join(_) => {
                for (kind, cid) in &member.tracks {
                    let _ = member.say.send(Say::AddTrack(announcement(*kind, cid)));
                }
            }
            Told::TrackPublished(_) => {
                member.confirmed += 1;
                if let Some(up) = member.up.filter(|_| member.confirmed == member.tracks.len()) {
                    let Some(sdp) = people.offer(up, &member.tracks, true) else { bail!("nothing to offer") };
                    let offer = lk::SessionDescription {
                        r#type: "offer".to_owned(),
                        sdp,
                        id: 1,
                        ..Default::default()
                    };
                    let _ = member.say.send(Say::Offer(offer));
                }
            }
            Told::Answer(answer) => {
                let Some(up) = member.up else { bail!("an answer to nothing") };
                people.answered(up, &answer.sdp)?;
            }
            Told::Offer(offer) => {
                let sdp = people.answer(member.down, &offer.sdp)?;
                let r#type = "answer".to_owned();
                let answer = lk::SessionDescription { r#type, sdp, id: offer.id, ..Default::default() };
                let _ = member.say.send(Say::Answer(answer));
            }
            Told::Trickle(trickle) => {
                let init: serde_json::Value = serde_json::from_str(&trickle.candidate_init)?;
                let down = trickle.target == lk::SignalTarget::Subscriber as i32;
                let leg = if down { Some(member.down) } else { member.up };
                if let (Some(leg), Some(line)) = (leg, init["candidate"].as_str()) {
                    people.candidate(leg, line);
                }
            }
            Told::Leave(leave) => bail!("sent away: {leave:?}"),
            _ => {}
        }
        Ok(())
    }
}

fn announcement(kind: MediaKind, cid: &str) -> lk::AddTrackRequest {
    let audio = kind == MediaKind::Audio;
    let layer = lk::VideoLayer {
        quality: lk::VideoQuality::High as i32,
        width: 1_280,
        height: 720,
        bitrate: 1_100_000,
        ..Default::default()
    };
    lk::AddTrackRequest {
        cid: cid.to_owned(),
        name: cid.to_owned(),
        r#type: if audio { lk::TrackType::Audio } else { lk::TrackType::Video } as i32,
        source: if audio { lk::TrackSource::Microphone } else { lk::TrackSource::Camera } as i32,
        width: if audio { 0 } else { 1_280 },
        height: if audio { 0 } else { 720 },
        layers: if audio { Vec::new() } else { vec![layer] },
        disable_red: true,
        ..Default::default()
    }
}

async fn converse(
    server: SocketAddr,
    path: String,
    number: usize,
    mut words: tokio::sync::mpsc::UnboundedReceiver<Say>,
    tell: Sender<(usize, Told)>,
) {
    let opened = async {
        let stream = reach(server).await?;
        anyhow::Ok(tokio_tungstenite::client_async(path, stream).await?.0)
    };
    let mut socket = match opened.await {
        Ok(socket) => socket,
        Err(error) => {
            eprintln!("member {number} could not connect: {error}");
            return;
        }
    };
    let mut ping = tokio::time::interval(PING);
    loop {
        let say = tokio::select! {
            word = words.recv() => match word {
                Some(word) => word,
                None => return,
            },
            _ = ping.tick() => Say::PingReq(lk::Ping { timestamp: 1, rtt: 1 }),
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let told = lk::SignalResponse::decode(bytes).ok().and_then(|response| response.message);
                    if told.is_some_and(|told| tell.send((number, told)).is_err()) {
                        return;
                    }
                    continue;
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
        };
        let bytes = lk::SignalRequest { message: Some(say) }.encode_to_vec();
        if socket.send(Message::Binary(bytes.into())).await.is_err() {
            return;
        }
    }
}

/// A connection to a server that has just said that it is there, and may not listen yet.
pub(crate) async fn reach(server: SocketAddr) -> std::io::Result<TcpStream> {
    let mut tries = 0;
    let stream = loop {
        match TcpStream::connect(server).await {
            Ok(stream) => break stream,
            Err(error) if tries == TRIES => return Err(error),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
        tries += 1;
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}
