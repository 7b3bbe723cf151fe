//! How people signal to Janus: its JSON protocol over one WebSocket, the videoroom plugin, one handle to publish and
//! one to receive everything that others publish.

use super::people::People;
use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use str0m::media::MediaKind;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;

/// A session that says nothing for a minute is ended.
const ALIVE: Duration = Duration::from_secs(20);

/// What an answer of Janus is about.
#[derive(Debug, Clone, Copy)]
enum Asked {
    Session,
    /// A room's first handle, which makes the room.
    Maker,
    Room,
    /// A handle of somebody, to publish or to receive.
    Handle(usize, bool),
    Else,
}

struct Member {
    room: usize,
    up: Option<usize>,
    down: usize,
    tracks: Vec<(MediaKind, String)>,
    publisher: u64,
    subscriber: u64,
    /// Whether what they publish is in the room, and whether they have asked for the others'.
    published: bool,
    subscribed: bool,
    /// The number under which they publish.
    feed: u64,
}

/// Everybody, before one server.
pub(crate) struct Classes {
    say: UnboundedSender<Value>,
    told: Receiver<Value>,
    members: Vec<Member>,
    rooms: usize,
    asked: HashMap<String, Asked>,
    /// Whose a handle is, and whether it publishes.
    handles: HashMap<u64, (usize, bool)>,
    session: u64,
    made: usize,
}

impl Classes {
    pub(crate) fn new(server: SocketAddr, runtime: tokio::runtime::Handle) -> Classes {
        let (tell, told) = channel();
        let (say, words) = unbounded_channel();
        runtime.spawn(converse(server, words, tell));
        let mut classes = Classes {
            say,
            told,
            members: Vec::new(),
            rooms: 0,
            asked: HashMap::new(),
            handles: HashMap::new(),
            session: 0,
            made: 0,
        };
        classes.ask(json!({ "janus": "create" }), Asked::Session);
        classes
    }

    /// Somebody comes, and will publish these kinds of tracks.
    pub(crate) fn join(&mut self, people: &mut People, room: usize, kinds: &[MediaKind]) {
        let number = self.members.len();
        let up = (!kinds.is_empty()).then(|| people.add());
        let down = people.add();
        let tracks =
            kinds.iter().enumerate().map(|(at, kind)| (*kind, format!("cid-{number}-{at}"))).collect();
        self.rooms = self.rooms.max(room + 1);
        self.members.push(Member {
            room,
            up,
            down,
            tracks,
            publisher: 0,
            subscriber: 0,
            published: false,
            subscribed: false,
            feed: 1_000 + number as u64,
        });
    }

    /// Peer connections that are wanted in all: who is alone in publishing receives nothing, and has none for it.
    pub(crate) fn wanted(&self) -> usize {
        let of =
            |member: &Member| usize::from(member.up.is_some()) + usize::from(!self.feeds(member).is_empty());
        self.members.iter().map(of).sum()
    }

    /// What a member receives.
    fn feeds(&self, member: &Member) -> Vec<u64> {
        let others = self.members.iter().filter(|one| one.room == member.room && one.feed != member.feed);
        others.filter(|one| one.up.is_some()).map(|one| one.feed).collect()
    }

    fn ask(&mut self, mut message: Value, asked: Asked) {
        let transaction = format!("t{}", self.asked.len());
        message["transaction"] = json!(transaction);
        if self.session != 0 {
            message["session_id"] = json!(self.session);
        }
        self.asked.insert(transaction, asked);
        let _ = self.say.send(message);
    }

    /// Does what the server has said since.
    pub(crate) fn listen(&mut self, people: &mut People) -> anyhow::Result<()> {
        while let Ok(told) = self.told.try_recv() {
            self.hear(people, &told).with_context(|| told.to_string())?;
        }
        Ok(())
    }

    fn hear(&mut self, people: &mut People, told: &Value) -> anyhow::Result<()> {
        let about = told["transaction"].as_str().and_then(|name| self.asked.get(name)).copied();
        match told["janus"].as_str().unwrap_or_default() {
            "success" => {
                let id = told["data"]["id"].as_u64().unwrap_or_default();
                self.granted(about.unwrap_or(Asked::Else), id, told)
            }
            "event" => self.event(people, told),
            // Only now is a publisher's feed one that others may ask for.
            "webrtcup" => {
                let sender = told["sender"].as_u64().unwrap_or_default();
                if let Some((number, true)) = self.handles.get(&sender).copied() {
                    self.members[number].published = true;
                    self.subscribe();
                }
                Ok(())
            }
            "error" | "timeout" => bail!("Janus refuses"),
            _ => Ok(()),
        }
    }

