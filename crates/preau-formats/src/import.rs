//! From paths to records: recognises what was given, decides the reading order, reads.

use crate::aaf::{self, Category};
use crate::csv_people::{self, RowKind};
use crate::detect::{Detected, detect};
use crate::error::Error;
use crate::model::{Format, GuardianRules, ImportMeta, Item};
use crate::oneroster::{self, FileKind, Manifest};
use crate::outlet::{Outlet, Summary};
use crate::report::{IgnoredFile, Notice, Place, Warning};
use crate::source::{Input, Limits, Member, Source};
use crate::values::date;
use std::ops::ControlFlow;

/// Most names shown when nothing could be recognised.
const NAMES_SHOWN: usize = 5;

/// What [`Import::read`] ends with when it does not end well.
#[derive(Debug)]
pub enum ReadError<E> {
    /// The input was refused; whatever was received is to be thrown away.
    Import(Error),
    /// The receiver refused an item.
    Receiver(E),
}

/// A recognised set of files, ready to be read any number of times.
#[derive(Debug)]
pub struct Import {
    source: Source,
    meta: ImportMeta,
    plan: Plan,
    warnings: Vec<Warning>,
}

/// Which members to read, in order.
#[derive(Debug)]
enum Plan {
    Aaf {
        /// One pass over the source each: what people refer to, then people.
        phases: [Vec<usize>; 2],
        /// The members that hold pupils.
        pupils: Vec<usize>,
    },
    Csv(Vec<(RowKind, usize)>),
    OneRoster(Vec<(FileKind, usize)>),
}

impl Import {
    /// Opens paths and recognises what they hold: AAF, generic CSV or OneRoster, as files, folders,
    /// `.zip`, `.tgz`, `.tar` or `.gz`.
    ///
    /// # Errors
    /// What cannot be read, is of a format that is only recognised (SIECLE, STS, timetables,
    /// workbooks), mixes formats or complete with partial exports, or holds nothing.
    pub fn open<I: Into<Input>>(inputs: impl IntoIterator<Item = I>, limits: Limits) -> Result<Self, Error> {
        let inputs: Vec<Input> = inputs.into_iter().map(Into::into).collect();
        let source = Source::open(&inputs, limits)?;
        let mut found = Found::default();
        let mut warnings = source.warnings().to_vec();
        for (index, member) in source.members().iter().enumerate() {
            if let Some(why) = found.add(index, member)? {
                let place = Place::new(&member.name, 0);
                warnings.push(Warning { place, notice: Notice::FileIgnored { why } });
            }
        }
        let (format, plan, complete) = found.settle(&source)?;
        let order = plan.order();
        let guardian_rules = match &plan {
            Plan::Aaf { pupils, .. } => aaf::find_rules(&source, pupils)?,
            Plan::Csv(_) | Plan::OneRoster(_) => GuardianRules::Current,
        };
        let members = || order.iter().filter_map(|&index| source.members().get(index));
        let names: Vec<FileName> = members().map(|member| FileName::parse(member.base_name())).collect();
        let meta = ImportMeta {
            format,
            guardian_rules,
            complete,
            file_date: names.iter().filter_map(|name| name.date).max(),
            prefix: names.into_iter().find_map(|name| name.prefix),
            files: members().map(|member| member.name.to_string()).collect(),
        };
        Ok(Self { source, meta, plan, warnings })
    }

    /// What is known before reading.
    pub fn meta(&self) -> &ImportMeta {
        &self.meta
    }

