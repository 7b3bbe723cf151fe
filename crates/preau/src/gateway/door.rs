//! The decision on each request to a service behind the gate, as the front asks for it.

use crate::edge::admission::{Said, released, said};
use crate::edge::{CookieJar, Platform};
use http::{HeaderValue, StatusCode, header};
use preau_front::{Answer, Decision, Door, Head, Pass, Refused, Seat};
use preau_gate::Session;

/// One queue for each service, in the order of the front's sites.
pub(super) struct GateDoor {
    platforms: Vec<Platform>,
}

/// The names of the cookies that are ours and that no service needs to see.
pub(super) fn own_cookies(platform: &Platform) -> Vec<String> {
    let jar = CookieJar::of(platform);
    ["gate", "ticket", "mark", "device"].map(|name| jar.name(name)).into()
}

/// What travels with a request that passes.
struct Place {
    site: usize,
    session: Session,
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
        let request = http::Request::builder().method(head.method).uri(head.target).version(head.version);
        let Ok(mut request) = request.body(()) else {
            return Decision::Answer(Refused::Malformed.plain());
        };
        *request.headers_mut() = head.to_map();
        match said(platform, &request) {
            Said::Pass { seat, cookies } => Decision::Pass(Pass {
                class: class_of(head),
                cookies,
                seat: Some(Seat::new(Place { site: head.site, session: seat })),
            }),
            Said::Answer { status, headers, body } => {
                let mut answer = Answer::new(status, body);
                answer.close = headers.get(header::CONNECTION).is_some_and(|value| value == "close");
                for (name, value) in &headers {
                    let own = [header::CONNECTION, header::CONTENT_LENGTH, header::DATE];
                    if !own.contains(name) {
                        answer = answer.with(name.clone(), value.clone());
                    }
                }
                Decision::Answer(answer)
            }
        }
    }

    fn release(&self, seat: &Seat) -> Vec<HeaderValue> {
        let place = seat.get::<Place>();
        let platform = place.and_then(|place| self.platforms.get(place.site));
        place.zip(platform).map(|(place, platform)| released(platform, &place.session)).unwrap_or_default()
    }

    fn crowded(&self) -> bool {
        let waits = |platform: &Platform| platform.door().status().lanes.iter().any(|lane| lane.waiting > 0);
        self.platforms.iter().any(waits)
    }

    fn refuse(&self, refused: Refused, head: Option<&Head<'_>>) -> Answer {
        let person = head.is_some_and(|head| {
            head.field("accept").is_some_and(|accept| accept.windows(9).any(|part| part == b"text/html"))
        });
        let status = refused.status();
        if !person || !status.is_server_error() {
            return refused.plain();
        }
        let page = "<!doctype html><html lang=\"fr\"><meta charset=\"utf-8\">\
            <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
            <meta http-equiv=\"refresh\" content=\"15\"><title>Le service ne répond pas</title>\
            <h1>Le service ne répond pas</h1><p>Votre place est gardée. Cette page réessaie toute seule.</p>\
            <p lang=\"en\">The service does not answer. Your place is kept; this page tries again by itself.</p>";
        Answer::new(
            if status == StatusCode::SERVICE_UNAVAILABLE { status } else { StatusCode::BAD_GATEWAY },
            page.into(),
        )
        .with(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))
        .with(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .with(header::RETRY_AFTER, HeaderValue::from_static("15"))
    }
}

/// Reading and doing cost a service differently.
fn class_of(head: &Head<'_>) -> u8 {
    u8::from(!matches!(head.method, "GET" | "HEAD"))
}
