//! `/rtc`: two peer connections, of which the second one is offered by the server.

mod support;

use std::time::Duration;

use livekit_protocol as lk;
use lk::TrackSource::{Camera, Microphone};
use lk::data_packet::Value;
use lk::signal_request::Message as Request;
use lk::signal_response::Message as Response;
use preau_sfu::grants::Grants;
use preau_sfu::{Departure, EventKind};
use support::World;

const SECOND: Duration = Duration::from_secs(1);

fn note(text: &str) -> lk::DataPacket {
    let user = lk::UserPacket { payload: text.as_bytes().to_vec(), ..Default::default() };
    lk::DataPacket { value: Some(Value::User(user)), ..Default::default() }
}

fn texts(world: &World, name: &str) -> Vec<String> {
    let text = |packet: &lk::DataPacket| match &packet.value {
        Some(Value::User(user)) => Some(String::from_utf8_lossy(&user.payload).into_owned()),
        _ => None,
    };
    world.client(name).data.iter().filter_map(|(_, packet)| text(packet)).collect()
}

#[test]
fn both_protocols_meet_in_one_room() {
    let mut world = World::new();
    world.join_two("prof", Grants::default());
    world.join("ines", Grants::default());
    world.join_two("malo", Grants::default());
    world.all_connected();
    let Response::Join(join) = &world.client("malo").frames[0] else { panic!("the first frame joins") };
    assert!(join.subscriber_primary && join.fast_publish);
    let mic = world.publish("prof", Microphone, &[]);
    let camera = world.publish("prof", Camera, &[]);
    world.run(SECOND);
    for frame in 0..50 {
        world.say("prof", mic, -20);
        world.film("prof", camera, None, frame == 0);
        world.run(Duration::from_millis(20));
    }
    world.run(SECOND);
    let (voice, picture) = (world.track_sid("prof", Microphone), world.track_sid("prof", Camera));
    for pupil in ["ines", "malo"] {
        assert_eq!(world.client(pupil).received(&voice).len(), 50, "{pupil} hears everything");
        assert_eq!(world.client(pupil).received(&picture).len(), 50, "{pupil} sees everything");
    }
    assert!(world.client("prof").media.is_empty());
    let noticed = |frame: &Response| matches!(frame, Response::TrackSubscribed(t) if t.track_sid == voice);
    assert_eq!(world.client("prof").frames.iter().filter(|frame| noticed(frame)).count(), 1);

    // Data cross in every direction, in the sender's name.
    world.send_data("malo", "_reliable", &note("de malo"));
    world.send_data("ines", "_lossy", &note("d'ines"));
    world.run(SECOND);
    assert_eq!(texts(&world, "ines"), ["de malo"]);
    assert_eq!(texts(&world, "malo"), ["d'ines"]);
    let mut at_prof = texts(&world, "prof");
    at_prof.sort();
    assert_eq!(at_prof, ["d'ines", "de malo"]);
    assert_eq!(world.client("ines").data[0].1.participant_identity, "malo");
}

#[test]
fn who_receives_nothing_is_connected_on_both_connections() {
    let mut world = World::new();
    world.join_two("prof", Grants::default());
    // Nobody sends anything: what the second connection describes is its data channels.
    world.all_connected();
    assert!(world.client("prof").down.as_ref().is_some_and(|down| down.rtc.is_connected()));
    let sections = |frame: &Response| match frame {
        Response::Offer(offer) => {
            Some(offer.sdp.lines().filter(|line| line.starts_with("m=")).collect::<Vec<_>>().join("; "))
        }
        _ => None,
    };
    let offered: Vec<String> = world.client("prof").frames.iter().filter_map(sections).collect();
    assert_eq!(offered, ["m=application 9 UDP/DTLS/SCTP webrtc-datachannel"]);
    // And it stays: what came first is what carries the rest.
    for _ in 0..6 {
        world.run(5 * SECOND);
        world.signal("prof", Request::Ping(1));
    }
    world.join("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("ines", Microphone, &[]);
    world.run(SECOND);
    world.say("ines", mic, -20);
    world.run(SECOND);
    let sid = world.track_sid("ines", Microphone);
    assert_eq!(world.client("prof").received(&sid).len(), 1);
}

#[test]
fn the_update_comes_before_the_offer_that_carries_the_track() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join_two("ines", Grants::default());
    world.all_connected();
    world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    let frames = &world.client("ines").frames;
    let told = frames.iter().position(|frame| match frame {
        Response::Update(update) => update.participants.iter().any(|p| p.tracks.iter().any(|t| t.sid == sid)),
        _ => false,
    });
    let offered = frames.iter().position(|frame| match frame {
        Response::Offer(offer) => {
            // Firefox finds the track by its section, Chromium by its name.
            offer.mid_to_track_id.values().any(|track| *track == sid)
                && offer.sdp.contains(&format!("|camera {sid}"))
        }
        _ => false,
    });
    assert!(told.unwrap() < offered.unwrap());
    assert!(frames.iter().all(|frame| !matches!(frame, Response::MediaSectionsRequirement(_))));
}

