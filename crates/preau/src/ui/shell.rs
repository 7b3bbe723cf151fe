//! The frame around every page: who is looking, at which school, in which language, with which menu.
//!
//! [`Shell`] is plain data that the edge builds once a request and lends to the page's view. It holds
//! no handle, asks no database and decides nothing: an entry of the menu that stands here has been
//! allowed elsewhere.

use std::borrow::Cow;

use super::dates::Dates;
use super::texts::{Lang, Texts, Word};

/// The sign-in page, and where its form posts (fields: `csrf`, `next`, `login`, `password`, `remember`).
pub const SIGN_IN: &str = "/sign-in";

/// The activation with a code from paper, and where each of its screens posts.
pub const ACTIVATION: &str = "/activation";

/// Where the sign-out form posts (fields: `csrf`).
pub const SIGN_OUT: &str = "/sign-out";

/// Where the choices of language, theme and spacing post. Fields: `csrf`, `back` (path to return to)
/// and one of `lang` (`fr`, `en`), `theme` (`auto`, `light`, `dark`), `spacing` (`normal`, `wide`).
pub const DISPLAY: &str = "/display";

/// What `ui/base.html` needs to frame a page.
#[derive(Debug, Clone)]
pub struct Shell {
    /// The sentences in the person's language and form of address.
    pub texts: &'static Texts,
    /// The page's title, shown in the browser's tab before the school's name.
    pub title: Cow<'static, str>,
    /// The school's name; the platform's own name when no school is known yet.
    pub school_name: String,
    /// The signed-in person, absent before sign-in.
    pub person: Option<PersonLabel>,
    /// The menu of this person's role, in order; empty before sign-in.
    pub nav: Vec<NavItem>,
    /// The masked token that every form carries in its hidden field `csrf`.
    pub csrf: String,
    /// The nonce of this response's content security policy.
    pub nonce: String,
    /// Path and query of this page, to which the display choices return.
    pub here: String,
    /// Light, dark, or as the device says.
    pub theme: Theme,
    /// Ordinary or wide spacing with larger text.
    pub spacing: Spacing,
    /// One notice at the top of the page: what was just done, or what went wrong.
    pub flash: Option<Flash>,
    /// More is asked for than can be done: what nobody needs for a lesson is given up for the moment.
    pub strained: bool,
}

impl Shell {
    /// A shell for a page shown before sign-in.
    pub fn anonymous(
        texts: &'static Texts,
        title: impl Into<Cow<'static, str>>,
        csrf: String,
        nonce: String,
    ) -> Shell {
        Shell {
            texts,
            title: title.into(),
            school_name: texts.get("platform-name").to_owned(),
            person: None,
            nav: Vec::new(),
            csrf,
            nonce,
            here: "/".to_owned(),
            theme: Theme::default(),
            spacing: Spacing::default(),
            flash: None,
            strained: false,
        }
    }

    /// The sentence of a key; what templates write as `page.t("key")`.
    pub fn t<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.get(key)
    }

    /// A sentence with one variable, see [`Texts::with`].
    pub fn with(&self, key: &str, name: &str, value: impl Word) -> String {
        self.texts.with(key, name, value)
    }

    /// A sentence with two variables, see [`Texts::with2`].
    pub fn with2(&self, key: &str, name: &str, value: impl Word, name2: &str, value2: impl Word) -> String {
        self.texts.with2(key, name, value, name2, value2)
    }

    /// A sentence with three variables, see [`Texts::with3`].
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
        self.texts.with3(key, name, value, name2, value2, name3, value3)
    }

    /// Dates and hours in this page's language and the given zone.
    pub fn dates(&self, zone: jiff::tz::TimeZone) -> Dates {
        Dates::new(self.texts, zone)
    }

    /// The language of the page.
    pub fn lang(&self) -> Lang {
        self.texts.lang()
    }

    /// The languages to switch to, for the footer.
    pub fn languages(&self) -> impl Iterator<Item = Choice> {
        let current = self.lang();
        Lang::ALL.into_iter().map(move |lang| Choice {
            value: lang.code(),
            label: lang.own_name(),
            lang: Some(lang.code()),
            chosen: lang == current,
        })
    }

    /// The themes to choose from, for the person's menu.
    pub fn themes(&self) -> impl Iterator<Item = Choice> {
        let (texts, current) = (self.texts, self.theme);
        [
            (Theme::Auto, "display-theme-auto"),
            (Theme::Light, "display-theme-light"),
            (Theme::Dark, "display-theme-dark"),
        ]
        .into_iter()
        .map(move |(theme, key)| Choice {
            value: theme.code(),
            label: texts.get(key),
            lang: None,
            chosen: theme == current,
        })
    }

    /// The spacings to choose from, for the person's menu.
    pub fn spacings(&self) -> impl Iterator<Item = Choice> {
        let (texts, current) = (self.texts, self.spacing);
        [(Spacing::Normal, "display-spacing-normal"), (Spacing::Wide, "display-spacing-wide")]
            .into_iter()
            .map(move |(spacing, key)| Choice {
                value: spacing.code(),
                label: texts.get(key),
                lang: None,
                chosen: spacing == current,
            })
    }
}

