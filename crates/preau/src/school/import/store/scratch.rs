//! The scratch database of one import: a private SQLite file beside the uploaded files, thrown away with
//! them. It holds what was read, so that memory stays bounded whatever the size of the files. It is not
//! the store: nothing in it outlives the import, and losing it loses nothing.

use super::super::ImportError;
use super::super::staged::{StagedBond, StagedPerson};
use super::super::state::Role;
use crate::ids::PersonId;
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::Text;
use std::collections::HashMap;
use std::path::Path;

/// Rows a statement: SQLite takes 32,766 values in one.
const ROWS: usize = 500;

diesel::table! {
    staged_person (key, role) {
        key -> Text,
        role -> Integer,
        payload -> Text,
    }
}
diesel::table! {
    staged_deletion (key, role) {
        key -> Text,
        role -> Integer,
    }
}
diesel::table! {
    staged_enrolment (pupil, class_group) {
        pupil -> Text,
        class_group -> Text,
        ended -> Bool,
    }
}
diesel::table! {
    staged_teaching (staff, class_group, subject) {
        staff -> Text,
        class_group -> Text,
        subject -> Text,
        ended -> Bool,
    }
}
diesel::table! {
    staged_tutor (staff, class_group) {
        staff -> Text,
        class_group -> Text,
        ended -> Bool,
    }
}
diesel::table! {
    staged_bond (pupil, guardian) {
        pupil -> Text,
        guardian -> Text,
        payload -> Text,
    }
}
diesel::table! {
    person_ref (key) {
        key -> Text,
        id -> BigInt,
        known -> Bool,
    }
}

const TABLES: &str = "
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -24576; PRAGMA temp_store = FILE;
PRAGMA locking_mode = EXCLUSIVE;
CREATE TABLE IF NOT EXISTS staged_person (
  key TEXT NOT NULL, role INTEGER NOT NULL, payload TEXT NOT NULL, PRIMARY KEY (key, role));
