//! The words of the interface, in French and in English, from Fluent files.
//!
//! A [`Texts`] is one language in one form of address ("tu", "vous" or neither); the six of them are built
//! once and live for ever. A message without variables is resolved at that moment, so that showing it
//! is one look-up in a hash map; only messages with variables go through Fluent when a page is written.
//! Sources write ordinary spaces: the no-break spaces French wants before `: ; ? !` and inside « »
//! are put in here, once, for all.
//!
//! What this is not: a negotiation of languages (the edge does that) or a home for what people wrote.
//! Invariant, held by tests: both languages have the same keys and variables, and every key a template
//! or a source file names exists.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use unic_langid::LanguageIdentifier;

/// A language of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Lang {
    /// French, the first language of the interface.
    #[default]
    Fr,
    /// English.
    En,
}

impl Lang {
    /// All languages, in the order in which the language switch shows them.
    pub const ALL: [Lang; 2] = [Lang::Fr, Lang::En];

    /// The BCP 47 code, as in `<html lang>` and in cookies.
    pub fn code(self) -> &'static str {
        match self {
            Lang::Fr => "fr",
            Lang::En => "en",
        }
    }

    /// The language's name in itself.
    pub fn own_name(self) -> &'static str {
        match self {
            Lang::Fr => "Français",
            Lang::En => "English",
        }
    }

    /// Reads a code such as `fr` or `en-GB`; `None` for languages the interface does not speak.
    pub fn from_code(code: &str) -> Option<Lang> {
        let primary = code.split(['-', '_']).next().unwrap_or(code);
        Lang::ALL.into_iter().find(|lang| lang.code().eq_ignore_ascii_case(primary))
    }

    fn identifier(self) -> LanguageIdentifier {
        self.code().parse().unwrap_or_default()
    }
}

/// How a person is spoken to: "tu" for pupils of primary school and collège, "vous" for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// "Ta place est gardée."
    Tu,
    /// "Votre place est gardée."
    #[default]
    Vous,
    /// "La place est gardée": for pages shown before it is known who looks. Sentences without a
    /// `[neutral]` variant fall back to "vous".
    Neutral,
}

impl Form {
    fn code(self) -> &'static str {
        match self {
            Form::Tu => "tu",
            Form::Vous => "vous",
            Form::Neutral => "neutral",
        }
    }
}

/// One feature's sentences in every language.
struct Source {
    fr: &'static str,
    en: &'static str,
}

// All sources, listed by `build.rs`: every feature folder with an `fr.ftl` and an `en.ftl`. A key may
// stand in one of them only (a test says which key is doubled).
include!(concat!(env!("OUT_DIR"), "/texts.rs"));

/// The sentences of one language in one form of address. Obtain one with [`Texts::of`].
pub struct Texts {
    lang: Lang,
    form: Form,
    plain: HashMap<String, String>,
    bundle: FluentBundle<FluentResource>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Texts({:?}, {:?}, {} plain)", self.lang, self.form, self.plain.len())
    }
}

static ALL: LazyLock<[Texts; 6]> = LazyLock::new(|| {
    [
        Texts::build(Lang::Fr, Form::Tu),
        Texts::build(Lang::Fr, Form::Vous),
        Texts::build(Lang::Fr, Form::Neutral),
        Texts::build(Lang::En, Form::Tu),
        Texts::build(Lang::En, Form::Vous),
        Texts::build(Lang::En, Form::Neutral),
    ]
});

