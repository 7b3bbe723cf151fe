//! Mutated input: whatever the bytes, a reader answers with records or an error, never with a panic
//! and never without end.

#![allow(clippy::unwrap_used)]

mod support;

use preau_formats::{Import, Input, Limits, ReadError};
use proptest::prelude::*;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use support::fixture;

/// Bytes of a file with the name that makes it recognised.
struct Seed {
    name: &'static str,
    bytes: Vec<u8>,
}

fn seeds() -> Vec<Seed> {
    let read = |name: &'static str| Seed {
        name: name.rsplit('/').next().unwrap(),
        bytes: std::fs::read(fixture(name)).unwrap(),
    };
    let csv = |name, text: &str| Seed { name, bytes: text.as_bytes().to_vec() };
    vec![
        read("aaf2d-complet/ENTPREAU_Complet_20261101_Eleve_0000.xml"),
        read("aaf2d-complet/ENTPREAU_Complet_20261101_PersEducNat_0000.xml"),
        read("aaf2d-complet/ENTPREAU_Complet_20261101_EtabEducNat_0000.xml"),
        read("aaf2d-delta/ENTPREAU_Delta_20261102_Eleve_0000.xml"),
        read("aaf1d-complet/ENT1DPREAU_Complet_20261101_Eleve_0000.xml"),
        read("oneroster-1.2-preau.zip"),
        csv("eleves.csv", "id;Nom;Prénom;Classe;Né le\n1;GRIVE;\"Zoé\";4A;01/02/2013\n2;PIC;Max;3B|4A;\n"),
        csv("parents.csv", "id,nom,prenom,childid,lien,legal\nR1,GRIVE,Ève,1,mère,oui\n"),
        csv(
            "users.csv",
            "sourcedId,status,role,givenName,familyName,agentSourcedIds\nu1,,student,Z,G,u2\nu2,,parent,E,G,\n",
        ),
    ]
}

/// Reads bytes to their end; says whether they were accepted.
fn survive(name: &str, bytes: Vec<u8>) -> bool {
    let limits = Limits { max_files: 100, max_inflated: 16 * 1024 * 1024, max_ratio: 250 };
    let import = match Import::open([Input::memory(bytes, name)], limits) {
        Ok(import) => import,
        Err(error) => {
            assert!(!error.message_fr().is_empty() && !error.message_en().is_empty());
            return false;
        }
    };
    let read = import.read(|item| {
        match item {
            preau_formats::Item::Skipped(s) => assert!(!s.message_fr().contains('\n')),
            preau_formats::Item::Warning(w) => assert!(!w.message_fr().contains('\n')),
            _ => {}
        }
        Ok::<(), Infallible>(())
    });
    match read {
        Ok(_) => true,
        Err(ReadError::Import(error)) => {
            assert!(!error.message_fr().is_empty() && !error.message_en().is_empty());
            false
        }
        Err(ReadError::Receiver(never)) => match never {},
    }
}

/// Small deterministic generator (xorshift): the same mutations on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % sides.max(1) as u64).unwrap()
    }
}

const SPICES: &[&[u8]] = &[
    b"<",
    b">",
    b"&",
    b"&#0;",
    b"&#xFFFFFFFF;",
    b"]]>",
    b"<![CDATA[",
    b"<!--",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>",
    b"$",
    b"$$$$$$$$",
    b"\"",
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\r",
    b";;;;",
    b",",
    b"\xe9",
    b"</value>",
    b"<value>",
    b"name=\"\"",
    b"<?xml encoding='utf-16'?>",
    b"99999999999999999999",
];

fn mutate(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.roll(4) {
        let at = dice.roll(bytes.len() + 1);
        match dice.roll(6) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] ^= 1 << dice.roll(8),
            2 => {
                let spice = SPICES[dice.roll(SPICES.len())];
                bytes.splice(at..at, spice.iter().copied());
            }
            3 if at < bytes.len() => {
                let end = (at + dice.roll(200)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 if at < bytes.len() => {
                let end = (at + dice.roll(500)).min(bytes.len());
                let copy = bytes[at..end].to_vec();
                let to = dice.roll(bytes.len());
                bytes.splice(to..to, copy);
            }
            _ => bytes.insert(at, u8::try_from(dice.roll(256)).unwrap()),
        }
    }
}

#[test]
fn mutated_fixtures_never_break_a_reader() {
    let budget = Duration::from_millis(700);
    for seed in seeds() {
        let mut dice = Dice(0x9e37_79b9_7f4a_7c15 ^ seed.bytes.len() as u64);
        assert!(survive(seed.name, seed.bytes.clone()) || seed.name.starts_with("parents"), "{}", seed.name);
        let started = Instant::now();
        let mut rounds = 0;
        while started.elapsed() < budget {
            let mut bytes = seed.bytes.clone();
            mutate(&mut bytes, &mut dice);
            survive(seed.name, bytes);
            rounds += 1;
        }
        assert!(rounds > 20, "{}: {rounds} rounds", seed.name);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_under_any_name(bytes in proptest::collection::vec(any::<u8>(), 0..2_000), pick in 0..5_usize) {
        let names = ["a.xml", "eleves.csv", "users.csv", "a.zip", "a.tgz"];
        survive(names[pick], bytes);
    }

    #[test]
    fn any_text_in_a_value_comes_out_or_is_told(text in "\\PC{0,80}") {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let requests = support::add_person("Eleve", "1", &[("sn", &["ESSAI"]), ("ENTElevePersRelEleve", &[&escaped])]);
        let import = Import::open([Input::memory(support::aaf(&requests), "Eleve.xml")], Limits::default()).unwrap();
        let summary = import.read(|_| Ok::<(), Infallible>(())).unwrap();
        let stated = summary.count(preau_formats::model::Kind::Guardianship);
        let said = stated + summary.skipped;
        prop_assert_eq!(said, u64::from(!text.trim().is_empty()));
    }

    #[test]
    fn any_names_survive_a_table(family in "[\\p{L} '\\-]{1,30}", given in "[\\p{L}]{1,20}") {
        prop_assume!(!family.trim().is_empty());
        let table = format!("nom;prenom;classe\n\"{family}\";{given};4A\n");
        let import = Import::open([Input::memory(table.into_bytes(), "eleves.csv")], Limits::default()).unwrap();
        let summary = import.read(|_| Ok::<(), Infallible>(())).unwrap();
        prop_assert_eq!(summary.count(preau_formats::model::Kind::Pupil), 1);
    }
}