CREATE TABLE IF NOT EXISTS staged_deletion (
  key TEXT NOT NULL, role INTEGER NOT NULL, PRIMARY KEY (key, role)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS staged_enrolment (
  pupil TEXT NOT NULL, class_group TEXT NOT NULL, ended BOOLEAN NOT NULL,
  PRIMARY KEY (pupil, class_group)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS staged_teaching (
  staff TEXT NOT NULL, class_group TEXT NOT NULL, subject TEXT NOT NULL, ended BOOLEAN NOT NULL,
  PRIMARY KEY (staff, class_group, subject)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS staged_tutor (
  staff TEXT NOT NULL, class_group TEXT NOT NULL, ended BOOLEAN NOT NULL,
  PRIMARY KEY (staff, class_group)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS staged_bond (
  pupil TEXT NOT NULL, guardian TEXT NOT NULL, payload TEXT NOT NULL,
  PRIMARY KEY (pupil, guardian)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS person_ref (
  key TEXT PRIMARY KEY NOT NULL, id BIGINT NOT NULL, known BOOLEAN NOT NULL) WITHOUT ROWID;
";

/// Every key that is spoken about, once.
const FILL_REFS: &str = "
DELETE FROM person_ref;
INSERT OR IGNORE INTO person_ref SELECT DISTINCT key, 0, 0 FROM staged_person;
INSERT OR IGNORE INTO person_ref SELECT DISTINCT pupil, 0, 0 FROM staged_enrolment;
INSERT OR IGNORE INTO person_ref SELECT DISTINCT staff, 0, 0 FROM staged_teaching;
INSERT OR IGNORE INTO person_ref SELECT DISTINCT staff, 0, 0 FROM staged_tutor;
INSERT OR IGNORE INTO person_ref SELECT DISTINCT pupil, 0, 0 FROM staged_bond;
INSERT OR IGNORE INTO person_ref SELECT DISTINCT guardian, 0, 0 FROM staged_bond;
INSERT OR IGNORE INTO person_ref SELECT DISTINCT key, 0, 0 FROM staged_deletion;
DROP INDEX IF EXISTS person_ref_by_id;
";
const INDEX_REFS: &str = "CREATE INDEX IF NOT EXISTS person_ref_by_id ON person_ref (id);";

/// A relation that can be counted.
#[derive(Debug, Clone, Copy)]
pub(in crate::school::import) enum Side {
    Bonds,
    Enrolments,
    Teachings,
}

/// What is known of a key.
#[derive(Debug, Clone, PartialEq, Eq, Queryable)]
pub(in crate::school::import) struct Ref {
    pub(in crate::school::import) key: String,
    /// 0: nobody bears it, or the person is left out.
    pub(in crate::school::import) id: PersonId,
    /// Whether the store knows the person already.
    pub(in crate::school::import) known: bool,
}

/// The scratch database, open.
pub(in crate::school::import) struct Scratch {
    conn: SqliteConnection,
    people: Vec<(String, i32, String)>,
    enrolments: Vec<(String, String, bool)>,
    teachings: Vec<(String, String, String, bool)>,
    tutors: Vec<(String, String, bool)>,
    bonds: Vec<(String, String, String)>,
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, ImportError> {
    serde_json::to_string(value).map_err(|error| ImportError::Scratch(error.to_string()))
}

fn unjson<'t, T: serde::Deserialize<'t>>(text: &'t str) -> Result<T, ImportError> {
    serde_json::from_str(text).map_err(|error| ImportError::Scratch(error.to_string()))
}

/// Writes rows with one statement a slice; a row with the same key is replaced.
macro_rules! put {
    ($self:ident, $rows:ident, $table:ident, $row:pat => $values:expr) => {
        if !$self.$rows.is_empty() {
            let rows: Vec<_> = $self.$rows.drain(..).map(|$row| $values).collect();
            diesel::replace_into($table::table).values(&rows).execute(&mut $self.conn)?;
        }
    };
}

impl Scratch {
    /// Opens the file, making the tables when they are not there.
    pub(in crate::school::import) fn open(path: &Path) -> Result<Scratch, ImportError> {
        let name = path.to_str().ok_or_else(|| ImportError::Scratch("the path is not UTF-8".into()))?;
        let mut conn =
            SqliteConnection::establish(name).map_err(|error| ImportError::Scratch(error.to_string()))?;
        conn.batch_execute(TABLES)?;
        Ok(Scratch {
            conn,
            people: Vec::new(),
            enrolments: Vec::new(),
            teachings: Vec::new(),
            tutors: Vec::new(),
            bonds: Vec::new(),
        })
    }

    /// Everything until [`Scratch::commit`] is one transaction: with the journal off that is faster, and
    /// a scratch database that breaks off half-way is thrown away.
    pub(in crate::school::import) fn begin(&mut self) -> Result<(), ImportError> {
        Ok(self.conn.batch_execute("BEGIN")?)
    }

    pub(in crate::school::import) fn commit(&mut self) -> Result<(), ImportError> {
        Ok(self.conn.batch_execute("COMMIT")?)
    }

    /// Writes what is buffered.
    pub(in crate::school::import) fn flush(&mut self) -> Result<(), ImportError> {
        use staged_bond as b;
        use staged_enrolment as e;
        use staged_person as p;
        use staged_teaching as t;
        use staged_tutor as u;
        put!(self, people, p, (key, role, payload) => (p::key.eq(key), p::role.eq(role), p::payload.eq(payload)));
        put!(self, enrolments, e, (pupil, group, ended) =>
            (e::pupil.eq(pupil), e::class_group.eq(group), e::ended.eq(ended)));
        put!(self, teachings, t, (staff, group, subject, ended) =>
            (t::staff.eq(staff), t::class_group.eq(group), t::subject.eq(subject), t::ended.eq(ended)));
        put!(self, tutors, u, (staff, group, ended) =>
            (u::staff.eq(staff), u::class_group.eq(group), u::ended.eq(ended)));
        put!(self, bonds, b, (pupil, guardian, payload) =>
            (b::pupil.eq(pupil), b::guardian.eq(guardian), b::payload.eq(payload)));
        Ok(())
    }

    fn flush_when(&mut self, buffered: usize) -> Result<(), ImportError> {
        if buffered >= ROWS { self.flush() } else { Ok(()) }
    }

    pub(in crate::school::import) fn add_person(
        &mut self,
        key: String,
        role: Role,
        person: &StagedPerson,
    ) -> Result<(), ImportError> {
        self.people.push((key, role.number(), json(person)?));
        self.flush_when(self.people.len())
    }

    pub(in crate::school::import) fn add_bond(
        &mut self,
        pupil: String,
        guardian: String,
        bond: &StagedBond,
    ) -> Result<(), ImportError> {
        self.bonds.push((pupil, guardian, json(bond)?));
        self.flush_when(self.bonds.len())
    }

    pub(in crate::school::import) fn add_enrolment(
        &mut self,
        pupil: String,
        group: String,
        ended: bool,
    ) -> Result<(), ImportError> {
        self.enrolments.push((pupil, group, ended));
        self.flush_when(self.enrolments.len())
    }

    pub(in crate::school::import) fn add_teaching(
        &mut self,
        staff: String,
        group: String,
        subject: String,
        ended: bool,
    ) -> Result<(), ImportError> {
        self.teachings.push((staff, group, subject, ended));
        self.flush_when(self.teachings.len())
    }

    pub(in crate::school::import) fn add_tutor(
        &mut self,
        staff: String,
        group: String,
        ended: bool,
    ) -> Result<(), ImportError> {
        self.tutors.push((staff, group, ended));
        self.flush_when(self.tutors.len())
    }

    pub(in crate::school::import) fn delete_person(
        &mut self,
        key: String,
        role: Role,
    ) -> Result<(), ImportError> {
        use staged_deletion as d;
        let row = (d::key.eq(key), d::role.eq(role.number()));
        diesel::replace_into(d::table).values(row).execute(&mut self.conn)?;
        Ok(())
    }

    /// Forgets the relations of a person who is stated once more.
    pub(in crate::school::import) fn forget_relations(
        &mut self,
        key: &str,
        role: Role,
    ) -> Result<(), ImportError> {
        self.flush()?;
        let conn = &mut self.conn;
        match role {
            Role::Pupil => {
                diesel::delete(staged_enrolment::table.filter(staged_enrolment::pupil.eq(key)))
                    .execute(conn)?;
                diesel::delete(staged_bond::table.filter(staged_bond::pupil.eq(key))).execute(conn)?;
            }
            Role::Staff => {
                diesel::delete(staged_teaching::table.filter(staged_teaching::staff.eq(key)))
                    .execute(conn)?;
                diesel::delete(staged_tutor::table.filter(staged_tutor::staff.eq(key))).execute(conn)?;
            }
            Role::Guardian => {}
        }
        Ok(())
    }

    pub(in crate::school::import) fn count_people(&mut self, role: Role) -> Result<u64, ImportError> {
        let of_role = staged_person::table.filter(staged_person::role.eq(role.number()));
        let count: i64 = of_role.count().get_result(&mut self.conn)?;
        Ok(count.unsigned_abs())
    }

    pub(in crate::school::import) fn count_relations(&mut self, side: Side) -> Result<u64, ImportError> {
        let conn = &mut self.conn;
        let count: i64 = match side {
            Side::Bonds => staged_bond::table.count().get_result(conn)?,
            Side::Enrolments => staged_enrolment::table.count().get_result(conn)?,
            Side::Teachings => staged_teaching::table.count().get_result(conn)?,
        };
        Ok(count.unsigned_abs())
    }

    /// Lists every key anew, nobody resolved yet.
    pub(in crate::school::import) fn fill_refs(&mut self) -> Result<(), ImportError> {
        Ok(self.conn.batch_execute(FILL_REFS)?)
    }

    /// All keys are resolved: they can be asked for by identifier too.
    pub(in crate::school::import) fn index_refs(&mut self) -> Result<(), ImportError> {
        Ok(self.conn.batch_execute(INDEX_REFS)?)
    }

    /// The keys after `after`, in order, at most `limit`.
    pub(in crate::school::import) fn refs(
        &mut self,
        after: &str,
        limit: i64,
    ) -> Result<Vec<Ref>, ImportError> {
        use person_ref as r;
        let rows = r::table.filter(r::key.gt(after)).order(r::key.asc()).limit(limit);
        Ok(rows.load(&mut self.conn)?)
    }

    /// Notes who the keys are.
    pub(in crate::school::import) fn resolve(&mut self, refs: &[Ref]) -> Result<(), ImportError> {
        use person_ref as r;
        let rows: Vec<_> =
            refs.iter().map(|one| (r::key.eq(&one.key), r::id.eq(one.id), r::known.eq(one.known))).collect();
        diesel::replace_into(r::table).values(&rows).execute(&mut self.conn)?;
        Ok(())
    }

    /// Which keys are stated, and in which parts.
    pub(in crate::school::import) fn people(
        &mut self,
        first: &str,
        last: &str,
    ) -> Result<HashMap<String, Vec<(Role, StagedPerson)>>, ImportError> {
        use staged_person as p;
        let rows: Vec<(String, i32, String)> = p::table
            .filter(p::key.ge(first))
            .filter(p::key.le(last))
            .order((p::key.asc(), p::role.desc()))
            .load(&mut self.conn)?;
        let mut found: HashMap<String, Vec<(Role, StagedPerson)>> = HashMap::new();
        for (key, role, payload) in rows {
            if let Some(role) = Role::from_number(role) {
                found.entry(key).or_default().push((role, unjson(&payload)?));
            }
        }
        Ok(found)
    }

    /// Deletions by key.
    pub(in crate::school::import) fn deletions(
        &mut self,
        first: &str,
        last: &str,
    ) -> Result<Vec<(String, Role)>, ImportError> {
        use staged_deletion as d;
        let rows: Vec<(String, i32)> =
            d::table.filter(d::key.ge(first)).filter(d::key.le(last)).load(&mut self.conn)?;
        Ok(rows.into_iter().filter_map(|(key, role)| Some((key, Role::from_number(role)?))).collect())
    }

    /// Pupil, class or group, ended.
    pub(in crate::school::import) fn enrolments(
        &mut self,
        first: &str,
        last: &str,
    ) -> Result<Vec<(String, String, bool)>, ImportError> {
        use staged_enrolment as e;
        Ok(e::table.filter(e::pupil.ge(first)).filter(e::pupil.le(last)).load(&mut self.conn)?)
    }

    /// Staff, class or group, subject, ended.
    pub(in crate::school::import) fn teachings(
        &mut self,
        first: &str,
        last: &str,
    ) -> Result<Vec<(String, String, String, bool)>, ImportError> {
        use staged_teaching as t;
        Ok(t::table.filter(t::staff.ge(first)).filter(t::staff.le(last)).load(&mut self.conn)?)
    }

    /// Staff, class, ended.
    pub(in crate::school::import) fn tutors(
        &mut self,
        first: &str,
        last: &str,
    ) -> Result<Vec<(String, String, bool)>, ImportError> {
        use staged_tutor as u;
        Ok(u::table.filter(u::staff.ge(first)).filter(u::staff.le(last)).load(&mut self.conn)?)
    }

    /// Pupil, guardian, who the guardian is (0: nobody known), the bond.
    pub(in crate::school::import) fn bonds(
        &mut self,
        first: &str,
        last: &str,
    ) -> Result<Vec<(String, String, PersonId, StagedBond)>, ImportError> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            pupil: String,
            #[diesel(sql_type = Text)]
            guardian: String,
            #[diesel(sql_type = diesel::sql_types::BigInt)]
            id: PersonId,
            #[diesel(sql_type = Text)]
            payload: String,
        }
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT b.pupil, b.guardian, COALESCE(r.id, 0) AS id, b.payload FROM staged_bond b \
             LEFT JOIN person_ref r ON r.key = b.guardian WHERE b.pupil >= ? AND b.pupil <= ?",
        )
        .bind::<Text, _>(first)
        .bind::<Text, _>(last)
        .load(&mut self.conn)?;
        rows.into_iter().map(|row| Ok((row.pupil, row.guardian, row.id, unjson(&row.payload)?))).collect()
    }

    /// Group keys that relations name, for files that do not state them.
    pub(in crate::school::import) fn named_groups(&mut self) -> Result<Vec<String>, ImportError> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            name: String,
        }
        let rows: Vec<Row> = diesel::sql_query(
            "SELECT class_group AS name FROM staged_enrolment UNION SELECT class_group FROM staged_teaching \
             UNION SELECT class_group FROM staged_tutor",
        )
        .load(&mut self.conn)?;
        Ok(rows.into_iter().map(|row| row.name).collect())
    }

    /// Which of these people the files name.
    pub(in crate::school::import) fn named(
        &mut self,
        people: &[PersonId],
    ) -> Result<std::collections::HashSet<PersonId>, ImportError> {
        use person_ref as r;
        let rows: Vec<PersonId> =
            r::table.filter(r::id.eq_any(people.to_vec())).select(r::id).load(&mut self.conn)?;
        Ok(rows.into_iter().collect())
    }
}
