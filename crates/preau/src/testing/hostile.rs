//! Every form of every page, with what nobody should type: the forms are found as a browser finds them, so
//! that a new page is tried without being named here.
//!
//! It asserts what holds for any input: no error of ours, no page that repeats markup as markup, no table
//! that is gone. What a field accepts is for the tests of its slice.

use super::{Client, People, TestSchool};
use crate::store::StoreError;
use diesel::prelude::*;
use http::StatusCode;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// SQL, markup, a spreadsheet's formula, a path, a template, numbers and dates beyond any range, a byte that
/// PostgreSQL takes in no text, a line break in what may become a header, and letters that are not letters.
const HOSTILE: &[&str] = &[
    "'; DROP TABLE person; --",
    "\") OR 1=1 UNION SELECT * FROM account; --",
    "<script>alert(1)</script>",
    "\" onfocus=\"alert(1)\" autofocus x=\"",
    "=cmd|'/C calc'!A0",
    "../../../../etc/passwd",
    "{{7*7}}%s%n${jndi:x}",
    "99999999999999999999999999",
    "-1",
    "0000-00-00",
    "+292277026596-12-04",
    "25:61",
    "null\0byte",
    "line\r\nSet-Cookie: x=y",
    "\u{202e}\u{feff}\u{1f468}\u{200d}\u{1f469}\u{0301}\u{0301}\u{0301}",
];
/// Pages looked at for one person.
const PAGES: usize = 60;

/// A form as it stands on a page: where it goes, and its fields with the values a browser would send.
#[derive(Debug, Clone)]
struct Form {
    action: String,
    sends: bool,
    files: bool,
    fields: Vec<(String, String)>,
}

/// The value of an attribute in a tag.
fn attribute(tag: &str, name: &str) -> Option<String> {
    let mark = format!(" {name}=\"");
    let rest = &tag[tag.find(&mark)? + mark.len()..];
    let value = &rest[..rest.find('"')?];
    Some(value.replace("&#38;", "&").replace("&amp;", "&").replace("&#34;", "\"").replace("&#39;", "'"))
}

/// The tags of a name, each with the text up to the next tag.
fn tags<'h>(html: &'h str, name: &str) -> Vec<(&'h str, &'h str)> {
    let mark = format!("<{name}");
    html.match_indices(&mark)
        .filter_map(|(at, _)| {
            let rest = &html[at..];
            let end = rest.find('>')?;
            let after = &rest[end + 1..];
            // `<a` is not `<article`.
            let whole = rest[mark.len()..].starts_with([' ', '>']);
            whole.then_some((&rest[..end], &after[..after.find('<').unwrap_or(after.len())]))
        })
        .collect()
}

fn forms(html: &str, page: &str) -> Vec<Form> {
    let mut found = Vec::new();
    for piece in html.split("<form").skip(1) {
        let (Some(head), Some(end)) = (piece.find('>'), piece.find("</form>")) else { continue };
        let (tag, inside) = (&piece[..head], &piece[head..end]);
        let mut fields: Vec<(String, String)> = Vec::new();
        for (input, _) in tags(inside, "input") {
            let Some(name) = attribute(input, "name") else { continue };
            let kind = attribute(input, "type").unwrap_or_default();
            if kind == "file" || (kind == "radio" && fields.iter().any(|(other, _)| *other == name)) {
                continue;
            }
            fields.push((name, attribute(input, "value").unwrap_or_default()));
        }
        for (area, text) in tags(inside, "textarea") {
            fields.extend(attribute(area, "name").map(|name| (name, text.to_owned())));
        }
        for select in inside.split("<select").skip(1) {
            let Some(name) = attribute(&select[..select.find('>').unwrap_or(0)], "name") else { continue };
            let first = tags(select, "option").first().and_then(|(option, _)| attribute(option, "value"));
            fields.push((name, first.unwrap_or_default()));
        }
        for (button, _) in tags(inside, "button") {
            if let Some(name) = attribute(button, "name")
                && !fields.iter().any(|(other, _)| *other == name)
            {
                fields.push((name, attribute(button, "value").unwrap_or_default()));
            }
        }
        found.push(Form {
            action: attribute(tag, "action").unwrap_or_else(|| page.to_owned()),
            sends: attribute(tag, "method").is_some_and(|method| method == "post"),
            files: attribute(tag, "enctype").is_some_and(|kind| kind.starts_with("multipart")),
            fields: fields.into_iter().filter(|(name, _)| name != "csrf").collect(),
        });
    }
    found
}

/// An address without what differs from thing to thing.
fn shape(address: &str) -> String {
    let mut shape = String::new();
    for letter in address.chars() {
        match letter {
            '0'..='9' if shape.ends_with('N') => {}
            '0'..='9' => shape.push('N'),
            other => shape.push(other),
        }
    }
    shape
}

/// Pages and forms that a person reaches from the first page.
async fn reachable(client: &mut Client, from: &[String]) -> (Vec<String>, BTreeMap<String, Form>) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    let (mut pages, mut found) = (Vec::new(), BTreeMap::new());
    let mut left: VecDeque<String> = from.iter().cloned().collect();
    while let Some(address) = left.pop_front().filter(|_| pages.len() < PAGES) {
        if !seen.insert(shape(&address)) {
            continue;
        }
        let reply = client.get(&address).await;
        // What is offered is there, unless it was offered to somebody else (the doors we began with).
        let offered = !from.contains(&address);
        assert!(
            !offered || reply.status != StatusCode::NOT_FOUND,
            "a page offers {address}, which is not there"
        );
        if reply.status != StatusCode::OK {
            continue;
        }
        let html = reply.text();
        for (link, _) in tags(&html, "a") {
            if let Some(href) = attribute(link, "href").filter(|href| href.starts_with('/')) {
                left.push_back(href.split('#').next().unwrap_or_default().to_owned());
            }
        }
        for form in forms(&html, &address) {
            let names: Vec<&str> = form.fields.iter().map(|(name, _)| name.as_str()).collect();
            found.insert(shape(&format!("{} {}", form.action, names.join(","))), form);
        }
        pages.push(address);
    }
    (pages, found)
}