    /// Reads everything, one item after the other, in bounded memory. The receiver may stop the
    /// reading with an error of its own.
    ///
    /// # Errors
    /// [`ReadError::Import`] when the input turns out unreadable half-way: nothing received may then be
    /// applied. [`ReadError::Receiver`] when the receiver said so.
    pub fn read<E>(&self, mut receive: impl FnMut(Item) -> Result<(), E>) -> Result<Summary, ReadError<E>> {
        let mut refused = None;
        let mut sink = |item| match receive(item) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                refused = Some(error);
                ControlFlow::Break(())
            }
        };
        let result = self.read_into(&mut sink);
        match (result, refused) {
            (_, Some(error)) => Err(ReadError::Receiver(error)),
            (Ok(summary), None) => Ok(summary),
            (Err(error), None) => Err(ReadError::Import(error)),
        }
    }

    fn read_into(&self, sink: &mut dyn FnMut(Item) -> ControlFlow<()>) -> Result<Summary, Error> {
        let mut outlet = Outlet::new(sink);
        for warning in &self.warnings {
            outlet.warn(warning.place.clone(), warning.notice.clone())?;
        }
        match &self.plan {
            Plan::Aaf { phases, .. } => {
                let mut reader = aaf::Reader::new(self.meta.format, self.meta.guardian_rules);
                for phase in phases {
                    self.source.read(phase, &mut |member, content| {
                        reader.read_file(&member.name, content, &mut outlet)
                    })?;
                }
            }
            Plan::Csv(files) => {
                let mut reader = csv_people::Reader::default();
                for (kind, index) in files {
                    self.source.read(&[*index], &mut |member, content| {
                        reader.read_file(*kind, &member.name, &member.head, content, &mut outlet)
                    })?;
                }
            }
            Plan::OneRoster(files) => {
                let mut reader = oneroster::Reader::new(!self.meta.complete);
                let preparing = [FileKind::Roles, FileKind::Demographics, FileKind::Users];
                for (kind, index) in files.iter().filter(|(kind, _)| preparing.contains(kind)) {
                    self.source.read(&[*index], &mut |member, content| {
                        reader.prepare_file(*kind, &member.name, &member.head, content)
                    })?;
                }
                for (kind, index) in files {
                    self.source.read(&[*index], &mut |member, content| {
                        reader.read_file(*kind, &member.name, &member.head, content, &mut outlet)
                    })?;
                }
            }
        }
        outlet.finish()
    }
}

