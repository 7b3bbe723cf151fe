//! Handlers: they translate. Parse, ask for the permit or the scope, show.

use super::policy::{ReadClassList, offers_reset};
use super::{store, views};
use crate::access::Permit;
use crate::edge::{Caller, Platform, Refusal, html, sheet};
use crate::ids::{GroupId, PersonId};
use crate::school::{self, Group};
use axum::extract::{Path, State};
use axum::response::Response;

pub(super) async fn list(State(platform): State<Platform>, caller: Caller) -> Result<Response, Refusal> {
    let scope = caller.actor().scope::<Group, ReadClassList>();
    let lines = platform.store().read::<_, Refusal, _>(move |conn| Ok(store::list(conn, &scope)?)).await?;
    let shell = caller.shell("classes-title");
    html(&views::ListPage::new(&shell, lines))
}

pub(super) async fn show(
    State(platform): State<Platform>,
    caller: Caller,
    Path(id): Path<GroupId>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let (group, pupils, teachers) = platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<Group, ReadClassList> = actor.permit(conn, id)?;
            let pupils = school::pupils_of(conn, id)?;
            let teachers = store::teachers(conn, id)?;
            let ids: Vec<PersonId> = teachers.iter().map(|teacher| teacher.id).collect();
            let names = school::formal_names(conn, &ids)?;
            let teachers = teachers
                .into_iter()
                .map(|teacher| (names.get(&teacher.id).cloned().unwrap_or_default(), teacher))
                .collect();
            Ok((permit.into_resource(), pupils, teachers))
        })
        .await?;
    let shell = caller.shell_titled(group.label.clone());
    let reset = offers_reset(caller.actor(), &group);
    let keeps = super::STAFF.iter().any(|profile| caller.actor().has(*profile));
    let table = if keeps { format!("/classes/{id}/pupils.csv") } else { String::new() };
    html(&views::ClassPage::new(&shell, pupils, teachers, reset, table))
}

/// The list as a table for a spreadsheet.
pub(super) async fn table(
    State(platform): State<Platform>,
    caller: Caller,
    Path(id): Path<GroupId>,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let (group, pupils) = platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<Group, ReadClassList> = actor.permit(conn, id)?;
            Ok((permit.into_resource(), school::pupils_of(conn, id)?))
        })
        .await?;
    let texts = caller.texts();
    let head = [texts.get("column-family-name"), texts.get("column-given-name"), texts.get("column-class")];
    let line = |pupil: school::Pupil| vec![pupil.family, pupil.given, group.label.clone()];
    sheet(&format!("{}.csv", group.label), &head, pupils.into_iter().map(line))
}