impl Texts {
    /// The sentences of a language and a form of address. The first call anywhere builds all six
    /// (a few milliseconds); the server does so at its start.
    pub fn of(lang: Lang, form: Form) -> &'static Texts {
        let all = &*ALL;
        match (lang, form) {
            (Lang::Fr, Form::Tu) => &all[0],
            (Lang::Fr, Form::Vous) => &all[1],
            (Lang::Fr, Form::Neutral) => &all[2],
            (Lang::En, Form::Tu) => &all[3],
            (Lang::En, Form::Vous) => &all[4],
            (Lang::En, Form::Neutral) => &all[5],
        }
    }

    /// The language of these sentences.
    pub fn lang(&self) -> Lang {
        self.lang
    }

    /// The form of address of these sentences.
    pub fn form(&self) -> Form {
        self.form
    }

    /// A sentence without variables. An unknown key gives back the key itself, so that a fault shows
    /// as an odd word and never as a failed page; tests make sure that it does not happen.
    pub fn get<'a>(&'a self, key: &'a str) -> &'a str {
        self.plain.get(key).map_or(key, String::as_str)
    }

    /// A sentence with one variable: `with("people-before", "count", 12)`.
    pub fn with(&self, key: &str, name: &str, value: impl Word) -> String {
        self.format(key, [(name, value.word())])
    }

    /// A sentence with two variables.
    pub fn with2(&self, key: &str, name: &str, value: impl Word, name2: &str, value2: impl Word) -> String {
        self.format(key, [(name, value.word()), (name2, value2.word())])
    }

    /// A sentence with three variables.
    #[expect(clippy::too_many_arguments, reason = "templates cannot build arrays of mixed values")]
    pub fn with3(
        &self,
        key: &str,
        name: &str,
        value: impl Word,
        name2: &str,
        value2: impl Word,
        name3: &str,
        value3: impl Word,
    ) -> String {
        self.format(key, [(name, value.word()), (name2, value2.word()), (name3, value3.word())])
    }

    /// A number as the language writes it: `12 450` with narrow no-break spaces in French,
    /// `12,450` in English.
    pub fn number(&self, value: impl Into<i64>) -> String {
        grouped(self.lang, value.into())
    }

    /// The same for counts, which are never negative; convenient in templates.
    pub fn count(&self, value: &u64) -> String {
        grouped(self.lang, i64::try_from(*value).unwrap_or(i64::MAX))
    }

    fn format<const N: usize>(&self, key: &str, values: [(&str, FluentValue<'_>); N]) -> String {
        if let Some(plain) = self.plain.get(key) {
            return plain.clone();
        }
        let Some(pattern) = self.bundle.get_message(key).and_then(|m| m.value()) else {
            return key.to_owned();
        };
        let mut args = FluentArgs::with_capacity(N + 1);
        args.set("form", self.form.code());
        for (name, value) in values {
            args.set(name.to_owned(), value);
        }
        let mut faults = Vec::new();
        self.bundle.format_pattern(pattern, Some(&args), &mut faults).into_owned()
    }

    fn build(lang: Lang, form: Form) -> Texts {
        let mut bundle = FluentBundle::new_concurrent(vec![lang.identifier()]);
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(match lang {
            Lang::Fr => |value, _| written_number(Lang::Fr, value),
            Lang::En => |value, _| written_number(Lang::En, value),
        }));
        let mut keys = Vec::new();
        for source in SOURCES {
            let text = match lang {
                Lang::Fr => typographic(source.fr),
                Lang::En => source.en.to_owned(),
            };
            keys.extend(text.lines().filter_map(key_of_line).map(str::to_owned));
            // A sentence that Fluent cannot read is left out, the others stay: the tests refuse such a
            // file, and a running server must not fall for a comma.
            let resource = FluentResource::try_new(text).unwrap_or_else(|(resource, _)| resource);
            bundle.add_resource_overriding(resource);
        }
        let mut plain = HashMap::with_capacity(keys.len());
        let mut args = FluentArgs::with_capacity(1);
        args.set("form", form.code());
        for key in keys {
            let Some(pattern) = bundle.get_message(&key).and_then(|m| m.value()) else { continue };
            let mut faults = Vec::new();
            let text = bundle.format_pattern(pattern, Some(&args), &mut faults).into_owned();
            // A fault means that a variable was missing: the sentence is not plain.
            if faults.is_empty() {
                plain.insert(key, text);
            }
        }
        Texts { lang, form, plain, bundle }
    }
}

/// A value that a sentence can carry. Implemented for strings and whole numbers and for references to
/// them, because templates hand over references.
pub trait Word {
    /// The value as Fluent knows it; numbers choose plurals.
    fn word(&self) -> FluentValue<'_>;
}

impl Word for str {
    fn word(&self) -> FluentValue<'_> {
        FluentValue::String(Cow::Borrowed(self))
    }
}

impl Word for String {
    fn word(&self) -> FluentValue<'_> {
        self.as_str().word()
    }
}

impl Word for Cow<'_, str> {
    fn word(&self) -> FluentValue<'_> {
        (**self).word()
    }
}

impl<T: Word + ?Sized> Word for &T {
    fn word(&self) -> FluentValue<'_> {
        (**self).word()
    }
}

macro_rules! numbers {
    ($($kind:ty),*) => { $(
        impl Word for $kind {
            fn word(&self) -> FluentValue<'_> {
                FluentValue::from(*self)
            }
        }
    )* };
}
numbers!(i8, i16, i32, i64, u8, u16, u32, u64, usize);

/// The key that a line of a Fluent file defines, if it defines one.
fn key_of_line(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let key = key.trim_end();
    let begins_well = key.starts_with(|c: char| c.is_ascii_alphabetic());
    let goes_on_well = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    (begins_well && goes_on_well).then_some(key)
}

/// Puts the no-break spaces of French typography where the source has ordinary ones (Lexique des
/// règles typographiques en usage à l'Imprimerie nationale): a full one before the colon, the
/// per cent sign and inside
/// quotation marks, a narrow one before `; ? !`. Safe on whole Fluent files, whose syntax never has a
/// blank before these signs.
pub fn typographic(text: &str) -> String {
    text.replace(" :", "\u{a0}:")
        .replace(" ;", "\u{202f};")
        .replace(" ?", "\u{202f}?")
        .replace(" !", "\u{202f}!")
        .replace(" %", "\u{a0}%")
        .replace("« ", "«\u{a0}")
        .replace(" »", "\u{a0}»")
}

fn written_number(lang: Lang, value: &FluentValue<'_>) -> Option<String> {
    match value {
        FluentValue::Number(n) if n.value.fract() == 0.0 && n.value.abs() < 9.0e15 => {
            Some(grouped(lang, n.value as i64))
        }
        _ => None,
    }
}

fn grouped(lang: Lang, value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let separator = match lang {
        Lang::Fr => '\u{202f}',
        Lang::En => ',',
    };
    let mut text = String::with_capacity(digits.len() * 2);
    if value < 0 {
        text.push('\u{2212}');
    }
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
#[path = "texts_tests.rs"]
mod tests;
