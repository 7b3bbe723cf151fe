//! `cargo xtask dist`: the binary to publish, with the checksum that people verify it by.
//!
//! It is the `dist` profile of Cargo.toml: link-time optimisation and no symbols, which takes minutes and
//! is worth it only here.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::steps::run_in;

/// Builds into `target/dist-files/`: `preau-0.1.0-x86_64-linux` and the same with `.sha256`.
pub(crate) fn run(root: &Path) -> Result<()> {
    run_in(root, "cargo", &["build", "--profile", "dist", "--locked", "--package", "preau", "--bins"], &[])?;
    let built = root.join("target/dist/preau");
    let folder = root.join("target/dist-files");
    fs::create_dir_all(&folder)?;
    let version = env!("CARGO_PKG_VERSION");
    let name = format!("preau-{version}-{}-{}", std::env::consts::ARCH, std::env::consts::OS);
    fs::copy(&built, folder.join(&name)).with_context(|| format!("copying {}", built.display()))?;
    let bytes = fs::read(&built)?;
    let line = checksum_line(&bytes, &name);
    fs::write(folder.join(format!("{name}.sha256")), &line)?;
    println!("target/dist-files/{name}: {:.1} MB\n{}", bytes.len() as f64 / 1e6, line.trim_end());
    Ok(())
}

/// As `sha256sum --check` reads it.
fn checksum_line(bytes: &[u8], name: &str) -> String {
    let digest = Sha256::digest(bytes);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}  {name}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_fips_180() {
        // FIPS 180-2, appendix B.1.
        let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  preau\n";
        assert_eq!(checksum_line(b"abc", "preau"), expected);
    }
}
