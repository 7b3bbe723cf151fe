//! `today_page`: pages of today a second of processor time, at five to eight, with 100,000 accounts.
//!
//! 125 schools of 800 pupils on SQLite in a temporary folder; every pupil has a session, a class with six
//! lessons and four pieces of work. Requests go through the whole application in this process (gate, session,
//! access, page) with the cookies a browser would hold, spread over 5,000 pupils of all schools, while the
//! clock runs. Measured on one thread; then once more on two, whose gain over one stands among the peers.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use diesel::prelude::*;
use preau::access::SystemPermit;
use preau::app::App;
use preau::config::Config;
use preau::edge::Clock;
use preau::store::schema::session;
use preau::store::{Conn, Store, StoreError};
use preau_testkit::Usage;
use preau_testkit::bench::{Measurement, Peer};
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::time::Instant;
use tower::ServiceExt as _;

/// Monday 23 November 2026, 7:55 in Paris, in milliseconds since the Unix epoch.
const FIVE_TO_EIGHT: i64 = 1_795_416_900_000;
const SCHOOLS: i64 = 125;
const CLASSES: i64 = 30;
const PUPILS: i64 = 800;
const SAMPLE: usize = 5_000;
const RUNS: usize = 5;
/// Pages of one run.
const PAGES: usize = 10_000;

/// The school, in statements that make their rows themselves. Identifiers: schools from 1, classes from
/// 10,001, pupils from 1,000,001, teachers from 2,000,001, lessons from 3,000,001, work from 4,000,001.
fn statements() -> Vec<String> {
    let count = |most: i64| {
        format!("WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {} - 1)", most)
    };
    let (classes, pupils) = (SCHOOLS * CLASSES, SCHOOLS * PUPILS);
    let school_of_class = format!("1 + i / {CLASSES}");
    let class_of_pupil = format!("10001 + (i / {PUPILS}) * {CLASSES} + i % {CLASSES}");
    vec![
        format!(
            "{} INSERT INTO school (id, uai, name, kind) SELECT i + 1, printf('%07dA', i), 'Collège ' || i, 'college' FROM n",
            count(SCHOOLS)
        ),
        format!(
            "{} INSERT INTO class_group (id, school_id, kind, code, label) SELECT 10001 + i, {school_of_class}, 'class', 'C' || i, 'C' || i FROM n",
            count(classes)
        ),
        format!(
            "{} INSERT INTO subject (id, school_id, code, label, hue) SELECT 500001 + i, 1 + i / 12, 'S' || (i % 12), 'Matière ' || (i % 12), i % 12 FROM n",
            count(SCHOOLS * 12)
        ),
        format!(
            "{} INSERT INTO person (id, family_name, given_name) SELECT 1000001 + i, 'Nom ' || i, 'Prénom' FROM n",
            count(pupils)
        ),
        format!(
            "{} INSERT INTO person (id, family_name, given_name, title) SELECT 2000001 + i, 'Professeur ' || i, 'Prénom', 'Mme' FROM n",
            count(classes)
        ),
        format!(
            "{} INSERT INTO affiliation (person_id, school_id, profile) SELECT 1000001 + i, 1 + i / {PUPILS}, 'pupil' FROM n",
            count(pupils)
        ),
        format!(
            "{} INSERT INTO affiliation (person_id, school_id, profile) SELECT 2000001 + i, {school_of_class}, 'teacher' FROM n",
            count(classes)
        ),
        format!(
            "{} INSERT INTO account (person_id, login, created_at) SELECT 1000001 + i, 'eleve.' || i, 0 FROM n",
            count(pupils)
        ),
        format!(
            "{} INSERT INTO enrolment (person_id, group_id) SELECT 1000001 + i, {class_of_pupil} FROM n",
            count(pupils)
        ),
        format!(
            "{} INSERT INTO lesson (id, school_id, starts_at, ends_at, subject_id, label, room, source, source_key) SELECT 3000001 + i, 1 + i / {}, {FIVE_TO_EIGHT} + 300000 + (i % 6) * 3600000, {FIVE_TO_EIGHT} + 3600000 + (i % 6) * 3600000, 500001 + (i / {}) * 12 + i % 12, '', '204', 'bench', '' || i FROM n",
            count(classes * 6),
            CLASSES * 6,
            CLASSES * 6
        ),
        format!(
            "{} INSERT INTO lesson_group (lesson_id, group_id, starts_at) SELECT 3000001 + i, 10001 + i / 6, {FIVE_TO_EIGHT} + 300000 + (i % 6) * 3600000 FROM n",
            count(classes * 6)
        ),
        format!(
            "{} INSERT INTO lesson_teacher (lesson_id, person_id, starts_at) SELECT 3000001 + i, 2000001 + i / 6, {FIVE_TO_EIGHT} + 300000 + (i % 6) * 3600000 FROM n",
            count(classes * 6)
        ),
        format!(
            "{} INSERT INTO homework (id, school_id, group_id, author_id, subject_id, given_on, due_date, work, created_at, changed_at) SELECT 4000001 + i, 1 + i / {}, 10001 + i / 4, 2000001 + i / 4, 0, '2026-11-20', '2026-11-2' || (4 + i % 4), 'Exercice ' || i || ', page 41', 0, 0 FROM n",
            count(classes * 4),
            CLASSES * 4
        ),
        format!(
            "{} INSERT INTO homework_done (homework_id, pupil_id, done_at) SELECT 4000001 + ({class_of_pupil} - 10001) * 4 + i % 4, 1000001 + i, 0 FROM n",
            count(pupils)
        ),
    ]
}

fn token(pupil: i64) -> String {
    format!("{pupil:0>43}")
}

