//! Handlers: which of the caller's pages, whole or only its `<main>`.

use super::views::{Minute, RoleChoice};
use super::{TodayState, guardian, kept, moment, pupil, staff, teacher};
use crate::access::{Actor, Profile};
use crate::edge::{Caller, Refusal, html_text};
use crate::identity;
use crate::ids::Millis;
use crate::timetable::{Lesson, NamedLesson};
use crate::ui::{Dates, Shell};
use axum::extract::{Query, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::civil::Date;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

/// How often an open page asks when nothing is about to happen, in seconds.
const POLL_S: u32 = 60;
/// The same while somebody waits for a door to open.
const POLL_AT_THE_DOOR_S: u32 = 15;

/// Which page is wished, for people who have several.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Wish {
    #[serde(rename = "as")]
    role: Option<String>,
}

/// The pages there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Head,
    StudentLife,
    Teacher,
    Pupil,
    Guardian,
    Desk,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Role::Head => "head",
            Role::StudentLife => "student-life",
            Role::Teacher => "teacher",
            Role::Pupil => "pupil",
            Role::Guardian => "guardian",
            Role::Desk => "desk",
        }
    }

    fn label_key(self) -> &'static str {
        match self {
            Role::Head => "role-head",
            Role::StudentLife => "role-supervisor",
            Role::Teacher => "role-teacher",
            Role::Pupil => "role-pupil",
            Role::Guardian => "role-guardian",
            Role::Desk => "today-desk",
        }
    }

    /// The pages of this person, the most urgent first.
    pub(super) fn of(actor: &Actor) -> Vec<Role> {
        let mut roles = Vec::new();
        let mut add = |role, belongs: bool| {
            if belongs {
                roles.push(role);
            }
        };
        add(Role::Teacher, actor.has(Profile::Teacher));
        add(Role::Head, actor.has(Profile::Head));
        add(Role::StudentLife, actor.has(Profile::Counsellor) || actor.has(Profile::Supervisor));
        add(Role::Pupil, actor.has(Profile::Pupil));
        let desk = [Profile::LocalAdmin, Profile::Librarian, Profile::Staff, Profile::Authority];
        add(Role::Desk, desk.into_iter().any(|profile| actor.has(profile)));
        add(Role::Guardian, actor.has(Profile::Guardian) || actor.wards().next().is_some());
        if roles.is_empty() {
            roles.push(Role::Desk);
        }
        roles
    }
}

/// What every builder of a page needs.
pub(super) struct Context<'a> {
    pub(super) state: &'a TodayState,
    pub(super) caller: &'a Caller,
    pub(super) shell: Shell,
    pub(super) dates: Dates,
    pub(super) now: Millis,
    pub(super) today: Date,
    /// Only the `<main>` is wanted.
    pub(super) fragment: bool,
    roles: Vec<RoleChoice>,
    path: String,
    /// In whose name this device may keep the day.
    owner: Option<String>,
}

impl Context<'_> {
    /// What the script needs, for a page about these lessons. `at_the_door`: somebody waits for a room.
    pub(super) fn minute<'l>(
        &self,
        lessons: impl IntoIterator<Item = &'l Lesson> + Clone,
        at_the_door: bool,
    ) -> Minute {
        let next = moment::next_change(lessons.clone(), self.now);
        let owner = self.owner.clone().unwrap_or_default();
        Minute {
            fragment: self.path.clone(),
            next_change: next.map(|at| crate::edge::instant(at).to_string()).unwrap_or_default(),
            poll: if at_the_door { POLL_AT_THE_DOOR_S } else { POLL_S },
            roles: self.roles.clone(),
            keep_after: kept::offered(self.state, lessons, self.now).filter(|_| !owner.is_empty()),
            owner,
        }
    }

    /// The wall clock's time at an instant.
    pub(super) fn time(&self, at: Millis) -> jiff::civil::Time {
        self.dates.local(crate::edge::instant(at)).time()
    }

    /// "8 h 00 – 8 h 55".
    pub(super) fn hours(&self, named: &NamedLesson) -> String {
        self.dates.hours(self.time(named.lesson.starts_at), self.time(named.lesson.ends_at))
    }

    /// "8 h 00".
    pub(super) fn hour(&self, at: Millis) -> String {
        self.dates.hour(self.time(at))
    }

    /// Now, as a point in time for calendar questions.
    pub(super) fn now_timestamp(&self) -> jiff::Timestamp {
        crate::edge::instant(self.now)
    }
}

