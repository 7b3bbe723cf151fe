//! The code lists of AAF: what a person is to a pupil, who decides for a pupil, what a function is.
//!
//! Two grammars are in use. The one of 2013 (VE1301) numbers links 1 to 7 and knows a second legal
//! guardian, code 2; the newer one numbers links 10 to 90 and gives code 2 to people who are in charge
//! of a pupil without being a guardian. The same digit thus grants or refuses a parent's rights.
//!
//! Invariant: code 2 makes a legal guardian only if the whole import was found to follow the grammar
//! of 2013 and the link of the very same value is one of that grammar.

use crate::model::{GuardianRules, Legal, Link, StaffProfile};

/// What the link code says about the grammar that wrote it.
pub(super) fn rules_of_link(code: &str) -> Option<GuardianRules> {
    match code.trim().parse::<u8>() {
        Ok(1..=7) => Some(GuardianRules::Ve1301),
        Ok(10..=99) => Some(GuardianRules::Current),
        _ => None,
    }
}

/// The link a code stands for; `None` if neither grammar knows it.
pub(super) fn link(code: &str) -> Option<Link> {
    Some(match code.trim().parse::<u8>().ok()? {
        1 | 20 => Link::Father,
        2 | 10 => Link::Mother,
        3 | 50 => Link::Tutor,
        4 | 39 => Link::Family,
        5 | 51 => Link::ChildWelfare,
        6 | 90 => Link::Other,
        7 | 70 => Link::Oneself,
        37 => Link::Sibling,
        38 => Link::Ascendant,
        41 => Link::Educator,
        42 => Link::FosterCarer,
        43 => Link::Childminder,
        _ => return None,
    })
}

/// How a legal code was understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LegalReading {
    /// Without doubt.
    Clear(Legal),
    /// Code 2 where link and file contradict each other: no right is granted.
    Ambiguous,
    /// A code neither grammar knows: no right is granted.
    Unknown,
}

/// Reads a legal code.
pub(super) fn legal(code: &str, link_code: &str, rules: GuardianRules) -> LegalReading {
    match code.trim() {
        "1" => LegalReading::Clear(Legal::Guardian),
        "0" | "" => LegalReading::Clear(Legal::None),
        "2" => match (rules, rules_of_link(link_code)) {
            (GuardianRules::Ve1301, Some(GuardianRules::Ve1301)) => LegalReading::Clear(Legal::Guardian),
            (GuardianRules::Current, Some(GuardianRules::Current) | None) => {
                LegalReading::Clear(Legal::InCharge)
            }
            _ => LegalReading::Ambiguous,
        },
        _ => LegalReading::Unknown,
    }
}

/// The profile a function code gives.
pub(super) fn profile(function: &str) -> StaffProfile {
    match function.trim().to_ascii_uppercase().as_str() {
        "ENS" => StaffProfile::Teacher,
        "DOC" => StaffProfile::Librarian,
        "DIR" => StaffProfile::Head,
        "EDU" | "AED" | "SUR" => StaffProfile::StudentLife,
        // ADF, LAB, ALB, MDS, OUV, CTR, ASE, ORI, CFC and whatever comes.
        _ => StaffProfile::Staff,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_two_depends_on_the_grammar() {
        use GuardianRules::{Current, Ve1301};
        assert_eq!(legal("2", "2", Ve1301), LegalReading::Clear(Legal::Guardian));
        assert_eq!(legal("2", "20", Current), LegalReading::Clear(Legal::InCharge));
        assert_eq!(legal("2", "2", Current), LegalReading::Ambiguous);
        assert_eq!(legal("2", "20", Ve1301), LegalReading::Ambiguous);
        assert_eq!(legal("2", "", Ve1301), LegalReading::Ambiguous);
    }

    #[test]
    fn mother_and_father_changed_places() {
        assert_eq!(link("1"), Some(Link::Father));
        assert_eq!(link("2"), Some(Link::Mother));
        assert_eq!(link("10"), Some(Link::Mother));
        assert_eq!(link("20"), Some(Link::Father));
        assert_eq!(link("8"), None);
    }
}
