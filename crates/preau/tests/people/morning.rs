//! A morning: the real server, a crowd before it, and what the console shows meanwhile, second by second.

use crate::devices;
use preau_people::house::{Fault, Server};
use preau_people::{Browser, Crowd, House, Jar, Knock, Person, Sight, Tally};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;

/// The core of the server.
const SERVER_CORE: usize = 0;

pub const PREAU: &str = env!("CARGO_BIN_EXE_preau");

/// How large a scenario is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    Full,
    Short,
}

impl Size {
    pub fn of<T>(self, full: T, short: T) -> T {
        match self {
            Size::Full => full,
            Size::Short => short,
        }
    }
}

/// The demonstration school and its known devices, made once for all scenarios.
pub struct Town {
    pub house: House,
    pub jars: Vec<Jar>,
}

/// So many devices serve every scenario; each starts a server that has seen none of them.
fn devices_of(size: Size) -> usize {
    size.of(1_600, 420)
}

pub fn town(size: Size) -> Result<&'static Town, Fault> {
    static TOWN: OnceLock<Town> = OnceLock::new();
    if let Some(town) = TOWN.get() {
        return Ok(town);
    }
    let mut house = House::demo(PREAU)?;
    // The people of this program may say what address they come from, as behind a balancer.
    house.configure("[server]\ntrusted = [\"127.0.0.0/8\"]\n")?;
    let jars = devices::known(&house, devices_of(size))?;
    Ok(TOWN.get_or_init(|| Town { house, jars }))
}

/// A server with a crowd before it.
pub struct Morning {
    pub server: Server,
    pub tally: Tally,
    pub crowd: Crowd,
    pub sights: Vec<Sight>,
}

impl Morning {
    /// The school with a quota of `seats`, everybody equal before the bell.
    pub fn school(town: &Town, seats: u32, seed: u64) -> Result<Morning, Fault> {
        town.house.forget_queue();
        let seats = seats.to_string();
        let settings =
            [("GATE__SESSIONS", seats.as_str()), ("GATE__FIND", "false"), ("GATE__LESSONS", "false")];
        Ok(Morning::over(town.house.serve(&settings, Some(SERVER_CORE))?, seed))
    }

    /// A gate before a service at `upstream`.
    pub fn gate(
        folder: &std::path::Path,
        upstream: SocketAddr,
        listen: SocketAddr,
        settings: &[(&str, &str)],
        seed: u64,
    ) -> Result<Morning, Fault> {
        let server = start_gate(folder, upstream, listen, settings)?;
        Ok(Morning::over(server, seed))
    }

    fn over(server: Server, seed: u64) -> Morning {
        Morning { server, tally: Tally::default(), crowd: Crowd::new(seed), sights: Vec::new() }
    }

    /// People come for so many seconds, while somebody looks at the console.
    pub async fn come(
        &mut self,
        seconds: f64,
        rate: impl Fn(f64) -> f64,
        who: impl FnMut(Knock<'_>) -> Option<Person>,
    ) {
        let Morning { server, crowd, sights, .. } = self;
        tokio::select! {
            () = crowd.come(seconds, rate, who) => {}
            () = watch(server, sights) => {}
        }
    }

    /// Looks on for so many seconds while nobody new comes.
    pub async fn look_on(&mut self, seconds: u32) {
        self.come(f64::from(seconds), |_| 0.0, |_| None).await;
    }

    /// A browser of somebody who comes to this server.
    pub fn browser(&self, jar: Jar) -> Browser {
        Browser::new(self.server.address, None, jar)
    }

    /// Most seats taken at one time, as the console showed it.
    pub fn most_taken(&self) -> u32 {
        self.sights.iter().map(|sight| sight.taken).max().unwrap_or(0)
    }
}

/// Notes what the console shows, every second; nothing while the server is down. Never ends.
async fn watch(server: &Server, sights: &mut Vec<Sight>) {
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        if let Ok(sight) = server.sight().await {
            if std::env::var_os("PREAU_SCENARIO_VERBOSE").is_some() {
                println!("  {sight:?}");
            }
            sights.push(sight);
        }
    }
}

pub fn start_gate(
    folder: &std::path::Path,
    upstream: SocketAddr,
    listen: SocketAddr,
    settings: &[(&str, &str)],
) -> Result<Server, Fault> {
    House::gate(PREAU.as_ref(), upstream, listen, folder, settings, Some(SERVER_CORE))
}

pub fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// Share of `seats` in use, on average, from second `from` of the tally to second `to`.
pub fn used(tally: &Tally, seats: u32, from: usize, to: usize) -> f64 {
    let inside = tally.span(0.0, to as f64 + 1.0).inside(0);
    let counted: Vec<i64> = inside.iter().take(to).skip(from).copied().collect();
    counted.iter().sum::<i64>() as f64 / counted.len().max(1) as f64 / f64::from(seats)
}
