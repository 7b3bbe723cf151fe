//! Where the bytes come from: files, folders, zip and tar archives, compressed or not.
//!
//! A [`Source`] is a list of members, each with a name and the first bytes of its content, that can be
//! read as streams as often as one likes. Nothing is ever unpacked to disk, so a member's name is
//! only ever shown; names that try to leave their archive are refused all the same.
//!
//! Invariant: whatever the archive claims about itself, one pass hands out at most
//! [`Limits::max_inflated`] bytes, and at most [`Limits::max_ratio`] times the size of the archive
//! once that exceeds 64 MiB.

use crate::error::{Bound, Error, Unsupported};
use crate::report::{IgnoredFile, Notice, Place, Warning};
use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

/// How much of each member is kept to recognise its format, in bytes. An AAF request is about 3 kB.
const HEAD_BYTES: usize = 16 * 1024;

/// Decompressed bytes below which no ratio is judged: small files compress absurdly well.
pub(crate) const RATIO_FREE_BYTES: u64 = 64 * 1024 * 1024;

/// How deep folders are searched.
const MAX_DEPTH: usize = 8;

/// Bounds on what a source may contain.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most files, all inputs together.
    pub max_files: usize,
    /// Most bytes handed out in one pass, once decompressed. A region's complete AAF is about 2 GB.
    pub max_inflated: u64,
    /// Most times the size of its archive that content may take. AAF compresses about 30 times;
    /// a decompression bomb reaches 1,000.
    pub max_ratio: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_files: 20_000, max_inflated: 8 * 1024 * 1024 * 1024, max_ratio: 250 }
    }
}

/// Where the bytes of an input are.
#[derive(Debug, Clone)]
pub enum Content {
    /// A file or folder.
    Path(PathBuf),
    /// A file held in memory (a small upload).
    Memory(Arc<[u8]>),
}

/// Something to read, with the name people know it by (an upload's own name, for instance).
#[derive(Debug, Clone)]
pub struct Input {
    /// The bytes.
    pub content: Content,
    /// What it is called; the path's last part when absent.
    pub name: Option<String>,
}

impl<P: Into<PathBuf>> From<P> for Input {
    fn from(path: P) -> Self {
        Self { content: Content::Path(path.into()), name: None }
    }
}

impl Input {
    /// A path with the name people know it by.
    pub fn named(path: impl Into<PathBuf>, name: impl Into<String>) -> Self {
        Self { content: Content::Path(path.into()), name: Some(name.into()) }
    }

    /// A file held in memory, with its name.
    pub fn memory(bytes: impl Into<Arc<[u8]>>, name: impl Into<String>) -> Self {
        Self { content: Content::Memory(bytes.into()), name: Some(name.into()) }
    }

    fn display_name(&self) -> String {
        match (&self.name, &self.content) {
            (Some(name), _) => name.clone(),
            (None, Content::Path(path)) => match path.file_name() {
                Some(name) => name.to_string_lossy().into_owned(),
                None => path.display().to_string(),
            },
            (None, Content::Memory(_)) => "fichier".to_owned(),
        }
    }
}

/// Something that can be read from any position.
trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

impl Content {
    fn open(&self) -> Result<Box<dyn ReadSeek>, Error> {
        Ok(match self {
            Self::Path(path) => {
                Box::new(File::open(path).map_err(|source| Error::Io { path: path.clone(), source })?)
            }
            Self::Memory(bytes) => Box::new(Cursor::new(Arc::clone(bytes))),
        })
    }

    fn size(&self) -> Result<u64, Error> {
        match self {
            Self::Path(path) => {
                let metadata = std::fs::metadata(path);
                Ok(metadata.map_err(|source| Error::Io { path: path.clone(), source })?.len())
            }
            Self::Memory(bytes) => Ok(bytes.len() as u64),
        }
    }

    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Path(a), Self::Path(b)) => a == b,
            (Self::Memory(a), Self::Memory(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Packing {
    Plain,
    Gzip,
}

#[derive(Debug, Clone)]
enum Origin {
    File { content: Content, packing: Packing },
    Zip { content: Content, index: usize },
    Tar { content: Content, packing: Packing, ordinal: usize },
}

/// One readable file of a source.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// Name for people, with its archive or folder before it.
    pub(crate) name: Arc<str>,
    /// The first bytes of the content (at most 16 KiB).
    pub(crate) head: Vec<u8>,
    origin: Origin,
}

impl Member {
    /// The name of the archive or folder the member was found in.
    fn archive_name(&self) -> &str {
        self.name.split('/').next().unwrap_or(&self.name)
    }

    /// The last part of the name.
    pub(crate) fn base_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or(&self.name)
    }
}

/// The files of an import.
#[derive(Debug)]
pub(crate) struct Source {
    members: Vec<Member>,
    warnings: Vec<Warning>,
    limits: Limits,
}

