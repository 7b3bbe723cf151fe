//! The signalling socket as LiveKit's clients open it: `GET /rtc/v1` (one peer connection), or `GET /rtc`
//! (two, what native clients and older ones use); and `validate` under each, which they ask when that fails.
//!
//! The token in the query (or `Authorization`) is the proof; a cookie means nothing here, so no other
//! site can use a browser's session. Even with a good token nobody gets into a lesson that is closed or
//! that they were sent out of, and a pupil's grants are what the teacher allows now, not what an older
//! token says. Neither address nor token is ever written to a log.
//!
//! Whoever stays gets a fresh token while the old one still holds (LiveKit's `RefreshToken`), so that a connection
//! that breaks in the middle of a lesson is resumed with one that opens the door.
//!
//! Invariant: every wait and every queue of a socket is bounded; a client that does not take its frames
//! is cut off and comes back by itself.

use super::media::{Media, MediaError, Newcomer};
use super::model::{LiveLesson, Role, person_of, place_of};
use super::shard::Line;
use super::{LessonState, Place, store, ticket};
use crate::ids::{LessonId, Millis, PersonId};
use crate::store::StoreError;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use preau_sfu::token::Claims;
use preau_sfu::{Admission, Connections, Limits, protocol as lk, signal};
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval_at, timeout};

/// Frames that may wait for one client: a class's worth of updates, several times over.
const FRAMES: usize = 256;
/// The first frame must be on its way by then, or the client takes another way.
const FIRST_FRAME: Duration = Duration::from_secs(5);
/// A frame that cannot be handed to the network by then ends the socket; so does a client that says no goodbye.
const SENDING: Duration = Duration::from_secs(10);
/// Bytes that may wait inside the socket itself.
const UNSENT: usize = 1024 * 1024;

/// Who may come in, and the rooms they come into.
type Switchboard = (LessonState, Media);

/// What a client says in the address.
pub(super) type Parameters = HashMap<String, String>;

/// Why a client is turned away. The text is for the developer of a client.
struct TurnedAway(StatusCode, String);

impl TurnedAway {
    fn new(status: StatusCode, what: impl Into<String>) -> TurnedAway {
        TurnedAway(status, what.into())
    }

    fn into_response(self) -> Response {
        let mut response = (self.0, self.1).into_response();
        if self.0 == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}

/// Somebody who may come in, and for how long, in milliseconds.
struct Admitted {
    claims: Claims,
    closes_in: Millis,
    seat: Seat,
}

/// Where somebody sits, as they were admitted.
struct Seat {
    lesson: LiveLesson,
    person: PersonId,
    role: Role,
    group: u8,
}

/// In which lesson who takes which part.
type Whose = (LessonId, PersonId, Role);

impl Seat {
    fn whose(&self) -> Whose {
        (self.lesson.id, self.person, self.role)
    }

