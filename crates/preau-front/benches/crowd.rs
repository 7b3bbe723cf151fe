//! What a million people who wait cost: `cores_per_million_waiters`, and how quickly they are answered,
//! `now_p99_ms` (to stay under 20).
//!
//! Each has a ticket that the real gate has issued, asks for `/now` every five minutes (the gate's longest
//! interval, 30 % more or less, for with so many before them nobody's turn is near), on a new connection,
//! because the server closes one that nobody needs for so long. One in ten has no script and shows the
//! ticket at a page instead. Of a million, those are asked whose turn to ask falls into the window: the
//! others cost nothing, which is the design.
//!
//! Open loop: every question has its moment, and latency is counted from it, whatever became of those
//! before. The server is a process of its own with one thread; only its processor time counts. The second
//! window asks as fast as one core is meant to bear, six tenths of what the first says it can.

#[path = "front/server.rs"]
mod server;

use preau_testkit::bench::Measurement;
use preau_testkit::{Program, Running, Usage};
use std::cell::RefCell;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Outcome<T> = Result<T, Box<dyn Error>>;

const WAITERS: u32 = 1_000_000;
/// The gate's longest interval (`Rules::poll`), and how much it varies.
const INTERVAL: f64 = 300.0;
const JITTER: f64 = 0.3;
const WINDOW: Duration = Duration::from_secs(60);
const FAST_WINDOW: Duration = Duration::from_secs(15);
/// Sockets in flight: beyond it the clients of this machine are at their end, not the server.
const IN_FLIGHT: usize = 4_000;
/// The part of a core that a crowd may use.
const MEANT: f64 = 0.6;

/// A number between 0 and 1 that is spread evenly enough (splitmix64).
fn chance(seed: &mut u64) -> f64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *seed;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Who asks when within a window, in order: each of `waiters` at a random point of an interval of its own.
fn schedule(waiters: f64, tickets: usize, window: Duration) -> Vec<(Duration, usize)> {
    let mut seed = 7;
    let mut all = Vec::new();
    for number in 0..waiters as usize {
        let interval = INTERVAL * (1.0 - JITTER + 2.0 * JITTER * chance(&mut seed));
        let due = interval * chance(&mut seed);
        if due < window.as_secs_f64() {
            all.push((Duration::from_secs_f64(due), number % tickets));
        }
    }
    all.sort_unstable();
    all
}

/// What has been seen.
#[derive(Default)]
struct Seen {
    /// Milliseconds from the moment a question was due to the end of its answer.
    now: Vec<f64>,
    pages: usize,
    failed: usize,
    open: usize,
    most_open: usize,
}

async fn ask(address: SocketAddr, number: usize, ticket: &str) -> std::io::Result<bool> {
    let socket = TcpSocket::new_v4()?;
    // Many addresses, as of many people: one alone has too few ports.
    let from = IpAddr::from([127, 1, (number / 200 % 200) as u8, (number % 200) as u8 + 1]);
    socket.bind(SocketAddr::new(from, 0))?;
    let mut stream = socket.connect(address).await?;
    let page = number.is_multiple_of(10);
    let path = if page { "/page" } else { "/now" };
    let request = format!("GET {path} HTTP/1.1\r\nHost: bench.example\r\nCookie: ticket={ticket}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::with_capacity(1024);
    stream.read_to_end(&mut answer).await?;
    let right: &[u8] = if page { b"HTTP/1.1 503" } else { b"HTTP/1.1 200" };
    if !answer.starts_with(right) {
        return Err(std::io::Error::other(String::from_utf8_lossy(&answer).into_owned()));
    }
    Ok(page)
}

/// Asks all questions at their moments; gives what was seen and the server's processor time.
fn run(
    served: &Running,
    address: SocketAddr,
    tickets: &[String],
    waiters: f64,
    window: Duration,
) -> Outcome<(Seen, Duration)> {
    let schedule = schedule(waiters, tickets.len(), window);
    let seen = Rc::new(RefCell::new(Seen::default()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let tickets: Rc<[String]> = tickets.into();
    let before = Usage::of(served.pid())?;
    local.block_on(&runtime, async {
        let begun = Instant::now();
        for (due, number) in schedule {
            let due = begun + due;
            tokio::time::sleep_until(due).await;
            if seen.borrow().open >= IN_FLIGHT {
                seen.borrow_mut().failed += 1;
                continue;
            }
            let (kept, tickets) = (Rc::clone(&seen), Rc::clone(&tickets));
            {
                let mut seen = seen.borrow_mut();
                seen.open += 1;
                seen.most_open = seen.most_open.max(seen.open);
            }
            tokio::task::spawn_local(async move {
                let asked =
                    tokio::time::timeout(Duration::from_secs(10), ask(address, number, &tickets[number]));
                let asked = asked.await;
                let mut seen = kept.borrow_mut();
                seen.open -= 1;
                match asked {
                    Ok(Ok(true)) => seen.pages += 1,
                    Ok(Ok(false)) => seen.now.push(due.elapsed().as_secs_f64() * 1000.0),
                    Ok(Err(_)) | Err(_) => seen.failed += 1,
                }
            });
        }
        while seen.borrow().open > 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    let cpu = Usage::of(served.pid())?.cpu_since(&before);
    drop(local);
    let seen = Rc::into_inner(seen).ok_or("somebody still asks")?.into_inner();
    let asked = seen.now.len() + seen.pages;
    println!(
        "{waiters:.0} waiters: {:.0} questions a second, {} failed, at most {} at once, server {:.2} of a core",
        asked as f64 / window.as_secs_f64(),
        seen.failed,
        seen.most_open,
        cpu.as_secs_f64() / window.as_secs_f64(),
    );
    if seen.failed * 1000 > asked {
        return Err("more than one in a thousand got no answer".into());
    }
    Ok((seen, cpu))
}

fn percentile(mut values: Vec<f64>, part: f64) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let place = (values.len() as f64 * part) as usize;
    values.get(place.min(values.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|word| word == "server") {
        return server::run_for_many(&arguments[1..]);
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("tickets");
    let served = Program::new(std::env::current_exe()?, "serving ")
        .args(["server".to_owned(), file.display().to_string(), WAITERS.to_string()])
        .start()?;
    let line = served.ready_line().to_owned();
    let address: SocketAddr = line.split("serving ").nth(1).ok_or("no address")?.trim().parse()?;
    let tickets: Vec<String> = std::fs::read_to_string(&file)?.lines().map(str::to_owned).collect();
    if tickets.len() < WAITERS as usize - 1 {
        return Err(format!("{} tickets", tickets.len()).into());
    }
    // Everything warm.
    run(&served, address, &tickets, f64::from(WAITERS), Duration::from_secs(5))?;
    let (calm, cpu) = run(&served, address, &tickets, f64::from(WAITERS), WINDOW)?;
    let cores = cpu.as_secs_f64() / WINDOW.as_secs_f64();
    let per_million = cores * 1e6 / f64::from(WAITERS);
    let (busy, _) = run(&served, address, &tickets, MEANT / per_million * 1e6, FAST_WINDOW)?;
    let p99 = percentile(busy.now, 0.99);
    println!("cores_per_million_waiters: {per_million:.3}");
    println!("now_p99_ms: {p99:.2} (at one million alone {:.2})", percentile(calm.now, 0.99));
    Measurement::of("cores_per_million_waiters", "cores", &[per_million]).leave()?;
    Measurement::of("now_p99_ms", "ms", &[p99]).leave()?;
    Ok(())
}
