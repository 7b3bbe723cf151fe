//! What an event says about its lesson: subject, teachers, pupils, room, state.
//!
//! Pronote spreads it over `CATEGORIES` ("Cours - Cours annulé"), `DESCRIPTION` ("Matière : …" a
//! line) and `SUMMARY` ("Cours annulé : SUBJECT - [GROUP] - <CLASS> PART"). `DESCRIPTION` is explicit
//! and wins; `SUMMARY` fills what it leaves out, `LOCATION` gives the room when nothing else does.
//! Labels of other calendars go through the same rules, more cautiously.
//!
//! Support staff ("Personnel") are deliberately not read as teachers: what follows from being the
//! teacher of a lesson must not follow from a badly read line.

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::value::unescape;
use crate::timetable::record::{GroupKind, GroupName, LessonState, SubjectName, TeacherName};
use crate::timetable::text::label;

/// Most teachers or groups of one lesson.
pub(super) const MAX_PARTS: usize = 64;

/// Most classes that a group is said to come from.
const MAX_CLASSES: usize = 16;

/// The texts of an event, still escaped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct EventTexts<'a> {
    pub(super) summary: &'a str,
    pub(super) description: &'a str,
    pub(super) location: &'a str,
}

/// What the category of an event makes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Category {
    /// A lesson; the label of its state, if any.
    Lesson(Option<String>),
    /// Days off.
    Holiday,
    /// None was given.
    Absent,
    /// Something else, by its label.
    Other(String),
}

/// What a lesson's event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LessonFields {
    pub(super) subject: SubjectName,
    pub(super) teachers: Vec<Arc<TeacherName>>,
    pub(super) groups: Vec<Arc<GroupName>>,
    pub(super) room: Option<String>,
    pub(super) state: LessonState,
    pub(super) state_label: Option<String>,
    /// Whether the lists were longer than [`MAX_PARTS`].
    pub(super) cut: bool,
}

/// Letters without case and accents, for comparing words of French.
pub(super) fn fold(text: &str) -> String {
    text.nfd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

impl Category {
    /// Reads `CATEGORIES`.
    pub(super) fn read(categories: &str) -> Self {
        let shown = label(&unescape(categories));
        let folded = fold(&shown);
        if shown.is_empty() {
            Self::Absent
        } else if is_day_off(&folded) {
            Self::Holiday
        } else if folded == "cours" || folded.starts_with("cours,") {
            Self::Lesson(None)
        } else if let Some((head, tail)) = shown.split_once(" - ")
            && fold(head.trim()) == "cours"
        {
            Self::Lesson(Some(tail.trim().to_owned()).filter(|tail| !tail.is_empty()))
        } else {
            Self::Other(shown)
        }
    }
}

/// Whether folded words name days off.
pub(super) fn is_day_off(folded: &str) -> bool {
    folded.split(|c: char| !c.is_alphanumeric()).any(|word| {
        matches!(
            word,
            "vacances" | "ferie" | "feries" | "feriee" | "conge" | "conges" | "holiday" | "holidays" | "pont"
        )
    })
}

/// The state behind its label.
fn state_of(state_label: &str) -> LessonState {
    let folded = fold(state_label);
    let has = |words: &[&str]| words.iter().any(|word| folded.contains(word));
    // A class on an outing is not in this lesson either: for those who look at the timetable, the
    // lesson does not take place, and the label says why.
    if has(&["annul", "absen", "sortie", "cancel", "supprim"]) || folded.starts_with("abs") {
        LessonState::Cancelled
    } else if has(&["exception"]) {
        LessonState::Exceptional
    } else if folded.is_empty() || has(&["maintenu", "reservation de materiel"]) {
        LessonState::Normal
    } else {
        LessonState::Modified
    }
}

/// Reads an event's texts; `state_label` is what the category says.
pub(super) fn read_lesson(texts: EventTexts<'_>, state_label: Option<String>) -> LessonFields {
    let described = Description::read(texts.description);
    let summary = label(&unescape(texts.summary));
    let (prefix, title) = split_prefix(&summary, state_label.as_deref());
    let state_label =
        state_label.or_else(|| prefix.map(str::to_owned)).or_else(|| described.state_label.clone());
    let state = state_label.as_deref().map_or(LessonState::Normal, state_of);

    let title = Title::read(title, &described);
    let location = Some(label(&unescape(texts.location))).filter(|room| !room.is_empty());
    let mut fields = LessonFields {
        subject: SubjectName { label: described.subject.unwrap_or(title.subject), code: None },
        teachers: if described.teachers.is_empty() { title.teachers } else { described.teachers }
            .into_iter()
            .map(Arc::new)
            .collect(),
        groups: groups(&described.classes, &described.groups, &described.parts),
        room: described.room.or(location),
        state,
        state_label,
        cut: false,
    };
    if fields.groups.is_empty() {
        fields.groups = groups(&title.classes, &title.groups, &title.parts);
    }
    fields.cut = fields.groups.len() > MAX_PARTS || fields.teachers.len() > MAX_PARTS;
    fields.groups.truncate(MAX_PARTS);
    fields.teachers.truncate(MAX_PARTS);
    fields
}

/// "Cours annulé : FRANCAIS - 4A" in two. A prefix counts only if it is the state's label, or if it
/// is one of the words for a lesson that does not take place as planned.
fn split_prefix<'a>(summary: &'a str, state_label: Option<&str>) -> (Option<&'a str>, &'a str) {
    let Some((head, rest)) = summary.split_once(':') else { return (None, summary) };
    let (head, rest) = (head.trim(), rest.trim());
    let folded = fold(head);
    let known = [
        "cours annule",
        "annule",
        "cours deplace",
        "cours modifie",
        "cours exceptionnel",
        "changement de salle",
    ];
    let absent = (folded.starts_with("prof") || folded.starts_with("classe")) && folded.contains("absent");
    let is_label = state_label.is_some_and(|state_label| fold(state_label) == folded);
    if is_label || absent || known.contains(&folded.as_str()) { (Some(head), rest) } else { (None, summary) }
}

