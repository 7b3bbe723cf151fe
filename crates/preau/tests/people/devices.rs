//! Known devices: browsers on which somebody of the school signed in before, made in bulk.
//!
//! Each goes through the real form and the real gate, in this process, before the server starts. Only the
//! passwords are cheap meanwhile: hashing thousands at their real price would take minutes and show nothing.
//! Afterwards they cost what they cost.

use argon2::password_hash::{PasswordHasher as _, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use axum::Router;
use axum::body::Body;
use diesel::prelude::*;
use http::{Request, StatusCode, header};
use preau::access::SystemPermit;
use preau::app::App;
use preau::config::Config;
use preau::edge::Clock;
use preau::store::schema::account;
use preau::store::{Store, StoreError};
use preau_people::house::Fault;
use preau_people::{Account, House, Jar};
use std::sync::Arc;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// Sign-ins at once: the store commits those together that wait together. Fewer than a class, so that no
/// account is being signed in twice.
const AT_ONCE: usize = 20;
/// What a browser forgets when its seat and its place have run out.
const SHORT_LIVED: [&str; 2] = ["preau_gate", "preau_ticket"];

/// So many known devices of pupils, with a session each.
///
/// # Errors
/// A sign-in that does not succeed, and the store's.
pub(crate) fn known(house: &House, count: usize) -> Result<Vec<Jar>, Fault> {
    let mut config = Config::in_folder(house.data());
    config.gate.sessions = 10_000_000;
    config.live.listen.set_port(0);
    let state = config.gate.state.clone();
    let store = Store::open(&config.store.url)?;
    let pupils = house.pupils();
    let password = pupils.first().ok_or("no pupil")?.password.clone();
    let real = passwords(&store, cheap(&password)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let jars = runtime.block_on(async {
        // It is not started: nobody looks at the queue, and all seats stay open.
        let app = App::assemble(config, store.clone(), Clock::System)?;
        let (router, pupils) = (app.router, Arc::new(pupils));
        let mut signing = JoinSet::new();
        let mut jars = Vec::with_capacity(count);
        for number in 0..count {
            let (router, pupils) = (router.clone(), Arc::clone(&pupils));
            signing.spawn(async move { sign_in(&router, &pupils[number % pupils.len()]).await });
            if signing.len() >= AT_ONCE
                && let Some(done) = signing.join_next().await
            {
                jars.push(done??);
            }
        }
        while let Some(done) = signing.join_next().await {
            jars.push(done??);
        }
        Ok::<_, Fault>(jars)
    })?;
    passwords(&store, real)?;
    // The queue of the morning begins empty.
    match std::fs::remove_file(state) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(jars),
    }
}

/// The demonstration's password at the least price that argon2 takes.
fn cheap(password: &str) -> Result<String, Fault> {
    let params = Params::new(Params::MIN_M_COST, 1, 1, None).map_err(|error| error.to_string())?;
    let salt = SaltString::encode_b64(&[7; 16]).map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    Ok(argon2.hash_password(password.as_bytes(), &salt).map_err(|error| error.to_string())?.to_string())
}

/// Gives every account this password hash; the one that they had, for in the demonstration it is one.
fn passwords(store: &Store, phc: String) -> Result<String, Fault> {
    store
        .write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, move |tx| {
            let before = account::table
                .filter(account::password_hash.ne(""))
                .select(account::password_hash)
                .first::<String>(tx.conn())?;
            diesel::update(account::table.filter(account::password_hash.ne("")))
                .set(account::password_hash.eq(phc))
                .execute(tx.conn())?;
            Ok(before)
        })
        .map_err(Into::into)
}

async fn sign_in(router: &Router, account: &Account) -> Result<Jar, Fault> {
    let mut jar = Jar::new();
    let form = send(router, &mut jar, Request::get("/sign-in"), String::new()).await?.1;
    let csrf = form.split_once("name=\"csrf\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
    let fields = [
        ("csrf", csrf.ok_or("the form has no token")?.0),
        ("login", &account.login),
        ("password", &account.password),
        ("remember", "on"),
    ];
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let request = Request::post("/sign-in").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let (status, text) = send(router, &mut jar, request, body).await?;
    if status != StatusCode::SEE_OTHER {
        return Err(format!("{} is not signed in: {status} {text}", account.login).into());
    }
    jar.retain(|name, _| !SHORT_LIVED.contains(&name.as_str()));
    Ok(jar)
}

async fn send(
    router: &Router,
    jar: &mut Jar,
    request: http::request::Builder,
    body: String,
) -> Result<(StatusCode, String), Fault> {
    let line: Vec<_> = jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = request
        .header(header::ACCEPT, "text/html")
        .header(header::COOKIE, line.join("; "))
        .body(Body::from(body))?;
    let Ok(response) = router.clone().oneshot(request).await;
    let status = response.status();
    for set in response.headers().get_all(header::SET_COOKIE) {
        let pair = set.to_str()?.split(';').next().unwrap_or_default();
        if let Some((name, value)) = pair.split_once('=') {
            jar.insert(name.to_owned(), value.to_owned());
        }
    }
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
