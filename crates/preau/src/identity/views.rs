//! What the pages of sign-in, activation and accounts show. Plain data in, HTML out.

use askama::Template;

use super::policy::Account;
use super::session::role_key;
use super::store::{PersonLine, SessionLine};
use crate::edge::{Platform, SessionMark, instant};
use crate::ids::{Millis, PersonId};
use crate::school::{Group, GroupName};
use crate::ui::Shell;
use crate::ui::shell::ACTIVATION;

/// The sign-in page.
#[derive(Debug, Template)]
#[template(path = "identity/sign_in.html")]
pub struct SignInPage<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// What was typed as identifier last time; never the password.
    pub login: &'a str,
    /// Why the last attempt was refused, in a sentence that is the same for known and unknown names;
    /// empty at the first visit.
    pub error: &'a str,
    /// Path to go to after sign-in, already checked to be inside this site; empty for "today".
    pub next: &'a str,
    /// Single sign-on offered besides the password, in order.
    pub providers: &'a [SignInProvider],
    /// Whether this browser is to be remembered (30 days); off on shared machines.
    pub remember: bool,
}

/// What is shown after signing out.
#[derive(Debug, Template)]
#[template(path = "identity/signed_out.html")]
pub struct SignedOutPage<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// What is over, in a sentence.
    pub what: &'a str,
}

/// A way to sign in elsewhere ("ÉduConnect", "Académie de Rennes").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInProvider {
    /// Where the link leads.
    pub href: String,
    /// The provider's name as people know it.
    pub name: String,
}

/// The four screens of a first visit with an activation code.
#[derive(Debug, Template)]
#[template(path = "identity/activation.html")]
pub struct ActivationPage<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// The screen to show, with what it needs.
    pub step: ActivationStep<'a>,
    /// Why the last answer was refused; empty when it was not.
    pub error: &'a str,
}

/// One screen of the activation.
#[derive(Debug, Clone, Copy)]
pub enum ActivationStep<'a> {
    /// Type the code from the paper sheet.
    Code {
        /// What was typed last time.
        code: &'a str,
    },
    /// "Is this you?", with the birth date as a proof where the school asks for it.
    Person {
        /// Signed, opaque state carried from screen to screen.
        state: &'a str,
        /// The name on the account.
        name: &'a str,
        /// Role and class.
        role: &'a str,
    },
    /// Choose a password.
    Password {
        /// Signed, opaque state carried from screen to screen.
        state: &'a str,
        /// The identifier to remember: `prenom.nom`.
        login: &'a str,
        /// The least number of characters asked for.
        shortest: u32,
    },
    /// Done: what to remember, and the way in.
    Done {
        /// The identifier to remember.
        login: &'a str,
    },
}

impl ActivationStep<'_> {
    /// Which of the four screens this is, from 1.
    pub fn number(&self) -> usize {
        match self {
            ActivationStep::Code { .. } => 1,
            ActivationStep::Person { .. } => 2,
            ActivationStep::Password { .. } => 3,
            ActivationStep::Done { .. } => 4,
        }
    }
}

/// One's own account.
#[derive(Template)]
#[template(path = "identity/account.html")]
pub(super) struct AccountPage<'a> {
    page: &'a Shell,
    name: String,
    role: String,
    login: String,
    sessions: Vec<SessionView>,
    children: Vec<ChildView>,
    old_error: &'a str,
    new_error: &'a str,
    shortest: u32,
}

/// A session as its owner sees it.
struct SessionView {
    opened: String,
    here: bool,
    personal: bool,
}

/// A child to whom a guardian may give a new code.
struct ChildView {
    id: PersonId,
    name: String,
}

impl<'a> AccountPage<'a> {
    pub(super) fn new(
        page: &'a Shell,
        platform: &Platform,
        account: Account,
        sessions: Vec<SessionLine>,
        mark: SessionMark,
        [old_error, new_error]: [&'a str; 2],
        shortest: u32,
    ) -> Self {
        let (dates, today) = (page.dates(platform.zone()), platform.today());
        let sessions = sessions
            .into_iter()
            .map(|line| SessionView {
                opened: dates.moment(today, instant(line.created_at)),
                here: line.hash == mark.hash,
                personal: line.personal,
            })
            .collect();
        let children = account.facts.children.iter().filter(|child| child.legal);
        AccountPage {
            children: children.map(|child| ChildView { id: child.pupil, name: child.name.clone() }).collect(),
            role: page.t(role_key(&account.facts)).to_owned(),
            name: account.facts.name,
            login: account.login,
            sessions,
            old_error,
            new_error,
            shortest,
            page,
        }
    }
}

/// Classes to choose from, and people found by name.
#[derive(Template)]
#[template(path = "identity/people.html")]
pub(super) struct PeoplePage<'a> {
    pub(super) page: &'a Shell,
    pub(super) classes: Vec<GroupName>,
    pub(super) may_search: bool,
    pub(super) asked: &'a str,
    /// Absent when nobody was looked for.
    pub(super) found: Option<Vec<PersonLine>>,
}

/// The pupils of a class and their accounts.
#[derive(Template)]
#[template(path = "identity/class.html")]
pub(super) struct ClassPage<'a> {
    pub(super) page: &'a Shell,
    pub(super) group: Group,
    pub(super) pupils: Vec<PersonLine>,
    pub(super) may_print: bool,
    pub(super) may_print_guardians: bool,
}

/// Somebody's account, for those who may give a new code.
#[derive(Template)]
#[template(path = "identity/person.html")]
pub(super) struct PersonPage<'a> {
    page: &'a Shell,
    id: PersonId,
    name: String,
    role: String,
    login: String,
    activated: bool,
    blocked: bool,
}

impl<'a> PersonPage<'a> {
    pub(super) fn new(page: &'a Shell, account: Account) -> Self {
        PersonPage {
            id: account.facts.person,
            role: page.t(role_key(&account.facts)).to_owned(),
            name: account.facts.name,
            login: account.login,
            activated: account.activated,
            blocked: account.blocked,
            page,
        }
    }
}

/// Activation sheets, one strip a person, to be printed and cut.
#[derive(Template)]
#[template(path = "identity/sheets.html")]
pub(super) struct SheetsPage<'a> {
    page: &'a Shell,
    sheets: Vec<Sheet>,
    /// What to type into the browser: the address without its scheme.
    address: String,
    until: String,
}

/// One strip.
pub(super) struct Sheet {
    pub(super) name: String,
    /// The class, or the children of a guardian.
    pub(super) detail: String,
    pub(super) login: String,
    /// `XXXX-XXXX-XXXX`.
    pub(super) code: String,
}

impl<'a> SheetsPage<'a> {
    pub(super) fn new(page: &'a Shell, platform: &Platform, sheets: Vec<Sheet>, expires_at: Millis) -> Self {
        let dates = page.dates(platform.zone());
        let base = platform.config().server.public_url.trim_end_matches('/');
        let bare = base.strip_prefix("https://").unwrap_or(base);
        SheetsPage {
            until: dates.day_and_year(dates.local(instant(expires_at)).date()),
            address: format!("{bare}{ACTIVATION}"),
            sheets,
            page,
        }
    }
}
