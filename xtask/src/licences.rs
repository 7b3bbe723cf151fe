//! Licence and source of everything we depend on: `cargo xtask licences`.
//!
//! Rust: every package of `Cargo.lock` comes from crates.io, and those that can end up in a build carry a
//! licence of the list in `deny.toml`. JavaScript: the same for `web/package-lock.json`. It does the part
//! of cargo-deny that a fresh machine should not have to compile for minutes; both read one list.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use spdx::{Expression, ParseMode};

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";
const NPM: &str = "https://registry.npmjs.org/";

/// Lock files of Rust and the folder that each belongs to.
const RUST_LOCKS: [&str; 2] = ["Cargo.lock", "fuzz/Cargo.lock"];

/// Checks everything; prints the dependencies too when `list` is set.
pub(crate) fn check(root: &Path, list: bool) -> Result<()> {
    let allowed = Allowed::read(&root.join("deny.toml"))?;
    let mut complaints = Vec::new();
    let mut found = Vec::new();
    for lock in RUST_LOCKS.iter().map(|lock| root.join(lock)).filter(|lock| lock.exists()) {
        complaints.extend(rust_sources(&read(&lock)?)?);
        found.extend(rust_licences(&lock, &allowed, &mut complaints)?);
    }
    let lock = root.join("web/package-lock.json");
    if lock.exists() {
        found.extend(npm_packages(&read(&lock)?, &allowed, &mut complaints)?);
    }
    found.sort();
    found.dedup();
    if list {
        for Dependency { name, version, licence } in &found {
            println!("{name} {version}: {licence}");
        }
    }
    for complaint in &complaints {
        eprintln!("{complaint}");
    }
    if !complaints.is_empty() {
        bail!("{} dependencies are not as deny.toml wants them, listed above", complaints.len());
    }
    println!("{} dependencies, all from public registries and under allowed licences", found.len());
    Ok(())
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// A dependency as it is listed.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Dependency {
    name: String,
    version: String,
    licence: String,
}

/// The licences of `deny.toml`.
struct Allowed(Vec<String>);

impl Allowed {
    fn read(path: &Path) -> Result<Allowed> {
        #[derive(Deserialize)]
        struct Deny {
            licenses: Licences,
        }
        #[derive(Deserialize)]
        struct Licences {
            allow: Vec<String>,
        }
        let deny: Deny = toml::from_str(&read(path)?).with_context(|| format!("in {}", path.display()))?;
        Ok(Allowed(deny.licenses.allow))
    }

    /// Is one way of satisfying the expression allowed? An expression that cannot be read is not.
    fn allows(&self, expression: &str) -> Result<bool, String> {
        // Old crates write `MIT/Apache-2.0`; npm writes some that only the lax reading knows.
        let parsed =
            Expression::parse_mode(expression, ParseMode::LAX).map_err(|error| error.reason.to_string())?;
        Ok(parsed.evaluate(|needed| self.0.iter().any(|allowed| *allowed == needed.to_string())))
    }

    fn complain(&self, who: &str, expression: Option<&str>, complaints: &mut Vec<String>) {
        let said = match expression.map(|expression| (expression, self.allows(expression))) {
            Some((_, Ok(true))) => return,
            Some((expression, Ok(false))) => format!("its licence is {expression}"),
            Some((expression, Err(error))) => {
                format!("its licence \"{expression}\" cannot be read ({error})")
            }
            None => "it names no licence".to_owned(),
        };
        complaints.push(format!(
            "{who}: {said}; choose another dependency, or add the licence to deny.toml with a reason."
        ));
    }
}

/// Complaints about packages of a `Cargo.lock` that come from elsewhere than crates.io.
fn rust_sources(lock: &str) -> Result<Vec<String>> {
    #[derive(Deserialize)]
    struct Lock {
        #[serde(default)]
        package: Vec<Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        name: String,
        version: String,
        source: Option<String>,
    }
    let lock: Lock = toml::from_str(lock).context("in Cargo.lock")?;
    let foreign = |package: Locked| {
        let source = package.source.filter(|source| source != CRATES_IO)?;
        Some(format!(
            "{} {}: comes from {source}; depend on a released version from crates.io.",
            package.name, package.version
        ))
    };
    Ok(lock.package.into_iter().filter_map(foreign).collect())
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    license: Option<String>,
    source: Option<String>,
}

