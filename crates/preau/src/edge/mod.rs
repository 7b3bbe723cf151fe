//! The edge: everything between the socket and a slice's handler.
//!
//! A request passes, in this order: the gate's decision ([`admission`], no database), the session
//! ([`caller`]: cookie to [`crate::access::Actor`]), then the route's own guard ([`routes`]: audience,
//! forged requests, body limit). A handler that runs has all of that behind it. What comes back is
//! dressed on the way out: refusals become pages ([`refusal`]), every response gets its security
//! headers ([`headers`]).
//!
//! The edge knows no slice; `app` hands it what it needs ([`Sessions`]).

pub mod admission;
mod bounded;
mod caller;
mod changes;
mod compression;
mod cookies;
mod csrf;
mod device;
mod forms;
mod headers;
mod html;
mod platform;
mod ranges;
mod refusal;
mod routes;
mod server;
mod sheet;
mod statics;
mod valves;
pub mod views;

pub use admission::{Door, Standing, Waiting, standalone_policy};
pub use bounded::{Measured, bounded, valves_of};
pub use caller::{Caller, Display, SessionMark, Sessions, SignedIn, session_layer};
pub use changes::{Change, Changes, Topic};
pub use compression::compression;
pub use cookies::{CookieJar, Kept};
pub use csrf::CsrfKey;
pub use device::DeviceId;
pub use forms::{FormFields, Upload, UploadLimits, read_multipart};
use headers::dressed;
pub use headers::security_headers;
pub use html::{html, html_text, json, see_other, see_other_with};
pub(crate) use platform::instant;
pub use platform::{Clock, Platform, Secrets};
pub use ranges::Part;
pub use refusal::{Refusal, refusal_pages};
pub use routes::{Audience, Body, Cost, NavEntry, RouteInfo, Routes, apart};
pub use server::serve;
pub use sheet::sheet;
pub use statics::static_files;
pub use valves::{Bounds, Offered, Under, Valves};