impl Source {
    /// Lists everything the inputs contain.
    ///
    /// # Errors
    /// A path that cannot be read, a damaged, encrypted or oversized archive, a workbook or another
    /// archive format.
    pub(crate) fn open(inputs: &[Input], limits: Limits) -> Result<Self, Error> {
        let mut source = Self { members: Vec::new(), warnings: Vec::new(), limits };
        for input in inputs {
            let name = input.display_name();
            match &input.content {
                Content::Path(path) => source.add_path(path, &name, 0)?,
                memory @ Content::Memory(_) => source.add_file(memory, &name)?,
            }
        }
        Ok(source)
    }

    /// The members, in the order of the inputs and by name within folders.
    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// What was left aside while listing.
    pub(crate) fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    fn add_path(&mut self, path: &Path, name: &str, depth: usize) -> Result<(), Error> {
        let io = |source| Error::Io { path: path.to_owned(), source };
        let kind = std::fs::metadata(path).map_err(io)?;
        if kind.is_dir() {
            if depth >= MAX_DEPTH {
                return Ok(());
            }
            let mut children =
                std::fs::read_dir(path).map_err(io)?.collect::<Result<Vec<_>, _>>().map_err(io)?;
            children.sort_by_key(std::fs::DirEntry::file_name);
            for child in children {
                // A link in a folder may lead anywhere, and in circles.
                let child_kind = child.file_type().map_err(io)?;
                let child_name = format!("{name}/{}", child.file_name().to_string_lossy());
                if child_kind.is_symlink() {
                    self.ignore(&child_name, IgnoredFile::UnsafeName);
                } else if !is_clutter(&child_name) {
                    self.add_path(&child.path(), &child_name, depth + 1)?;
                }
            }
            return Ok(());
        }
        if !kind.is_file() {
            self.ignore(name, IgnoredFile::UnsafeName);
            return Ok(());
        }
        self.add_file(&Content::Path(path.to_owned()), name)
    }

    fn add_file(&mut self, content: &Content, name: &str) -> Result<(), Error> {
        let head = read_head(&mut content.open()?).map_err(|e| stream_error(name, &e))?;
        match head.as_slice() {
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => self.add_zip(content, name),
            [0x1f, 0x8b, ..] => {
                let mut inflated = self.open_packed(content, name, Packing::Gzip)?;
                let head = read_head(&mut inflated).map_err(|e| archive_error(name, &e))?;
                if is_tar(&head) {
                    self.add_tar(content, name, Packing::Gzip)
                } else {
                    let shown = name.strip_suffix(".gz").unwrap_or(name);
                    self.push(shown, head, Origin::File { content: content.clone(), packing: Packing::Gzip })
                }
            }
            _ if is_tar(&head) => self.add_tar(content, name, Packing::Plain),
            _ => {
                if let Some(what) = foreign(&head) {
                    return Err(Error::Unsupported { file: name.to_owned(), what });
                }
                self.push(name, head, Origin::File { content: content.clone(), packing: Packing::Plain })
            }
        }
    }

    fn add_zip(&mut self, content: &Content, name: &str) -> Result<(), Error> {
        let mut archive = open_zip(content, name)?;
        if archive.len() > self.limits.max_files {
            return Err(self.too_many(name));
        }
        let meter = self.meter(content, name)?;
        for index in 0..archive.len() {
            let mut entry = archive.by_index(index).map_err(|e| zip_error(name, e))?;
            let inner = entry.name().map_err(|e| zip_error(name, e))?.into_owned();
            if entry.is_dir() || is_clutter(&inner) {
                continue;
            }
            let shown = format!("{name}/{inner}");
            if inner == "[Content_Types].xml" || inner == "content.xml" {
                return Err(Error::Unsupported { file: name.to_owned(), what: Unsupported::Spreadsheet });
            }
            if entry.is_symlink() || !is_safe(&inner) {
                self.ignore(&shown, IgnoredFile::UnsafeName);
                continue;
            }
            let head = read_head(&mut meter.wrap(&mut entry)).map_err(|e| stream_error(&shown, &e))?;
            self.push_inner(&shown, head, Origin::Zip { content: content.clone(), index })?;
        }
        Ok(())
    }

