//! What the pages of sign-in and activation show. Plain data in, HTML out.

use askama::Template;

use crate::ui::Shell;

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
