//! The tests of the proxy and of smuggling once more, with every request on its way through hyper.
#![allow(clippy::unwrap_used, clippy::duplicate_mod)]

#[path = "proxy.rs"]
mod proxy;
#[path = "smuggling.rs"]
mod smuggling;
