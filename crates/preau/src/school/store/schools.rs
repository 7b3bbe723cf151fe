//! A school as the object of permits.

use crate::access::Resource;
use crate::ids::SchoolId;
use crate::store::Conn;
use crate::store::schema::school;
use diesel::prelude::*;

/// A school, as the object of permits ("import its people").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct School {
    /// Its identifier.
    pub id: SchoolId,
    /// Its name.
    pub name: String,
}

impl Resource for School {
    type Id = SchoolId;
    const KIND: &'static str = "school";

    fn find(conn: &mut Conn, id: SchoolId) -> QueryResult<Option<Self>> {
        let name: Option<String> =
            school::table.find(id.get()).select(school::name).first(conn).optional()?;
        Ok(name.map(|name| School { id, name }))
    }

    fn number(&self) -> i64 {
        self.id.get()
    }
}
