//! The files themselves, whole or in parts, as players ask for them (RFC 9110, section 14).

use super::RecordingState;
use super::model::{Recording, RecordingId, Track};
use super::policy::WatchRecording;
use super::store;
use super::tape::folder_of;
use crate::access::Permit;
use crate::edge::{Caller, Part, Refusal};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http::{HeaderMap, HeaderValue, header};
use std::io::{self, SeekFrom};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncSeekExt as _};

/// Bytes read at once.
const PIECE: usize = 64 * 1024;

pub(super) async fn send(
    State(state): State<RecordingState>,
    caller: Caller,
    Path((id, number)): Path<(RecordingId, u32)>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let actor = caller.actor().clone();
    let track = state
        .platform
        .store()
        .read::<_, Refusal, _>(move |conn| {
            let permit: Permit<Recording, WatchRecording> = actor.permit(conn, id)?;
            let tracks = store::tracks(conn, permit.resource().id)?;
            tracks.into_iter().find(|track| track.name.number == number).ok_or(Refusal::NotFound)
        })
        .await?;
    let path = folder_of(&state.studio.0.bounds.folder, id).join(track.name.to_string());
    let file = File::open(path).await.map_err(|error| match error.kind() {
        // Another machine's, or gone from the disk.
        io::ErrorKind::NotFound => Refusal::NotFound,
        _ => Refusal::Internal(format!("a recording's file: {error}")),
    })?;
    answer(file, &track, &headers).await
}

async fn answer(mut file: File, track: &Track, headers: &HeaderMap) -> Result<Response, Refusal> {
    let failed = |error: io::Error| Refusal::Internal(format!("a recording's file: {error}"));
    let size = file.metadata().await.map_err(failed)?.len();
    // A file never changes once it has its name, so its name and size say which one it is.
    let tag = format!("\"{}-{size}\"", track.name.number);
    let part = Part::asked(headers, size, &tag);
    let bytes = part.bytes(size);
    let body = if bytes.is_empty() {
        Body::empty()
    } else {
        file.seek(SeekFrom::Start(bytes.start)).await.map_err(failed)?;
        Body::from_stream(pieces(file, bytes.end - bytes.start))
    };
    let mut response = part.answer(body, size, &tag);
    let kind = HeaderValue::from_static(track.name.shows.media_type());
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    // At a computer that others use as well, nothing of it stays.
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    Ok(response)
}

/// `left` bytes from where the file stands.
fn pieces(file: File, left: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, left), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let most = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let mut piece = BytesMut::with_capacity(most);
        while piece.len() < most {
            let rest = most - piece.len();
            if (&mut file).take(rest as u64).read_buf(&mut piece).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let left = left - piece.len() as u64;
        Ok(Some((piece.freeze(), (file, left))))
    })
}
