//! What a sign-in costs the server: the form, the password (argon2id), the session written down, and the
//! page one lands on. Processor time of the whole process, over the assembled application; no network.

use argon2::password_hash::PasswordHasher as _;
use axum::Router;
use axum::body::Body;
use http::{Request, StatusCode, header};
use preau::app::App;
use preau::config::Config;
use preau::edge::Clock;
use preau::store::Store;
use preau_testkit::Usage;
use preau_testkit::bench::Measurement;
use std::collections::BTreeMap;
use tower::ServiceExt as _;

type Failure = Box<dyn std::error::Error>;

const RUNS: usize = 5;
/// Sign-ins of one run: the kernel counts processor time in steps of 10 ms.
const EACH: usize = 20;

fn main() -> Result<(), Failure> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut config = Config::in_folder(folder.path().to_owned());
    config.live.listen.set_port(0);
    let store = Store::open(&config.store.url)?;
    preau::demo::fill(&store, &config)?;
    let accounts = folder.path().join("accounts.json");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (mine, argon2) = runtime.block_on(async {
        let app = App::assemble(config, store, Clock::System)?;
        preau::demo::announce(&app.platform, Some(&accounts))?;
        let list: Vec<BTreeMap<String, String>> = serde_json::from_slice(&std::fs::read(&accounts)?)?;
        let mut pupils = list.iter().filter(|account| account["role"] == "pupil");
        let (mut mine, mut argon2) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            let before = Usage::own()?;
            for account in pupils.by_ref().take(EACH) {
                sign_in(&app.router, &account["login"], &account["password"]).await?;
            }
            mine.push(milliseconds(before)?);
            let before = Usage::own()?;
            for _ in 0..EACH {
                hash_alone()?;
            }
            argon2.push(milliseconds(before)?);
        }
        Ok::<_, Failure>((mine, argon2))
    })?;
    let alone = Measurement::of("argon2", "CPU ms", &argon2).value;
    let result = Measurement::of("sign_in", "CPU ms", &mine).peer("argon2id alone, 19 MiB, t=2", alone);
    result.leave()?;
    println!("sign-in: {:.1} CPU ms, of which argon2id alone {alone:.1}", result.value);
    Ok(())
}

fn milliseconds(before: Usage) -> Result<f64, Failure> {
    Ok(Usage::own()?.cpu_since(&before).as_secs_f64() * 1_000.0 / EACH as f64)
}

/// A browser that comes for the first time, signs in and looks at the page it is sent to.
async fn sign_in(router: &Router, login: &str, password: &str) -> Result<(), Failure> {
    let mut cookies = BTreeMap::new();
    let (_, form) = send(router, &mut cookies, Request::get("/sign-in"), String::new()).await?;
    let csrf = form.split_once("name=\"csrf\" value=\"").and_then(|(_, rest)| rest.split_once('"'));
    let (csrf, _) = csrf.ok_or("the form has no token")?;
    let fields = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("csrf", csrf), ("login", login), ("password", password), ("remember", "on")])
        .finish();
    let request = Request::post("/sign-in").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let (landing, text) = send(router, &mut cookies, request, fields).await?;
    let landing = landing.ok_or_else(|| format!("{login} is not signed in: {text}"))?;
    send(router, &mut cookies, Request::get(landing), String::new()).await?;
    Ok(())
}

/// Sends a request, keeps cookies; gives where it leads and the text.
async fn send(
    router: &Router,
    cookies: &mut BTreeMap<String, String>,
    request: http::request::Builder,
    body: String,
) -> Result<(Option<String>, String), Failure> {
    let cookie: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let request = request.header(header::COOKIE, cookie.join("; ")).header(header::HOST, "127.0.0.1");
    let response = router.clone().oneshot(request.body(Body::from(body))?).await?;
    for line in response.headers().get_all(header::SET_COOKIE) {
        if let Some((name, value)) = line.to_str()?.split(';').next().and_then(|pair| pair.split_once('=')) {
            cookies.insert(name.to_owned(), value.to_owned());
        }
    }
    let landing = match response.status() {
        StatusCode::SEE_OTHER => {
            let place = response.headers().get(header::LOCATION).ok_or("a redirect to nowhere")?;
            Some(place.to_str()?.to_owned())
        }
        StatusCode::OK => None,
        status => return Err(format!("answered {status}").into()),
    };
    let bytes = axum::body::to_bytes(response.into_body(), 4 << 20).await?;
    Ok((landing, String::from_utf8_lossy(&bytes).into_owned()))
}

/// The hash by itself, with the parameters that the identity slice uses.
fn hash_alone() -> Result<(), Failure> {
    let parameters = argon2::Params::new(19 * 1024, 2, 1, None).map_err(|error| error.to_string())?;
    let argon2 = argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, parameters);
    let salt = argon2::password_hash::SaltString::encode_b64(b"sixteen bytes ok")
        .map_err(|error| error.to_string())?;
    let hash = argon2.hash_password(b"platane-et-craie", &salt).map_err(|error| error.to_string())?;
    std::hint::black_box(hash.hash);
    Ok(())
}
