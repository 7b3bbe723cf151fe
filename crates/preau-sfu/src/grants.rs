//! What a participant may do, and the one function that is asked before anything is done.
//!
//! [`allows`] is an exhaustive match: when the protocol gains a request, this file stops compiling
//! until somebody decides. It looks only at the request and the grants; limits (how many tracks, how
//! many bytes) are judged later. The committed table `tests/snapshots` shows every answer.

#![expect(deprecated, reason = "clients in use still read and write fields the protocol has deprecated")]

use livekit_protocol as lk;
use livekit_protocol::signal_request::Message as Request;

/// What a track shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// The client did not say.
    Unknown,
    /// A camera.
    Camera,
    /// A microphone.
    Microphone,
    /// A screen.
    ScreenShare,
    /// The sound of a screen.
    ScreenShareAudio,
}

impl Source {
    /// Every source there is.
    pub const ALL: [Source; 5] =
        [Source::Unknown, Source::Camera, Source::Microphone, Source::ScreenShare, Source::ScreenShareAudio];

    /// The source's name in a token (`canPublishSources`).
    pub fn name(self) -> &'static str {
        match self {
            Source::Unknown => "unknown",
            Source::Camera => "camera",
            Source::Microphone => "microphone",
            Source::ScreenShare => "screen_share",
            Source::ScreenShareAudio => "screen_share_audio",
        }
    }

    /// The source named in a token, if there is one of that name.
    pub fn from_name(name: &str) -> Option<Source> {
        Source::ALL.into_iter().find(|source| source.name() == name)
    }

    /// The source a protocol message names. Numbers we do not know count as unknown.
    pub fn from_wire(number: i32) -> Source {
        match lk::TrackSource::try_from(number) {
            Ok(lk::TrackSource::Camera) => Source::Camera,
            Ok(lk::TrackSource::Microphone) => Source::Microphone,
            Ok(lk::TrackSource::ScreenShare) => Source::ScreenShare,
            Ok(lk::TrackSource::ScreenShareAudio) => Source::ScreenShareAudio,
            Ok(lk::TrackSource::Unknown) | Err(_) => Source::Unknown,
        }
    }

    /// The number in protocol messages.
    pub fn on_the_wire(self) -> i32 {
        let wire = match self {
            Source::Unknown => lk::TrackSource::Unknown,
            Source::Camera => lk::TrackSource::Camera,
            Source::Microphone => lk::TrackSource::Microphone,
            Source::ScreenShare => lk::TrackSource::ScreenShare,
            Source::ScreenShareAudio => lk::TrackSource::ScreenShareAudio,
        };
        wire as i32
    }

    /// Whether a track of this source and type makes sense. A camera announced as a microphone would
    /// get past a grant for microphones only.
    pub fn fits(self, kind: lk::TrackType) -> bool {
        match self {
            Source::Unknown => kind != lk::TrackType::Data,
            Source::Camera | Source::ScreenShare => kind == lk::TrackType::Video,
            Source::Microphone | Source::ScreenShareAudio => kind == lk::TrackType::Audio,
        }
    }

    fn bit(self) -> u8 {
        match self {
            Source::Unknown => 1,
            Source::Camera => 2,
            Source::Microphone => 4,
            Source::ScreenShare => 8,
            Source::ScreenShareAudio => 16,
        }
    }
}

/// A set of sources. As in LiveKit's tokens, a set that names none restricts none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sources(u8);

impl Sources {
    /// No restriction.
    pub const ANY: Sources = Sources(0);

    /// Only these. An empty list means no restriction, as in the protocol.
    pub fn only(sources: impl IntoIterator<Item = Source>) -> Sources {
        Sources(sources.into_iter().fold(0, |bits, source| bits | source.bit()))
    }

    /// Whether tracks of `source` may be published.
    pub fn contains(self, source: Source) -> bool {
        self.0 == 0 || self.0 & source.bit() != 0
    }

    /// The sources named, in a fixed order; empty when unrestricted.
    pub fn named(self) -> Vec<Source> {
        Source::ALL.into_iter().filter(|source| self.0 & source.bit() != 0).collect()
    }
}

/// What a participant may do in the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    /// Publish tracks …
    pub can_publish: bool,
    /// … of these sources.
    pub sources: Sources,
    /// Receive other people's tracks, and learn who speaks.
    pub can_subscribe: bool,
    /// Send data packets.
    pub can_publish_data: bool,
    /// Change one's own name, metadata and attributes.
    pub can_update_own_metadata: bool,
    /// Others do not learn that this participant is there.
    pub hidden: bool,
    /// Moderates the room. The engine itself gives no power to it: moderation is for the application.
    pub room_admin: bool,
}

