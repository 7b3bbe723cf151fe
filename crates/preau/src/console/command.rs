//! `preau gate status` and `preau gate order`: the console from the command line.

use super::answer::{Sent, worded};
use super::sight::Sight;
use super::token::Token;
use crate::config::Config;
use anyhow::Context as _;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

/// A console that has not answered by then is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Prints what the gate of a running server sees and does.
///
/// # Errors
/// No console to ask, or not the right token.
pub fn status(config: &Config, console: Option<SocketAddr>, json: bool) -> anyhow::Result<ExitCode> {
    let body = ask(config, console, "GET", "/status.json", "")?;
    if json {
        println!("{body}");
        return Ok(ExitCode::SUCCESS);
    }
    let sights: Vec<Sight> = serde_json::from_str(&body).context("the console's answer")?;
    for sight in &sights {
        print!("{}", shown(sight));
    }
    Ok(if sights.iter().all(|sight| sight.moving) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Gives an order: `ceiling 500`, `close unknown`, `message Words for all who wait`.
///
/// # Errors
/// Words that are no order, an order that was refused, no console to ask.
pub fn order(
    config: &Config,
    console: Option<SocketAddr>,
    house: Option<&str>,
    words: &[String],
) -> anyhow::Result<ExitCode> {
    let (order, rest) = words.split_first().context("an order is missing")?;
    let order = worded(order, &rest.join(" ")).map_err(|wrong| anyhow::anyhow!("{wrong}"))?;
    let sent = serde_json::to_string(&Sent { house: house.map(str::to_owned), order })?;
    let body = ask(config, console, "POST", "/order", &sent)?;
    let sights: Vec<Sight> = serde_json::from_str(&body).context("the console's answer")?;
    for sight in sights.iter().filter(|sight| house.is_none_or(|house| house == sight.house)) {
        print!("{}", shown(sight));
    }
    Ok(ExitCode::SUCCESS)
}

/// One house, for a terminal.
fn shown(sight: &Sight) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    let pace = sight.pace.map_or_else(String::new, |pace| format!(", at most {pace} new a second"));
    let of = sight.cause_valve.as_deref().map_or_else(String::new, |valve| format!(" of {valve}"));
    let still = if sight.moving { "" } else { "   THE QUEUE STANDS STILL" };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{}{still}", sight.house);
    let _ = writeln!(
        text,
        "  {} of {} seats taken, {} set aside for lessons; why: {}{of}{pace}",
        sight.taken, sight.seats, sight.set_aside, sight.cause
    );
    let _ = writeln!(text, "  lane       seated  waiting  tickets  in/min  watermark");
    for lane in &sight.lanes {
        let closed = if lane.closed { "  closed" } else { "" };
        let _ = writeln!(
            text,
            "  {:<9} {:>7} {:>8} {:>8} {:>7}  {}{closed}",
            lane.lane, lane.seated, lane.waiting, lane.tickets, lane.per_minute, lane.watermark
        );
    }
    if !sight.valves.is_empty() {
        let _ = writeln!(
            text,
            "  valve                 under way  limit  waiting  served/s  refused/s  median   cause"
        );
    }
    for valve in &sight.valves {
        let _ = writeln!(
            text,
            "  {:<20} {:>10} {:>6} {:>8} {:>9} {:>10} {:>5.1} ms  {}",
            valve.valve,
            valve.inflight,
            valve.limit,
            valve.waiting,
            valve.served,
            valve.refused,
            valve.median_ms,
            valve.cause
        );
    }
    if let Some(nodes) = &sight.nodes {
        let gone =
            nodes.severed_seconds.map_or_else(String::new, |span| format!("; STORE GONE for {span} s"));
        let why = nodes.trouble.as_deref().map_or_else(String::new, |why| format!(": {why}"));
        let _ = writeln!(
            text,
            "  {} nodes share {} seats, {} are leased here{gone}{why}",
            nodes.nodes, nodes.house_seats, nodes.lease
        );
    }
    if sight.ill {
        let _ = writeln!(text, "  THE SERVICE DOES NOT ANSWER: nobody new is let in");
    }
    if !sight.given_up.is_empty() {
        let _ = writeln!(text, "  given up: {}", sight.given_up.join(", "));
    }
    if sight.toll_bits > 0 {
        let _ = writeln!(text, "  strangers compute {} bits while they wait", sight.toll_bits);
    }
    if let Some(message) = &sight.orders.message {
        let _ = writeln!(text, "  all who wait are told: {message}");
    }
    text
}

/// One request to the console (HTTP/1.0: the answer ends with the connection).
fn ask(
    config: &Config,
    console: Option<SocketAddr>,
    method: &str,
    path: &str,
    body: &str,
) -> anyhow::Result<String> {
    let address = console.or(config.server.console).context(
        "where does the console listen? Give --console ADDRESS:PORT, or set server.console in the configuration",
    )?;
    let token = Token::read(&super::folder(config))?;
    let lost = || format!("no console answers at {address}");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).with_context(lost)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!(
        "{method} {path} HTTP/1.0\r\nHost: {address}\r\nAuthorization: {}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        token.authorization(),
        body.len()
    );
    stream.write_all(request.as_bytes()).with_context(lost)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(lost)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("that is no console")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    match status {
        "200" => Ok(body.to_owned()),
        "401" => anyhow::bail!("the token in {} is not this console's", token.path().display()),
        _ => anyhow::bail!("{}", body.trim()),
    }
}