/// The lines of `DESCRIPTION`.
#[derive(Debug, Default)]
struct Description {
    subject: Option<String>,
    teachers: Vec<TeacherName>,
    /// Labels as written, to recognise them in the summary.
    teacher_labels: Vec<String>,
    classes: Vec<String>,
    groups: Vec<String>,
    parts: Vec<String>,
    room: Option<String>,
    state_label: Option<String>,
}

impl Description {
    fn read(description: &str) -> Self {
        let mut found = Self::default();
        for line in unescape(description).lines() {
            let Some((key, value)) = line.split_once(':') else {
                let shown = label(line);
                if matches!(fold(&shown).as_str(), "cours annule" | "cours deplace" | "cours exceptionnel") {
                    found.state_label.get_or_insert(shown);
                }
                continue;
            };
            let value = label(value);
            if value.is_empty() {
                continue;
            }
            let key = fold(&label(key)).replace("(s)", "");
            match key.trim() {
                "matiere" | "matieres" | "subject" => {
                    found.subject.get_or_insert(value);
                }
                "professeur" | "professeurs" | "enseignant" | "enseignants" | "teacher" | "teachers" => {
                    found.teachers.extend(split_list(&value).filter_map(teacher));
                    found.teacher_labels.extend(split_list(&value).map(fold));
                }
                "classe" | "classes" | "class" => found.classes.extend(split_list(&value).map(unbracket)),
                "groupe" | "groupes" | "group" => found.groups.extend(split_list(&value).map(unbracket)),
                "partie de classe" | "parties de classe" | "partie" | "parties" => {
                    found.parts.extend(split_list(&value).map(str::to_owned));
                }
                "salle" | "salles" | "room" => {
                    found.room.get_or_insert(value);
                }
                _ => {}
            }
        }
        found
    }
}

/// What `SUMMARY` says: "SUBJECT - [GROUP] - <CLASS> PART", "SUBJECT - CLASS", "SUBJECT - TEACHER".
#[derive(Debug, Default)]
struct Title {
    subject: String,
    teachers: Vec<TeacherName>,
    classes: Vec<String>,
    groups: Vec<String>,
    parts: Vec<String>,
}

impl Title {
    fn read(text: &str, described: &Description) -> Self {
        // A subject may itself contain a dash, which the description gives away.
        let known = described.subject.as_deref().filter(|subject| {
            text.strip_prefix(*subject).is_some_and(|rest| rest.is_empty() || rest.starts_with(" - "))
        });
        let (subject, rest) = match known {
            Some(subject) => (subject.to_owned(), text[subject.len()..].trim_start_matches(" - ")),
            None => {
                let cut = first_dash(text);
                (text[..cut].trim().to_owned(), text[cut..].trim_start_matches(" - "))
            }
        };
        let mut title = Self { subject, ..Self::default() };
        let mut rest = rest;
        while !rest.is_empty() {
            let cut = first_dash(rest);
            split_list(&rest[..cut]).for_each(|token| title.add(token, described));
            rest = rest[cut..].strip_prefix(" - ").unwrap_or("");
        }
        title
    }

