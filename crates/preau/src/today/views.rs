//! What the five "today" pages show: pupil, teacher, guardian, student life, head.
//!
//! Everything is text already written in the reader's language and zone (see `ui::Dates`) and links
//! already allowed; the templates decide nothing but arrangement. Each page can also be rendered without
//! its frame, for the script that refreshes it at the minute: `page.as_content().render()`.

use askama::Template;

use crate::rollcall::Progress;
use crate::ui::{ClockFace, Shell};

/// Where the script asks for the page's `<main>` alone, to show the day as it goes on.
pub const FRAGMENT: &str = "/today/fragment";

/// Where the script hears that something changed.
pub const EVENTS: &str = "/today/events";

/// What keeps an open page right: for its script, and for somebody who is several things in the school.
#[derive(Debug, Clone)]
pub struct Minute {
    /// Where the page's `<main>` is to be had: [`FRAGMENT`], with the role that is shown.
    pub fragment: String,
    /// When this page will say something else (RFC 3339 instant); empty when nothing more comes today.
    pub next_change: String,
    /// How often the script looks when no change is known to come, in seconds.
    pub poll: u32,
    /// The pages to choose from; empty for those who have one.
    pub roles: Vec<RoleChoice>,
    /// In whose name this device may keep the day; empty where it may not.
    pub owner: String,
    /// Seconds after which the script may fetch the copy to keep; none when this is not the time.
    pub keep_after: Option<u32>,
}

/// One of the pages of somebody who has several.
#[derive(Debug, Clone)]
pub struct RoleChoice {
    /// Where it is.
    pub href: String,
    /// "Professeur".
    pub label: &'static str,
    /// Whether it is shown now.
    pub current: bool,
}

/// A subject as the timetable shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectLabel {
    /// "Histoire-géographie".
    pub name: String,
    /// Place on the scale of subject colours, 0 to 11, stable for a subject in a school.
    pub hue: u8,
}

/// The card of the lesson that comes next or runs now.
#[derive(Debug, Clone)]
pub struct BellCard {
    /// The clock.
    pub face: ClockFace,
    /// "dans 5 min", "maintenant", "encore 20 min".
    pub when: String,
    /// The subject.
    pub subject: SubjectLabel,
    /// Teacher for pupils, class or group for teachers.
    pub with: String,
    /// "8 h 00 – 8 h 55".
    pub hours: String,
    /// "salle 204"; empty when there is none.
    pub room: String,
    /// Whether it is an exam.
    pub exam: bool,
    /// What can be done now.
    pub door: Door,
}

/// The one thing to do with the lesson on the card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Door {
    /// Enter the live lesson.
    Join {
        /// The lesson's live page.
        href: String,
    },
    /// The lesson has no live room, or the teacher has not opened it: a sentence says what to expect.
    Closed {
        /// "La classe ouvre à 7 h 50. Cette page le montrera d'elle-même."
        note: String,
    },
    /// The gate holds a place.
    Waiting {
        /// "Environ 2 min."
        estimate: String,
    },
    /// The teacher may open the class: a form posts.
    Open {
        /// Where the form posts.
        path: String,
        /// "Ouvrir la classe 4A".
        label: String,
    },
}

/// One lesson of the day.
#[derive(Debug, Clone)]
pub struct LessonLine {
    /// The lesson's page.
    pub href: String,
    /// The subject.
    pub subject: SubjectLabel,
    /// Teacher, class, room: what the reader needs, in that order, joined by the view.
    pub detail: String,
    /// Beginning, for people: "8 h 00".
    pub from: String,
    /// End, for people.
    pub to: String,
    /// Beginning for machines: "08:00".
    pub from_iso: String,
    /// Where it stands in the day and in the timetable.
    pub state: LessonState,
    /// Whether it is an exam.
    pub exam: bool,
    /// What changed: "Mme Houblon absente", "salle 108 au lieu de 204"; empty when nothing did.
    pub change: String,
}

/// Where a lesson stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LessonState {
    /// Over.
    Past,
    /// Running, or the one that comes next.
    Here,
    /// Still to come.
    Ahead,
    /// Does not take place.
    Cancelled,
}

impl LessonState {
    /// The class of the slot.
    pub fn class(self) -> &'static str {
        match self {
            LessonState::Past => "past",
            LessonState::Here => "here",
            LessonState::Ahead => "",
            LessonState::Cancelled => "off",
        }
    }
}

