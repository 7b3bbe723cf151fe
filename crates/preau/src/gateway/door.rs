//! The decision on each request to a service behind the gate, as the front asks for it.

use crate::edge::admission::{self, Place, class_of, refusal, released};
use crate::edge::{CookieJar, Platform};
use http::HeaderValue;
use preau_front::{Answer, Decision, Door, Head, Pass, Refused, Seat};
use std::time::Duration;

/// One queue for each service, in the order of the front's sites.
pub(super) struct GateDoor {
    platforms: Vec<Platform>,
}

/// The names of the cookies that are ours and that no service needs to see.
pub(super) fn own_cookies(platform: &Platform) -> Vec<String> {
    let jar = CookieJar::of(platform);
    ["gate", "ticket", "mark", "device", "due", "proof", "code"].map(|name| jar.name(name)).into()
}

impl GateDoor {
    pub(super) fn new(platforms: Vec<Platform>) -> GateDoor {
        GateDoor { platforms }
    }
}

impl Door for GateDoor {
    fn decide(&self, head: &Head<'_>) -> Decision {
        let Some(platform) = self.platforms.get(head.site) else {
            return Decision::Answer(Refused::Host.plain());
        };
        match admission::place(platform, head) {
            Ok(mut place) => {
                let cookies = place.take_cookies();
                Decision::Pass(Pass { class: class_of(head.method), cookies, seat: Some(Seat::new(place)) })
            }
            Err(answer) => answer,
        }
    }

    fn release(&self, seat: &Seat) -> Vec<HeaderValue> {
        let place = seat.get::<Place>();
        let platform = place.and_then(|place| self.platforms.get(place.site));
        place.zip(platform).map(|(place, platform)| released(platform, &place.session)).unwrap_or_default()
    }

    fn late(&self, by: Duration) {
        for platform in &self.platforms {
            platform.door().late(by);
        }
    }

    fn crowded(&self) -> bool {
        self.platforms.iter().any(|platform| admission::crowded(platform.door()))
    }

    fn refuse(&self, refused: Refused, head: Option<&Head<'_>>) -> Answer {
        let platform = head.and_then(|head| self.platforms.get(head.site)).or(self.platforms.first());
        platform.map_or_else(|| refused.plain(), |platform| refusal(platform, refused, head))
    }
}
