//! The static files the binary carries: style sheet, scripts, icons, each under a name made of its
//! content, so that browsers may keep it for ever and never show yesterday's sheet with today's page.
//!
//! `build.rs` prepares the table (names, bytes, Brotli). Nothing is read from disk and nothing is
//! compressed while serving. Invariant: a path names one content only.

use super::texts::{Form, Texts};
use std::sync::LazyLock;

/// What may be sent as `Cache-Control` for every static file: a year, and no question asked.
pub const CACHE: &str = "public, max-age=31536000, immutable";

/// One static file.
#[derive(Debug)]
pub struct Asset {
    /// The name the source uses: `app.css`.
    pub name: &'static str,
    /// The path it is served at: `/static/app.<hash>.css`.
    pub path: &'static str,
    /// Its `Content-Type`.
    pub kind: &'static str,
    plain: &'static [u8],
    brotli: &'static [u8],
}

/// How the bytes of an answer are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As they are: no `Content-Encoding` header.
    Identity,
    /// `Content-Encoding: br`.
    Brotli,
}

impl Encoding {
    /// The value for `Content-Encoding`, if that header is needed.
    pub fn header(self) -> Option<&'static str> {
        match self {
            Encoding::Identity => None,
            Encoding::Brotli => Some("br"),
        }
    }
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

impl Asset {
    /// The bytes for a browser and how they are written. `accept_encoding` is the request's header;
    /// Brotli is chosen when it is named there and really smaller. Answer with `Vary: Accept-Encoding`.
    pub fn bytes(&self, accept_encoding: &str) -> (&'static [u8], Encoding) {
        if self.brotli.len() < self.plain.len() && accepts_brotli(accept_encoding) {
            (self.brotli, Encoding::Brotli)
        } else {
            (self.plain, Encoding::Identity)
        }
    }
}

/// The path of a file named in the source, for templates: `asset("app.css")`. A file that was not
/// built (the scripts, before `make`) gives a path under `/static/absent/`, which answers 404.
pub fn asset(name: &str) -> &'static str {
    match TABLE.iter().find(|asset| asset.name == name) {
        Some(asset) => asset.path,
        None => "/static/absent/not-built",
    }
}

/// The file served at a path, if there is one.
pub fn served(path: &str) -> Option<&'static Asset> {
    TABLE.iter().find(|asset| asset.path == path)
}

/// The text of a script or sheet to be written into a page; empty when it was not built.
pub fn inline(name: &str) -> &'static str {
    let asset = TABLE.iter().find(|asset| asset.name == name);
    asset.and_then(|asset| std::str::from_utf8(asset.plain).ok()).unwrap_or("")
}

/// The sentences of a script in JSON, safe inside a script element: `script_words("live", texts)`.
/// French has a file for "tu" (`live.fr-tu.json`) beside its own; `{}` when the scripts were not built.
pub fn script_words(script: &str, texts: &Texts) -> &'static str {
    let language = texts.lang().code();
    let find = |name: String| WORDS.iter().find(|(known, _)| *known == name).map(|(_, words)| *words);
    let familiar = (texts.form() == Form::Tu).then(|| find(format!("{script}.{language}-tu"))).flatten();
    familiar.or_else(|| find(format!("{script}.{language}"))).unwrap_or("{}")
}

/// All static files, for the preloading of caches and for weighing pages.
pub fn all() -> &'static [Asset] {
    TABLE
}

fn accepts_brotli(header: &str) -> bool {
    header.split(',').any(|offer| {
        let (coding, weight) = offer.split_once(';').unwrap_or((offer, ""));
        let refused = weight.trim().strip_prefix("q=").is_some_and(|q| q.trim_matches(['0', '.']).is_empty());
        coding.trim().eq_ignore_ascii_case("br") && !refused
    })
}

/// The icon of the tab as a `data:` address (RFC 2397): half a kilobyte that compresses well, instead of
/// one more request for everybody at eight o'clock.
pub fn favicon() -> &'static str {
    static ICON: LazyLock<String> = LazyLock::new(|| {
        let svg = include_str!("static/favicon.svg").trim();
        let mut address = String::from("data:image/svg+xml,");
        for letter in svg.chars() {
            match letter {
                '"' => address.push('\''),
                '#' => address.push_str("%23"),
                '<' => address.push_str("%3C"),
                '>' => address.push_str("%3E"),
                other => address.push(other),
            }
        }
        address
    });
    &ICON
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::texts::Lang;

    #[test]
    fn the_sheet_is_found_by_its_hashed_path() {
        let path = asset("app.css");
        assert!(path.starts_with("/static/app.") && path.ends_with(".css"), "{path}");
        let sheet = served(path).unwrap();
        let (small, encoding) = sheet.bytes("gzip, deflate, br");
        assert_eq!(encoding, Encoding::Brotli);
        assert!(small.len() <= 9 * 1024, "the sheet weighs {} bytes on the wire", small.len());
        let (plain, encoding) = sheet.bytes("gzip");
        assert_eq!(encoding, Encoding::Identity);
        assert!(plain.len() > small.len());
        assert!(served("/static/app.000000000000.css").is_none());
    }

    #[test]
    fn a_refused_coding_is_not_sent() {
        assert!(accepts_brotli("br;q=0.5"));
        assert!(!accepts_brotli("br;q=0, gzip"));
        assert!(!accepts_brotli("br;q=0.000"));
        assert!(!accepts_brotli(""));
    }

    #[test]
    fn the_manifest_names_the_real_icon() {
        let manifest = served(asset("preau.webmanifest")).unwrap();
        let text = std::str::from_utf8(manifest.plain).unwrap();
        assert!(text.contains(asset("favicon.svg")), "{text}");
        assert!(!text.contains("asset:"), "{text}");
    }

    #[test]
    fn words_of_scripts_cannot_end_their_element() {
        for (name, words) in WORDS {
            assert!(!words.contains('<'), "{name}");
        }
        assert!(script_words("live", Texts::of(Lang::En, Form::Vous)).starts_with('{'));
        assert_eq!(script_words("nothing", Texts::of(Lang::Fr, Form::Tu)), "{}");
    }

    #[test]
    fn the_shrunk_sheet_kept_its_meaning() {
        let sheet = served(asset("app.css")).unwrap();
        let text = std::str::from_utf8(sheet.plain).unwrap();
        assert_eq!(text.matches('{').count(), text.matches('}').count());
        assert!(!text.contains("/*") && !text.contains("@dark") && !text.contains('\n'));
        assert!(text.contains("[data-theme=dark]") && text.contains("prefers-color-scheme:dark"));
    }
}
