//! What the pages about the platform show: the frame, and texts.

use crate::ui::Shell;
use askama::Template;

/// Help.
#[derive(Template)]
#[template(path = "about/help.html")]
pub(super) struct HelpPage<'a> {
    pub(super) page: &'a Shell,
}

/// The accessibility statement.
#[derive(Template)]
#[template(path = "about/accessibility.html")]
pub(super) struct AccessibilityPage<'a> {
    pub(super) page: &'a Shell,
}
