//! The columns of generic CSV files under the many names schools give them.
//!
//! Headers are compared without case, accents, blanks or punctuation, so that `Prénom*`, `PRENOM` and
//! `prénom ` are one. Some columns may come several times (classes, children): each occurrence counts.

use crate::values::fold;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Column {
    Id,
    Family,
    Given,
    BirthFamily,
    OtherGiven,
    Title,
    BirthDate,
    Ine,
    Class,
    Group,
    SchoolNumber,
    SchoolName,
    StudyTrack,
    Level,
    Boarding,
    Email,
    HomePhone,
    WorkPhone,
    Mobile,
    Address,
    PostalCode,
    Town,
    Country,
    Function,
    Subject,
    TutoredClass,
    ChildId,
    ChildFamily,
    ChildGiven,
    ChildClass,
    Link,
    Legal,
    Username,
    Profile,
    /// Known, of no use here.
    Ignored,
}

/// Folded header names by column. One line a column; add what schools send.
const ALIASES: &[(Column, &[&str])] = &[
    (
        Column::Id,
        &[
            "externalid",
            "id",
            "identifiant",
            "identifiantexterne",
            "idexterne",
            "numero",
            "matricule",
            "code",
            "identifiantunique",
            "uid",
            "ideleve",
            "identifianteleve",
            "ideleves",
            "numeroeleve",
            "numinterne",
            "idparent",
            "idresponsable",
            "idenseignant",
            "idpersonnel",
            "idprof",
            "userid",
            "studentid",
        ],
    ),
    (
        Column::Family,
        &[
            "nom",
            "nomdefamille",
            "lastname",
            "familyname",
            "surname",
            "nomusage",
            "nomdusage",
            "nomeleve",
            "nomdeleleve",
            "nomdusageeleve",
            "nomresponsable",
            "nomresponsablelegal",
            "nomparent",
            "nomenseignant",
            "nomdefamilleeleve",
            "last",
        ],
    ),
    (
        Column::Given,
        &[
            "prenom",
            "prenomusuel",
            "prenomdusage",
            "firstname",
            "givenname",
            "prenomeleve",
            "prenomdeleleve",
            "prenomresponsable",
            "prenomresponsablelegal",
            "prenomparent",
            "prenomenseignant",
            "prenom1",
            "first",
        ],
    ),
    (
        Column::BirthFamily,
        &["nomdenaissance", "nomnaissance", "nompatronymique", "nomjeunefille", "birthname"],
    ),
    (
        Column::OtherGiven,
        &["autresprenoms", "prenoms", "prenom2", "prenom3", "deuxiemeprenom", "troisiemeprenom"],
    ),
    (Column::Title, &["civilite", "titre", "title", "civiliteresponsable"]),
    (
        Column::BirthDate,
        &[
            "datedenaissance",
            "datenaissance",
            "naissance",
            "neele",
            "nele",
            "neeele",
            "birthdate",
            "dateofbirth",
            "birthday",
            "ddn",
            "datenaiss",
            "datenaissanceeleve",
            "nee",
        ],
    ),
    (Column::Ine, &["ine", "idnational", "identifiantnational", "numeroine", "nationalid", "inebea"]),
    (
        Column::Class,
        &[
            "classe",
            "classes",
            "division",
            "divisions",
            "class",
            "codeclasse",
            "nomclasse",
            "nomdelaclasse",
            "libelleclasse",
            "classeeleve",
            "classename",
            "classname",
            "divisioncode",
            "coddivision",
            "structure",
        ],
    ),
    (Column::Group, &["groupe", "groupes", "group", "groups", "nomgroupe", "groupesenseignement"]),
    (
        Column::SchoolNumber,
        &[
            "uai",
            "rne",
            "codeuai",
            "coderne",
            "uairne",
            "numerouai",
            "uaietablissement",
            "structureuai",
            "codeetablissement",
        ],
    ),
    (Column::SchoolName, &["etablissement", "nometablissement", "ecole", "nomecole", "school", "schoolname"]),
    (Column::StudyTrack, &["mef", "codemef", "mefcode"]),
    (Column::Level, &["niveau", "level", "niveaudeformation", "niveauclasse", "grade", "formation"]),
    (Column::Boarding, &["regime", "regimeeleve", "boarding"]),
    (
        Column::Email,
        &[
            "email",
            "mail",
            "courriel",
            "mel",
            "adressemail",
            "adresseemail",
            "adressecourriel",
            "emailresponsable",
            "adresseelectronique",
        ],
    ),
    (
        Column::HomePhone,
        &[
            "telephone",
            "tel",
            "phone",
            "homephone",
            "teldomicile",
            "telephonedomicile",
            "telephonefixe",
            "telfixe",
            "telpersonnel",
            "telephonepersonnel",
            "telephonemaison",
        ],
    ),
    (
        Column::WorkPhone,
        &[
            "telephonetravail",
            "teltravail",
            "workphone",
            "telprofessionnel",
            "telephoneprofessionnel",
            "telpro",
            "telephonepro",
        ],
    ),
    (
        Column::Mobile,
        &[
            "mobile",
            "portable",
            "telportable",
            "telephoneportable",
            "telmobile",
            "telephonemobile",
            "gsm",
            "mobilephone",
            "sms",
        ],
    ),
    (
        Column::Address,
        &["adresse", "address", "rue", "adresse1", "adresseligne1", "adressepostale", "adresseresponsable"],
    ),
    (Column::PostalCode, &["cp", "codepostal", "postalcode", "zip", "zipcode", "cpcommune", "cpresponsable"]),
    (Column::Town, &["ville", "commune", "city", "town", "villeresponsable", "communeresponsable"]),
    (Column::Country, &["pays", "country", "paysresponsable"]),
    (Column::Function, &["fonction", "fonctions", "function", "emploi", "poste", "job"]),
    (
        Column::Subject,
        &[
            "matiere",
            "matieres",
            "discipline",
            "disciplines",
            "subject",
            "subjects",
            "matiereenseignee",
            "matieresenseignees",
        ],
    ),
    (
        Column::TutoredClass,
        &[
            "professeurprincipal",
            "profprincipal",
            "pp",
            "classepp",
            "classeprincipale",
            "professeurprincipalde",
            "headteacher",
        ],
    ),
    (
        Column::ChildId,
        &[
            "childexternalid",
            "childid",
            "idenfant",
            "identifiantenfant",
            "enfantid",
            "ideleveenfant",
            "externalidenfant",
            "idexterneenfant",
            "identifiantexterneenfant",
            "childrenids",
        ],
    ),
    (
        Column::ChildFamily,
        &[
            "nomenfant",
            "childlastname",
            "nomdelenfant",
            "nomdefamilleenfant",
            "nomusageenfant",
            "nomdusageenfant",
        ],
    ),
    (Column::ChildGiven, &["prenomenfant", "childfirstname", "prenomdelenfant"]),
    (
        Column::ChildClass,
        &["classeenfant", "childclass", "childclasses", "classedelenfant", "divisionenfant"],
    ),
    (
        Column::Link,
        &[
            "lien",
            "lienparente",
            "liendeparente",
            "parente",
            "relation",
            "qualite",
            "lienaveclenfant",
            "lienavecleleve",
            "lieneleve",
        ],
    ),
    (
        Column::Legal,
        &[
            "responsablelegal",
            "legal",
            "responsabilitelegale",
            "autoriteparentale",
            "niveauresponsabilite",
            "resplegal",
            "typeresponsable",
        ],
    ),
    (Column::Username, &["login", "username", "nomutilisateur", "identifiantconnexion", "utilisateur"]),
    (Column::Profile, &["profil", "profile", "type", "typeutilisateur", "role", "categorie", "statut"]),
    (
        Column::Ignored,
        &[
            "sexe",
            "genre",
            "gender",
            "sex",
            "cycle",
            "motdepasse",
            "password",
            "photo",
            "boursier",
            "transport",
            "lv1",
            "lv2",
            "lieudenaissance",
            "villedenaissance",
            "communenaissance",
            "paysnaissance",
            "nationalite",
            "adresse2",
            "adresse3",
            "adresseligne2",
            "adresseligne3",
            "dateentree",
            "datesortie",
            "options",
            "childusername",
            "loginenfant",
            "identifiantclasse",
            "etat",
            "commentaire",
            "remarque",
            "observations",
        ],
    ),
];