    fn add_tar(&mut self, content: &Content, name: &str, packing: Packing) -> Result<(), Error> {
        let mut archive = tar::Archive::new(self.open_packed(content, name, packing)?);
        let damaged = |e: io::Error| archive_error(name, &e);
        for (ordinal, entry) in archive.entries().map_err(damaged)?.enumerate() {
            if ordinal >= self.limits.max_files {
                return Err(self.too_many(name));
            }
            let mut entry = entry.map_err(damaged)?;
            let inner = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let inner = inner.strip_prefix("./").unwrap_or(&inner);
            let kind = entry.header().entry_type();
            if kind.is_dir() || is_clutter(inner) || kind.is_pax_global_extensions() {
                continue;
            }
            let shown = format!("{name}/{inner}");
            if !(kind.is_file() || kind.is_contiguous()) || !is_safe(inner) {
                self.ignore(&shown, IgnoredFile::UnsafeName);
                continue;
            }
            let head = read_head(&mut entry).map_err(damaged)?;
            self.push_inner(&shown, head, Origin::Tar { content: content.clone(), packing, ordinal })?;
        }
        Ok(())
    }

    fn push_inner(&mut self, shown: &str, head: Vec<u8>, origin: Origin) -> Result<(), Error> {
        let nested = matches!(head.as_slice(), [b'P', b'K', 3, 4, ..] | [0x1f, 0x8b, ..]) || is_tar(&head);
        if nested {
            self.ignore(shown, IgnoredFile::NestedArchive);
            return Ok(());
        }
        self.push(shown, head, origin)
    }

    fn push(&mut self, name: &str, head: Vec<u8>, origin: Origin) -> Result<(), Error> {
        if self.members.len() >= self.limits.max_files {
            return Err(self.too_many(name));
        }
        if head.is_empty() {
            self.ignore(name, IgnoredFile::Empty);
        } else {
            self.members.push(Member { name: Arc::from(name), head, origin });
        }
        Ok(())
    }

    fn ignore(&mut self, name: &str, why: IgnoredFile) {
        // A hostile archive may hold any number of bad names; a hundred remarks say it all.
        if self.warnings.len() < 100 {
            let place = Place::new(&Arc::from(name), 0);
            self.warnings.push(Warning { place, notice: Notice::FileIgnored { why } });
        }
    }

    fn too_many(&self, name: &str) -> Error {
        Error::TooLarge { file: name.to_owned(), what: Bound::Files, limit: self.limits.max_files as u64 }
    }

    /// A fresh allowance of bytes for one pass over a file.
    fn meter(&self, content: &Content, name: &str) -> Result<Meter, Error> {
        let size = content.size()?;
        let by_ratio = RATIO_FREE_BYTES.max(size.saturating_mul(self.limits.max_ratio));
        let (left, what, limit) = if by_ratio < self.limits.max_inflated {
            (by_ratio, Bound::Ratio, self.limits.max_ratio)
        } else {
            (self.limits.max_inflated, Bound::InflatedBytes, self.limits.max_inflated)
        };
        Ok(Meter { left: Rc::new(Cell::new(left)), passed: Passed { file: name.to_owned(), what, limit } })
    }

    fn open_packed(&self, content: &Content, name: &str, packing: Packing) -> Result<Box<dyn Read>, Error> {
        let file = content.open()?;
        Ok(match packing {
            Packing::Plain => Box::new(BufReader::with_capacity(128 * 1024, file)),
            Packing::Gzip => {
                let inflated = flate2::read::MultiGzDecoder::new(BufReader::with_capacity(128 * 1024, file));
                Box::new(self.meter(content, name)?.wrap(inflated))
            }
        })
    }

    /// Reads the wanted members one after the other. Members of one tar archive are read in the
    /// archive's order, in a single pass; others in the order asked for.
    pub(crate) fn read(
        &self,
        wanted: &[usize],
        visit: &mut dyn FnMut(&Member, &mut dyn Read) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut rest = wanted;
        while let Some((&first, others)) = rest.split_first() {
            let Some(member) = self.members.get(first) else {
                rest = others;
                continue;
            };
            match &member.origin {
                Origin::File { content, packing } => {
                    let mut reader = self.open_packed(content, &member.name, *packing)?;
                    visit(member, &mut reader)?;
                    rest = others;
                }
                Origin::Zip { content, index } => {
                    let mut archive = open_zip(content, &member.name)?;
                    let meter = self.meter(content, &member.name)?;
                    let entry = archive.by_index(*index).map_err(|e| zip_error(&member.name, e))?;
                    visit(member, &mut meter.wrap(entry))?;
                    rest = others;
                }
                Origin::Tar { content, packing, .. } => {
                    let run = rest.iter().take_while(|&&i| self.same_tar(i, content)).count();
                    self.read_tar(content, *packing, &rest[..run], visit)?;
                    rest = &rest[run..];
                }
            }
        }
        Ok(())
    }

    fn same_tar(&self, index: usize, archive: &Content) -> bool {
        matches!(self.members.get(index), Some(Member { origin: Origin::Tar { content, .. }, .. }) if content.is(archive))
    }

