//! Handlers: they translate. Parse, ask for the permit, let the model decide, write, show.

use super::model::{Draft, MOST_A_DAY, Notice, NoticeId};
use super::policy::{NoticeBoard, PublishNotice, ReadNotice, ReadReceipts, WithdrawNotice};
use super::{store, views};
use crate::access::{Actor, Allows, Permit, Profile};
use crate::edge::{Caller, FormFields, Platform, Refusal, Topic, html, see_other_with};
use crate::ids::{Millis, SchoolId};
use crate::school::{self, SchoolLine};
use crate::store::{StoreError, Tx};
use axum::extract::{Path, State};
use axum::response::Response;
use http::HeaderMap;

const A_DAY_MS: Millis = 24 * 60 * 60 * 1000;

pub(super) async fn list(State(platform): State<Platform>, caller: Caller) -> Result<Response, Refusal> {
    let scope = caller.actor().scope::<Notice, ReadNotice>();
    let (who, headed) = (caller.person()?, headed_by(caller.actor()));
    let may_write = !headed.is_empty();
    let lines = platform
        .store()
        .read::<_, Refusal, _>(move |conn| Ok(store::list(conn, &scope, who, &headed)?))
        .await?;
    let shell = caller.shell("notices-title");
    html(&views::ListPage::new(&shell, &platform, lines, may_write))
}

/// The schools this actor is head of.
fn headed_by(actor: &Actor) -> Vec<SchoolId> {
    let ties = actor.facts().into_iter().flat_map(|facts| &facts.affiliations);
    ties.filter(|tie| tie.profile == Profile::Head).map(|tie| tie.school).collect()
}

pub(super) async fn show(
    State(platform): State<Platform>,
    caller: Caller,
    Path(id): Path<NoticeId>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (actor, who) = (caller.actor().clone(), caller.person()?);
    let (permit, author, read, receipts) = platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<Notice, ReadNotice> = actor.permit(conn, id)?;
            let notice = permit.resource();
            let author = school::formal_names(conn, &[notice.author])?.remove(&notice.author);
            let read = store::is_read(conn, id, who)?;
            let receipts = match <Notice as Allows<ReadReceipts>>::allows(&actor, notice) {
                true => Some(store::receipts(conn, notice)?),
                false => None,
            };
            Ok((permit, author.unwrap_or_default(), read, receipts))
        })
        .await?;
    if !read && !is_guess(&headers) {
        let now = platform.now();
        let marked = platform
            .store()
            .write::<_, StoreError, _>(&permit, move |tx| Ok(store::mark_read(tx, id, who, now)?))
            .await;
        // The notice can be read all the same; its receipt comes the next time it is opened.
        if let Err(error) = marked {
            tracing::warn!(%error, "a receipt could not be written");
        }
    }
    let notice = permit.into_resource();
    let shell = caller.shell_titled(notice.title.clone());
    html(&views::NoticePage::new(&shell, &platform, notice, author, receipts))
}

/// Whether the browser fetches the page because it might be opened (Sec-Purpose, Fetch standard).
fn is_guess(headers: &HeaderMap) -> bool {
    let purpose = headers.get("sec-purpose").and_then(|value| value.to_str().ok());
    purpose.is_some_and(|purpose| purpose.contains("prefetch"))
}

pub(super) async fn new(State(platform): State<Platform>, caller: Caller) -> Result<Response, Refusal> {
    form_page(&platform, &caller, views::Typed::default()).await
}

/// The form, empty or as it was typed with what is wrong.
async fn form_page(platform: &Platform, caller: &Caller, typed: views::Typed) -> Result<Response, Refusal> {
    let headed = headed_by(caller.actor());
    let schools = platform
        .store()
        .read::<Vec<SchoolLine>, Refusal, _>(move |conn| {
            let mut lines = Vec::new();
            for school in headed {
                lines.extend(school::school_line(conn, school)?);
            }
            Ok(lines)
        })
        .await?;
    let shell = caller.shell("notice-new-title");
    html(&views::FormPage::new(&shell, schools, typed))
}

pub(super) async fn publish(
    State(platform): State<Platform>,
    caller: Caller,
    fields: FormFields,
) -> Result<Response, Refusal> {
    let (actor, school) = (caller.actor().clone(), fields.parse::<SchoolId>("school")?);
    let permit: Permit<NoticeBoard, PublishNotice> =
        platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, school)?)).await?;
    let draft = match Draft::read(fields.text("title"), fields.text("body")) {
        Ok(draft) => draft,
        Err(fault) => return form_page(&platform, &caller, views::Typed::again(&fields, fault)).await,
    };
    let (author, now, told) = (caller.person()?, platform.now(), platform.clone());
    let id = platform
        .store()
        .write::<_, Refusal, _>(&permit, move |tx| {
            if store::published_since(tx.conn(), school, now - A_DAY_MS)? >= MOST_A_DAY {
                return Err(Refusal::Rule("notice-too-many"));
            }
            tell(tx, &told, school);
            Ok(store::insert(tx, school, author, &draft, now)?)
        })
        .await?;
    Ok(see_other_with(&platform, &format!("/notices/{id}"), "done.notice-published"))
}

/// Tells open pages, once this write is committed.
fn tell(tx: &mut Tx<'_>, platform: &Platform, school: SchoolId) {
    let changes = platform.changes().clone();
    tx.after_commit(move || changes.tell(Topic::Notices, school));
}

pub(super) async fn withdraw(
    State(platform): State<Platform>,
    caller: Caller,
    Path(id): Path<NoticeId>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let permit: Permit<Notice, WithdrawNotice> =
        platform.store().read::<_, Refusal, _>(move |conn| Ok(actor.permit(conn, id)?)).await?;
    let (school, now, told) = (permit.resource().school, platform.now(), platform.clone());
    platform
        .store()
        .write::<_, StoreError, _>(&permit, move |tx| {
            tell(tx, &told, school);
            Ok(store::withdraw(tx, id, now)?)
        })
        .await?;
    Ok(see_other_with(&platform, "/notices", "done.notice-withdrawn"))
}