/// The column a header names.
pub(crate) fn column_of(header: &str) -> Option<Column> {
    let folded = fold(header);
    if let Some(column) = exact(&folded) {
        return Some(column);
    }
    // Repeated columns are often numbered: Classe 1, Classe 2, Enfant 1 nom.
    let bare: String = folded.chars().filter(|c| !c.is_ascii_digit()).collect();
    if bare.len() < folded.len() { exact(&bare) } else { None }
}

fn exact(folded: &str) -> Option<Column> {
    ALIASES.iter().find(|(_, names)| names.contains(&folded)).map(|(column, _)| *column)
}

/// The columns of a table, by position.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    columns: Vec<Option<Column>>,
}

impl Columns {
    pub(crate) fn new(headers: &[String]) -> Self {
        Self { columns: headers.iter().map(|header| column_of(header)).collect() }
    }

    pub(crate) fn has(&self, column: Column) -> bool {
        self.columns.contains(&Some(column))
    }

    /// Positions of all occurrences, from left to right.
    pub(crate) fn all(&self, column: Column) -> impl Iterator<Item = usize> {
        self.columns.iter().enumerate().filter(move |(_, c)| **c == Some(column)).map(|(at, _)| at)
    }

    /// Headers that named nothing.
    pub(crate) fn unknown<'h>(&self, headers: &'h [String]) -> impl Iterator<Item = &'h str> {
        headers
            .iter()
            .zip(self.columns.iter())
            .filter(|(header, column)| column.is_none() && !header.is_empty())
            .map(|(header, _)| header.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_are_folded_and_unambiguous() {
        let mut seen = std::collections::HashMap::new();
        for (column, names) in ALIASES {
            for name in *names {
                assert_eq!(&fold(name), name, "aliases are written folded");
                if let Some(other) = seen.insert(*name, *column) {
                    panic!("{name} is both {other:?} and {column:?}");
                }
            }
        }
    }

    #[test]
    fn headers_in_their_disguises() {
        assert_eq!(column_of("Prénom*"), Some(Column::Given));
        assert_eq!(column_of("NOM "), Some(Column::Family));
        assert_eq!(column_of("Né(e) le"), Some(Column::BirthDate));
        assert_eq!(column_of("Classe 2"), Some(Column::Class));
        assert_eq!(column_of("childExternalId"), Some(Column::ChildId));
        assert_eq!(column_of("couleur préférée"), None);
    }
}
