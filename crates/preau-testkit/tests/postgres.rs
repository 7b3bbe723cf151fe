//! The throw-away PostgreSQL: separate databases, templates, durability, useful errors.

use preau_testkit::Postgres;
use preau_testkit::postgres::{Durability, Error};

fn shared() -> &'static Postgres {
    Postgres::shared().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_test_has_a_database_of_its_own() {
    let (one, two) = (shared().database().unwrap(), shared().database().unwrap());
    one.psql("CREATE TABLE pupil (name text)").unwrap();
    one.psql("INSERT INTO pupil VALUES ('Zoé'), ('Éloi'), ('eve')").unwrap();
    assert_eq!(one.psql("SELECT name FROM pupil ORDER BY name").unwrap(), "Zoé\neve\nÉloi");
    assert!(matches!(two.psql("SELECT * FROM pupil"), Err(Error::Program { .. })));
    assert!(one.url().starts_with("postgres:///test_") && one.url() != two.url());
}

#[test]
fn a_template_is_prepared_once_and_copied_from_many_threads() {
    let template = shared()
        .template(|url| {
            let script = "CREATE TABLE school (name text); INSERT INTO school VALUES ('Jean Moulin')";
            let done = std::process::Command::new("psql").args([url, "-qc", script]).status();
            done.map_err(|error| error.to_string())
                .and_then(|status| if status.success() { Ok(()) } else { Err(format!("psql: {status}")) })
        })
        .unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let copy = shared().database_from(&template).unwrap();
                copy.psql("INSERT INTO school VALUES ('mine alone')").unwrap();
                assert_eq!(copy.psql("SELECT count(*) FROM school").unwrap(), "2");
            });
        }
    });
}

#[test]
fn a_template_that_fails_says_why() {
    let error = shared().template(|_| Err("migration 7: no such column")).unwrap_err();
    assert!(error.to_string().ends_with("migration 7: no such column"), "{error}");
}

#[test]
fn a_dropped_database_is_gone_even_with_an_open_connection() {
    let database = shared().database().unwrap();
    let mut held = std::process::Command::new("psql")
        .args([database.url(), "-qc", "SELECT pg_sleep(600)"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let witness = shared().database().unwrap();
    let name = database.url().split(['/', '?']).nth(3).unwrap().to_owned();
    let count = format!("SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'");
    while witness.psql(&count).unwrap() != "1" {
        assert!(held.try_wait().unwrap().is_none(), "psql did not stay connected");
    }
    drop(database);
    assert!(!held.wait().unwrap().success());
    let there = witness.psql(&format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'"));
    assert_eq!(there.unwrap(), "0");
}

#[test]
fn durability_is_what_was_asked_and_an_own_cluster_ends_when_dropped() {
    let fast = shared().database().unwrap();
    assert_eq!(fast.psql("SHOW fsync").unwrap(), "off");
    let cluster = Postgres::start(Durability::On).unwrap();
    let safe = cluster.database().unwrap();
    assert_eq!(safe.psql("SHOW fsync").unwrap(), "on");
    assert_eq!(safe.psql("SHOW synchronous_commit").unwrap(), "on");
    let folder = safe.psql("SHOW unix_socket_directories").unwrap();
    assert!(std::path::Path::new(&folder).exists());
    drop(safe);
    drop(cluster);
    assert!(!std::path::Path::new(&folder).exists(), "{folder} is left behind");
}
