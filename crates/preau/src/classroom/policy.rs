//! Who may do what with what a class does together. Pure. The resource is the live room of a lesson, and the
//! parts that people take in it are the lesson's.

use crate::access::{Actor, Allows};
use crate::action;
use crate::lesson::{LiveLesson, Role, role_of};

action!(
    /// Locking the door, letting in, asking questions, setting the timer, answering a pupil's word.
    LeadRoom = "room.lead"
);
action!(
    /// Knocking, answering, reacting, writing to the teacher: what pupils do.
    PartakeInRoom = "room.partake"
);

action!(
    /// Writing in the notes: its teachers, and its pupils while the teacher lets them.
    WriteNotes = "room.write"
);

action!(
    /// Drawing on the board: its teachers, and its pupils while the teacher lets them.
    DrawOnBoard = "room.draw"
);

impl Allows<LeadRoom> for LiveLesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        role_of(actor, lesson) == Some(Role::Teacher)
    }
}

impl Allows<PartakeInRoom> for LiveLesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        role_of(actor, lesson) == Some(Role::Pupil)
    }
}

impl Allows<WriteNotes> for LiveLesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        matches!(role_of(actor, lesson), Some(Role::Teacher | Role::Pupil))
    }
}

impl Allows<DrawOnBoard> for LiveLesson {
    fn allows(actor: &Actor, lesson: &Self) -> bool {
        matches!(role_of(actor, lesson), Some(Role::Teacher | Role::Pupil))
    }
}
