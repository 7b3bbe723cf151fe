//! Lock 5: the matrix persona x action x resource, and the walk over all routes as every persona. Both
//! are committed as text; a change of rights shows as a change of these files in the same commit.
//! `PREAU_BLESS=1 cargo test -p preau --lib testing` writes them anew.

use super::{Client, TestSchool};
use crate::access::{Action, Actor, Allows, Lists, Resource, SystemPermit};
use crate::edge::{Audience, RouteInfo};
use crate::school::facts_of;
use crate::store::StoreError;
use http::{Method, StatusCode};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

/// The personas as actors, and the lines so far.
pub(crate) struct Matrix {
    actors: Vec<(&'static str, Actor)>,
    lines: Vec<String>,
}

impl Matrix {
    fn of(school: &TestSchool) -> Matrix {
        let mut actors = vec![("anonymous", Actor::ANONYMOUS)];
        for (word, person) in school.people.personas() {
            let facts = school
                .app
                .platform
                .store()
                .read_blocking::<_, StoreError>(|conn| Ok(facts_of(conn, person)?))
                .expect("facts")
                .expect("a person");
            actors.push((word, Actor::person(Arc::new(facts))));
        }
        Matrix { actors, lines: Vec::new() }
    }

    /// Asks the rule for every persona. `what` says in words which resource this is.
    pub(crate) fn row<R: Allows<A>, A: Action>(&mut self, what: &str, resource: &R) {
        let allowed: Vec<&str> = self
            .actors
            .iter()
            .filter(|(_, actor)| R::allows(actor, resource))
            .map(|(word, _)| *word)
            .collect();
        self.lines.push(format!("{:<28} {:<12} {what}: {}", A::NAME, R::KIND, listed(&allowed)));
    }

    /// Asks for every persona's scope of a list.
    pub(crate) fn list<R: Lists<A> + Resource, A: Action>(&mut self) {
        let seeing: Vec<&str> = self
            .actors
            .iter()
            .filter(|(_, actor)| R::scope(actor) != crate::access::Scope::Nothing)
            .map(|(word, _)| *word)
            .collect();
        self.lines.push(format!("{:<28} {:<12} list: {}", A::NAME, R::KIND, listed(&seeing)));
    }
}

fn listed(words: &[&str]) -> String {
    if words.is_empty() { "nobody".to_owned() } else { words.join(", ") }
}

/// Compares with the committed file, or writes it.
fn hold(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name);
    if std::env::var_os("PREAU_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    if committed != text {
        let changed: Vec<String> = text
            .lines()
            .filter(|line| !committed.lines().any(|old| old == *line))
            .map(|line| format!("+ {line}"))
            .chain(
                committed
                    .lines()
                    .filter(|old| !text.lines().any(|line| line == *old))
                    .map(|old| format!("- {old}")),
            )
            .collect();
        panic!(
            "tests/{name} no longer says what the code does. If that is meant, write it anew with \
             PREAU_BLESS=1 and commit it:\n{}",
            changed.join("\n")
        );
    }
}

#[test]
fn the_access_matrix_is_what_was_agreed() {
    let school = TestSchool::open();
    let mut matrix = Matrix::of(&school);
    crate::homework::matrix(&mut matrix, &school.people);
    crate::identity::matrix(&mut matrix, school.app.platform.store(), &school.people);
    crate::lesson::matrix(&mut matrix, &school.people);
    crate::classroom::matrix(&mut matrix, &school.people);
    crate::recording::matrix(&mut matrix, &school.people);
    crate::rollcall::matrix(&mut matrix, &school.people);
    crate::notices::matrix(&mut matrix, &school.people);
    crate::classes::matrix(&mut matrix, &school.people);
    crate::timetable::matrix(&mut matrix, &school.people);
    let mut text = String::from("# Who may do what. Written by a test; see docs/access.md.\n\n");
    for line in &matrix.lines {
        let _ = writeln!(text, "{line}");
    }
    let names: Vec<&str> = SystemPermit::ALL.iter().map(|permit| permit.name()).collect();
    let _ = writeln!(text, "\nsystem permits: {}", names.join(", "));
    hold("access-matrix.txt", &text);
}

/// Values for the parameters of a path: of things that exist, and of things that do not.
fn fill_path(path: &str, values: &[(&str, String)], absent: bool) -> String {
    let mut filled = path.to_owned();
    while let (Some(start), Some(end)) = (filled.find('{'), filled.find('}')) {
        let name = &filled[start + 1..end];
        let prefix = &filled[..start];
        let value = if absent {
            "1".to_owned()
        } else {
            values
                .iter()
                .find(|(place, _)| prefix.ends_with(place) || name == *place)
                .map_or_else(|| "1".to_owned(), |(_, value)| value.clone())
        };
        filled.replace_range(start..=end, &value);
    }
    filled
}

