//! Our side of the measurement: the front with the real gate as its door.

use crate::Outcome;
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use preau_front::tls::{Files, Tls};
use preau_front::{
    Answer, Decision, Door, Front, Head, Kind, Limits, Listen, Pass, Trusted, Upstream, Upstreams,
};
use preau_gate::{Arrival, DeviceId, Gate, Moment, Quota, Rules, Scheduler, Secret, Standing, Verdict};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

struct GateDoor {
    gate: Gate,
    passes: bool,
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Moment::from_unix_seconds(0) + since
}

impl Door for GateDoor {
    fn decide(&self, head: &Head<'_>) -> Decision {
        let ticket = head.cookie("ticket");
        if head.path() == "/now" {
            if let Some(ticket) = ticket {
                self.gate.heartbeat(ticket, now());
            }
            let body = Bytes::copy_from_slice(self.gate.now_json().as_bytes());
            return Decision::Answer(
                Answer::new(StatusCode::OK, body)
                    .with(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
                    .with(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=1")),
            );
        }
        let session = head.cookie("gate");
        let arrival = Arrival { session, ticket, ..Arrival::default() };
        match self.gate.decide(&arrival, || DeviceId::new([9; 12]), now()) {
            // The decision is made and paid for; in the proxy's discipline it lets everybody in.
            Verdict::Wait(_) if self.passes => Decision::Pass(Pass::default()),
            Verdict::Admit(_) => Decision::Pass(Pass::default()),
            Verdict::Wait(wait) => {
                let body = format!("{{\"error\":\"waiting\",\"people_before\":{}}}", wait.people_before);
                let seconds = HeaderValue::from(wait.interval.as_secs());
                Decision::Answer(
                    Answer::new(StatusCode::SERVICE_UNAVAILABLE, Bytes::from(body))
                        .with(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
                        .with(header::RETRY_AFTER, seconds),
                )
            }
        }
    }
}

/// `server answers|passes CHAIN KEY UPSTREAM`: prints a ticket, the HTTPS address and the HTTP address.
pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let [mode, chain, key, upstream] = arguments else { return Err("server MODE CHAIN KEY UPSTREAM".into()) };
    let secret = Secret::new([7; 32]);
    let (gate, mut scheduler) = Scheduler::open(Rules::default(), secret, Box::new(Quota(1)), None, now())?;
    // One is in and stays, as a known device; everybody else waits.
    if let Verdict::Admit(admission) = gate.decide(&Arrival::default(), || DeviceId::new([1; 12]), now()) {
        let session = admission.renewed.ok_or("no session")?;
        let read = gate.read_session(session.as_str(), now())?;
        gate.recognise(&read, Standing::Known, now())?;
    }
    let mut ticket = String::new();
    for number in 0..1000_u16 {
        let mut device = [3; 12];
        device[..2].copy_from_slice(&number.to_be_bytes());
        if let Verdict::Wait(wait) = gate.decide(&Arrival::default(), || DeviceId::new(device), now()) {
            ticket = wait.ticket.map(|text| text.to_string()).unwrap_or(ticket);
        }
    }
    std::thread::spawn(move || {
        loop {
            scheduler.tick(now());
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    let listen =
        |kind| Listen::bind("127.0.0.1:0".parse()?, kind).map_err(Box::<dyn std::error::Error>::from);
    let (http, https) = (listen(Kind::Http)?, listen(Kind::Https)?);
    let (at, https_at) = (http.socket.local_addr()?, https.socket.local_addr()?);
    let tls = Tls::from_files(&[Files { chain: chain.into(), key: key.into() }], https_at.port())?;
    let upstreams = Upstreams::new(vec![Upstream::new(upstream)?], Arc::new(()))?;
    let limits = Limits { idle: Duration::from_secs(300), ..Limits::default() };
    let door = GateDoor { gate, passes: mode == "passes" };
    let front = Front::new(door, upstreams, limits, Trusted::default(), Some(Arc::new(tls)));
    println!("ticket {ticket}");
    println!("https {https_at}");
    println!("serving {at}");
    front.serve_on_threads(vec![http, https], 1)?;
    Ok(())
}
