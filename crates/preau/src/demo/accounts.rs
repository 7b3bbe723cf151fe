//! Accounts of the demonstration: everybody has one, with one password that is no secret.

use super::fill::UAI;
use super::store::{self, AccountLine};
use crate::access::SystemPermit;
use crate::edge::Platform;
use crate::identity;
use crate::school;
use crate::store::{Store, StoreError};
use anyhow::Context as _;
use serde::Serialize;
use std::path::Path;

/// The password of every account of the demonstration.
const PASSWORD: &str = "platane-et-craie";

/// Gives everybody without an account one, and the demonstration's password to those who have none.
pub(super) fn ensure(store: &Store) -> anyhow::Result<()> {
    let phc = identity::hash_for_demo(PASSWORD)?;
    store.write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, move |tx| {
        identity::ensure_accounts(tx)?;
        identity::open_accounts_for_demo(tx, &phc)?;
        Ok(())
    })?;
    Ok(())
}

/// One account as `--accounts` writes it.
#[derive(Serialize)]
struct Account<'a> {
    role: &'a str,
    login: &'a str,
    password: &'a str,
    name: &'a str,
    class: &'a str,
    /// An unused activation code, for a few pupils only; their password works all the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    activation: Option<String>,
}

/// So many pupils, the last of the list, get an activation code.
const WITH_CODE: usize = 3;

/// Writes the accounts if asked to, and prints how to sign in.
///
/// # Errors
/// The store's, or a file that cannot be written.
pub fn announce(platform: &Platform, file: Option<&Path>) -> anyhow::Result<()> {
    let now = platform.now();
    let lines =
        platform.store().read_blocking::<_, StoreError>(|conn| match school::school_by_uai(conn, UAI)? {
            Some(school) => Ok(store::accounts(conn, school, now)?),
            None => Ok(Vec::new()),
        })?;
    if let Some(file) = file {
        let pupils = lines.iter().filter(|line| line.role == "pupil");
        let mut codes = std::collections::HashMap::new();
        for line in pupils.rev().take(WITH_CODE) {
            let issued = identity::commands::code(platform.store(), platform.config(), &line.login, now)?;
            codes.insert(line.login.clone(), issued.code);
        }
        let accounts: Vec<_> = lines
            .iter()
            .map(|line| Account {
                role: &line.role,
                login: &line.login,
                password: PASSWORD,
                name: &line.name,
                class: &line.class,
                activation: codes.remove(&line.login),
            })
            .collect();
        let json = serde_json::to_vec_pretty(&accounts)?;
        // Whole or not at all: whoever waits for this file must not read half of it.
        let draft = file.with_extension("part");
        std::fs::write(&draft, json)
            .and_then(|()| std::fs::rename(&draft, file))
            .with_context(|| format!("cannot write the accounts to {}", file.display()))?;
    }
    println!("{}", greeting(&lines, &platform.config().server.public_url));
    Ok(())
}

fn greeting(lines: &[AccountLine], address: &str) -> String {
    let mut text = format!(
        "\n  Préau, demonstration: Collège du Platane (everything in it is invented)\n  {address}\n\n  Password of every account: {PASSWORD}\n\n"
    );
    for role in ["pupil", "guardian", "teacher", "counsellor", "supervisor", "head", "local_admin"] {
        if let Some(line) = lines.iter().find(|line| line.role == role) {
            text.push_str(&format!("  {role:<12} {:<28} {} {}\n", line.login, line.name, line.class));
        }
    }
    text
}
