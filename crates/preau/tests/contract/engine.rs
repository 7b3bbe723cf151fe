//! A store to test on either engine, and the few writes and looks that all tests share.

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, RunQueryDsl as _, SqliteConnection};
use preau::access::SystemPermit;
use preau::evidence::{Finding, walk};
use preau::store::{Store, StoreError, Tx, keepsake};
use preau_testkit::{Database, Postgres};
use std::future::Future;

/// The permit of all writes here: a system permit needs no school.
pub(crate) const PERMIT: SystemPermit = SystemPermit::FillDemo;

/// A store on one engine, with a way to reach its database past it.
pub(crate) struct Engine {
    pub(crate) store: Store,
    pub(crate) url: String,
    place: Place,
}

enum Place {
    Sqlite(#[expect(dead_code, reason = "the folder lives as long as its database")] tempfile::TempDir),
    Postgres(Database<'static>),
}

impl Engine {
    pub(crate) fn sqlite() -> Engine {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("preau.db").display());
        Engine { store: Store::open(&url).expect("a store"), url, place: Place::Sqlite(folder) }
    }

    pub(crate) fn postgres() -> Engine {
        let database = Postgres::shared().expect("PostgreSQL").database().expect("a database");
        let url = database.url().to_owned();
        Engine { store: Store::open(&url).expect("a store"), url, place: Place::Postgres(database) }
    }

    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.place, Place::Postgres(_))
    }

    /// A connection past the store, on SQLite.
    pub(crate) fn sqlite_outside(&self) -> SqliteConnection {
        let path = self.url.strip_prefix("sqlite:").expect("SQLite");
        SqliteConnection::establish(path).expect("a connection")
    }

    /// Runs SQL past the store.
    pub(crate) fn outside(&self, sql: &str) {
        match &self.place {
            Place::Sqlite(_) => self.sqlite_outside().batch_execute(sql).expect("SQL"),
            Place::Postgres(database) => drop(database.psql(sql).expect("SQL")),
        }
    }

    /// Keeps a numbered value.
    pub(crate) fn write(&self, number: i64) -> Result<(), StoreError> {
        self.store.write_blocking(&PERMIT, move |tx| keep(tx, number))
    }

    /// Is the numbered value there, for everybody to see?
    pub(crate) fn holds(&self, number: i64) -> bool {
        self.store
            .read_blocking::<_, StoreError>(|conn| Ok(keepsake(conn, &name(number))?))
            .expect("a read")
            .is_some()
    }

    /// How many journal entries there are; fails the test if the chain does not hold.
    pub(crate) fn sound_journal(&self) -> i64 {
        match walk(&self.store, None).expect("a walk") {
            Finding::Sound(head) => head.sequence,
            broken => panic!("{broken:?}"),
        }
    }
}

/// The write of these tests: a value under a number, and the number in the journal.
pub(crate) fn keep(tx: &mut Tx<'_>, number: i64) -> Result<(), StoreError> {
    tx.keep(&name(number), b"kept")?;
    tx.note("keepsake", number);
    Ok(())
}

fn name(number: i64) -> String {
    format!("write-{number}")
}

/// A statement that either engine refuses: the head of the journal is there already.
pub(crate) fn refused_statement(tx: &mut Tx<'_>) -> diesel::QueryResult<usize> {
    diesel::sql_query(
        "INSERT INTO journal_head (id, sequence, hash) SELECT id, sequence, hash FROM journal_head",
    )
    .execute(tx.conn())
}

/// Panics without a report on the terminal: the panic is the test.
pub(crate) fn panic_quietly() -> ! {
    std::panic::resume_unwind(Box::new("on purpose"))
}

/// Runs on a runtime of its own.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(future)
}

/// Declares each test twice, as `name::sqlite` and `name::postgres`.
macro_rules! on_both_engines {
    ($($(#[$meta:meta])* fn $name:ident($engine:ident: &Engine) $body:block)+) => {
        $(
            mod $name {
                #[allow(unused_imports)]
                use super::*;
                $(#[$meta])*
                fn body($engine: &Engine) $body
                #[test]
                fn sqlite() {
                    body(&Engine::sqlite());
                }
                #[test]
                fn postgres() {
                    body(&Engine::postgres());
                }
            }
        )+
    };
}
pub(crate) use on_both_engines;