/// One piece of work to do.
#[derive(Debug, Clone)]
pub struct WorkLine {
    /// The work's page.
    pub href: String,
    /// The subject.
    pub subject: SubjectLabel,
    /// The first words of what is asked.
    pub what: String,
    /// "pour demain, mardi 24 novembre".
    pub due: String,
    /// Whether the pupil ticked it done or handed it in.
    pub done: bool,
}

/// A school-wide notice shown at the head of the page.
#[derive(Debug, Clone)]
pub struct NoticeLine {
    /// The notice's page.
    pub href: String,
    /// Its title.
    pub title: String,
    /// Who wrote it and when.
    pub detail: String,
}

/// Today of a pupil.
#[derive(Debug, Template)]
#[template(path = "today/pupil.html", blocks = ["content"])]
pub struct PupilToday<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// "lundi 23 novembre".
    pub date: &'a str,
    /// The pupil's first name.
    pub first_name: &'a str,
    /// The next or present lesson; none when the day is over or empty.
    pub bell: Option<BellCard>,
    /// The day's lessons in order.
    pub lessons: &'a [LessonLine],
    /// Work to do, the nearest first.
    pub work: &'a [WorkLine],
    /// Notices not read yet.
    pub notices: &'a [NoticeLine],
    /// What keeps the page right.
    pub minute: &'a Minute,
}

/// The teacher's part of the card: who has arrived, and the roll.
#[derive(Debug, Clone)]
pub struct Arrivals {
    /// Pupils seen in the lesson or in the gate.
    pub arrived: u32,
    /// Pupils on the class list.
    pub expected: u32,
    /// The roll's page.
    pub register_href: String,
    /// How the roll stands.
    pub register: Progress,
}

impl Arrivals {
    /// The share that has arrived, in hundredths.
    pub fn percent(&self) -> u32 {
        self.arrived.min(self.expected).saturating_mul(100).checked_div(self.expected).unwrap_or(0)
    }
}

/// Something that waits for the teacher: copies to read, a roll left open.
#[derive(Debug, Clone)]
pub struct TaskLine {
    /// Where it is done.
    pub href: String,
    /// "Appel de 5B à faire".
    pub label: String,
    /// "hier, 14 h 00".
    pub detail: String,
    /// An icon's name (see `ui::icon`).
    pub icon: &'static str,
}

/// Today of a teacher.
#[derive(Debug, Template)]
#[template(path = "today/teacher.html", blocks = ["content"])]
pub struct TeacherToday<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// "lundi 23 novembre".
    pub date: &'a str,
    /// How the person is greeted: "Mme Houblon".
    pub greeting_name: &'a str,
    /// The next or present lesson.
    pub bell: Option<BellCard>,
    /// Arrivals and roll of that lesson; none before anyone can arrive.
    pub arrivals: Option<Arrivals>,
    /// The day's lessons in order.
    pub lessons: &'a [LessonLine],
    /// What waits.
    pub tasks: &'a [TaskLine],
    /// Notices not read yet.
    pub notices: &'a [NoticeLine],
    /// Where work is written; the page's second action.
    pub write_work_href: &'a str,
    /// What keeps the page right.
    pub minute: &'a Minute,
}

/// One child on a guardian's page.
#[derive(Debug, Clone)]
pub struct ChildTile {
    /// The child's page.
    pub href: String,
    /// First name and name.
    pub name: String,
    /// "4A".
    pub class: String,
    /// Where the child is now: "en français jusqu'à 8 h 55", "journée finie à 16 h 30".
    pub now: String,
    /// The clock of the present or next lesson.
    pub face: ClockFace,
    /// The subject's colour for that clock, 0 to 11.
    pub hue: u8,
    /// Whether that lesson is an exam.
    pub exam: bool,
    /// Work still to do for the next school day.
    pub work_left: u32,
    /// Where that work is listed.
    pub work_href: String,
    /// An absence or lateness to justify: "Absent lundi 23 novembre de 8 h 00 à 8 h 55"; else empty.
    pub to_justify: String,
    /// Where it is justified.
    pub justify_href: String,
}

/// Today of a guardian.
#[derive(Debug, Template)]
#[template(path = "today/guardian.html", blocks = ["content"])]
pub struct GuardianToday<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// "lundi 23 novembre".
    pub date: &'a str,
    /// How the person is greeted.
    pub greeting_name: &'a str,
    /// The children, in order of age.
    pub children: &'a [ChildTile],
    /// Notices not read yet.
    pub notices: &'a [NoticeLine],
    /// Where an absence is announced; empty when that is not done here.
    pub report_absence_href: &'a str,
    /// What keeps the page right.
    pub minute: &'a Minute,
}

