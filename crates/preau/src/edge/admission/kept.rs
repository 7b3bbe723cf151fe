//! The state file: what the gate knows about its queue, written down about once a second.
//!
//! It is a file and no row of the database, because the queue moves most when the database has the
//! least time, and because every write there would leave an entry in the journal. It is replaced whole
//! (written beside, synced, renamed), so that a kill at any moment leaves the old state or the new one.
//! It holds numbers only: no device, no person.

use preau_gate::Snapshot;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

/// Snapshots are some 30 kB; anything much larger was not written by us.
const LARGEST: u64 = 1024 * 1024;

/// The file, and what stands in it.
pub(super) struct StateFile {
    path: PathBuf,
    written: Option<Snapshot>,
    failing: bool,
}

impl StateFile {
    /// Reads the file. Whatever is wrong with it is said in the log and keeps nobody from starting: an
    /// empty queue costs some people their order, a closed school costs everybody the lesson.
    pub(super) fn open(path: &Path) -> (StateFile, Option<Snapshot>) {
        let snapshot = match read(path) {
            Ok(text) => Snapshot::from_json(&text).map_err(|error| put_aside(path, &error)).ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                put_aside(path, &error);
                None
            }
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "gate.state cannot be read; the queue begins empty");
                None
            }
        };
        (StateFile { path: path.to_owned(), written: snapshot.clone(), failing: false }, snapshot)
    }

    /// Writes `snapshot` down unless the file says the same but for the hour. A failure is logged when
    /// it begins and when it ends; the gate goes on from memory.
    pub(super) fn keep(&mut self, snapshot: Snapshot) {
        if self.written.as_mut().is_some_and(|written| {
            written.saved = snapshot.saved;
            *written == snapshot
        }) {
            return;
        }
        match write(&self.path, snapshot.to_json().as_bytes()) {
            Ok(()) => {
                if std::mem::take(&mut self.failing) {
                    tracing::info!(path = %self.path.display(), "gate.state can be written again");
                }
                self.written = Some(snapshot);
            }
            Err(error) => {
                if !std::mem::replace(&mut self.failing, true) {
                    let path = self.path.display();
                    tracing::error!(%path, %error, "gate.state cannot be written: a restart would empty the queue");
                }
                self.written = None;
            }
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(LARGEST).read_to_string(&mut text)?;
    Ok(text)
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    // Without this a power cut could leave the new name on an empty file.
    file.sync_data()?;
    drop(file);
    fs::rename(&beside, path)
}

fn put_aside(path: &Path, error: &dyn std::fmt::Display) {
    let mut aside = path.as_os_str().to_owned();
    aside.push(".damaged");
    let moved = fs::rename(path, &aside).is_ok();
    tracing::error!(path = %path.display(), %error, moved, "gate.state is unusable and put aside as .damaged; the queue begins empty");
}

#[cfg(test)]
mod tests {
    use super::*;
    use preau_gate::{Moment, Quota, Rules, Scheduler, Secret};

    fn snapshot(second: u64) -> Snapshot {
        let now = Moment::from_unix_seconds(second);
        let secret = Secret::new([1; 32]);
        let (_, scheduler) =
            Scheduler::open(Rules::default(), secret, Box::new(Quota(3)), None, now).unwrap();
        scheduler.snapshot(now)
    }

    #[test]
    fn what_is_kept_is_read_again_and_unchanged_state_is_not_rewritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/gate.json");
        let (mut state, none) = StateFile::open(&path);
        assert_eq!(none, None);
        state.keep(snapshot(1_795_000_000));
        assert_eq!(StateFile::open(&path).1, Some(snapshot(1_795_000_000)));
        fs::remove_file(&path).unwrap();
        let later = Snapshot { saved: Moment::from_unix_seconds(1_795_000_001), ..snapshot(1_795_000_000) };
        state.keep(later.clone());
        assert!(!path.exists(), "only the hour differs");
        state.keep(Snapshot { message: 7, ..later });
        assert_eq!(StateFile::open(&path).1.map(|read| read.message), Some(7));
    }

    #[test]
    fn a_damaged_file_is_put_aside_and_nothing_is_made_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gate.json");
        let good = snapshot(1_795_000_000).to_json();
        for bad in [
            &b""[..],
            b"{}",
            &good.as_bytes()[..good.len() / 2],
            b"\xff\xfe",
            good.replace("\"format\":1", "\"format\":9").as_bytes(),
        ] {
            fs::write(&path, bad).unwrap();
            assert_eq!(StateFile::open(&path).1, None, "{}", String::from_utf8_lossy(bad));
            assert!(!path.exists());
            assert_eq!(fs::read(folder.path().join("gate.json.damaged")).unwrap(), bad);
        }
    }

    #[test]
    fn a_place_that_cannot_be_written_stops_nothing() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        let path = folder.path().join("file/gate.json");
        let (mut state, _) = StateFile::open(&path);
        state.keep(snapshot(1));
        assert!(state.failing);
        fs::remove_file(folder.path().join("file")).unwrap();
        state.keep(snapshot(1));
        assert!(!state.failing && path.exists());
    }
}
