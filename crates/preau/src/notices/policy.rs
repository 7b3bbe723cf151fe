//! Who may do what with notices. Pure: heads write, withdraw and see receipts; everybody of the school and
//! the families of its pupils read, contacts included: nothing in a notice is about one pupil. An authority
//! does not. The table in `docs/access.md` is the source.

use super::model::{Notice, NoticeId};
use super::store;
use crate::access::{Actor, Allows, Lists, Profile, Resource, Scope};
use crate::action;
use crate::ids::SchoolId;
use crate::school;
use crate::store::Conn;
use diesel::QueryResult;

action!(
    /// Opening a notice, which leaves a receipt.
    ReadNotice = "notices.read"
);
action!(
    /// Writing to the whole school.
    PublishNotice = "notices.publish"
);
action!(
    /// Taking a notice back.
    WithdrawNotice = "notices.withdraw"
);
action!(
    /// Seeing how many have opened it.
    ReadReceipts = "notices.read_receipts"
);

/// Those who belong to the school. Guardians also belong through their children.
const OF_THE_SCHOOL: &[Profile] = &[
    Profile::Pupil,
    Profile::Guardian,
    Profile::Teacher,
    Profile::Librarian,
    Profile::Supervisor,
    Profile::Counsellor,
    Profile::Head,
    Profile::Staff,
    Profile::LocalAdmin,
];
/// The staff among them, for receipts.
pub(super) const STAFF: &[Profile] = &[
    Profile::Teacher,
    Profile::Librarian,
    Profile::Supervisor,
    Profile::Counsellor,
    Profile::Head,
    Profile::Staff,
    Profile::LocalAdmin,
];
const HEAD: &[Profile] = &[Profile::Head];

/// Where the notices of a school hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoticeBoard {
    /// The school.
    pub school: SchoolId,
}

impl Resource for NoticeBoard {
    type Id = SchoolId;
    const KIND: &'static str = "notice_board";

    fn find(conn: &mut Conn, id: SchoolId) -> QueryResult<Option<Self>> {
        Ok(school::school_line(conn, id)?.map(|line| NoticeBoard { school: line.id }))
    }

    fn number(&self) -> i64 {
        self.school.get()
    }
}

impl Resource for Notice {
    type Id = NoticeId;
    const KIND: &'static str = "notice";

    fn find(conn: &mut Conn, id: NoticeId) -> QueryResult<Option<Self>> {
        store::find(conn, id)
    }

    fn number(&self) -> i64 {
        self.id.get()
    }
}

/// The schools whose notices are for this actor: one's own, and those of one's children.
pub fn schools_of(actor: &Actor) -> Vec<SchoolId> {
    let own = actor.facts().into_iter().flat_map(|facts| &facts.affiliations);
    let own = own.filter(|tie| OF_THE_SCHOOL.contains(&tie.profile)).map(|tie| tie.school);
    let mut schools: Vec<SchoolId> = own.chain(actor.wards().map(|child| child.school)).collect();
    schools.sort_unstable();
    schools.dedup();
    schools
}

impl Allows<PublishNotice> for NoticeBoard {
    fn allows(actor: &Actor, board: &Self) -> bool {
        actor.is_in(board.school, HEAD)
    }
}

impl Allows<ReadNotice> for Notice {
    fn allows(actor: &Actor, notice: &Self) -> bool {
        match notice.withdrawn_at {
            None => schools_of(actor).contains(&notice.school),
            Some(_) => actor.is_in(notice.school, HEAD),
        }
    }
}

impl Allows<WithdrawNotice> for Notice {
    fn allows(actor: &Actor, notice: &Self) -> bool {
        actor.is_in(notice.school, HEAD)
    }
}

impl Allows<ReadReceipts> for Notice {
    fn allows(actor: &Actor, notice: &Self) -> bool {
        actor.is_in(notice.school, HEAD)
    }
}

impl Lists<ReadNotice> for Notice {
    fn scope(actor: &Actor) -> Scope {
        let schools = schools_of(actor);
        if schools.is_empty() { Scope::Nothing } else { Scope::Schools(schools) }
    }
}