/// A pupil who has not been seen since the lesson began.
#[derive(Debug, Clone)]
pub struct MissingPupil {
    /// The pupil's page.
    pub href: String,
    /// First name and name.
    pub name: String,
    /// "4A".
    pub class: String,
    /// The lesson missed, with its teacher.
    pub lesson: String,
    /// "depuis 8 h 00".
    pub since: String,
    /// Whether the teacher's roll says absent (true) or nobody has called the roll yet (false).
    pub confirmed: bool,
    /// Whether a guardian announced it.
    pub announced: bool,
}

/// Today of student life (CPE, AED).
#[derive(Debug, Template)]
#[template(path = "today/student_life.html", blocks = ["content"])]
pub struct StudentLifeToday<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// "lundi 23 novembre".
    pub date: &'a str,
    /// The present hour: "8 h 10".
    pub hour: &'a str,
    /// Pupils seen and pupils expected at this hour.
    pub seen: u32,
    /// Pupils expected at this hour.
    pub expected: u32,
    /// Rolls closed for the lessons running now.
    pub registers_done: u32,
    /// Lessons running now.
    pub registers: u32,
    /// Pupils not seen, by class.
    pub missing: &'a [MissingPupil],
    /// Where an absence or lateness is entered; empty when that is not done here.
    pub enter_href: &'a str,
    /// What keeps the page right.
    pub minute: &'a Minute,
}

/// The missing of one class.
#[derive(Debug, Clone, Copy)]
pub struct MissingClass<'a> {
    /// "4A"; empty for pupils without a class.
    pub name: &'a str,
    /// Who, by family name.
    pub pupils: &'a [MissingPupil],
}

/// So many names are read at a glance; more are folded by class.
const A_GLANCE: usize = 40;

impl<'a> StudentLifeToday<'a> {
    /// Whether the missing fit into one list.
    fn few(&self) -> bool {
        self.missing.len() <= A_GLANCE
    }

    /// The missing, class by class; they stand in that order already.
    fn by_class(&self) -> Vec<MissingClass<'a>> {
        let classes = self.missing.chunk_by(|one, next| one.class == next.class);
        classes.map(|pupils| MissingClass { name: pupils[0].class.as_str(), pupils }).collect()
    }
}

/// A lesson on the head's page.
#[derive(Debug, Clone)]
pub struct SchoolLesson {
    /// The lesson's page.
    pub href: String,
    /// "4A".
    pub class: String,
    /// The subject.
    pub subject: SubjectLabel,
    /// The teacher.
    pub teacher: String,
    /// Whether it is an exam.
    pub exam: bool,
    /// Whether the live class is open.
    pub open: bool,
    /// Pupils present.
    pub present: u32,
    /// Pupils expected.
    pub expected: u32,
    /// How the roll stands.
    pub register: Progress,
}

impl SchoolLesson {
    /// The share that has arrived, in hundredths.
    pub fn percent(&self) -> u32 {
        self.present.min(self.expected).saturating_mul(100).checked_div(self.expected).unwrap_or(0)
    }
}

/// Today of the head: the state of the school's lessons.
#[derive(Debug, Template)]
#[template(path = "today/head.html", blocks = ["content"])]
pub struct HeadToday<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// "lundi 23 novembre".
    pub date: &'a str,
    /// The present hour.
    pub hour: &'a str,
    /// Live classes open.
    pub open: u32,
    /// Lessons running.
    pub lessons_now: u32,
    /// Pupils present.
    pub present: u32,
    /// Pupils expected.
    pub expected: u32,
    /// People waiting in the gate.
    pub waiting: u32,
    /// The lessons running, those that need attention first.
    pub lessons: &'a [SchoolLesson],
    /// Notices of the day with their state of reading.
    pub notices: &'a [NoticeLine],
    /// Where a notice to all is written.
    pub write_notice_href: &'a str,
    /// What keeps the page right.
    pub minute: &'a Minute,
}

/// Today of everybody else: what there is to read, and what they can do here (the menu, in large).
#[derive(Debug, Template)]
#[template(path = "today/desk.html", blocks = ["content"])]
pub struct DeskToday<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// "lundi 23 novembre".
    pub date: &'a str,
    /// How the person is greeted.
    pub greeting_name: &'a str,
    /// Notices not read yet.
    pub notices: &'a [NoticeLine],
    /// What keeps the page right.
    pub minute: &'a Minute,
}
