//! A document that the teacher shows, page by page: everybody has the same page before them.
//!
//! The pages themselves are drawn by browsers. What the server knows of a document is its name, its token, and
//! how many pages the teacher's page found in it; the number bounds the pages that can be turned to.

use serde::{Deserialize, Serialize};

/// Most pages of a document that is shown; the page holds the same bound.
pub(in crate::classroom) const MOST_PAGES: u16 = 300;

/// A document that is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::classroom) struct Shown {
    /// Names the file in addresses.
    pub(in crate::classroom) token: String,
    /// Its safe name.
    pub(in crate::classroom) name: String,
    /// How many pages it has.
    pub(in crate::classroom) pages: u16,
    /// The teacher's page, from 1.
    pub(in crate::classroom) page: u16,
}

impl Shown {
    /// Whether there is such a page.
    pub(super) fn has(&self, page: u16) -> bool {
        (1..=self.pages).contains(&page)
    }

    /// Whether it can be shown at all.
    pub(super) fn is_sound(&self) -> bool {
        self.pages <= MOST_PAGES && self.has(self.page)
    }
}