    fn granted(&mut self, about: Asked, id: u64, told: &Value) -> anyhow::Result<()> {
        let attach = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" });
        match about {
            Asked::Session => {
                self.session = id;
                self.ask(attach, Asked::Maker);
            }
            Asked::Maker => {
                for room in 0..self.rooms {
                    let body = json!({
                        "request": "create", "room": 1 + room, "publishers": 400, "bitrate": 0,
                        "audiocodec": "opus", "videocodec": "vp8", "notify_joining": false,
                    });
                    self.ask(json!({ "janus": "message", "handle_id": id, "body": body }), Asked::Room);
                }
            }
            Asked::Room => {
                if told["plugindata"]["data"]["videoroom"] != "created" {
                    bail!("no room");
                }
                self.made += 1;
                // People come when all rooms are there; who publishes comes first.
                let all = if self.made == self.rooms { self.members.len() } else { 0 };
                for number in 0..all {
                    if self.members[number].up.is_some() {
                        self.ask(attach.clone(), Asked::Handle(number, true));
                    }
                }
            }
            Asked::Handle(number, publishes) => {
                self.handles.insert(id, (number, publishes));
                let member = &mut self.members[number];
                let body = if publishes {
                    member.publisher = id;
                    json!({ "request": "join", "ptype": "publisher", "room": 1 + member.room, "id": member.feed })
                } else {
                    member.subscriber = id;
                    let room = 1 + member.room;
                    let streams: Vec<Value> = self
                        .feeds(&self.members[number])
                        .iter()
                        .map(|feed| json!({ "feed": feed }))
                        .collect();
                    json!({ "request": "join", "ptype": "subscriber", "room": room, "streams": streams })
                };
                self.ask(json!({ "janus": "message", "handle_id": id, "body": body }), Asked::Else);
            }
            Asked::Else => {}
        }
        Ok(())
    }

    fn event(&mut self, people: &mut People, told: &Value) -> anyhow::Result<()> {
        let handle = told["sender"].as_u64().unwrap_or_default();
        let Some((number, publishes)) = self.handles.get(&handle).copied() else { return Ok(()) };
        let data = &told["plugindata"]["data"];
        if data.get("error").is_some() {
            bail!("the room refuses");
        }
        let sdp = told["jsep"]["sdp"].as_str();
        if !publishes {
            if let Some(sdp) = sdp {
                let answer = people.answer(self.members[number].down, sdp)?;
                let jsep = json!({ "type": "answer", "sdp": answer });
                let body = json!({ "request": "start" });
                self.ask(
                    json!({ "janus": "message", "handle_id": handle, "body": body, "jsep": jsep }),
                    Asked::Else,
                );
                self.no_more_candidates(handle);
            }
            return Ok(());
        }
        if data["videoroom"] == "joined" {
            let member = &self.members[number];
            let Some(up) = member.up else { bail!("nothing to publish on") };
            let Some(offer) = people.offer(up, &member.tracks, false) else { bail!("nothing to offer") };
            let jsep = json!({ "type": "offer", "sdp": offer });
            let body = json!({ "request": "configure" });
            self.ask(
                json!({ "janus": "message", "handle_id": handle, "body": body, "jsep": jsep }),
                Asked::Else,
            );
            self.no_more_candidates(handle);
        } else if let Some(sdp) = sdp {
            let Some(up) = self.members[number].up else { bail!("an answer to nothing") };
            people.answered(up, sdp)?;
        }
        Ok(())
    }

    /// All addresses stand in the description. Whoever may say more later is waited for.
    fn no_more_candidates(&mut self, handle: u64) {
        let done = json!({ "completed": true });
        self.ask(json!({ "janus": "trickle", "handle_id": handle, "candidate": done }), Asked::Else);
    }

    /// Once all of a room publish, everybody there asks for what the others do.
    fn subscribe(&mut self) {
        let attach = json!({ "janus": "attach", "plugin": "janus.plugin.videoroom" });
        let waits: Vec<usize> = self
            .members
            .iter()
            .filter(|one| one.up.is_some() && !one.published)
            .map(|one| one.room)
            .collect();
        for number in 0..self.members.len() {
            let member = &self.members[number];
            if member.subscribed || waits.contains(&member.room) || self.feeds(member).is_empty() {
                continue;
            }
            self.members[number].subscribed = true;
            self.ask(attach.clone(), Asked::Handle(number, false));
        }
    }
}

async fn converse(server: SocketAddr, mut words: UnboundedReceiver<Value>, tell: Sender<Value>) {
    let opened = async {
        let mut request = format!("ws://{server}/").into_client_request()?;
        request.headers_mut().insert("Sec-WebSocket-Protocol", HeaderValue::from_static("janus-protocol"));
        let stream = super::livekit::reach(server).await?;
        anyhow::Ok(tokio_tungstenite::client_async(request, stream).await?.0)
    };
    let mut socket = match opened.await {
        Ok(socket) => socket,
        Err(error) => {
            eprintln!("Janus cannot be reached: {error}");
            return;
        }
    };
    let mut alive = tokio::time::interval(ALIVE);
    let mut session = Value::Null;
    loop {
        let say = tokio::select! {
            word = words.recv() => match word {
                Some(word) => word,
                None => return,
            },
            _ = alive.tick(), if !session.is_null() => {
                json!({ "janus": "keepalive", "session_id": session, "transaction": "alive" })
            }
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    if let Ok(told) = serde_json::from_str::<Value>(&text)
                        && tell.send(told).is_err()
                    {
                        return;
                    }
                    continue;
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
        };
        if let Some(id) = say.get("session_id") {
            session = id.clone();
        }
        if socket.send(Message::text(say.to_string())).await.is_err() {
            return;
        }
    }
}
