//! The files themselves, whole or in parts, as players ask for them (RFC 9110, section 14).

use super::RecordingState;
use super::model::{Part, Recording, RecordingId, Track, part_of};
use super::policy::WatchRecording;
use super::store;
use super::tape::folder_of;
use crate::access::Permit;
use crate::edge::{Caller, Refusal};
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http::{HeaderMap, HeaderValue, StatusCode, header};
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
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    // A file never changes once it has its name, so its name and size say which one it is.
    let tag = format!("\"{}-{size}\"", track.name.number);
    let fresh = text(header::IF_RANGE).is_none_or(|known| known == tag);
    let part = part_of(text(header::RANGE).filter(|_| fresh), size);
    let (status, from, length) = match part {
        Part::All => (StatusCode::OK, 0, size),
        Part::Bytes(from, to) => (StatusCode::PARTIAL_CONTENT, from, to - from + 1),
        Part::Beyond => (StatusCode::RANGE_NOT_SATISFIABLE, 0, 0),
    };
    let mut response = if length > 0 {
        file.seek(SeekFrom::Start(from)).await.map_err(failed)?;
        Body::from_stream(pieces(file, length)).into_response()
    } else {
        Body::empty().into_response()
    };
    *response.status_mut() = status;
    let range = match part {
        Part::All => None,
        Part::Bytes(from, to) => Some(format!("bytes {from}-{to}/{size}")),
        Part::Beyond => Some(format!("bytes */{size}")),
    };
    let mut put = |name, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    };
    put(header::CONTENT_TYPE, track.name.shows.media_type().into());
    put(header::CONTENT_LENGTH, length.to_string());
    put(header::ACCEPT_RANGES, "bytes".into());
    put(header::ETAG, tag);
    // At a computer that others use as well, nothing of it stays.
    put(header::CACHE_CONTROL, "private, no-store".into());
    if let Some(range) = range {
        put(header::CONTENT_RANGE, range);
    }
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