/// Renders a page of today: the whole of it, or its `<main>` for the script.
macro_rules! rendered {
    ($context:expr, $page:expr) => {{
        use askama::Template as _;
        let page = $page;
        if $context.fragment { page.as_content().render()? } else { page.render()? }
    }};
}
pub(super) use rendered;

async fn page(state: &TodayState, caller: &Caller, wish: &Wish, fragment: bool) -> Result<String, Refusal> {
    let roles = Role::of(caller.actor());
    let wished = roles.iter().copied().find(|role| wish.role.as_deref() == Some(role.word()));
    let role = wished.or(roles.first().copied()).unwrap_or(Role::Desk);
    let shell = caller.shell("today-title");
    let choices = |role_of: Role| RoleChoice {
        href: format!("/?as={}", role_of.word()),
        label: shell.texts.get(role_of.label_key()),
        current: role_of == role,
    };
    let path = match wished {
        Some(role) => format!("{}?as={}", super::views::FRAGMENT, role.word()),
        None => super::views::FRAGMENT.to_owned(),
    };
    let context = Context {
        roles: if roles.len() > 1 { roles.iter().copied().map(choices).collect() } else { Vec::new() },
        dates: shell.dates(state.platform.zone()),
        now: state.platform.now(),
        today: state.platform.today(),
        state,
        caller,
        fragment,
        path,
        shell,
        owner: kept::owner(caller),
    };
    match role {
        Role::Pupil => pupil::page(&context).await,
        Role::Teacher => teacher::page(&context).await,
        Role::Guardian => guardian::page(&context).await,
        Role::StudentLife => staff::student_life(&context).await,
        Role::Head => staff::head(&context).await,
        Role::Desk => staff::desk(&context).await,
    }
}

/// The front door: today, or the sign-in page for whoever is not signed in.
pub(super) async fn front(
    state: State<TodayState>,
    caller: Caller,
    wish: Query<Wish>,
) -> Result<Response, Refusal> {
    if caller.actor().id().is_none() {
        let mut response = identity::front_door(&caller)?;
        kept::mark(&mut response, None);
        return Ok(response);
    }
    show(state, caller, wish).await
}

pub(super) async fn show(
    State(state): State<TodayState>,
    caller: Caller,
    Query(wish): Query<Wish>,
) -> Result<Response, Refusal> {
    let mut response = html_text(page(&state, &caller, &wish, false).await?);
    kept::mark(&mut response, kept::owner(&caller).as_deref());
    Ok(response)
}

pub(super) async fn fragment(
    State(state): State<TodayState>,
    caller: Caller,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let body = page(&state, &caller, &wish, true).await?;
    let tag = etag(&caller, &body);
    if headers.get(header::IF_NONE_MATCH).is_some_and(|sent| sent == tag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let mut response = html_text(body);
    response.headers_mut().insert(header::ETAG, tag);
    Ok(response)
}

/// The tag of a fragment (RFC 9110 section 8.8.3): weak, because form tokens are masked anew in every answer
/// and do not count as a change.
fn etag(caller: &Caller, body: &str) -> HeaderValue {
    let mut hash = Sha256::new();
    hash.update(caller.display().lang.code());
    let mut rest = body;
    const FIELD: &str = "name=\"csrf\" value=\"";
    while let Some(at) = rest.find(FIELD) {
        let (before, token) = rest.split_at(at + FIELD.len());
        hash.update(before);
        rest = &token[token.find('"').unwrap_or(token.len())..];
    }
    hash.update(rest);
    let hex: String = hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
    HeaderValue::from_str(&format!("W/\"{hex}\"")).unwrap_or(HeaderValue::from_static("W/\"0\""))
}
