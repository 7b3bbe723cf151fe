//! Writes every page of the interface, filled with an invented school, into a folder, so that one can
//! look at them without a server or a database: long names, empty days, full classes, errors.
//!
//! `cargo run -p preau --example gallery -- target/gallery`, then serve that folder over HTTP.

mod school;

use std::path::{Path, PathBuf};
use std::{env, fs, io};

use preau::ui::assets;

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map_or_else(|| PathBuf::from("target/gallery"), PathBuf::from);
    for asset in assets::all() {
        let (bytes, _) = asset.bytes("");
        write(&folder.join(asset.path.trim_start_matches('/')), bytes)?;
    }
    let pages = school::pages().map_err(io::Error::other)?;
    let mut index = String::from("<!doctype html><meta charset=utf-8><title>Gallery</title>");
    for (name, html) in &pages {
        write(&folder.join(format!("{name}.html")), html.as_bytes())?;
        index.push_str(&format!("<p><a href=\"{name}.html\">{name}</a> {} bytes", html.len()));
    }
    write(&folder.join("index.html"), index.as_bytes())?;
    println!("{} pages in {}", pages.len(), folder.display());
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, bytes)
}