    fn add(&mut self, token: &str, described: &Description) {
        let folded = fold(token);
        if described.teacher_labels.contains(&folded)
            || described.room.as_deref().is_some_and(|room| fold(room) == folded)
        {
            return;
        }
        if token.starts_with('[') {
            self.groups.push(unbracket(token));
        } else if token.starts_with('<') {
            self.parts.push(token.to_owned());
        } else if let Some(teacher) = teacher(token).filter(|teacher| teacher.initial.is_some()) {
            self.teachers.push(teacher);
        } else if token.chars().count() <= 24 {
            self.classes.push(token.to_owned());
        }
    }
}

/// Where the first " - " outside brackets begins, or the end.
fn first_dash(text: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '[' | '<' => depth += 1,
            ']' | '>' => depth = depth.saturating_sub(1),
            ' ' if depth == 0 && text[at..].starts_with(" - ") => return at,
            _ => {}
        }
    }
    text.len()
}

/// The items of a list, split at commas outside brackets, trimmed, none empty.
fn split_list(text: &str) -> impl Iterator<Item = &str> {
    let mut depth = 0_usize;
    text.split(move |c: char| {
        match c {
            '[' | '<' => depth += 1,
            ']' | '>' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .filter(|item| !item.is_empty())
}

fn unbracket(text: &str) -> String {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner.unwrap_or(text).trim().to_owned()
}

/// Group names out of labels. A group's classes are those of its parts.
fn groups(classes: &[String], groups: &[String], parts: &[String]) -> Vec<Arc<GroupName>> {
    let parts: Vec<_> = parts
        .iter()
        .filter_map(|part| {
            let (class, rest) = match part.strip_prefix('<').and_then(|rest| rest.split_once('>')) {
                Some((class, rest)) => (Some(class.trim().to_owned()), rest.trim()),
                None => (None, part.trim()),
            };
            let shown = if rest.is_empty() { class.clone().unwrap_or_default() } else { rest.to_owned() };
            let classes = class.into_iter().filter(|class| !class.is_empty()).collect();
            (!shown.is_empty()).then_some(GroupName { kind: GroupKind::Part, label: shown, classes })
        })
        .collect();
    let mut origins: Vec<String> = Vec::new();
    for class in parts.iter().flat_map(|part| &part.classes).chain(classes) {
        if origins.len() < MAX_CLASSES && !origins.contains(class) {
            origins.push(class.clone());
        }
    }
    let named = |kind, label: &String, classes| GroupName { kind, label: label.clone(), classes };
    let mut all: Vec<_> = groups
        .iter()
        .map(|group| named(GroupKind::Group, group, origins.clone()))
        .take(MAX_PARTS + 1)
        .collect();
    // Beside a group, a class only says where its pupils come from.
    if groups.is_empty() {
        all.extend(
            classes.iter().map(|class| named(GroupKind::Class, class, Vec::new())).take(MAX_PARTS + 1),
        );
    }
    all.extend(parts);
    all.into_iter().map(Arc::new).collect()
}

/// A teacher's name: "HOUBLON-KERVAL S.", "Mme HOUBLON-KERVAL", "HOUBLON-KERVAL Soizic",
/// "Soizic Houblon-Kerval". `None` when nothing is left.
pub(super) fn teacher(text: &str) -> Option<TeacherName> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let civil = ["m.", "m", "mr", "mr.", "mme", "mme.", "mlle", "mlle.", "monsieur", "madame"];
    if words.len() > 1 && civil.contains(&fold(words[0]).as_str()) {
        words.remove(0);
    }
    let last = *words.last()?;
    if words.len() > 1
        && let Some(initial) = initials(last)
    {
        let family = words[..words.len() - 1].join(" ");
        return Some(TeacherName { family, given: None, initial: Some(initial) });
    }
    let is_capitals = |word: &&str| {
        word.chars().filter(|c| c.is_alphabetic()).count() > 1
            && word.chars().all(|c| !c.is_alphabetic() || c.is_uppercase())
    };
    let (capitals, others): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| is_capitals(word));
    let (family, given) = match (capitals.is_empty(), others.is_empty()) {
        (false, false) => (capitals.join(" "), Some(others.join(" "))),
        (true, false) if words.len() > 1 => (words[1..].join(" "), Some(words[0].to_owned())),
        _ => (words.join(" "), None),
    };
    Some(TeacherName { family, given, initial: None })
}

/// "S." is "S", "J.-M." is "J-M"; a longer word is no initial.
fn initials(word: &str) -> Option<String> {
    let letters: Vec<&str> = word.split('-').map(|part| part.strip_suffix('.').unwrap_or(part)).collect();
    let single = |part: &&str| part.chars().count() == 1 && part.chars().all(char::is_uppercase);
    (letters.len() <= 3 && letters.iter().all(single)).then(|| letters.join("-"))
}

#[cfg(test)]
#[path = "fields_tests.rs"]
mod tests;
