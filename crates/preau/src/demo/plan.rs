//! Who and what there is in the demonstration school. Pure and always the same.

/// The levels of a collège and how many classes each has: 19 in all.
const LEVELS: [(&str, usize); 4] = [("6", 5), ("5", 5), ("4", 5), ("3", 4)];
/// Letters of classes.
const LETTERS: [&str; 5] = ["A", "B", "C", "D", "E"];

/// A subject: code of the national nomenclature, name, hue, and how many teachers teach it.
pub(super) struct SubjectPlan {
    pub(super) code: &'static str,
    pub(super) label: &'static str,
    pub(super) hue: u8,
    pub(super) teachers: usize,
}

/// The subjects of a collège; the teachers add up to 40.
pub(super) const SUBJECTS: [SubjectPlan; 12] = [
    SubjectPlan { code: "020700", label: "Français", hue: 3, teachers: 6 },
    SubjectPlan { code: "061300", label: "Mathématiques", hue: 0, teachers: 6 },
    SubjectPlan { code: "040300", label: "Histoire-géographie", hue: 6, teachers: 4 },
    SubjectPlan { code: "030201", label: "Anglais", hue: 9, teachers: 5 },
    SubjectPlan { code: "030602", label: "Espagnol", hue: 2, teachers: 3 },
    SubjectPlan { code: "062900", label: "Sciences de la vie et de la Terre", hue: 5, teachers: 3 },
    SubjectPlan { code: "062300", label: "Physique-chimie", hue: 8, teachers: 3 },
    SubjectPlan { code: "070500", label: "Technologie", hue: 10, teachers: 2 },
    SubjectPlan { code: "090100", label: "Arts plastiques", hue: 11, teachers: 2 },
    SubjectPlan { code: "080100", label: "Éducation musicale", hue: 1, teachers: 2 },
    SubjectPlan { code: "100100", label: "Éducation physique et sportive", hue: 4, teachers: 3 },
    SubjectPlan { code: "043700", label: "Enseignement moral et civique", hue: 7, teachers: 1 },
];

const GIVEN: [&str; 48] = [
    "Maëlys",
    "Noé",
    "Inès",
    "Gabriel",
    "Jade",
    "Adam",
    "Louise",
    "Raphaël",
    "Lina",
    "Arthur",
    "Chloé",
    "Ismaël",
    "Anna",
    "Jules",
    "Fatou",
    "Élie",
    "Rose",
    "Malo",
    "Nour",
    "Victor",
    "Zoé",
    "Sacha",
    "Aya",
    "Léon",
    "Camille",
    "Yanis",
    "Éléonore",
    "Tom",
    "Salomé",
    "Ibrahim",
    "Margaux",
    "Nathan",
    "Assia",
    "Paul",
    "Lou",
    "Côme",
    "Mei",
    "Augustin",
    "Sofia",
    "Enzo",
    "Apolline",
    "Samuel",
    "Léna",
    "Oscar",
    "Hana",
    "Marius",
    "Iris",
    "Timéo",
];

const FAMILY: [&str; 60] = [
    "Aubépine",
    "Bleuet",
    "Bruyère",
    "Capucine",
    "Charme",
    "Châtaignier",
    "Chèvrefeuille",
    "Coquelicot",
    "Cornouiller",
    "Cyprès",
    "Églantine",
    "Érable",
    "Fougère",
    "Framboisier",
    "Frêne",
    "Fusain",
    "Genêt",
    "Genévrier",
    "Giroflée",
    "Glycine",
    "Hêtre",
    "Houblon",
    "Houx",
    "Iris",
    "Jacinthe",
    "Jonquille",
    "Laurier",
    "Lavande",
    "Lilas",
    "Lierre",
    "Marjolaine",
    "Marronnier",
    "Mélèze",
    "Mélisse",
    "Merisier",
    "Mimosa",
    "Mirabelle",
    "Muguet",
    "Myrtille",
    "Narcisse",
    "Noisetier",
    "Olivier",
    "Orme",
    "Osier",
    "Pervenche",
    "Peuplier",
    "Platane",
    "Pommier",
    "Prunier",
    "Réséda",
    "Romarin",
    "Sauge",
    "Saule",
    "Sorbier",
    "Sureau",
    "Tilleul",
    "Tremble",
    "Troène",
    "Verveine",
    "Violette",
];

/// A class.
pub(super) struct ClassPlan {
    pub(super) code: String,
    pub(super) level: &'static str,
    pub(super) pupils: usize,
    /// Year of birth of most of its pupils.
    pub(super) born: i16,
}

/// The nineteen classes, 24 or 25 pupils each: 460.
pub(super) fn classes(school_year: i16) -> Vec<ClassPlan> {
    let mut plans = Vec::new();
    for (age, (level, count)) in LEVELS.iter().enumerate() {
        for letter in LETTERS.iter().take(*count) {
            let pupils = if plans.len() < 4 { 25 } else { 24 };
            plans.push(ClassPlan {
                code: format!("{level}{letter}"),
                level,
                pupils,
                born: school_year - 11 - age as i16,
            });
        }
    }
    plans
}

