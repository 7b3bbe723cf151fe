//! Identity over HTTP, as the people of the test school.

mod activation;
mod carers;
mod doors;
mod logins;

pub(crate) use carers::matrix;

use super::{hash_for_demo, set_password_for_demo};
use crate::access::SystemPermit;
use crate::ids::PersonId;
use crate::store::StoreError;
use crate::testing::{Client, Reply, TestSchool};
use diesel::prelude::*;
use std::sync::OnceLock;

/// The password of everybody in these tests.
const PASSWORD: &str = "platane gomme tricycle";

/// Gives somebody the tests' password and this login.
fn give(school: &TestSchool, who: PersonId, login: &'static str) {
    static PHC: OnceLock<String> = OnceLock::new();
    let phc = PHC.get_or_init(|| hash_for_demo(PASSWORD).expect("hashed"));
    school
        .app
        .platform
        .store()
        .write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, move |tx| {
            use crate::store::schema::account;
            set_password_for_demo(tx, who, phc)?;
            diesel::update(account::table.find(who.get()))
                .set(account::login.eq(login))
                .execute(tx.conn())?;
            Ok(())
        })
        .expect("written");
}

/// A browser at the door, with the cookie of its device.
async fn at_the_door(school: &TestSchool) -> Client {
    let mut browser = school.anonymous();
    assert!(browser.get("/sign-in").await.text().contains("Bonjour. C’est par ici."));
    browser
}

async fn sign_in(browser: &mut Client, login: &str, password: &str) -> Reply {
    browser.post("/sign-in", &[("login", login), ("password", password), ("next", "")]).await
}

/// The `Set-Cookie` line for this cookie, or nothing.
fn set_cookie<'r>(reply: &'r Reply, name: &str) -> &'r str {
    let all = reply.headers.get_all("set-cookie").iter().filter_map(|value| value.to_str().ok());
    all.into_iter().find(|line| line.starts_with(&format!("{name}="))).unwrap_or_default()
}

/// The value of a hidden field.
fn hidden(html: &str, name: &str) -> String {
    let mark = format!("name=\"{name}\" value=\"");
    let start = html.find(&mark).unwrap_or_else(|| panic!("no field {name} in {html}")) + mark.len();
    let rest = &html[start..];
    rest[..rest.find('"').expect("a closing quote")].to_owned()
}

/// The codes printed on a page.
fn codes(html: &str) -> Vec<String> {
    html.split("class=\"secret\">").skip(1).map(|rest| rest[..14].to_owned()).collect()
}
