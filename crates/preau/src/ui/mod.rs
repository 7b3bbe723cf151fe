//! What every page shares: base template, components, styles, texts, French dates, static files.
//!
//! A feature writes its page as `<feature>/<page>.html` (askama), begins it with
//! `{% extends "ui/base.html" %}` and `{% import "ui/components.html" as c %}`, and gives its view
//! struct a field `page: &Shell`. Templates find every sentence through `page.t("key")`; no French
//! stands in a template. This module knows no feature, no session and no database.

pub mod assets;
pub mod clock;
pub mod dates;
pub mod form;
pub mod pictures;
pub mod shell;
pub mod texts;

pub use assets::{Asset, Encoding, asset, favicon, served};
pub use clock::ClockFace;
pub use dates::Dates;
pub use form::{Pages, SelectOption};
pub use pictures::{drawing, icon};
pub use shell::{Choice, Flash, FlashKind, NavItem, PersonLabel, Shell, Spacing, Theme};
pub use texts::{Form, Lang, Texts};
