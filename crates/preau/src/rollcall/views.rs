//! What the register of a lesson shows: every pupil of the list, what was seen of them, and the answer
//! proposed from it. The teacher corrects and closes; until then nothing is said of anyone.

use askama::Template;

use crate::today::views::SubjectLabel;
use crate::ui::Shell;

/// The register of one lesson. The totals at its foot are counted by the style sheet from the answers
/// themselves, so that they follow every touch without a script.
#[derive(Debug, Template)]
#[template(path = "rollcall/register.html")]
pub struct RegisterPage<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// The class or group.
    pub class: &'a str,
    /// The subject.
    pub subject: SubjectLabel,
    /// "lundi 23 novembre, 8 h 00 – 8 h 55".
    pub when: &'a str,
    /// The pupils in the order of the list.
    pub pupils: &'a [RegisterLine],
    /// Where the answers are saved without closing.
    pub save_path: &'a str,
    /// Where they are saved and the register closed.
    pub close_path: &'a str,
    /// When and by whom it was closed: "fait à 8 h 06 par Mme Houblon"; empty while it is open.
    pub closed: &'a str,
}

/// One pupil of the register.
#[derive(Debug, Clone)]
pub struct RegisterLine {
    /// The pupil's identifier; the field is named `state-<id>`.
    pub id: String,
    /// Name and first name.
    pub name: String,
    /// What was seen: "dans la classe depuis 7 h 57", "à l'entrée depuis 7 h 54", "pas vu".
    pub seen: String,
    /// What else to know: "absence annoncée", "dispense"; empty for most.
    pub remark: String,
    /// The answer proposed or given.
    pub answer: Answer,
}

/// What the register says of a pupil. Field values: `present`, `absent`, `late`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Answer {
    /// There from the beginning.
    Present,
    /// Not there.
    Absent,
    /// Came after the beginning.
    Late,
}
