//! Accounts made for whoever has none.

use super::*;
use crate::identity::{ensure_accounts, open_accounts_for_demo};
use crate::store::schema::{account, person};
use crate::store::{Store, Tx};

fn somebody(tx: &mut Tx<'_>, given: &str, family: &str) -> QueryResult<PersonId> {
    let id = PersonId::fresh();
    diesel::insert_into(person::table)
        .values((person::id.eq(id), person::given_name.eq(given), person::family_name.eq(family)))
        .execute(tx.conn())?;
    Ok(id)
}

fn numbers_follow_the_name(store: &Store) {
    let (made, again, logins) = store
        .write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, |tx| {
            let first = somebody(tx, "Léa", "Martin")?;
            ensure_accounts(tx)?;
            let mut people = vec![first];
            for _ in 0..45 {
                people.push(somebody(tx, "Lea", "MARTIN")?);
            }
            people.push(somebody(tx, "Nathanaël", "d’Aubigné")?);
            let made = ensure_accounts(tx)?;
            people.push(somebody(tx, "Léa", "Martin")?);
            ensure_accounts(tx)?;
            let again = ensure_accounts(tx)?;
            let mut logins = Vec::new();
            for person in people {
                let login: String =
                    account::table.find(person.get()).select(account::login).first(tx.conn())?;
                logins.push(login);
            }
            Ok((made, again, logins))
        })
        .expect("made");
    assert_eq!((made, again), (46, 0));
    assert_eq!(logins[..3], ["lea.martin", "lea.martin.2", "lea.martin.3"]);
    assert_eq!(logins[45..], ["lea.martin.46", "nathanael.daubigne", "lea.martin.47"]);
}

#[test]
fn numbers_follow_the_name_on_sqlite() {
    numbers_follow_the_name(TestSchool::open().app.platform.store());
}

#[test]
fn numbers_follow_the_name_on_postgresql() {
    numbers_follow_the_name(TestSchool::open_on_postgres().app.platform.store());
}

#[test]
fn thousands_are_made_in_batches() {
    let school = TestSchool::open();
    let made = school
        .app
        .platform
        .store()
        .write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, |tx| {
            for number in 0..2_500 {
                somebody(tx, ["Ana", "Bo", "Cy"][number % 3], &format!("Nom{}", number % 700))?;
            }
            Ok(ensure_accounts(tx)?)
        })
        .expect("made");
    assert_eq!(made, 2_500);
}

#[tokio::test]
async fn a_demonstration_opens_with_one_password_and_leaves_chosen_ones() {
    let school = TestSchool::open();
    give(&school, school.people.pupil, "maelys.verdoyant");
    let opened = school
        .app
        .platform
        .store()
        .write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, |tx| {
            let phc = hash_for_demo("platane-et-craie").expect("hashed");
            Ok(open_accounts_for_demo(tx, &phc)?)
        })
        .expect("opened");
    assert_eq!(opened, 14);
    let mut browser = at_the_door(&school).await;
    assert_eq!(sign_in(&mut browser, "maelys.verdoyant", PASSWORD).await.status, http::StatusCode::SEE_OTHER);
    let mut browser = at_the_door(&school).await;
    let head = school.people.head.to_string();
    assert_eq!(sign_in(&mut browser, &head, "platane-et-craie").await.status, http::StatusCode::SEE_OTHER);
}