#[test]
fn sections_that_fell_silent_are_used_again() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join_two("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    let subscription = |subscribe| {
        let track_sids = vec![sid.clone()];
        Request::Subscription(lk::UpdateSubscription { track_sids, subscribe, ..Default::default() })
    };
    for round in 1..=4 {
        world.say("prof", mic, -20);
        world.run(SECOND);
        assert_eq!(world.client("ines").media.len(), round, "round {round}");
        world.signal("ines", subscription(false));
        world.run(SECOND);
        assert!(world.client("ines").track_of.is_empty());
        world.say("prof", mic, -20);
        world.run(SECOND);
        assert_eq!(world.client("ines").media.len(), round, "round {round}, unsubscribed");
        world.signal("ines", subscription(true));
        world.run(SECOND);
    }
    let sections: std::collections::HashSet<_> =
        world.client("ines").media.iter().map(|(mid, _)| *mid).collect();
    assert_eq!(sections.len(), 1, "the same section every time");
    // A browser keeps a section's first track id; clients learn from the stream's name whose turn it is.
    let named = |frame: &Response| match frame {
        Response::Offer(offer) => {
            let line = offer.sdp.lines().find(|line| line.starts_with("a=msid:PA_"))?;
            Some(line.split_once('|')?.1.to_owned())
        }
        _ => None,
    };
    let names: Vec<String> = world.client("ines").frames.iter().filter_map(named).collect();
    assert_eq!(names[0], format!("camera {sid}"), "in step with the picture of the same person");
    assert!(names[1..].iter().all(|name| *name == format!("{sid} {sid}")) && names.len() >= 5, "{names:?}");
}

#[test]
fn many_tracks_at_once_wait_for_the_answer_before_the_next_offer() {
    let mut world = World::new();
    let names = ["a", "b", "c", "d", "e", "f"];
    world.join_two("prof", Grants::default());
    for name in names {
        world.join(name, Grants::default());
    }
    world.all_connected();
    world.client_mut("prof").mute_answers = true;
    let mics: Vec<_> = names.iter().map(|name| (*name, world.publish(name, Microphone, &[]))).collect();
    world.run(2 * SECOND);
    let offers = |world: &World| {
        world.client("prof").frames.iter().filter(|frame| matches!(frame, Response::Offer(_))).count()
    };
    // The first opened the data channels; the second waits for its answer.
    assert_eq!(offers(&world), 2);
    // The answer comes late, and everything else follows in one more offer.
    world.client_mut("prof").mute_answers = false;
    let offer = world.client("prof").frames.iter().rev().find_map(|frame| match frame {
        Response::Offer(offer) => Some(offer.clone()),
        _ => None,
    });
    world.answer_now("prof", &offer.unwrap());
    world.run(SECOND);
    assert_eq!(offers(&world), 3);
    for (name, mic) in &mics {
        world.say(name, *mic, -20);
    }
    world.run(SECOND);
    assert_eq!(world.client("prof").media.len(), 6);
}

#[test]
fn a_resume_restarts_ice_on_both_connections() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join_two("ines", Grants::default());
    world.all_connected();
    let mic = world.publish("prof", Microphone, &[]);
    let own = world.publish("ines", Microphone, &[]);
    world.run(SECOND);
    let sid = world.track_sid("prof", Microphone);
    let own_sid = world.track_sid("ines", Microphone);
    let claims = world.claims("ines", Grants::default());
    world.break_signalling("ines");
    world.run(2 * SECOND);
    world.resume("ines", claims);
    assert!(matches!(world.client("ines").frames[0], Response::Reconnect(_)));
    let offered =
        |frame: &Response| matches!(frame, Response::Offer(offer) if offer.sdp.contains("ice-ufrag"));
    assert!(world.client("ines").frames.iter().any(offered), "the server restarts what it offers");
    let offer = world.client_mut("ines").restart_ice();
    world.signal("ines", Request::Offer(offer));
    world.run(2 * SECOND);
    world.say("prof", mic, -20);
    world.say("ines", own, -20);
    world.run(SECOND);
    assert_eq!(world.client("ines").received(&sid).len(), 1);
    assert_eq!(world.client("prof").received(&own_sid).len(), 1);
    assert_eq!(world.engine.holdings().ice_names, 3, "old names are forgotten");
    let left = |kind: &&EventKind| matches!(kind, EventKind::ParticipantLeft { .. });
    assert!(!world.kinds().iter().any(left));
}

