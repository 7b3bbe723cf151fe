//! Our side of the measurements: the front with the real gate as its door.
#![allow(dead_code, reason = "each benchmark uses a part of it")]

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
    /// Whether those who wait come back so seldom that their connection is not kept.
    seldom: bool,
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
            let mut answer = Answer::new(StatusCode::OK, body)
                .with(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .with(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=1"));
            answer.close = self.seldom;
            return Decision::Answer(answer);
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
                let mut answer = Answer::new(StatusCode::SERVICE_UNAVAILABLE, Bytes::from(body))
                    .with(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
                    .with(header::RETRY_AFTER, seconds);
                answer.close = self.seldom;
                Decision::Answer(answer)
            }
        }
    }
}

/// `server answers|passes CHAIN KEY UPSTREAM`: prints a ticket, the HTTPS address and the HTTP address.
pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let [mode, chain, key, upstream] = arguments else { return Err("server MODE CHAIN KEY UPSTREAM".into()) };
    let (gate, tickets) = open(1000)?;
    let listen =
        |kind| Listen::bind("127.0.0.1:0".parse()?, kind).map_err(Box::<dyn std::error::Error>::from);
    let (http, https) = (listen(Kind::Http)?, listen(Kind::Https)?);
    let (at, https_at) = (http.socket.local_addr()?, https.socket.local_addr()?);
    let tls = Tls::from_files(&[Files { chain: chain.into(), key: key.into() }], https_at.port())?;
    let upstreams = Upstreams::new(vec![Upstream::new(upstream)?], Arc::new(()))?;
    let limits = Limits { idle: Duration::from_secs(300), ..Limits::default() };
    let door = GateDoor { gate, passes: mode == "passes", seldom: false };
    let front = Front::new(door, upstreams, limits, Trusted::default(), Some(Arc::new(tls)));
    println!("ticket {}", tickets.last().ok_or("no ticket")?);
    println!("https {https_at}");
    println!("serving {at}");
    front.serve_on_threads(vec![http, https], 1)?;
    Ok(())
}

/// `server FILE COUNT`: leaves so many tickets in a file, one a line, and prints the HTTP address.
pub(crate) fn run_for_many(arguments: &[String]) -> Outcome<()> {
    let [file, count] = arguments else { return Err("server FILE COUNT".into()) };
    let (gate, tickets) = open(count.parse()?)?;
    std::fs::write(file, tickets.join("\n"))?;
    drop(tickets);
    let http = Listen::bind("127.0.0.1:0".parse()?, Kind::Http)?;
    let at = http.socket.local_addr()?;
    let upstreams = Upstreams::new(vec![Upstream::new("http://127.0.0.1:9")?], Arc::new(()))?;
    let door = GateDoor { gate, passes: false, seldom: true };
    let front = Front::new(door, upstreams, Limits::default(), Trusted::default(), None);
    println!("serving {at}");
    front.serve_on_threads(vec![http], 1)?;
    Ok(())
}

/// A gate that turns, and the tickets of so many who wait before it.
fn open(count: u32) -> Outcome<(Gate, Vec<String>)> {
    let secret = Secret::new([7; 32]);
    let (gate, mut scheduler) = Scheduler::open(Rules::default(), secret, Box::new(Quota(1)), None, now())?;
    // One is in and stays, as a known device; everybody else waits.
    if let Verdict::Admit(admission) = gate.decide(&Arrival::default(), || DeviceId::new([1; 12]), now()) {
        let session = admission.renewed.ok_or("no session")?;
        let read = gate.read_session(session.as_str(), now())?;
        gate.recognise(&read, Standing::Known, now())?;
    }
    let mut tickets = Vec::with_capacity(count as usize);
    for number in 0..count {
        let mut device = [3; 12];
        // The last byte decides who reports.
        device[..4].copy_from_slice(&number.to_be_bytes());
        device[11] = number as u8;
        if let Verdict::Wait(wait) = gate.decide(&Arrival::default(), || DeviceId::new(device), now()) {
            tickets.extend(wait.ticket.map(|text| text.to_string()));
        }
    }
    std::thread::spawn(move || {
        loop {
            scheduler.tick(now());
            std::thread::sleep(Duration::from_secs(1));
        }
    });
    Ok((gate, tickets))
}
