//! A password checked from start to end: throttle, account, pool, in the same steps for every name.

use super::IdentityState;
use super::login::typed_login;
use super::password::LONGEST;
use super::pool::Lane;
use super::store;
use super::throttle::{Counter, Wait};
use crate::access::SystemPermit;
use crate::edge::{DeviceId, Refusal};
use crate::ids::PersonId;
use crate::store::StoreError;

/// A password that was right.
pub(super) struct Proof {
    pub(super) person: PersonId,
    /// The stored password it was compared with.
    pub(super) phc: String,
}

/// Why there is no proof.
pub(super) enum Unproven {
    /// No such account, or not its password, or an account that does not open: nobody learns which.
    Wrong,
    /// Too many attempts.
    Wait(Wait),
    /// Something else; not an answer to the password.
    Refused(Refusal),
}

impl<E: Into<Refusal>> From<E> for Unproven {
    fn from(fault: E) -> Self {
        Unproven::Refused(fault.into())
    }
}

/// Checks `password` for what was typed as login. One job for the pool, whatever comes out.
pub(super) async fn prove(
    state: &IdentityState,
    device: DeviceId,
    typed: &str,
    password: &str,
) -> Result<Proof, Unproven> {
    // What can be no login is checked like one that nobody has.
    let login = typed_login(typed).unwrap_or_default();
    let (wanted, from) = (login.clone(), device.text());
    let found = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| Ok(store::credentials(conn, &wanted, &from)?))
        .await?;
    let (counters, lane) = if found.known {
        (vec![Counter::Pair(login, device.bytes())], Lane::Known)
    } else if login.is_empty() {
        // Nobody's count: one pupil's slips on the keyboard are not another's.
        (vec![Counter::Device(device.bytes())], Lane::Newcomer)
    } else {
        (vec![Counter::Account(login), Counter::Device(device.bytes())], Lane::Newcomer)
    };
    let attempt = state.throttle.attempt(&counters, state.platform.now()).map_err(Unproven::Wait)?;
    let open = found.person.filter(|_| !found.phc.is_empty() && password.len() <= LONGEST);
    let (typed_password, phc) = match open {
        Some(_) => (password.to_owned(), found.phc.clone()),
        // Too long a password is not hashed at its length, which would show in the time.
        None => (password.chars().take(LONGEST / 4).collect(), state.decoy.to_string()),
    };
    let fits = match state.pool.verify(lane, typed_password, phc).await {
        Ok(fits) => fits,
        Err(fault) => {
            state.throttle.unchecked(&counters);
            return Err(fault.into());
        }
    };
    match open {
        Some(person) if fits => {
            state.throttle.succeeded(&counters);
            Ok(Proof { person, phc: found.phc })
        }
        _ => {
            if let (true, Some(person)) = (attempt.trips, found.person) {
                note_guessing(state, person);
            }
            Err(Unproven::Wrong)
        }
    }
}

/// One line in the journal when an account begins to be slowed down, not one for every slip. It is not
/// waited for, so that a name that exists answers no later than one that does not.
fn note_guessing(state: &IdentityState, person: PersonId) {
    let platform = state.platform.clone();
    tokio::spawn(async move {
        let noted = platform.store().write::<_, StoreError, _>(&SystemPermit::SignIn, move |tx| {
            tx.note_as("session.guessing", "person", person.get());
            Ok(())
        });
        if let Err(error) = noted.await {
            tracing::warn!(%error, "guessing at an account could not be noted in the journal");
        }
    });
}
