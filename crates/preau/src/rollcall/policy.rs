//! Who may do what with a register. Pure; the table in `docs/access.md` is its source: teachers their own
//! lessons, student life the whole school, heads read. Pupils and guardians have no register.

use super::model::Register;
use super::store;
use crate::access::{Actor, Allows, Profile, Resource};
use crate::action;
use crate::ids::LessonId;
use crate::store::Conn;
use diesel::QueryResult;

action!(
    /// Reading the register of a lesson.
    ReadRegister = "rollcall.read"
);
action!(
    /// Keeping answers for later.
    SaveRegister = "rollcall.save"
);
action!(
    /// Closing the register.
    CloseRegister = "rollcall.close"
);
action!(
    /// Changing answers after the closing.
    CorrectRegister = "rollcall.correct"
);
action!(
    /// Giving a closed register back to the teacher.
    ReopenRegister = "rollcall.reopen"
);

const STUDENT_LIFE: &[Profile] = &[Profile::Supervisor, Profile::Counsellor];

impl Resource for Register {
    type Id = LessonId;
    const KIND: &'static str = "register";

    fn find(conn: &mut Conn, id: LessonId) -> QueryResult<Option<Self>> {
        store::find(conn, id)
    }

    fn number(&self) -> i64 {
        self.lesson.get()
    }
}

/// Teaches this very lesson, as its teacher or as a substitute.
fn teaches(actor: &Actor, register: &Register) -> bool {
    actor.is_in(register.school, &[Profile::Teacher])
        && register.teachers.iter().any(|teacher| actor.is(*teacher))
}

fn calls(actor: &Actor, register: &Register) -> bool {
    teaches(actor, register) || actor.is_in(register.school, STUDENT_LIFE)
}

impl Allows<ReadRegister> for Register {
    fn allows(actor: &Actor, register: &Self) -> bool {
        calls(actor, register) || actor.is_in(register.school, &[Profile::Head])
    }
}

impl Allows<SaveRegister> for Register {
    fn allows(actor: &Actor, register: &Self) -> bool {
        calls(actor, register)
    }
}

impl Allows<CloseRegister> for Register {
    fn allows(actor: &Actor, register: &Self) -> bool {
        calls(actor, register)
    }
}

impl Allows<CorrectRegister> for Register {
    fn allows(actor: &Actor, register: &Self) -> bool {
        actor.is_in(register.school, STUDENT_LIFE)
    }
}

impl Allows<ReopenRegister> for Register {
    fn allows(actor: &Actor, register: &Self) -> bool {
        actor.is_in(register.school, STUDENT_LIFE) || actor.is_in(register.school, &[Profile::Head])
    }
}