/// Asks one route as one client, with a token but without a body that could do anything.
async fn knock(client: &mut Client, route: &RouteInfo, path: &str) -> StatusCode {
    let reply =
        if route.method == Method::GET { client.get(path).await } else { client.post(path, &[]).await };
    reply.status
}

/// How a status is written: what matters is whether the door opened.
fn word(status: StatusCode) -> &'static str {
    match status.as_u16() {
        200..=299 => "in",
        303 => "elsewhere",
        401 => "sign in",
        404 => "-",
        400 | 409 | 413 | 422 => "in (refused input)",
        403 => "forbidden",
        503 => "busy",
        _ => "ERROR",
    }
}

#[tokio::test]
async fn the_walk_over_all_routes_as_every_persona() {
    let school = TestSchool::open();
    let people = school.people;
    let mut text = String::from(
        "# Every route as every persona, on things of class 4A. Written by a test; see docs/access.md.\n\
         # - means: the same 404 as for a page that does not exist.\n",
    );
    let mut open_to_all = Vec::new();
    let mut table: Vec<&RouteInfo> = school.app.table.iter().collect();
    table.sort_by_key(|route| (route.path, route.method.as_str().to_owned()));
    for route in table {
        // A thing of its own for each route: some routes remove it.
        let values = [
            ("/homework/", crate::homework::one_for_tests(&school).await),
            ("/lessons/", people.lesson.to_string()),
            ("/people/", people.pupil.to_string()),
            ("/participants/", people.classmate.to_string()),
            ("/classes/", people.class_4a.to_string()),
            ("/notices/", crate::notices::one_for_tests(&school)),
            ("/recordings/", crate::recording::one_for_tests(&school)),
        ];
        let path = fill_path(route.path, &values, false);
        let absent = fill_path(route.path, &values, true);
        let _ = writeln!(text, "\n{} {}", route.method, route.path);
        let mut by_word: Vec<(&'static str, Vec<&'static str>)> = Vec::new();
        let mut anonymous = school.anonymous();
        anonymous.get("/absent").await;
        let status = knock(&mut anonymous, route, &path).await;
        if route.audience == Audience::Anyone {
            open_to_all.push(format!("{} {}", route.method, route.path));
        } else {
            // A script cannot follow a redirection to a page to sign in.
            let page = route.method == Method::GET && !path.ends_with(".json");
            let expected = if page { StatusCode::SEE_OTHER } else { StatusCode::UNAUTHORIZED };
            assert_eq!(status, expected, "{} {} without signing in", route.method, path);
        }
        by_word.push((word(status), vec!["anonymous"]));
        for (persona, person) in people.personas() {
            let mut client = school.signed_in(person);
            let status = knock(&mut client, route, &path).await;
            assert_ne!(word(status), "ERROR", "{} {path} as {persona}: {status}", route.method);
            if status == StatusCode::NOT_FOUND {
                // Absent and forbidden look the same, to the letter.
                let (there, not_there) = if route.method == Method::GET {
                    (client.get(&path).await.text(), client.get(&absent).await.text())
                } else {
                    (client.post(&path, &[]).await.text(), client.post(&absent, &[]).await.text())
                };
                assert_eq!(
                    faceless(&there, &path),
                    faceless(&not_there, &absent),
                    "{} {path} as {persona}",
                    route.method
                );
            }
            match by_word.iter_mut().find(|(found, _)| *found == word(status)) {
                Some((_, those)) => those.push(persona),
                None => by_word.push((word(status), vec![persona])),
            }
        }
        by_word.sort();
        for (word, those) in by_word {
            let _ = writeln!(text, "    {word}: {}", those.join(", "));
        }
    }
    let _ = writeln!(text, "\n# Open to everybody. This list may only shrink.");
    for route in &open_to_all {
        let _ = writeln!(text, "{route}");
    }
    hold("access-walk.txt", &text);
}

/// A page without what differs each time: tokens, nonces, its own address.
fn faceless(html: &str, path: &str) -> String {
    let html = html.replace(path, "PATH");
    let mut plain = String::new();
    let mut rest = html.as_str();
    while let Some(at) = rest.find("name=\"csrf\" value=\"") {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 19..];
        rest = rest.find('"').map_or("", |end| &rest[end..]);
    }
    plain.push_str(rest);
    let mut without_nonce = String::new();
    let mut rest = plain.as_str();
    while let Some(at) = rest.find("nonce=\"") {
        without_nonce.push_str(&rest[..at]);
        rest = &rest[at + 7..];
        rest = rest.find('"').map_or("", |end| &rest[end..]);
    }
    without_nonce.push_str(rest);
    without_nonce
}
