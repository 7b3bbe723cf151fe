//! Which new passwords are accepted. Pure.
//!
//! Length counts, composition does not (NIST SP 800-63B, section 5.1.1.2; CNIL, deliberation 2022-100):
//! ten characters, and nothing that a classmate would try first.

use crate::identity::login;

/// Fewest characters.
pub(super) const SHORTEST: u32 = 10;
/// Most bytes; longer ones are refused rather than cut.
pub(super) const LONGEST: usize = 512;
/// Fewest different characters.
const FEWEST_DIFFERENT: usize = 5;

/// What stands in front of or behind digits in the passwords that are tried first in France and elsewhere.
const TRIED_FIRST: [&str; 36] = [
    "abcdefgh",
    "abcdefghij",
    "administrateur",
    "admin",
    "azerty",
    "azertyuiop",
    "azertyuiopqsdfghjklm",
    "bonjour",
    "chouchou",
    "chocolat",
    "college",
    "collegelycee",
    "doudou",
    "ecole",
    "enseignant",
    "football",
    "jetaime",
    "loulou",
    "lycee",
    "marseille",
    "minecraft",
    "motdepasse",
    "motdepass",
    "iloveyou",
    "password",
    "preau",
    "professeur",
    "qwerty",
    "qwertyuiop",
    "roblox",
    "secret",
    "soleil",
    "superman",
    "welcome",
    "eleve",
    "vacances",
];

/// Why a password is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PasswordFault {
    /// Fewer than [`SHORTEST`] characters.
    Short,
    /// More than [`LONGEST`] bytes.
    Long,
    /// Among the first that anybody would try: the person's own name, a date, a famous one.
    Guessable,
    /// The two are not the same.
    Differs,
}

impl PasswordFault {
    /// The text that tells the person.
    pub(super) fn key(self) -> &'static str {
        match self {
            PasswordFault::Short => "activation-password-short",
            PasswordFault::Long => "password-long",
            PasswordFault::Guessable => "password-guessable",
            PasswordFault::Differs => "activation-password-differs",
        }
    }
}

/// Accepts a new password typed twice, for the person with this login.
///
/// # Errors
/// The first [`PasswordFault`].
pub(super) fn accept(password: &str, again: &str, own_login: &str) -> Result<(), PasswordFault> {
    if password.len() > LONGEST {
        return Err(PasswordFault::Long);
    }
    if password.chars().count() < SHORTEST as usize {
        return Err(PasswordFault::Short);
    }
    if guessable(password, own_login) {
        return Err(PasswordFault::Guessable);
    }
    if password != again {
        return Err(PasswordFault::Differs);
    }
    Ok(())
}

fn guessable(password: &str, own_login: &str) -> bool {
    let mut different: Vec<char> = password.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < FEWEST_DIFFERENT {
        return true;
    }
    let letters = login::letters(password);
    if letters.is_empty() {
        // Digits and signs alone are a date or a telephone number; other alphabets are on no list here.
        return !password.chars().any(char::is_alphabetic) && password.chars().count() < 16;
    }
    let (given, family) = own_login.split_once('.').unwrap_or((own_login, ""));
    let (given, family) = (login::letters(given), login::letters(family));
    TRIED_FIRST.contains(&letters.as_str())
        || [format!("{given}{family}"), format!("{family}{given}"), given, family].contains(&letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_without_relation_are_welcome() {
        for good in [
            "platane gomme tricycle",
            "Le 24, nous irons",
            "密码密码很长的一个密码词",
            "correct-horse",
            "kZ8!pq2?Lm",
        ] {
            assert_eq!(accept(good, good, "maelys.verdoyant"), Ok(()), "{good}");
        }
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for bad in [
            "azertyuiop",
            "Azerty123456",
            "motdepasse1",
            "24/11/2012!",
            "1234567890",
            "maelysverdoyant",
            "Verdoyant2012",
            "verdoyant.maelys",
            "aaaaaaaaaaaa",
            "ababababab",
            "Maëlys-2012",
        ] {
            assert_eq!(accept(bad, bad, "maelys.verdoyant"), Err(PasswordFault::Guessable), "{bad}");
        }
        assert_eq!(accept("court", "court", "a.b"), Err(PasswordFault::Short));
        assert_eq!(accept(&"é".repeat(300), "", "a.b"), Err(PasswordFault::Long));
        assert_eq!(accept("platane gomme", "platane gommes", "a.b"), Err(PasswordFault::Differs));
    }
}
