//! Starts a server, writes its process number to a file and waits to be killed.
//!
//! `testkit-mortal server|postgres FILE`. It stands for a test process that dies in the worst manner;
//! the tests then look whether what it had started is gone too.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use preau_testkit::{Postgres, Program};

/// Longer than any test waits, short enough not to stay for ever if nobody kills us.
const LIFE: Duration = Duration::from_secs(600);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(what), Some(file)) = (arguments.next(), arguments.next()) else {
        return Err("usage: testkit-mortal server|postgres FILE".into());
    };
    if what == "server" {
        let server = Program::new("/bin/sh", "ready").args(["-c", "echo ready; exec sleep 600"]).start()?;
        std::fs::write(file, format!("{}\n", server.pid()))?;
        sleep(LIFE);
    } else {
        let cluster = Postgres::shared().map_err(ToString::to_string)?;
        let pid_file = cluster.database()?.psql("SELECT pg_read_file('postmaster.pid')")?;
        let pid = pid_file.lines().next().unwrap_or_default();
        std::fs::write(file, format!("{pid}\n"))?;
        sleep(LIFE);
    }
    Ok(())
}