/// One button of a small group of choices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The value the button posts.
    pub value: &'static str,
    /// What the button says.
    pub label: &'static str,
    /// The language the label is written in, when it is not the page's.
    pub lang: Option<&'static str>,
    /// Whether this is the present choice.
    pub chosen: bool,
}

/// How the person in front of the page is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonLabel {
    /// First name and name, as people say it.
    pub name: String,
    /// The role in the page's language: "Élève de 4A", "Enseignante".
    pub role: String,
}

impl PersonLabel {
    /// One or two initials for the small round badge: first letter of the first and of the last word
    /// that begins with a capital ("Marie-Anne de La Tour" gives "MT").
    pub fn initials(&self) -> String {
        initials(&self.name)
    }
}

/// One or two initials of a name; empty for an empty name.
pub fn initials(name: &str) -> String {
    let mut capitals = name.split_whitespace().filter_map(|w| w.chars().next().filter(|c| c.is_uppercase()));
    match (capitals.next(), capitals.next_back()) {
        (Some(first), Some(last)) => format!("{first}{last}"),
        (Some(only), None) => only.to_string(),
        _ => name.chars().next().map(|c| c.to_uppercase().to_string()).unwrap_or_default(),
    }
}

/// One entry of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NavItem {
    /// The path it leads to.
    pub href: Cow<'static, str>,
    /// What it says.
    pub label: Cow<'static, str>,
    /// Whether this page is that entry's.
    pub current: bool,
}

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Theme {
    /// As the device asks (`prefers-color-scheme`).
    #[default]
    Auto,
    /// Light, whatever the device asks.
    Light,
    /// Dark, whatever the device asks.
    Dark,
}

impl Theme {
    /// The word used in `data-theme`, in forms and in the stored choice.
    pub fn code(self) -> &'static str {
        match self {
            Theme::Auto => "auto",
            Theme::Light => "light",
            Theme::Dark => "dark",
        }
    }

    /// Reads the stored word; anything unknown is [`Theme::Auto`].
    pub fn from_code(code: &str) -> Theme {
        match code {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::Auto,
        }
    }
}

/// How wide letters, words and lines stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Spacing {
    /// Ordinary text.
    #[default]
    Normal,
    /// Larger text with more room between letters, words and lines.
    Wide,
}

impl Spacing {
    /// The word used in `data-spacing`, in forms and in the stored choice.
    pub fn code(self) -> &'static str {
        match self {
            Spacing::Normal => "normal",
            Spacing::Wide => "wide",
        }
    }

    /// Reads the stored word; anything unknown is [`Spacing::Normal`].
    pub fn from_code(code: &str) -> Spacing {
        match code {
            "wide" => Spacing::Wide,
            _ => Spacing::Normal,
        }
    }
}

/// One notice at the top of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// What kind of news it is.
    pub kind: FlashKind,
    /// What happened, what it means, what to do.
    pub text: String,
}

/// The kind of a notice; it chooses colour, drawing and how urgently a screen reader speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FlashKind {
    /// Something was done as asked.
    Done,
    /// Something to know.
    Info,
    /// Something was refused or needs the person.
    Problem,
}

impl FlashKind {
    /// The class of the notice.
    pub fn class(self) -> &'static str {
        match self {
            FlashKind::Done => "done",
            FlashKind::Info => "info",
            FlashKind::Problem => "problem",
        }
    }

    /// The icon of the notice.
    pub fn icon(self) -> &'static str {
        match self {
            FlashKind::Done => "check",
            FlashKind::Info => "info",
            FlashKind::Problem => "warning",
        }
    }

    /// The ARIA role: problems interrupt, the others wait for a pause.
    pub fn role(self) -> &'static str {
        match self {
            FlashKind::Problem => "alert",
            FlashKind::Done | FlashKind::Info => "status",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_take_first_and_last_capital() {
        assert_eq!(initials("Marie-Anne-Élisabeth de La Rochefoucauld-Montbazon"), "MR");
        assert_eq!(initials("Élodie"), "É");
        assert_eq!(initials("ada lovelace"), "A");
        assert_eq!(initials(""), "");
    }

    #[test]
    fn stored_choices_survive_the_round_trip_and_nonsense() {
        for theme in [Theme::Auto, Theme::Light, Theme::Dark] {
            assert_eq!(Theme::from_code(theme.code()), theme);
        }
        assert_eq!(Theme::from_code("<script>"), Theme::Auto);
        for spacing in [Spacing::Normal, Spacing::Wide] {
            assert_eq!(Spacing::from_code(spacing.code()), spacing);
        }
        assert_eq!(Spacing::from_code(""), Spacing::Normal);
    }
}