impl Default for Grants {
    /// LiveKit's defaults for a token that only says `roomJoin`.
    fn default() -> Grants {
        Grants {
            can_publish: true,
            sources: Sources::ANY,
            can_subscribe: true,
            can_publish_data: true,
            can_update_own_metadata: false,
            hidden: false,
            room_admin: false,
        }
    }
}

impl Grants {
    /// Whether a track of this source may be published.
    pub fn publishes(&self, source: Source) -> bool {
        self.can_publish && self.sources.contains(source)
    }

    /// The grants as clients see them.
    pub fn to_permission(&self) -> lk::ParticipantPermission {
        lk::ParticipantPermission {
            can_subscribe: self.can_subscribe,
            can_publish: self.can_publish,
            can_publish_data: self.can_publish_data,
            can_publish_sources: self.sources.named().into_iter().map(Source::on_the_wire).collect(),
            hidden: self.hidden,
            can_update_metadata: self.can_update_own_metadata,
            ..Default::default()
        }
    }

    /// These grants with everything a moderator's permission message says.
    pub fn with_permission(&self, permission: &lk::ParticipantPermission) -> Grants {
        Grants {
            can_publish: permission.can_publish,
            sources: Sources::only(permission.can_publish_sources.iter().map(|s| Source::from_wire(*s))),
            can_subscribe: permission.can_subscribe,
            can_publish_data: permission.can_publish_data,
            can_update_own_metadata: permission.can_update_metadata,
            hidden: permission.hidden,
            room_admin: self.room_admin,
        }
    }
}

/// Why a request is refused. The text is for the developer of a client, not for a pupil.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// `canPublish` is missing.
    #[error("not allowed to publish")]
    Publish,
    /// `canPublishSources` does not name this source, or the source does not fit the track's type.
    #[error("not allowed to publish this source")]
    Source,
    /// `canSubscribe` is missing.
    #[error("not allowed to subscribe")]
    Subscribe,
    /// `canPublishData` is missing.
    #[error("not allowed to publish data")]
    Data,
    /// `canUpdateOwnMetadata` is missing.
    #[error("not allowed to change own name, metadata or attributes")]
    Metadata,
    /// Nobody may ask for this here.
    #[error("not available on this server")]
    Never,
}

/// Whether `grants` allow `request`.
///
/// # Errors
/// The first thing that is missing.
pub fn allows(grants: &Grants, request: &Request) -> Result<(), Refusal> {
    let need = |held: bool, refusal: Refusal| if held { Ok(()) } else { Err(refusal) };
    match request {
        // An offer is also how one receives. Tracks in it that were not announced are not forwarded.
        Request::Offer(_) | Request::Answer(_) | Request::Trickle(_) => Ok(()),
        Request::AddTrack(track) => {
            need(grants.can_publish, Refusal::Publish)?;
            let source = Source::from_wire(track.source);
            let kind = lk::TrackType::try_from(track.r#type).unwrap_or(lk::TrackType::Data);
            need(grants.sources.contains(source) && source.fits(kind), Refusal::Source)
        }
        Request::Mute(mute) => need(mute.muted || grants.can_publish, Refusal::Publish),
        Request::Subscription(update) => need(!update.subscribe || grants.can_subscribe, Refusal::Subscribe),
        Request::TrackSetting(_) => need(grants.can_subscribe, Refusal::Subscribe),
        Request::Leave(_) => Ok(()),
        Request::UpdateLayers(_)
        | Request::SubscriptionPermission(_)
        | Request::UpdateAudioTrack(_)
        | Request::UpdateVideoTrack(_) => need(grants.can_publish, Refusal::Publish),
        Request::SyncState(_) | Request::Ping(_) | Request::PingReq(_) => Ok(()),
        // Lets a client break things on purpose; a tool for LiveKit's own tests.
        Request::Simulate(_) => Err(Refusal::Never),
        Request::UpdateMetadata(_) => need(grants.can_update_own_metadata, Refusal::Metadata),
        Request::PublishDataTrackRequest(_) | Request::StoreDataBlobRequest(_) => {
            need(grants.can_publish_data, Refusal::Data)
        }
        Request::UnpublishDataTrackRequest(_) => Ok(()),
        Request::UpdateDataSubscription(_) | Request::GetDataBlobRequest(_) => {
            need(grants.can_subscribe, Refusal::Subscribe)
        }
    }
}