/// The signalling breaks while an offer is under way. `saw` says whether the client got it.
fn broken_in_the_middle(saw: bool) {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join_two("ines", Grants::default());
    world.all_connected();
    world.client_mut("ines").mute_answers = true;
    let mic = world.publish("prof", Microphone, &[]);
    let sid = world.track_sid("prof", Microphone);
    let offer = world.client("ines").frames.iter().rev().find_map(|frame| match frame {
        Response::Offer(offer) => Some(offer.clone()),
        _ => None,
    });
    if saw {
        // It answers, but the answer never arrives.
        world.take_offer("ines", &offer.expect("an offer"));
    }
    let claims = world.claims("ines", Grants::default());
    world.break_signalling("ines");
    world.client_mut("ines").mute_answers = false;
    world.run(SECOND);
    world.resume("ines", claims);
    let answer = world.client("ines").last_answer.clone();
    world.signal("ines", Request::SyncState(lk::SyncState { answer, ..Default::default() }));
    world.run(2 * SECOND);
    world.say("prof", mic, -20);
    world.run(SECOND);
    assert_eq!(world.client("ines").received(&sid).len(), 1, "saw the offer: {saw}");
}

#[test]
fn an_answer_that_was_lost_is_found_in_the_sync_state() {
    broken_in_the_middle(true);
}

#[test]
fn an_offer_that_was_lost_is_made_again() {
    broken_in_the_middle(false);
}

#[test]
fn a_client_that_never_says_where_it_stood_is_offered_to_anyway() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join_two("ines", Grants::default());
    world.all_connected();
    world.client_mut("ines").mute_answers = true;
    world.publish("prof", Microphone, &[]);
    world.break_signalling("ines");
    let claims = world.claims("ines", Grants::default());
    world.client_mut("ines").mute_answers = false;
    world.resume("ines", claims);
    let offers = |world: &World| {
        world.client("ines").frames.iter().filter(|frame| matches!(frame, Response::Offer(_))).count()
    };
    assert_eq!(offers(&world), 0);
    world.run(4 * SECOND);
    assert_eq!(offers(&world), 1);
}

#[test]
fn nonsense_for_an_answer_ends_the_stay_with_the_advice_to_start_over() {
    let mut world = World::new();
    world.join("prof", Grants::default());
    world.join_two("ines", Grants::default());
    world.all_connected();
    world.client_mut("ines").mute_answers = true;
    world.publish("prof", Microphone, &[]);
    world.run(SECOND / 10);
    let answer = lk::SessionDescription { sdp: "v=0\r\nnonsense".to_owned(), ..Default::default() };
    world.signal("ines", Request::Answer(answer));
    let leave = world.client("ines").last_leave().unwrap();
    assert_eq!(leave.action, lk::leave_request::Action::Reconnect as i32);
    let reasons: Vec<Departure> = world
        .kinds()
        .iter()
        .filter_map(|kind| match kind {
            EventKind::ParticipantLeft { reason, .. } => Some(*reason),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [Departure::Negotiation]);
    // Answers nobody asked for do no harm.
    let answer = lk::SessionDescription { id: 77, sdp: "v=0\r\n".to_owned(), ..Default::default() };
    world.signal("prof", Request::Answer(answer));
    assert!(!world.client("prof").closed);
    // Starting over works.
    world.join_two("ines, again", Grants::default());
    world.run(SECOND);
    assert!(world.client("ines, again").connected);
}

#[test]
fn leaving_forgets_both_connections() {
    let mut world = World::new();
    world.join_two("prof", Grants::default());
    world.all_connected();
    assert_eq!(world.engine.holdings().ice_names, 2);
    world.signal("prof", Request::Leave(lk::LeaveRequest::default()));
    let holdings = world.engine.holdings();
    assert_eq!((holdings.ice_names, holdings.addresses, holdings.participants), (0, 0, 0));
}