/// Licences of what can be compiled on the platform we publish for.
fn rust_licences(lock: &Path, allowed: &Allowed, complaints: &mut Vec<String>) -> Result<Vec<Dependency>> {
    let manifest = lock.with_file_name("Cargo.toml");
    let output = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--locked", "--filter-platform=x86_64-unknown-linux-gnu"])
        .arg("--manifest-path")
        .arg(&manifest)
        .output()
        .context("starting cargo metadata")?;
    if !output.status.success() {
        bail!(
            "cargo metadata failed for {}: {}",
            manifest.display(),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("reading cargo metadata")?;
    let mut found = Vec::new();
    for package in metadata.packages.into_iter().filter(|package| package.source.is_some()) {
        let who = format!("{} {}", package.name, package.version);
        allowed.complain(&who, package.license.as_deref(), complaints);
        let licence = package.license.unwrap_or_default();
        found.push(Dependency { name: package.name, version: package.version, licence });
    }
    Ok(found)
}

/// Packages of a `package-lock.json` (version 2 or 3).
fn npm_packages(lock: &str, allowed: &Allowed, complaints: &mut Vec<String>) -> Result<Vec<Dependency>> {
    #[derive(Deserialize)]
    struct Lock {
        #[serde(rename = "lockfileVersion")]
        version: u32,
        #[serde(default)]
        packages: BTreeMap<String, Locked>,
    }
    #[derive(Deserialize)]
    struct Locked {
        version: Option<String>,
        resolved: Option<String>,
        integrity: Option<String>,
        license: Option<String>,
    }
    let lock: Lock = serde_json::from_str(lock).context("in web/package-lock.json")?;
    if lock.version < 2 {
        bail!("web/package-lock.json has version {}: npm 7 or newer writes version 3", lock.version);
    }
    let mut found = Vec::new();
    for (path, package) in lock.packages {
        // The empty path is the project itself.
        let Some((_, name)) = path.rsplit_once("node_modules/") else { continue };
        let version = package.version.unwrap_or_default();
        let who = format!("{name} {version} (npm)");
        if let Some(from) = package.resolved.filter(|from| !from.starts_with(NPM)) {
            complaints.push(format!(
                "{who}: comes from {from}; npm install --omit-lockfile-registry-resolved, from the public registry."
            ));
        }
        if package.integrity.is_none() {
            complaints.push(format!("{who}: has no integrity hash in the lock file; install it again."));
        }
        allowed.complain(&who, package.license.as_deref(), complaints);
        found.push(Dependency {
            name: name.to_owned(),
            version,
            licence: package.license.unwrap_or_default(),
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Allowed {
        Allowed(["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).to_vec())
    }

    #[test]
    fn expressions_are_evaluated_and_not_compared() {
        let allows = |text| allowed().allows(text).unwrap();
        assert!(allows("MIT") && allows("MIT/Apache-2.0") && allows("GPL-3.0 OR MIT"));
        assert!(allows("Apache-2.0 WITH LLVM-exception") && allows("(MIT OR GPL-2.0) AND Apache-2.0"));
        assert!(!allows("GPL-3.0") && !allows("MIT AND GPL-3.0"));
        assert!(allowed().allows("see the file").is_err());
    }

    #[test]
    fn a_missing_or_foreign_licence_is_a_complaint() {
        let mut complaints = Vec::new();
        allowed().complain("a 1", None, &mut complaints);
        allowed().complain("b 1", Some("GPL-3.0-only"), &mut complaints);
        allowed().complain("c 1", Some("MIT"), &mut complaints);
        assert_eq!(complaints.len(), 2);
        assert!(complaints[1].starts_with("b 1: its licence is GPL-3.0-only; choose"), "{complaints:?}");
    }

    #[test]
    fn crates_come_from_crates_io() {
        let lock = format!(
            "version = 4\n[[package]]\nname = \"preau\"\nversion = \"1.0.0\"\n\
             [[package]]\nname = \"good\"\nversion = \"1.0.0\"\nsource = \"{CRATES_IO}\"\n\
             [[package]]\nname = \"forked\"\nversion = \"2.0.0\"\nsource = \"git+https://example.org/forked#1\"\n"
        );
        let complaints = rust_sources(&lock).unwrap();
        assert_eq!(complaints.len(), 1);
        assert!(complaints[0].starts_with("forked 2.0.0: comes from git+"), "{complaints:?}");
    }

    #[test]
    fn npm_packages_need_licence_source_and_hash() {
        let lock = r#"{ "lockfileVersion": 3, "packages": {
            "": { "name": "preau-web", "license": "EUPL-1.2" },
            "node_modules/good": { "version": "1.0.0", "integrity": "sha512-x", "license": "MIT" },
            "node_modules/a/node_modules/@b/c": { "version": "2.0.0", "license": "MIT",
                "resolved": "https://mirror.example.org/c.tgz", "integrity": "sha512-x" },
            "node_modules/bare": { "version": "3.0.0", "license": "MIT" } } }"#;
        let mut complaints = Vec::new();
        let found = npm_packages(lock, &allowed(), &mut complaints).unwrap();
        assert_eq!(found.len(), 3);
        assert_eq!(complaints.len(), 2, "{complaints:?}");
        assert!(complaints[0].starts_with("@b/c 2.0.0 (npm): comes from https://mirror"), "{complaints:?}");
        assert!(complaints[1].starts_with("bare 3.0.0 (npm): has no integrity"), "{complaints:?}");
        assert!(npm_packages(r#"{ "lockfileVersion": 1 }"#, &allowed(), &mut complaints).is_err());
    }
}
