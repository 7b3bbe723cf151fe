//! Prepares the static files that the binary carries: joins and shrinks the style sheets, takes the
//! built scripts of `web/dist` when they are there, names every file after its content and compresses
//! it once with Brotli, so that the server never compresses a static file while pupils wait.
//!
//! In: `src/ui/{tokens,base,components}.css`, `src/ui/static/*`, `src/edge/{waiting,kept}.css`,
//! `../../web/dist/*`, `../../web/dist/texts/*.json`.
//! Out: `$OUT_DIR/assets.rs`, tables included by `src/ui/assets.rs`; `$OUT_DIR/{waiting,kept}.css`.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use sha2::{Digest, Sha256};

/// The sheets, in the order of the cascade.
const SHEETS: [&str; 3] = ["tokens.css", "base.css", "components.css"];
/// Brotli's slowest and smallest setting: paid once, here.
const QUALITY: i32 = 11;
/// Brotli's window, as a power of two; 22 (4 MB) is what every browser accepts.
const WINDOW: i32 = 22;

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let ui = root.join("src/ui");
    let web = root.join("../../web/dist");
    for watched in [ui.join("static"), web.clone()].into_iter().chain(SHEETS.map(|s| ui.join(s))) {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    println!("cargo::rerun-if-changed=build.rs");

    let texts_out = out.clone();
    let mut table = Table { out, rows: String::new(), words: String::new(), named: Vec::new() };
    let mut css = String::new();
    for sheet in SHEETS {
        css.push_str(&fs::read_to_string(ui.join(sheet))?);
    }
    table.add("app.css", themed(&shrunk(&css)).into_bytes())?;
    for file in files(&ui.join("static"))? {
        table.add_file(&file)?;
    }
    if web.is_dir() {
        for file in files(&web)? {
            table.add_file(&file)?;
        }
    }
    // The sentences of scripts: read once here, handed to the page as they are.
    let words = root.join("../../web/dist/texts");
    println!("cargo::rerun-if-changed={}", words.display());
    if words.is_dir() {
        for file in files(&words)? {
            table.add_words(&file)?;
        }
    }
    for sheet in ["waiting.css", "kept.css"] {
        let path = root.join("src/edge").join(sheet);
        println!("cargo::rerun-if-changed={}", path.display());
        fs::write(table.out.join(sheet), shrunk(&fs::read_to_string(path)?))?;
    }
    table.finish()?;
    texts(&root.join("src"), &texts_out)
}

/// Lists the sentences of every feature: each folder below `src` that holds `fr.ftl` and `en.ftl`.
fn texts(src: &Path, out: &Path) -> io::Result<()> {
    let mut rows = String::new();
    let mut folders: Vec<PathBuf> = fs::read_dir(src)?.filter_map(|e| Some(e.ok()?.path())).collect();
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.join("fr.ftl").is_file()) {
        let (fr, en) = (folder.join("fr.ftl"), folder.join("en.ftl"));
        println!("cargo::rerun-if-changed={}", fr.display());
        println!("cargo::rerun-if-changed={}", en.display());
        writeln!(rows, "    Source {{ fr: include_str!({fr:?}), en: include_str!({en:?}) }},")
            .map_err(io::Error::other)?;
    }
    fs::write(out.join("texts.rs"), format!("const SOURCES: &[Source] = &[\n{rows}];\n"))
}

struct Table {
    out: PathBuf,
    rows: String,
    words: String,
    named: Vec<(String, String)>,
}

impl Table {
    fn add_file(&mut self, file: &Path) -> io::Result<()> {
        let Some(name) = file.file_name().and_then(|n| n.to_str()) else { return Ok(()) };
        if kind(name).is_none() {
            return Ok(());
        }
        self.add(name, fs::read(file)?)
    }

