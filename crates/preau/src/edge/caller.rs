//! The caller: what a request says about who sends it, once a request, for everybody behind.

use super::admission::Unasked;
use super::{CookieJar, CsrfKey, DeviceId, Kept, Platform, Refusal};
use crate::access::{Actor, Profile};
use crate::ids::PersonId;
use crate::ui::{Flash, FlashKind, Form, Lang, NavItem, PersonLabel, Shell, Spacing, Texts, Theme};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use http::header;
use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// How a person wants pages to look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Display {
    /// Language of the interface.
    pub lang: Lang,
    /// Light or dark.
    pub theme: Theme,
    /// Wider spacing and larger text.
    pub spacing: Spacing,
}

/// Names a session without being able to open it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionMark {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// On a device of the person's own, as against a shared one.
    pub personal: bool,
}

/// A session that was found.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The person, with the facts for access.
    pub actor: Actor,
    /// The session.
    pub mark: SessionMark,
    /// Choices kept with the account.
    pub display: Display,
    /// The school shown in the head of the page.
    pub school_name: Arc<str>,
    /// The role shown beside the name, a text key.
    pub role_key: &'static str,
}

/// Looks sessions up; `identity` implements it, `app` hands it over.
pub trait Sessions: Send + Sync {
    /// The session that `token` opens, if it is valid now.
    fn find<'a>(
        &'a self,
        token: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<Option<SignedIn>, Refusal>> + Send + 'a>>;
}

/// Who sends this request and how the answer is to be written. An extractor for handlers.
#[derive(Clone)]
pub struct Caller(Arc<Parts>);

struct Parts {
    actor: Actor,
    signed_in: Option<SignedIn>,
    seat: Option<preau_gate::Session>,
    strained: bool,
    device: DeviceId,
    display: Display,
    csrf: CsrfKey,
    nonce: String,
    here: String,
    flash: Option<String>,
    nav: Vec<super::NavEntry>,
}

impl Caller {
    /// Who asks.
    pub fn actor(&self) -> &Actor {
        &self.0.actor
    }

    /// The session, when somebody is signed in.
    pub fn session(&self) -> Option<&SignedIn> {
        self.0.signed_in.as_ref()
    }

    /// The person signed in.
    ///
    /// # Errors
    /// [`Refusal::SignInFirst`] for an anonymous caller; routes for signed-in people never see it.
    pub fn person(&self) -> Result<PersonId, Refusal> {
        self.0.actor.id().ok_or(Refusal::SignInFirst)
    }

    /// The seat that the gate has given this browser; none on routes that pass the gate unasked.
    pub fn seat(&self) -> Option<&preau_gate::Session> {
        self.0.seat.as_ref()
    }

    /// The browser.
    pub fn device(&self) -> DeviceId {
        self.0.device
    }

    /// Language, theme, spacing.
    pub fn display(&self) -> Display {
        self.0.display
    }

    /// What this caller's form tokens are made of.
    pub fn csrf(&self) -> CsrfKey {
        self.0.csrf
    }

    /// The nonce of this response's content security policy.
    pub fn nonce(&self) -> &str {
        &self.0.nonce
    }

    /// Path and query of the request.
    pub fn here(&self) -> &str {
        &self.0.here
    }

    /// The sentences, in the caller's language; pupils are addressed as "tu".
    pub fn texts(&self) -> &'static Texts {
        let form = if self.0.actor.has(Profile::Pupil) { Form::Tu } else { Form::Vous };
        Texts::of(self.0.display.lang, form)
    }

    /// The frame for a page with this title (text key).
    pub fn shell(&self, title_key: &'static str) -> Shell {
        self.shell_titled(self.texts().get(title_key))
    }

    /// The frame for a page with a title of its own.
    pub fn shell_titled(&self, title: impl Into<Cow<'static, str>>) -> Shell {
        let parts = &*self.0;
        let texts = self.texts();
        let mut shell = Shell::anonymous(texts, title, parts.csrf.token(), parts.nonce.clone());
        shell.here.clone_from(&parts.here);
        shell.theme = parts.display.theme;
        shell.spacing = parts.display.spacing;
        if let (Some(session), Some(facts)) = (&parts.signed_in, parts.actor.facts()) {
            shell.school_name = session.school_name.to_string();
            shell.person =
                Some(PersonLabel { name: facts.name.clone(), role: texts.get(session.role_key).to_owned() });
            let path = parts.here.split('?').next().unwrap_or_default();
            shell.nav = parts
                .nav
                .iter()
                .map(|entry| NavItem {
                    href: entry.href.into(),
                    label: texts.get(entry.key).into(),
                    // The front page of somebody who is signed in is their day.
                    current: path == entry.href
                        || path.starts_with(&format!("{}/", entry.href))
                        || (entry.href == "/" && path == "/today"),
                })
                .collect();
        }
        shell.strained = parts.strained;
        shell.flash = parts.flash.as_deref().and_then(|key| flash(texts, key));
        shell
    }
}