async fn submit(client: &mut Client, form: &Form, fields: &[(&str, &str)]) -> (StatusCode, String) {
    let reply = if !form.sends {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        client.get(&format!("{}?{query}", form.action)).await
    } else if form.files {
        client.post_files(&form.action, fields, &[("files", "../x\"=cmd.pdf", b"%PDF-1.4 x")]).await
    } else {
        client.post(&form.action, fields).await
    };
    (reply.status, reply.text())
}

fn count_people(school: &TestSchool) -> i64 {
    let store = school.app.platform.store();
    let count = |conn: &mut crate::store::Conn| {
        use crate::store::schema::{account, person};
        account::table.count().get_result::<i64>(conn)?;
        Ok::<i64, StoreError>(person::table.count().get_result(conn)?)
    };
    store.read_blocking(count).expect("the tables are there")
}

async fn every_field_of_every_form(school: &TestSchool) {
    let people: People = school.people;
    let before = count_people(school);
    let lesson = people.lesson;
    let homework = crate::homework::one_for_tests(school).await;
    let doors: Vec<String> =
        ["/", "/sign-in", "/activation", "/homework/new", "/notices/new", "/timetable/slots"]
            .iter()
            .map(|door| (*door).to_owned())
            .chain([
                format!("/lessons/{lesson}"),
                format!("/lessons/{lesson}/register"),
                format!("/homework/{homework}"),
            ])
            .collect();
    let personas =
        [people.pupil, people.guardian, people.teacher, people.counsellor, people.head, people.local_admin];
    let (mut tried, mut kinds) = (0_usize, BTreeSet::new());
    for person in personas {
        let (pages, forms) = reachable(&mut school.signed_in(person), &doors).await;
        for (kind, form) in &forms {
            // Signing out ends the try, and trying passwords is slowed down on purpose.
            if form.action.starts_with("/sign-out") {
                continue;
            }
            kinds.insert(kind.clone());
            for at in 0..form.fields.len() {
                // A new browser for each field: some forms end what they begin with.
                let mut client = school.signed_in(person);
                client.get("/today").await;
                for hostile in HOSTILE {
                    let fields: Vec<(&str, &str)> = form
                        .fields
                        .iter()
                        .enumerate()
                        .map(|(place, (name, value))| {
                            (name.as_str(), if place == at { *hostile } else { value.as_str() })
                        })
                        .collect();
                    let (status, body) = submit(&mut client, form, &fields).await;
                    let what = format!("{} with {} = {hostile:?}", form.action, form.fields[at].0);
                    assert!(
                        !status.is_server_error() || status == StatusCode::SERVICE_UNAVAILABLE,
                        "{what}: {status}"
                    );
                    assert!(!body.contains("<script>alert(1)"), "{what}: repeated as markup");
                    assert!(!body.contains("onfocus=\"alert"), "{what}: repeated as an attribute");
                    tried += 1;
                }
            }
        }
        // The pages again, with everything that was written meanwhile on them; and their addresses bent.
        let mut client = school.signed_in(person);
        for page in &pages {
            let body = client.get(page).await.text();
            assert!(!body.contains("<script>alert(1)"), "{page} shows markup that somebody typed");
            assert!(!body.contains("onfocus=\"alert"), "{page} shows an attribute that somebody typed");
            for hostile in HOSTILE {
                let bent: String = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect();
                let (path, query) = page.split_once('?').unwrap_or((page, "as=x"));
                let name = query.split('=').next().unwrap_or_default();
                let status = client.get(&format!("{path}?{name}={bent}")).await.status;
                assert!(!status.is_server_error(), "{path}?{name}={bent}: {status}");
                if let Some((above, _)) = path.rsplit_once('/') {
                    let status = client.get(&format!("{above}/{bent}")).await.status;
                    assert!(!status.is_server_error(), "{above}/{bent}: {status}");
                }
            }
        }
    }
    assert!(kinds.len() >= 20, "only {} kinds of forms were found: {kinds:#?}", kinds.len());
    assert!(tried > 500, "only {tried} tries");
    assert!(count_people(school) >= before, "people are gone");
}

#[tokio::test]
async fn what_nobody_should_type_on_sqlite() {
    every_field_of_every_form(&TestSchool::open()).await;
}

#[tokio::test]
async fn what_nobody_should_type_on_postgresql() {
    every_field_of_every_form(&TestSchool::open_on_postgres()).await;
}

#[test]
fn forms_are_read_as_a_browser_reads_them() {
    let html = "<form class=\"x\" method=\"post\" action=\"/a?b=1&#38;c=2\"><input type=\"hidden\" name=\"csrf\" value=\"t\">\
                <input name=\"n\" value=\"1\"><textarea name=\"t\">two</textarea>\
                <select name=\"s\"><option value=\"3\">x</option></select><button name=\"go\" value=\"4\">Go</button></form>";
    let found = forms(html, "/here");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].action.as_str(), found[0].sends, found[0].files), ("/a?b=1&c=2", true, false));
    let fields: Vec<String> = found[0].fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    assert_eq!(fields, ["n=1", "t=two", "s=3", "go=4"]);
}