#[derive(Insertable)]
#[diesel(table_name = session)]
#[diesel(treat_none_as_default_value = false)]
struct SessionRow {
    token_hash: Vec<u8>,
    person_id: i64,
    device_id: &'static str,
    created_at: i64,
    expires_at: i64,
    personal_device: bool,
}

fn fill(store: &Store) -> Result<(), StoreError> {
    store.write_blocking::<_, StoreError, _>(&SystemPermit::FillDemo, |tx| {
        for statement in statements() {
            diesel::sql_query(statement).execute(tx.conn())?;
        }
        let all: Vec<i64> = (0..SCHOOLS * PUPILS).map(|i| 1_000_001 + i).collect();
        for some in all.chunks(1_000) {
            let rows: Vec<SessionRow> = some
                .iter()
                .map(|pupil| SessionRow {
                    token_hash: sha2::Sha256::digest(token(*pupil).as_bytes()).to_vec(),
                    person_id: *pupil,
                    device_id: "bench",
                    created_at: 0,
                    expires_at: 4_102_444_800_000,
                    personal_device: true,
                })
                .collect();
            match tx.conn() {
                Conn::Sqlite(conn) => diesel::insert_into(session::table).values(&rows).execute(conn)?,
                Conn::Postgres(conn) => diesel::insert_into(session::table).values(&rows).execute(conn)?,
            };
        }
        Ok(())
    })
}

/// The cookies that one browser holds.
struct Browser {
    line: String,
}

impl Browser {
    /// Visits once and keeps what the server sets, as a browser does.
    async fn open(app: &App, pupil: i64) -> anyhow::Result<Browser> {
        let mut cookies = BTreeMap::from([("preau_session".to_owned(), token(pupil))]);
        for _ in 0..2 {
            let line =
                cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
            let Ok(response) = app.router.clone().oneshot(request(&line)?).await;
            for set in response.headers().get_all(header::SET_COOKIE) {
                let pair = set.to_str()?.split(';').next().unwrap_or_default();
                if let Some((name, value)) = pair.split_once('=') {
                    cookies.insert(name.to_owned(), value.to_owned());
                }
            }
            anyhow::ensure!(response.status() == StatusCode::OK, "pupil {pupil}: {}", response.status());
        }
        let line =
            cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        Ok(Browser { line })
    }
}

fn request(cookies: &str) -> anyhow::Result<Request<Body>> {
    Ok(Request::get("/")
        .header(header::COOKIE, cookies)
        .header(header::ACCEPT, "text/html")
        .header(header::ACCEPT_ENCODING, "gzip, deflate, br")
        .body(Body::empty())?)
}

async fn visit(app: &App, browsers: &[Browser], pages: usize) -> anyhow::Result<usize> {
    let mut bytes = 0;
    for browser in browsers.iter().cycle().take(pages) {
        let Ok(response) = app.router.clone().oneshot(request(&browser.line)?).await;
        anyhow::ensure!(response.status() == StatusCode::OK, "a page was refused: {}", response.status());
        bytes += axum::body::to_bytes(response.into_body(), 1 << 20).await?.len();
    }
    Ok(bytes)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let mut config = Config::in_folder(folder.path().to_owned());
    config.gate.sessions = 200_000;
    config.live.listen = "127.0.0.1:0".parse()?;
    let store = Store::open(&config.store.url)?;
    fill(&store)?;
    let shift = FIVE_TO_EIGHT - preau::ids::now_ms();
    let runtime = runtime()?;
    let _inside = runtime.enter();
    let app = App::assemble(config, store, Clock::Shifted(shift))?;
    // Every twentieth pupil: all schools and classes, forty of each school.
    let step = (SCHOOLS * PUPILS) as usize / SAMPLE;
    let browsers: Vec<Browser> = runtime.block_on(async {
        let mut open = Vec::with_capacity(SAMPLE);
        for place in 0..SAMPLE {
            open.push(Browser::open(&app, 1_000_001 + (place * step) as i64).await?);
        }
        anyhow::Ok(open)
    })?;

    // In turns, so that a slow moment of the machine meets both.
    let (mut per_cpu, mut per_second, mut two, mut weight) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for _ in 0..RUNS {
        let (before, start) = (Usage::own()?, Instant::now());
        weight = runtime.block_on(visit(&app, &browsers, PAGES))? / PAGES;
        let (after, elapsed) = (Usage::own()?, start.elapsed());
        per_cpu.push(PAGES as f64 / after.cpu_since(&before).as_secs_f64());
        per_second.push(PAGES as f64 / elapsed.as_secs_f64());
        let start = Instant::now();
        std::thread::scope(|scope| {
            let halves: Vec<_> = browsers
                .chunks(SAMPLE / 2)
                .map(|half| scope.spawn(|| self::runtime()?.block_on(visit(&app, half, PAGES))))
                .collect();
            halves.into_iter().try_for_each(|half| {
                half.join().map_or_else(|_| anyhow::bail!("a thread fell"), |done| done.map(|_| ()))
            })
        })?;
        two.push(2.0 * PAGES as f64 / start.elapsed().as_secs_f64());
    }
    let one_thread = Measurement::of("one", "", &per_second).value;
    let two_threads = Measurement::of("two", "", &two).value;
    let mut result = Measurement::of("today_page", "pages/CPU-s", &per_cpu);
    // Here the ratio is that of two threads to one, in pages a second of the wall clock.
    result.peers.push(Peer { name: "one_thread".into(), value: one_thread, ratio: two_threads / one_thread });
    println!(
        "today_page: {:.0} pages a CPU-second ({weight} bytes each); {one_thread:.0} pages a second on one thread, {two_threads:.0} on two",
        result.value
    );
    result.leave()?;
    Ok(())
}
