//! The attributes each category may have, so that a new one is noticed.

use super::Category;

const PERSON: &[&str] = &[
    "ENTPersonJointure",
    "ENTPersonDateNaissance",
    "ENTPersonNomPatro",
    "ENTPersonNom",
    "ENTPersonPrenom",
    "ENTPersonCivilite",
    "sn",
    "givenName",
    "ENTPersonAutresPrenoms",
    "personalTitle",
    "ENTPersonStructRattach",
    "ENTPersonAdresse",
    "ENTPersonCodePostal",
    "ENTPersonVille",
    "ENTPersonPays",
    "ENTPersonAdresseDiffusion",
    "ENTPersonMail",
    "ENTPersonSexe",
    "ENTPersonTelPerso",
    "homePhone",
    "telephoneNumber",
    "mobile",
    "mail",
    "ENTPersonMobileSMS",
    "ENTPersonClasses",
    "ENTPersonGroupes",
    "categoriePersonne",
];

const PUPIL: &[&str] = &[
    "ENTEleveINE",
    "ENTEleveStructRattachId",
    "ENTElevePersRelEleve",
    "ENTEleveBoursier",
    "ENTEleveRegime",
    "ENTEleveTransport",
    "ENTEleveAdresseRel",
    "ENTEleveStatutEleve",
    "ENTEleveMEF",
    "ENTEleveLibelleMEF",
    "ENTEleveNivFormation",
    "ENTEleveNivFormationDiplome",
    "ENTEleveFiliere",
    "ENTEleveEnseignements",
    "ENTEleveCodeEnseignements",
    "ENTEleveDateEntreeClasses",
    "ENTEleveDateSortieClasses",
    "ENTEleveClasses",
    "ENTEleveGroupes",
    "ENTEleveMajeur",
    "ENTEleveMajeurAnticipe",
    "ENTEleveSpecialite",
    "ENTEleveParents",
    "ENTElevePere",
    "ENTEleveMere",
    "ENTEleveAutoriteParentale",
    "ENTElevePersRelEleve1",
    "ENTElevePersRelEleve2",
    "ENTEleveQualitePersRelEleve1",
    "ENTEleveQualitePersRelEleve2",
    "ENTEleveNiveau",
    "ENTEleveCycle",
    "ENTEleveTypeClasse",
    "ENTEleveRestaurantScolaire",
    "ENTEleveGarderieMatin",
    "ENTEleveGarderieSoir",
    "ENTEleveEtudesSurveillees",
];

const STAFF: &[&str] = &[
    "ENTPersonFonctions",
    "ENTPersonCategorieEnseignant",
    "PersEducNatPresenceDevantEleves",
    "ENTAuxEnsCategoDiscipline",
    "ENTAuxEnsDisciplinesPoste",
    "ENTAuxEnsMEF",
    "ENTAuxEnsMatiereEnseignEtab",
    "ENTAuxEnsClasses",
    "ENTAuxEnsGroupes",
    "ENTAuxEnsClassesMatieres",
    "ENTAuxEnsGroupesMatieres",
    "ENTAuxEnsClassesPrincipal",
    "ENTEnsFonctionDir",
    "ENTEnsSpecialites",
];

const GUARDIAN: &[&str] =
    &["ENTPersRelEleveTelPro", "ENTPersRelEleveTelMobile", "ENTPersRelEleveEleve", "ENTAuxPersRelEleveEleve"];

const STRUCTURE: &[&str] = &[
    "ENTStructureJointure",
    "ENTStructureUAI",
    "ENTEtablissementUAI",
    "ENTStructureSIREN",
    "ENTStructureNomCourant",
    "ENTStructureTypeStruct",
    "ENTStructureCodeTypeStruct",
    "ENTStructureBoitePostale",
    "ENTStructureAdresse",
    "ENTStructureCodePostal",
    "ENTStructureVille",
    "ENTStructureTelephone",
    "ENTStructureFax",
    "ENTStructureEmail",
    "ENTStructureMailSI",
    "ENTStructureClasses",
    "ENTStructureGroupes",
    "ENTStructureSiteWeb",
    "ENTEtablissementMinistereTutelle",
    "ENTEtablissementCodeMinistereTutelle",
    "ENTEtablissementContrat",
    "ENTEtablissementStructRattachFctl",
    "ENTEtablissementBassin",
    "ENTServAcAcademie",
    "ENTServAcCodeAcademie",
    "ENTServCodeAcAcademie",
    "ENTEcoleMinistereTutelle",
    "ENTEcoleCodeMinistereTutelle",
    "ENTEcoleSecteur",
    "ENTEcoleCirconscription",
    "ENTEcoleCommune",
    "ENTEcoleRPI",
    "postOfficeBox",
    "street",
    "postalCode",
    "l",
    "telephoneNumber",
    "facsimileTelephoneNumber",
    "categorieStructure",
];

const SUBJECT: &[&str] = &["ENTMatJointure", "ENTLibelleMatiere", "ENTMatiereJointure", "categorieMatiere"];

const STUDY_TRACK: &[&str] =
    &["ENTMefJointure", "ENTLibelleMef", "ENTMEFRattach", "ENTMEFSTAT11", "categorieMef"];

/// Whether a category may have an attribute of that name.
pub(super) fn is_known(category: Category, name: &str) -> bool {
    let of_category: &[&[&str]] = match category {
        Category::Structure => &[STRUCTURE],
        Category::Subject => &[SUBJECT],
        Category::StudyTrack => &[STUDY_TRACK],
        Category::Staff => &[PERSON, STAFF],
        Category::Guardian => &[PERSON, GUARDIAN],
        Category::Pupil => &[PERSON, PUPIL],
    };
    of_category.iter().any(|names| names.contains(&name))
}
