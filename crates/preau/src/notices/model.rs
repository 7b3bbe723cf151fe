//! Notices as they are: types and the rules on what may be written. Pure.

use crate::ids::{Millis, PersonId, SchoolId};
use crate::typed_id;

typed_id!(
    /// A notice to a whole school.
    NoticeId
);

/// Longest title, in characters: one line on a screen.
pub(super) const LONGEST_TITLE: usize = 120;
/// Longest text, in characters: a page.
pub(super) const LONGEST_BODY: usize = 4_000;
/// Most notices a school publishes in 24 hours. A stolen account cannot flood a thousand families.
pub(super) const MOST_A_DAY: i64 = 20;

/// A notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Its identifier.
    pub id: NoticeId,
    /// The school it is for.
    pub school: SchoolId,
    /// The head who wrote it.
    pub author: PersonId,
    /// Its title.
    pub title: String,
    /// Its text.
    pub body: String,
    /// When it was published, in milliseconds since the Unix epoch.
    pub published_at: Millis,
    /// When it was withdrawn, if it was.
    pub withdrawn_at: Option<Millis>,
}

/// A notice in a list, as one person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeLine {
    /// Which.
    pub id: NoticeId,
    /// Its title.
    pub title: String,
    /// Who wrote it: "Mme Charme".
    pub author: String,
    /// When it was published.
    pub published_at: Millis,
    /// Whether this person has opened it.
    pub read: bool,
    /// Whether it was withdrawn.
    pub withdrawn: bool,
}

/// How many of those it is for have opened a notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Receipts {
    pub(super) pupils: Share,
    pub(super) families: Share,
    pub(super) staff: Share,
}

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Share {
    pub(super) read: u32,
    pub(super) of: u32,
}

/// What a head writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Draft {
    pub(super) title: String,
    pub(super) body: String,
}

/// Why a draft cannot be published. Each names a text `notice-fault-…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    NoTitle,
    TitleTooLong,
    NoBody,
    BodyTooLong,
}

impl Fault {
    /// The text that tells the head.
    pub(super) fn key(self) -> &'static str {
        match self {
            Fault::NoTitle => "notice-fault-no-title",
            Fault::TitleTooLong => "notice-fault-title-too-long",
            Fault::NoBody => "notice-fault-no-body",
            Fault::BodyTooLong => "notice-fault-body-too-long",
        }
    }

    /// Whether the title is at fault, and not the text.
    pub(super) fn is_of_title(self) -> bool {
        matches!(self, Fault::NoTitle | Fault::TitleTooLong)
    }
}

impl Draft {
    /// Reads what was typed.
    ///
    /// # Errors
    /// The first [`Fault`].
    pub(super) fn read(title: &str, body: &str) -> Result<Draft, Fault> {
        // A line break in a title comes only from a form that is not ours.
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        if title.is_empty() {
            return Err(Fault::NoTitle);
        }
        if title.chars().count() > LONGEST_TITLE {
            return Err(Fault::TitleTooLong);
        }
        let body = body.trim();
        if body.is_empty() {
            return Err(Fault::NoBody);
        }
        if body.chars().count() > LONGEST_BODY {
            return Err(Fault::BodyTooLong);
        }
        Ok(Draft { title, body: body.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_needs_a_title_and_a_text_of_some_length() {
        assert_eq!(Draft::read(" ", "x"), Err(Fault::NoTitle));
        assert_eq!(Draft::read(&"é".repeat(LONGEST_TITLE + 1), "x"), Err(Fault::TitleTooLong));
        assert_eq!(Draft::read("x", "\n "), Err(Fault::NoBody));
        assert_eq!(Draft::read("x", &"é".repeat(LONGEST_BODY + 1)), Err(Fault::BodyTooLong));
        let draft = Draft::read("  Sortie\r\ndu  soir ", " Un\n\ndeux ").expect("accepted");
        assert_eq!((draft.title.as_str(), draft.body.as_str()), ("Sortie du soir", "Un\n\ndeux"));
        assert!(Draft::read(&"é".repeat(LONGEST_TITLE), &"é".repeat(LONGEST_BODY)).is_ok());
    }
}