    fn read_tar(
        &self,
        content: &Content,
        packing: Packing,
        wanted: &[usize],
        visit: &mut dyn FnMut(&Member, &mut dyn Read) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut members: Vec<(usize, &Member)> = wanted
            .iter()
            .filter_map(|&i| self.members.get(i))
            .filter_map(|m| match m.origin {
                Origin::Tar { ordinal, .. } => Some((ordinal, m)),
                _ => None,
            })
            .collect();
        members.sort_by_key(|(ordinal, _)| *ordinal);
        let name = members.first().map(|(_, m)| m.archive_name().to_owned()).unwrap_or_default();
        let mut next = members.into_iter().peekable();
        let mut archive = tar::Archive::new(self.open_packed(content, &name, packing)?);
        let damaged = |e: io::Error| archive_error(&name, &e);
        for (ordinal, entry) in archive.entries().map_err(damaged)?.enumerate() {
            let Some((wanted_ordinal, member)) = next.peek() else { break };
            let mut entry = entry.map_err(damaged)?;
            if ordinal == *wanted_ordinal {
                visit(member, &mut entry)?;
                next.next();
            }
        }
        Ok(())
    }
}

/// Hands out a bounded number of bytes, shared by all readers of one pass.
struct Meter {
    left: Rc<Cell<u64>>,
    passed: Passed,
}

/// The error a metered reader ends with.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    file: String,
    what: Bound,
    limit: u64,
}

impl std::fmt::Display for Passed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: more than {} {}", self.file, self.limit, self.what)
    }
}

impl std::error::Error for Passed {}

impl Meter {
    fn wrap<R: Read>(&self, inner: R) -> Metered<R> {
        Metered { inner, left: Rc::clone(&self.left), passed: self.passed.clone() }
    }
}

struct Metered<R> {
    inner: R,
    left: Rc<Cell<u64>>,
    passed: Passed,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        match self.left.get().checked_sub(n as u64) {
            Some(left) => {
                self.left.set(left);
                Ok(n)
            }
            None => Err(io::Error::other(self.passed.clone())),
        }
    }
}

/// Translates what a stream ended with: a passed bound stays what it is.
pub(crate) fn read_error(place: Place, error: &io::Error) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Passed>()) {
        Some(Passed { file, what, limit }) => {
            Error::TooLarge { file: file.clone(), what: *what, limit: *limit }
        }
        None => Error::Read { place, message: error.to_string() },
    }
}

fn stream_error(name: &str, error: &io::Error) -> Error {
    read_error(Place::new(&Arc::from(name), 0), error)
}

fn archive_error(name: &str, error: &io::Error) -> Error {
    match read_error(Place::new(&Arc::from(name), 0), error) {
        Error::Read { message, .. } => Error::Archive { file: name.to_owned(), message },
        other => other,
    }
}

fn open_zip(content: &Content, name: &str) -> Result<zip::ZipArchive<BufReader<Box<dyn ReadSeek>>>, Error> {
    let file = content.open()?;
    zip::ZipArchive::new(BufReader::new(file)).map_err(|e| zip_error(name, e))
}

fn zip_error(name: &str, error: zip::result::ZipError) -> Error {
    use zip::result::ZipError;
    match error {
        ZipError::Io(e) => archive_error(name, &e),
        ZipError::InvalidPassword => Error::Encrypted { file: name.to_owned() },
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => {
            Error::Encrypted { file: name.to_owned() }
        }
        other => Error::Archive { file: name.to_owned(), message: other.to_string() },
    }
}

fn read_head(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    reader.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar".as_slice())
}

/// Files that operating systems leave in folders and archives.
fn is_clutter(name: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    name.split('/').any(|part| part == "__MACOSX")
        || base.starts_with("._")
        || base.eq_ignore_ascii_case(".ds_store")
        || base.eq_ignore_ascii_case("thumbs.db")
        || base.eq_ignore_ascii_case("desktop.ini")
}

/// A member's name must be a plain relative path.
fn is_safe(name: &str) -> bool {
    !name.is_empty()
        && !name.contains(['\0', '\\'])
        && !name.starts_with('/')
        && name.as_bytes().get(1) != Some(&b':')
        && !name.split('/').any(|part| part == "..")
        && name.len() <= 1024
}

/// Recognises formats that cannot be read but are often tried.
fn foreign(head: &[u8]) -> Option<Unsupported> {
    match head {
        [b'7', b'z', 0xbc, 0xaf, ..] | [b'R', b'a', b'r', b'!', ..] => Some(Unsupported::OtherArchive),
        // Compound file: the old .xls and .doc.
        [0xd0, 0xcf, 0x11, 0xe0, ..] => Some(Unsupported::Spreadsheet),
        [b'%', b'P', b'D', b'F', ..] | [b'{', b'\\', b'r', b't', b'f', ..] => Some(Unsupported::Document),
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => Some(Unsupported::Document),
        _ => None,
    }
}
