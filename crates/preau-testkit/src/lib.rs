//! What the tests of Préau need from the outside world, for real: a throw-away PostgreSQL or Redis, a
//! server process that can be killed and started again, and the rounds of kills that prove durability.
//!
//! It is a development dependency only and knows nothing of schools: a program, a database, a port.
//! It mocks nothing. Invariant: whatever it starts ends with the test process, even when that process
//! panics or is itself killed, because a guardian process watches over each thing started.

pub mod bench;
mod guardian;
pub mod kills;
pub mod port;
pub mod postgres;
pub mod program;
pub mod redis;
pub mod usage;

pub use postgres::{Database, Postgres, Template};
pub use program::{Program, Running};
pub use redis::Redis;
pub use usage::Usage;