/// A notice named by a cookie: only keys that the texts know under `flash-` are shown.
fn flash(texts: &'static Texts, key: &str) -> Option<Flash> {
    let (kind, known) = match key.split_once('.') {
        Some(("done", rest)) => (FlashKind::Done, rest),
        Some(("info", rest)) => (FlashKind::Info, rest),
        Some(("problem", rest)) => (FlashKind::Problem, rest),
        _ => return None,
    };
    let key = format!("flash-{known}");
    let text = texts.get(&key);
    (text != key).then(|| Flash { kind, text: text.to_owned() })
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut http::request::Parts, _: &S) -> Result<Self, Refusal> {
        parts.extensions.get::<Caller>().cloned().ok_or(Refusal::Internal("no caller on this route".into()))
    }
}

/// The middleware that makes the [`Caller`]. For what is answered from memory it looks up no session.
pub async fn session_layer(State(platform): State<Platform>, mut request: Request, next: Next) -> Response {
    let jar = CookieJar::of(&platform);
    let headers = request.headers();
    let mut outgoing = Vec::new();

    let unasked = request.extensions().get::<Unasked>().is_some();
    let seat = request.extensions().get::<preau_gate::Session>().copied();
    let known = || jar.get(headers, "device").and_then(|value| platform.device(value));
    // Behind the gate the browser has its number already, and the cookie with it.
    let device = match seat.map(|seat| DeviceId::of_gate(seat.device)).or_else(known) {
        Some(device) => device,
        None => {
            let device = DeviceId::fresh();
            if !unasked {
                let sealed = device.sealed(platform.device_key());
                outgoing.push(jar.set("device", &sealed, Kept::Seconds(super::device::KEPT_SECONDS)));
            }
            device
        }
    };
    let signed_in = match (jar.get(headers, "session"), platform.sessions()) {
        (Some(token), Some(sessions)) if !unasked => match sessions.find(token).await {
            Ok(found) => found,
            Err(refusal) => return axum::response::IntoResponse::into_response(refusal),
        },
        _ => None,
    };
    if let (Some(_), Some(seat)) = (&signed_in, &seat) {
        platform.door().comes_in(seat);
    }
    let actor = signed_in.as_ref().map_or(Actor::ANONYMOUS, |session| session.actor.clone());
    let display = match &signed_in {
        Some(session) => session.display,
        None => display_before_sign_in(jar, headers),
    };
    let csrf = match &signed_in {
        Some(session) => CsrfKey::derive(platform.csrf_key(), &session.mark.hash),
        None => CsrfKey::derive(platform.csrf_key(), &device.bytes()),
    };
    let flash = jar
        .get(headers, "flash")
        .filter(|_| request.method() == http::Method::GET && !unasked)
        .map(str::to_owned);
    let wants_page = accepts_html(headers);
    if flash.is_some() && wants_page {
        outgoing.push(jar.set("flash", "", Kept::Forget));
    }
    let here = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let nav = platform.nav().iter().filter(|entry| entry.is_for(&actor)).copied().collect();
    let nonce = nonce();
    let strained = !platform.door().shedding().given_up().is_empty();
    if wants_page
        && let (Some(seat), Some(facts)) = (&seat, actor.facts())
        && let Some(cookie) = platform.door().due_cookie(seat, facts, jar.get(headers, "due"))
    {
        outgoing.push(cookie);
    }
    let caller = Caller(Arc::new(Parts {
        actor,
        signed_in,
        seat,
        strained,
        device,
        display,
        csrf,
        nonce,
        here,
        flash,
        nav,
    }));
    request.extensions_mut().insert(caller.clone());

    let mut response = next.run(request).await;
    // Files that every visitor shares must stay cacheable: they carry no cookie.
    let shared = response
        .headers()
        .get(header::CACHE_CONTROL)
        .is_some_and(|value| value.to_str().is_ok_and(|value| value.starts_with("public")));
    if !shared {
        for cookie in outgoing {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response.extensions_mut().insert(caller);
    response
}

pub(super) fn accepts_html(headers: &http::HeaderMap) -> bool {
    headers.get(header::ACCEPT).is_none_or(|accept| {
        accept.to_str().is_ok_and(|accept| accept.contains("text/html") || accept.contains("*/*"))
    })
}

/// Choices made before anybody signed in lie in a cookie; without it, the browser's first language.
pub(super) fn display_before_sign_in(jar: CookieJar, headers: &http::HeaderMap) -> Display {
    let kept = jar.get(headers, "display").unwrap_or_default();
    let mut parts = kept.split('.');
    let lang = parts.next().and_then(Lang::from_code).unwrap_or_else(|| {
        let asked = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let first = asked.split([',', ';', '-']).next().unwrap_or_default().trim().to_ascii_lowercase();
        Lang::from_code(&first).unwrap_or_default()
    });
    Display {
        lang,
        theme: Theme::from_code(parts.next().unwrap_or_default()),
        spacing: Spacing::from_code(parts.next().unwrap_or_default()),
    }
}

/// 128 random bits for the content security policy of one response.
fn nonce() -> String {
    let mut bytes = [0_u8; 16];
    // A page without randomness keeps its policy; the nonce is then merely predictable.
    let _ = getrandom::fill(&mut bytes);
    base64::engine::general_purpose::STANDARD_NO_PAD.encode(bytes)
}
