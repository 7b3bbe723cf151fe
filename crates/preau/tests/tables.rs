//! `store/schema.rs` describes the tables as both engines have them: every table is written and read back
//! through it, and no table or column is missing on either side.
//!
//! The list of tables is not written a second time: this program compiles `schema.rs` itself, with
//! `diesel::table!` standing for "write a row and read it back".
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::crate_in_macro_def,
    reason = "one test program: its macro is used here only"
)]

// From here on `diesel::…` in the schema's text means the macros below; Diesel itself is `orm`.
extern crate diesel as orm;
extern crate self as diesel;

use orm::RunQueryDsl as _;
use orm::connection::SimpleConnection as _;
use orm::sql_types::Text;
use preau::access::SystemPermit;
use preau::store::{Conn, Store, StoreError};
use std::collections::BTreeSet;

/// A sample of each SQL type that the schema uses, different for each row.
mod sample {
    pub trait Sample {
        type Value: Clone + PartialEq + std::fmt::Debug;
        fn of(row: i64, column: &str) -> Self::Value;
    }
    pub struct BigInt;
    pub struct Integer;
    pub struct Text;
    pub struct Binary;
    pub struct Bool;
    pub struct Nullable<T>(std::marker::PhantomData<T>);

    impl Sample for BigInt {
        type Value = i64;
        // Beyond 32 bits, so that a column too narrow on one engine shows.
        fn of(row: i64, column: &str) -> i64 {
            (1 << 41) + 1_000 * row + column.len() as i64
        }
    }
    impl Sample for Integer {
        type Value = i32;
        fn of(row: i64, _: &str) -> i32 {
            i32::MAX - row as i32
        }
    }
    impl Sample for Text {
        type Value = String;
        fn of(row: i64, column: &str) -> String {
            format!("L’œuvre n° {row}, « {column} » 🌳 '; DROP TABLE person; --")
        }
    }
    impl Sample for Binary {
        type Value = Vec<u8>;
        fn of(row: i64, _: &str) -> Vec<u8> {
            vec![0, 255, 39, row as u8]
        }
    }
    impl Sample for Bool {
        type Value = bool;
        fn of(row: i64, _: &str) -> bool {
            row % 2 == 0
        }
    }
    impl<T: Sample> Sample for Nullable<T> {
        type Value = Option<T::Value>;
        fn of(row: i64, column: &str) -> Option<T::Value> {
            (row % 2 == 0).then(|| T::of(row, column))
        }
    }
}

/// A table of the schema.
struct Table {
    name: &'static str,
    columns: Vec<&'static str>,
    round_trip: fn(&mut Conn) -> orm::QueryResult<()>,
}

#[macro_export]
macro_rules! table {
    ($name:ident ($($key:ident),+) { $($column:ident -> $kind:ty,)+ }) => {
        pub(super) mod $name {
            use crate::sample::*;
            use orm::prelude::*;
            use preau::store::schema::$name as table;

            pub(crate) fn describe() -> crate::Table {
                crate::Table {
                    name: stringify!($name),
                    columns: vec![$(stringify!($column)),+],
                    round_trip,
                }
            }

            fn round_trip(conn: &mut preau::store::Conn) -> QueryResult<()> {
                for row in 2..=3 {
                    $(let $column = <$kind as Sample>::of(row, stringify!($column));)+
                    orm::insert_into(table::table)
                        .values(($(table::$column.eq($column.clone()),)+))
                        .execute(conn)?;
                    let found: Vec<($(<$kind as Sample>::Value,)+)> =
                        table::table.select(($(table::$column,)+)).load(conn)?;
                    // As texts, because Rust compares tuples of up to twelve only.
                    let written = vec![$(format!("{:?}", $column)),+];
                    let found: Vec<Vec<String>> =
                        found.into_iter().map(|($($column,)+)| vec![$(format!("{:?}", $column)),+]).collect();
                    assert!(found.contains(&written), "{written:?} is not among {found:?}");
                }
                Ok(())
            }
        }
    };
}

#[macro_export]
macro_rules! allow_tables_to_appear_in_same_query {
    ($($name:ident),+ $(,)?) => {
        pub(super) fn every() -> Vec<crate::Table> {
            vec![$($name::describe()),+]
        }
    };
}

#[macro_export]
macro_rules! joinable {
    ($($any:tt)*) => {};
}

#[path = "../src/store/schema.rs"]
mod schema;

/// `table.column` of everything in the database that is not the engine's or the migrations' own.
fn catalogue(conn: &mut Conn) -> orm::QueryResult<BTreeSet<String>> {
    let sql = match conn {
        Conn::Sqlite(_) => {
            "m.name || '.' || c.name FROM sqlite_master m, pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
        }
        Conn::Postgres(_) => {
            "table_name || '.' || column_name FROM information_schema.columns \
             WHERE table_schema = 'public'"
        }
    };
    let columns: Vec<String> = orm::select(orm::dsl::sql::<Text>(sql)).load(conn)?;
    Ok(columns.into_iter().filter(|name| !name.starts_with("__diesel_schema_migrations.")).collect())
}

fn hold(store: &Store) {
    let tables = schema::every();
    let described: BTreeSet<String> = tables
        .iter()
        .flat_map(|table| table.columns.iter().map(|column| format!("{}.{column}", table.name)))
        .collect();
    let there = store.read_blocking::<_, StoreError>(|conn| Ok(catalogue(conn)?)).expect("the catalogue");
    let missing: Vec<_> = described.difference(&there).collect();
    let forgotten: Vec<_> = there.difference(&described).collect();
    assert!(missing.is_empty(), "in schema.rs, not in the database: {missing:?}");
    assert!(forgotten.is_empty(), "in the database, not in schema.rs: {forgotten:?}");

    for Table { name, round_trip, .. } in tables {
        // The rows hang on nothing, so foreign keys must wait; and they never get as far as a COMMIT.
        let outcome = store.write_blocking::<(), StoreError, _>(&SystemPermit::FillDemo, move |tx| {
            let lenient = match tx.conn() {
                Conn::Sqlite(_) => "PRAGMA defer_foreign_keys = ON",
                Conn::Postgres(_) => "SET LOCAL session_replication_role = replica",
            };
            tx.conn().batch_execute(lenient)?;
            round_trip(tx.conn())?;
            Err(StoreError::Migration("written and read back".into()))
        });
        assert!(matches!(outcome, Err(StoreError::Migration(_))), "{name}: {outcome:?}");
    }
}

#[test]
fn every_table_is_written_and_read_back_on_sqlite() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let url = format!("sqlite:{}", folder.path().join("preau.db").display());
    hold(&Store::open(&url).expect("a store"));
}

#[test]
fn every_table_is_written_and_read_back_on_postgres() {
    let database = preau_testkit::Postgres::shared().expect("PostgreSQL").database().expect("a database");
    hold(&Store::open(database.url()).expect("a store"));
}