impl Plan {
    fn order(&self) -> Vec<usize> {
        match self {
            Self::Aaf { phases, .. } => phases.concat(),
            Self::Csv(files) => files.iter().map(|(_, index)| *index).collect(),
            Self::OneRoster(files) => files.iter().map(|(_, index)| *index).collect(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct AafFile {
    index: usize,
    primary: Option<bool>,
    partial: bool,
    category: Option<Category>,
}

/// What the members were recognised as.
#[derive(Debug, Default)]
struct Found {
    aaf: Vec<AafFile>,
    csv: Vec<(RowKind, usize)>,
    one_roster: Vec<(FileKind, usize)>,
    manifest: Option<Manifest>,
    unsupported: Vec<(crate::error::Unsupported, String)>,
    unknown: Vec<String>,
}

impl Found {
    /// Notes a member; returns why it is left aside, if it is.
    fn add(&mut self, index: usize, member: &Member) -> Result<Option<IgnoredFile>, Error> {
        use crate::error::Unsupported;
        match detect(member)? {
            Detected::Aaf { primary, partial, category } => {
                self.aaf.push(AafFile { index, primary, partial, category });
                Ok(None)
            }
            Detected::Csv(kind) => {
                self.csv.push((kind, index));
                Ok(None)
            }
            Detected::OneRoster(FileKind::Manifest) => {
                self.manifest = Some(Manifest::parse(&member.head));
                Ok(None)
            }
            Detected::OneRoster(FileKind::NotNeeded) => Ok(Some(IgnoredFile::NotNeeded)),
            Detected::OneRoster(kind) => {
                self.one_roster.push((kind, index));
                Ok(None)
            }
            Detected::Unsupported(what) => {
                self.unsupported.push((what, member.name.to_string()));
                let timetable = what == Unsupported::Timetable;
                Ok(Some(if timetable { IgnoredFile::Timetable } else { IgnoredFile::OtherExport }))
            }
            Detected::Accessory => Ok(None),
            Detected::Unknown => {
                self.unknown.push(member.base_name().to_owned());
                Ok(Some(IgnoredFile::Unknown))
            }
        }
    }

    fn settle(mut self, source: &Source) -> Result<(Format, Plan, bool), Error> {
        let name = |index: usize| source.members().get(index).map(|m| m.name.to_string()).unwrap_or_default();
        let mut formats: Vec<(&str, usize)> = Vec::new();
        formats.extend(self.aaf.first().map(|file| ("AAF", file.index)));
        formats.extend(self.csv.first().map(|(_, index)| ("CSV", *index)));
        formats.extend(self.one_roster.first().map(|(_, index)| ("OneRoster", *index)));
        if let [(first_format, first), (second_format, second), ..] = formats.as_slice() {
            return Err(Error::MixedFormats {
                first: name(*first),
                first_format: (*first_format).to_owned(),
                second: name(*second),
                second_format: (*second_format).to_owned(),
            });
        }
        if !self.aaf.is_empty() {
            return settle_aaf(self.aaf, name);
        }
        if !self.csv.is_empty() {
            self.csv.sort_by_key(|(kind, _)| *kind);
            return Ok((Format::Csv, Plan::Csv(self.csv), true));
        }
        if !self.one_roster.is_empty() {
            self.one_roster.sort_by_key(|(kind, _)| *kind);
            let has = |wanted: FileKind| self.one_roster.iter().any(|(kind, _)| *kind == wanted);
            let manifest = self.manifest.unwrap_or_default();
            let newer = match manifest.version.as_deref() {
                Some(version) => version.starts_with("1.2"),
                None => has(FileKind::Roles),
            };
            if !has(FileKind::Users) && !manifest.partial {
                return Err(Error::MissingFile { missing: "users.csv" });
            }
            if newer && !has(FileKind::Roles) && !manifest.partial {
                return Err(Error::MissingFile { missing: "roles.csv" });
            }
            let format = if newer { Format::OneRoster12 } else { Format::OneRoster11 };
            return Ok((format, Plan::OneRoster(self.one_roster), !manifest.partial));
        }
        match self.unsupported.into_iter().next() {
            Some((what, file)) => Err(Error::Unsupported { file, what }),
            None => {
                let seen = source.members().len() + source.warnings().len();
                self.unknown.truncate(NAMES_SHOWN);
                Err(Error::Nothing { seen, names: self.unknown })
            }
        }
    }
}

fn settle_aaf(
    mut files: Vec<AafFile>,
    name: impl Fn(usize) -> String,
) -> Result<(Format, Plan, bool), Error> {
    let of = |primary| files.iter().find(|file| file.primary == Some(primary));
    if let (Some(first), Some(second)) = (of(false), of(true)) {
        return Err(Error::MixedFormats {
            first: name(first.index),
            first_format: Format::Aaf2d.label().to_owned(),
            second: name(second.index),
            second_format: Format::Aaf1d.label().to_owned(),
        });
    }
    let format = if of(true).is_some() { Format::Aaf1d } else { Format::Aaf2d };
    let (complete, partial) = (files.iter().find(|f| !f.partial), files.iter().find(|f| f.partial));
    if let (Some(complete), Some(partial)) = (complete, partial) {
        return Err(Error::MixedCompleteness {
            complete: name(complete.index),
            partial: name(partial.index),
        });
    }
    let complete = partial.is_none();
    // Files of unknown content are read with the pupils, last: they may hold some.
    files.sort_by_key(|file| (file.category.unwrap_or(Category::Pupil), name(file.index)));
    // A compressed archive is decompressed once a phase, hence two and not six.
    let category = |file: &AafFile| file.category.unwrap_or(Category::Pupil);
    let (things, people): (Vec<&AafFile>, Vec<&AafFile>) =
        files.iter().partition(|file| category(file) < Category::Staff);
    let index = |files: Vec<&AafFile>| files.into_iter().map(|file| file.index).collect::<Vec<_>>();
    let pupils =
        people.iter().filter(|file| category(file) == Category::Pupil).map(|file| file.index).collect();
    Ok((format, Plan::Aaf { phases: [index(things), index(people)], pupils }, complete))
}

/// What a file name such as `ENT_Complet_20261101_Eleve_0000.xml` tells.
#[derive(Debug, Default, PartialEq, Eq)]
struct FileName {
    prefix: Option<String>,
    date: Option<jiff::civil::Date>,
}

impl FileName {
    fn parse(base_name: &str) -> Self {
        let stem = base_name.split('.').next().unwrap_or(base_name);
        let parts: Vec<&str> = stem.split('_').collect();
        let at =
            parts.iter().position(|p| p.eq_ignore_ascii_case("complet") || p.eq_ignore_ascii_case("delta"));
        Self {
            prefix: at.filter(|&at| at > 0).map(|at| parts[..at].join("_")),
            date: parts.iter().filter(|part| part.len() == 8).find_map(|part| date(part)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_tell_prefix_and_date() {
        let name = FileName::parse("ENT_NORD_Delta_20261102_Eleve_0000.xml");
        assert_eq!(name.prefix.as_deref(), Some("ENT_NORD"));
        assert_eq!(name.date, Some(jiff::civil::Date::constant(2026, 11, 2)));
        assert_eq!(FileName::parse("eleves.csv"), FileName::default());
    }
}