    /// Whether they belong there as things stand now.
    async fn is_theirs(&self, state: &LessonState) -> Result<bool, StoreError> {
        let place = state.doorkeeper.place(&self.lesson, self.person, self.role, self.group).await?;
        Ok(place == Place::Room(self.group))
    }
}

/// Opens the signalling socket of a client with one peer connection.
pub(super) async fn connect(
    State((state, media)): State<Switchboard>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let join = |parameters: &Parameters| {
        let join = parameters.get("join_request").ok_or_else(|| "join_request is missing".to_owned())?;
        signal::decode_join(join, Limits::default().frame_bytes).map_err(|error| error.to_string())
    };
    open((state, media), &parameters, &headers, upgrade, Connections::One, join).await
}

/// … with two.
pub(super) async fn connect_two(
    State((state, media)): State<Switchboard>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let join = |parameters: &Parameters| {
        Ok(signal::decode_parameters(|name| parameters.get(name).map(String::as_str)))
    };
    open((state, media), &parameters, &headers, upgrade, Connections::Two, join).await
}

/// Looks at the token before anything else; `read` finds the client's first words.
async fn open(
    (state, media): Switchboard,
    parameters: &Parameters,
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
    connections: Connections,
    read: impl FnOnce(&Parameters) -> Result<lk::JoinRequest, String>,
) -> Response {
    let admitted = match admit(&state, parameters, headers).await {
        Ok(admitted) => admitted,
        Err(away) => return away.into_response(),
    };
    let join = match read(parameters) {
        Ok(join) => join,
        Err(error) => return TurnedAway::new(StatusCode::BAD_REQUEST, error).into_response(),
    };
    let limit = Limits::default().frame_bytes;
    match upgrade {
        Ok(upgrade) => upgrade
            .max_message_size(limit)
            .max_frame_size(limit)
            .max_write_buffer_size(UNSENT)
            .on_upgrade(move |socket| converse((state, media), socket, admitted, connections, join)),
        Err(rejection) => rejection.into_response(),
    }
}

/// Says why a connection would be refused; the official client asks after a socket failed. Any origin may
/// ask: the token is the proof, and the answer says nothing else.
pub(super) async fn validate(
    State((state, _)): State<Switchboard>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    let mut response = match admit(&state, &parameters, &headers).await {
        Ok(_) => "success".into_response(),
        Err(away) => away.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Token, then lesson: 401 for a token that is not ours or has run out, 403 for a lesson that is not open
/// to this person now.
async fn admit(
    state: &LessonState,
    parameters: &Parameters,
    headers: &HeaderMap,
) -> Result<Admitted, TurnedAway> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = parameters
        .get("access_token")
        .map(String::as_str)
        .or_else(|| bearer.and_then(|value| value.strip_prefix("Bearer ")))
        .ok_or_else(|| TurnedAway::new(StatusCode::UNAUTHORIZED, "access_token is missing"))?;
    let now = state.platform.now();
    let mut claims = state
        .tickets
        .read(token, now)
        .map_err(|error| TurnedAway::new(StatusCode::UNAUTHORIZED, error.to_string()))?;
    let unknown = || TurnedAway::new(StatusCode::UNAUTHORIZED, "the token names no lesson of this server");
    let (lesson, group) = place_of(claims.room.as_str()).ok_or_else(unknown)?;
    let person = person_of(claims.identity.as_str()).ok_or_else(unknown)?;
    let role = claims.attributes.get("role").and_then(|word| Role::from_word(word)).ok_or_else(unknown)?;
    let lesson = state
        .platform
        .store()
        .read::<_, StoreError, _>(move |conn| Ok(store::find(conn, lesson)?))
        .await
        .map_err(|error| {
            tracing::error!(%error, "a live connection could not be checked");
            TurnedAway::new(StatusCode::SERVICE_UNAVAILABLE, "try again")
        })?
        .filter(|lesson| lesson.is_open(now) && (role == Role::Teacher || !lesson.removed.contains(&person)))
        .ok_or_else(|| TurnedAway::new(StatusCode::FORBIDDEN, "the lesson is not open"))?;
    let closes_in = lesson.closes_at() - now;
    let seat = Seat { lesson, person, role, group };
    state.bring_up_to_date(&mut claims, seat.whose());
    let failed = |error: StoreError| {
        tracing::error!(%error, "a live connection could not be checked");
        TurnedAway::new(StatusCode::SERVICE_UNAVAILABLE, "try again")
    };
    // A substitute may have been withdrawn since this token was minted.
    if !state.still(&seat.lesson, person, role).await.map_err(failed)? {
        return Err(TurnedAway::new(StatusCode::FORBIDDEN, "they no longer take this part in the lesson"));
    }
    if !seat.is_theirs(state).await.map_err(failed)? {
        return Err(TurnedAway::new(
            StatusCode::FORBIDDEN,
            "the door is locked, or the place is in another group",
        ));
    }
    Ok(Admitted { claims, closes_in, seat })
}

impl LessonState {
    /// Writes into claims what their bearer may do, and whether their hand is up, at this moment.
    fn bring_up_to_date(&self, claims: &mut Claims, (lesson, person, role): Whose) {
        claims.grants = self.tickets.grants(role, self.stages.allowed(lesson, person));
        let hand = ticket::hand_text(self.stages.hand(lesson, person));
        claims.attributes.insert("hand".into(), hand);
    }

    /// The relay of this server, if it offers one, with credentials that are good from now on.
    fn relays(&self) -> Vec<lk::IceServer> {
        self.relay.iter().map(|relay| relay.offer()).collect()
    }

    /// A token like the one that said these claims, minted now. It opens no door that is closed since: every
    /// connection is looked at anew.
    fn renew(&self, claims: &Claims, whose: Whose) -> String {
        let mut claims = claims.clone();
        self.bring_up_to_date(&mut claims, whose);
        self.tickets.mint_again(claims, self.platform.now())
    }
}

async fn converse(
    (state, media): Switchboard,
    mut socket: WebSocket,
    admitted: Admitted,
    connections: Connections,
    join: lk::JoinRequest,
) {
    let (frames, outgoing) = mpsc::channel::<Bytes>(FRAMES);
    let closes_in = Duration::from_millis(u64::try_from(admitted.closes_in).unwrap_or(0));
    let claims = admitted.claims.clone();
    let admission = Admission { claims: admitted.claims, join };
    let line =
        match media.connect(Newcomer { admission, connections, closes_in, frames, relays: state.relays() }) {
            Ok(line) => timeout(FIRST_FRAME, line).await.ok().and_then(Result::ok),
            Err(error) => {
                tracing::warn!(%error, "a live connection was turned away");
                None
            }
        };
    if let Some(line) = line {
        // The door may have been locked, or the class have sat down in groups, since they were admitted; whoever
        // does that afterwards finds them in the room. Their page asks for a new way in.
        match admitted.seat.is_theirs(&state).await {
            Ok(true) => {
                let whose = admitted.seat.whose();
                let mut talk = Talk { state, media: media.clone(), line, outgoing, whose, claims };
                talk.go_on(&mut socket).await;
            }
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "a live connection could not be checked"),
        }
        media.disconnect(line);
    }
    say_goodbye(&mut socket).await;
}

/// Ends the socket as RFC 6455 (section 7.1.1) asks: the connection is closed once the client has said goodbye too.
/// Where it ends right behind our last frames, Firefox closes the socket without ever having opened it; the
/// frames are lost, and the official client waits for that opening for ever.
async fn say_goodbye(socket: &mut WebSocket) {
    let goodbye = async {
        if socket.close().await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let _ = timeout(SENDING, goodbye).await;
}

/// One socket's conversation.
struct Talk {
    state: LessonState,
    media: Media,
    line: Line,
    outgoing: mpsc::Receiver<Bytes>,
    whose: Whose,
    /// What the token said, for the next one.
    claims: Claims,
}

impl Talk {
    /// Carries frames both ways until one side is done.
    async fn go_on(&mut self, socket: &mut WebSocket) {
        let first = ticket::renewed_in(&self.claims, self.state.platform.now());
        let mut renewal = interval_at(Instant::now() + first, ticket::RENEWAL);
        let mut introduced = false;
        loop {
            let frame = tokio::select! {
                frame = self.outgoing.recv() => match frame {
                    Some(frame) => {
                        introduced = true;
                        frame
                    }
                    None => return,
                },
                // The first frame a client takes is the answer to its coming.
                _ = renewal.tick(), if introduced => self.fresh_token(),
                message = socket.next() => match self.hear(message) {
                    Ok(()) => continue,
                    Err(Over) => return,
                },
            };
            let sent = timeout(SENDING, socket.send(Message::Binary(frame))).await;
            if !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// Takes what the client says.
    fn hear(&self, message: Option<Result<Message, axum::Error>>) -> Result<(), Over> {
        match message {
            Some(Ok(Message::Binary(bytes))) => self.media.frame(self.line, bytes).map_err(|error| {
                if matches!(error, MediaError::Busy) {
                    // Better cut off and resumed than half understood.
                    tracing::warn!("the media thread cannot follow; a live connection starts over");
                }
                Over
            }),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Over),
            Some(Ok(_)) => Ok(()),
        }
    }

    /// A token for the next connection, with what its bearer may do now.
    fn fresh_token(&self) -> Bytes {
        let token = self.state.renew(&self.claims, self.whose);
        signal::encode_response(lk::signal_response::Message::RefreshToken(token))
    }
}

/// The conversation is over.
struct Over;
