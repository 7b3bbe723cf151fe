//! Every request under every grant: the whole table, committed as text, so that a change of what
//! somebody may do is a change that a reviewer sees.

use std::fmt::Write as _;

use livekit_protocol as lk;
use lk::signal_request::Message as Request;
use preau_sfu::grants::{Grants, Source, Sources, allows};

/// Every request the protocol has, some in the variants that matter.
#[expect(deprecated, reason = "deprecated requests still arrive and are judged")]
fn requests() -> Vec<(&'static str, Request)> {
    let track = |source: lk::TrackSource, kind: lk::TrackType| {
        Request::AddTrack(lk::AddTrackRequest {
            source: source as i32,
            r#type: kind as i32,
            ..Default::default()
        })
    };
    let (audio, video) = (lk::TrackType::Audio, lk::TrackType::Video);
    let mute = |muted| Request::Mute(lk::MuteTrackRequest { sid: String::new(), muted });
    let subscribe =
        |subscribe| Request::Subscription(lk::UpdateSubscription { subscribe, ..Default::default() });
    vec![
        ("Offer", Request::Offer(Default::default())),
        ("Answer", Request::Answer(Default::default())),
        ("Trickle", Request::Trickle(Default::default())),
        ("AddTrack unknown video", track(lk::TrackSource::Unknown, video)),
        ("AddTrack camera", track(lk::TrackSource::Camera, video)),
        ("AddTrack microphone", track(lk::TrackSource::Microphone, audio)),
        ("AddTrack screen", track(lk::TrackSource::ScreenShare, video)),
        ("AddTrack screen sound", track(lk::TrackSource::ScreenShareAudio, audio)),
        ("AddTrack video as microphone", track(lk::TrackSource::Microphone, video)),
        ("AddTrack of type data", track(lk::TrackSource::Unknown, lk::TrackType::Data)),
        ("Mute on", mute(true)),
        ("Mute off", mute(false)),
        ("Subscription begin", subscribe(true)),
        ("Subscription end", subscribe(false)),
        ("TrackSetting", Request::TrackSetting(Default::default())),
        ("Leave", Request::Leave(Default::default())),
        ("UpdateLayers", Request::UpdateLayers(Default::default())),
        ("SubscriptionPermission", Request::SubscriptionPermission(Default::default())),
        ("SyncState", Request::SyncState(Default::default())),
        ("Simulate", Request::Simulate(Default::default())),
        ("Ping", Request::Ping(0)),
        ("UpdateMetadata", Request::UpdateMetadata(Default::default())),
        ("PingReq", Request::PingReq(Default::default())),
        ("UpdateAudioTrack", Request::UpdateAudioTrack(Default::default())),
        ("UpdateVideoTrack", Request::UpdateVideoTrack(Default::default())),
        ("PublishDataTrack", Request::PublishDataTrackRequest(Default::default())),
        ("UnpublishDataTrack", Request::UnpublishDataTrackRequest(Default::default())),
        ("UpdateDataSubscription", Request::UpdateDataSubscription(Default::default())),
        ("StoreDataBlob", Request::StoreDataBlobRequest(Default::default())),
        ("GetDataBlob", Request::GetDataBlobRequest(Default::default())),
    ]
}

fn nothing() -> Grants {
    Grants {
        can_publish: false,
        sources: Sources::ANY,
        can_subscribe: false,
        can_publish_data: false,
        can_update_own_metadata: false,
        hidden: false,
        room_admin: false,
    }
}

fn columns() -> Vec<(&'static str, Grants)> {
    let microphone = Sources::only([Source::Microphone]);
    vec![
        ("nothing", nothing()),
        ("publish", Grants { can_publish: true, ..nothing() }),
        ("mic", Grants { can_publish: true, sources: microphone, ..nothing() }),
        ("mic-no", Grants { sources: microphone, ..nothing() }),
        ("receive", Grants { can_subscribe: true, ..nothing() }),
        ("data", Grants { can_publish_data: true, ..nothing() }),
        ("rename", Grants { can_update_own_metadata: true, ..nothing() }),
        ("hidden", Grants { hidden: true, ..nothing() }),
        ("admin", Grants { room_admin: true, ..nothing() }),
        ("default", Grants::default()),
    ]
}

#[test]
fn the_table() {
    let columns = columns();
    let mut table = format!("{:<29}", "");
    for (name, _) in &columns {
        let _ = write!(table, " {name:>8}");
    }
    for (name, request) in requests() {
        let _ = write!(table, "\n{name:<29}");
        for (_, grants) in &columns {
            let word = if allows(grants, &request).is_ok() { "yes" } else { "-" };
            let _ = write!(table, " {word:>8}");
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn refusals_say_what_is_missing() {
    let text = |grants: &Grants, request: &Request| allows(grants, request).unwrap_err().to_string();
    let requests = requests();
    let find = |wanted: &str| requests.iter().find(|(name, _)| *name == wanted).map(|(_, r)| r).unwrap();
    assert_eq!(text(&nothing(), find("AddTrack camera")), "not allowed to publish");
    assert_eq!(
        text(&Grants::default(), find("AddTrack video as microphone")),
        "not allowed to publish this source"
    );
    assert_eq!(text(&nothing(), find("TrackSetting")), "not allowed to subscribe");
    assert_eq!(text(&Grants::default(), find("Simulate")), "not available on this server");
}
