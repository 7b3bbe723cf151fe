//! What class lists hold. Pure.

use crate::ids::{GroupId, PersonId};

/// A class or group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassLine {
    /// Which.
    pub id: GroupId,
    /// Whether it is a class (division), as against a group.
    pub is_class: bool,
    /// Its name.
    pub label: String,
    /// Pupils on its list.
    pub pupils: u32,
}

/// Somebody who teaches a class or group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TeacherOfClass {
    pub(super) id: PersonId,
    /// What is taught; several subjects for a teacher of several, empty when the source named none.
    pub(super) subjects: Vec<String>,
    /// Form tutor (professeur principal).
    pub(super) tutor: bool,
}