    /// Takes `live.fr.json` or `live.fr-tu.json`; "<" is written as an escape, so that no sentence can
    /// end the script element that carries it.
    fn add_words(&mut self, file: &Path) -> io::Result<()> {
        let Some(name) = file.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".json"))
        else {
            return Ok(());
        };
        let text = fs::read_to_string(file)?.replace('<', "\\u003c");
        let lines: String = text.lines().map(str::trim).collect();
        writeln!(self.words, "    ({name:?}, {lines:?}),").map_err(io::Error::other)
    }

    fn add(&mut self, name: &str, mut bytes: Vec<u8>) -> io::Result<()> {
        let Some(kind) = kind(name) else { return Ok(()) };
        // A manifest names other static files; it is added after them and learns their real names.
        if name.ends_with(".webmanifest") {
            let mut text = String::from_utf8_lossy(&bytes).into_owned();
            for (other, path) in &self.named {
                text = text.replace(&format!("asset:{other}"), path);
            }
            bytes = text.into_bytes();
        }
        let digest = Sha256::digest(&bytes);
        let hash: String = digest.iter().take(6).map(|b| format!("{b:02x}")).collect();
        let (stem, ending) = name.split_once('.').unwrap_or((name, "bin"));
        let path = format!("/static/{stem}.{hash}.{ending}");

        let plain = self.out.join(format!("asset-{name}"));
        fs::write(&plain, &bytes)?;
        let squeezed = self.out.join(format!("asset-{name}.{hash}.br"));
        if !squeezed.exists() {
            let mut small = Vec::new();
            let parameters = brotli::enc::BrotliEncoderParams {
                quality: QUALITY,
                lgwin: WINDOW,
                size_hint: bytes.len(),
                ..Default::default()
            };
            brotli::BrotliCompress(&mut bytes.as_slice(), &mut small, &parameters)?;
            fs::write(&squeezed, &small)?;
        }
        writeln!(
            self.rows,
            "    Asset {{ name: {name:?}, path: {path:?}, kind: {kind:?}, \
             plain: include_bytes!({plain:?}), brotli: include_bytes!({squeezed:?}) }},"
        )
        .map_err(io::Error::other)?;
        self.named.push((name.to_owned(), path));
        Ok(())
    }

    fn finish(self) -> io::Result<()> {
        let text = format!(
            "static TABLE: &[Asset] = &[\n{}];\nstatic WORDS: &[(&str, &str)] = &[\n{}];\n",
            self.rows, self.words
        );
        fs::write(self.out.join("assets.rs"), text)
    }
}

/// The content type of a file that may be served; other endings stay out of the binary.
fn kind(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "svg" => "image/svg+xml",
        "webmanifest" => "application/manifest+json",
        "wasm" => "application/wasm",
        "pfb" => "application/octet-stream",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" => "audio/ogg",
        _ => return None,
    })
}

/// The plain files of a folder in a stable order: manifests last, because they name the others.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_file() {
            found.push(path);
        }
    }
    found.sort_by_key(|path| (path.extension().is_some_and(|e| e == "webmanifest"), path.clone()));
    Ok(found)
}

/// Writes every `@dark { selector-free declarations or :root rules }` twice: for devices that ask for
/// darkness and for people who chose it. The source states the dark palette once.
fn themed(css: &str) -> String {
    let mut out = String::with_capacity(css.len() * 2);
    let mut rest = css;
    while let Some(at) = rest.find("@dark") {
        out.push_str(&rest[..at]);
        let after = &rest[at + "@dark".len()..];
        let Some(open) = after.find('{') else { break };
        let mut depth = 0_usize;
        let mut close = after.len();
        for (place, sign) in after.char_indices().skip(open) {
            match sign {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 && place >= open {
                close = place;
                break;
            }
        }
        let body = &after[open + 1..close];
        let asked = body.replace("&", ":root:not([data-theme=light])");
        let chosen = body.replace("&", ":root[data-theme=dark]");
        out.push_str(&format!("@media (prefers-color-scheme:dark){{{asked}}}{chosen}"));
        rest = after.get(close + 1..).unwrap_or("");
    }
    out.push_str(rest);
    out
}

/// Takes comments and needless blanks out of a style sheet. Text between quotation marks is kept as it
/// is; blanks around `+` and `-` are kept, since `calc()` needs them.
fn shrunk(css: &str) -> String {
    let mut out = String::with_capacity(css.len());
    let mut signs = css.chars().peekable();
    let mut quote = None;
    while let Some(sign) = signs.next() {
        if let Some(mark) = quote {
            out.push(sign);
            if sign == mark {
                quote = None;
            }
            continue;
        }
        match sign {
            '"' | '\'' => {
                quote = Some(sign);
                out.push(sign);
            }
            '/' if signs.peek() == Some(&'*') => {
                let mut before = ' ';
                for inside in signs.by_ref() {
                    if before == '*' && inside == '/' {
                        break;
                    }
                    before = inside;
                }
            }
            blank if blank.is_whitespace() => {
                while signs.peek().is_some_and(|s| s.is_whitespace()) {
                    signs.next();
                }
                let next = signs.peek().copied().unwrap_or('}');
                let last = out.chars().next_back().unwrap_or('{');
                if !"{};,>".contains(last) && last != ':' && !"{};,>".contains(next) {
                    out.push(' ');
                }
            }
            '}' => {
                if out.ends_with(';') {
                    out.pop();
                }
                out.push('}');
            }
            other => out.push(other),
        }
    }
    out
}