/// A name that no other index below 2,880 has; `salt` keeps kinds of people apart.
pub(super) fn name(index: usize, salt: usize) -> (&'static str, String) {
    let given = GIVEN[(index * 7 + salt * 5) % GIVEN.len()];
    let family = FAMILY[(index * 11 + index / GIVEN.len() + salt * 13) % FAMILY.len()];
    // One long name, so that everybody sees at once whether a page bears it.
    if salt == 0 && index == 17 {
        return ("Marie-Anne-Élisabeth", "de La Rochefoucauld-Montbazon".to_owned());
    }
    (given, family.to_owned())
}

/// First names of grown-ups, with how they are addressed.
const ADULTS: [(&str, &str); 24] = [
    ("Mme", "Soizic"),
    ("M.", "Bertrand"),
    ("Mme", "Claire"),
    ("Mme", "Nadia"),
    ("M.", "Olivier"),
    ("Mme", "Aminata"),
    ("M.", "Thierry"),
    ("Mme", "Sylvie"),
    ("M.", "Karim"),
    ("Mme", "Isabelle"),
    ("M.", "Étienne"),
    ("Mme", "Hélène"),
    ("M.", "Mathieu"),
    ("Mme", "Catherine"),
    ("M.", "Julien"),
    ("Mme", "Fatiha"),
    ("M.", "Philippe"),
    ("Mme", "Agnès"),
    ("M.", "Denis"),
    ("Mme", "Laurence"),
    ("M.", "Rachid"),
    ("Mme", "Valérie"),
    ("M.", "Sébastien"),
    ("Mme", "Delphine"),
];

/// A teacher: how they are addressed, first name, family name. Forty of them have names of their own.
pub(super) fn teacher(index: usize) -> (&'static str, &'static str, &'static str) {
    let (title, given) = ADULTS[index * 5 % ADULTS.len()];
    (title, given, FAMILY[(index * 7 + 3) % FAMILY.len()])
}

/// The guardian of a family: mothers and fathers in turn.
pub(super) fn guardian(index: usize, father: bool) -> (&'static str, &'static str) {
    let wanted = if father { "M." } else { "Mme" };
    let mut those = ADULTS.iter().filter(|(title, _)| *title == wanted).cycle().skip(index % ADULTS.len());
    those.next().copied().unwrap_or((wanted, "Camille"))
}

/// Which subject class `class` has in slot `slot` of a day, as an order of preference.
pub(super) fn preference(class: usize, day: usize, slot: usize) -> impl Iterator<Item = usize> {
    let start = class * 5 + day * 7 + slot * 3;
    (0..SUBJECTS.len()).map(move |step| (start + step * 5) % SUBJECTS.len())
}

/// Work set in the demonstration, by subject code: what was done, what is to be done, whether it is
/// handed in.
pub(super) const WORK: [(&str, &str, &str, bool); 8] = [
    (
        "020700",
        "Lecture à voix haute du chapitre 2, puis relevé des verbes au passé simple.",
        "Lire le chapitre 3 et répondre aux questions 1 à 4, page 57.",
        false,
    ),
    (
        "061300",
        "Théorème de Thalès : figure clé et premier exemple.",
        "Exercices 12 et 14, page 203. Une photo du cahier suffit.",
        true,
    ),
    (
        "040300",
        "La Méditerranée au XIIe siècle : carte et légende.",
        "Apprendre la leçon et compléter le croquis.",
        false,
    ),
    (
        "030201",
        "Prétérit : verbes irréguliers, première série.",
        "Apprendre les vingt verbes de la fiche.",
        false,
    ),
    (
        "062900",
        "Observation d’une coupe de feuille au microscope.",
        "Terminer le dessin d’observation et le légender.",
        true,
    ),
    ("062300", "Masse et volume : mesures en binômes.", "", false),
    ("090100", "Croquis du préau, point de fuite.", "Apporter deux photos d’un lieu en perspective.", false),
    ("080100", "Chant : deuxième voix du refrain.", "", false),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_school_has_the_size_it_claims() {
        let classes = classes(2026);
        assert_eq!(classes.len(), 19);
        assert_eq!(classes.iter().map(|class| class.pupils).sum::<usize>(), 460);
        assert_eq!(SUBJECTS.iter().map(|subject| subject.teachers).sum::<usize>(), 40);
    }

    #[test]
    fn pupils_have_names_of_their_own() {
        let names: HashSet<_> = (0..460).map(|index| name(index, 0)).collect();
        assert_eq!(names.len(), 460);
    }

    #[test]
    fn every_slot_knows_all_subjects() {
        assert_eq!(preference(3, 1, 2).collect::<HashSet<_>>().len(), SUBJECTS.len());
    }
}
