//! How lessons are put into words wherever they are shown.

use super::model::{LessonState, NamedLesson};
use crate::ui::Texts;

/// "salle 204" for a bare number, else the room as the school writes it ("Gymnase", "Labo 2").
pub fn room_words(texts: &Texts, room: &str) -> String {
    if room.starts_with(|sign: char| sign.is_ascii_digit()) {
        texts.with("timetable-room", "room", room)
    } else {
        room.to_owned()
    }
}

/// What is unusual about a lesson, in a few words; empty when nothing is. That it is cancelled is said
/// elsewhere, by a tag.
pub fn change_words(texts: &Texts, named: &NamedLesson) -> String {
    let lesson = &named.lesson;
    let mut words = String::new();
    if lesson.takes_place() && !named.instead_of.is_empty() {
        words = texts.with2(
            "timetable-stands-in",
            "substitute",
            named.teacher(),
            "usual",
            named.instead_of.join(", "),
        );
    }
    let more = match (lesson.note.as_str(), lesson.state) {
        ("", LessonState::Modified) if words.is_empty() => texts.get("timetable-modified"),
        ("", LessonState::Exceptional) => texts.get("timetable-exceptional"),
        (note, _) => note,
    };
    match (words.is_empty(), more.is_empty()) {
        (true, _) => more.to_owned(),
        (false, true) => words,
        (false, false) => format!("{words} · {more}"),
    }
}
