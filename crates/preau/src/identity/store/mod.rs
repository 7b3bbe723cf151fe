//! The only SQL on accounts, sessions, activation codes and known devices.

mod accounts;
mod codes;
mod people;
mod sessions;

pub(super) use accounts::{
    NewAccount, account_line, credentials, insert_accounts, login_of_person, logins_among, open_accounts,
    people_without_account, person_of_login, set_blocked, set_display, set_password, still_has,
};
pub(super) use codes::{find_code, replace_code, use_code};
pub(super) use people::{PersonLine, classes, guardians_of_class, pupils_of_class, search};
pub(super) use sessions::{
    NewSession, SessionLine, close_all, close_session, insert_session, live_session, remember_device,
    sessions_of,
};
