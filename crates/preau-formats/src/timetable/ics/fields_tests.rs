//! Fields of calendar events: the traps of real exports.

use super::*;

fn read(categories: &str, summary: &str, description: &str) -> LessonFields {
    let Category::Lesson(state) = Category::read(categories) else { panic!("no lesson: {categories}") };
    read_lesson(EventTexts { summary, description, location: "" }, state)
}

fn names(fields: &LessonFields) -> Vec<(GroupKind, &str, Vec<&str>)> {
    fields
        .groups
        .iter()
        .map(|g| (g.kind, g.label.as_str(), g.classes.iter().map(String::as_str).collect()))
        .collect()
}

#[test]
fn a_whole_class() {
    let found = read(
        "Cours",
        "FRANCAIS - 4A",
        r"Matière : FRANCAIS\nProfesseur : HOUBLON-KERVAL S.\nClasse : 4A\nSalle : B12\n",
    );
    assert_eq!(found.subject.label, "FRANCAIS");
    assert_eq!(found.teachers[0].family, "HOUBLON-KERVAL");
    assert_eq!(found.teachers[0].initial.as_deref(), Some("S"));
    assert_eq!(names(&found), [(GroupKind::Class, "4A", vec![])]);
    assert_eq!(found.room.as_deref(), Some("B12"));
    assert_eq!(found.state, LessonState::Normal);
}

#[test]
fn a_cancelled_group_across_two_classes() {
    let found = read(
        "Cours - Cours annulé",
        "Cours annulé : TECHNOLOGIE - [3TEC\\, A] - <3Z> 3Z1\\, <3W> 3W2",
        r"Cours annulé\nMatière : TECHNOLOGIE\nProfesseurs : PIVOINE P.\, LORIOT J.-M.\nGroupe : [3TEC\, A]\nParties de classe : &lt\;3Z&gt\; 3Z1\, &lt\;3W&gt\; 3W2\nPersonnel : AIDE A.",
    );
    assert_eq!(found.state, LessonState::Cancelled);
    assert_eq!(found.state_label.as_deref(), Some("Cours annulé"));
    assert_eq!(found.teachers.len(), 2);
    assert_eq!(found.teachers[1].initial.as_deref(), Some("J-M"));
    assert_eq!(
        names(&found),
        [
            (GroupKind::Group, "3TEC, A", vec!["3Z", "3W"]),
            (GroupKind::Part, "3Z1", vec!["3Z"]),
            (GroupKind::Part, "3W2", vec!["3W"]),
        ]
    );
}

#[test]
fn the_summary_fills_what_the_description_leaves_out() {
    let found =
        read("Cours - Cours modifié", "SCIENCES VIE &amp; TERRE - 4A", r"Matière : SVT\nSalle : Labo 2\n");
    assert_eq!(found.subject.label, "SVT");
    assert_eq!(names(&found), [(GroupKind::Class, "4A", vec![])]);
    assert_eq!(found.state, LessonState::Modified);

    let found = read("Cours", "VIE DE CLASSE - [5D - VIE DE CLASSE] - <5D> OUI", "");
    assert_eq!(found.subject.label, "VIE DE CLASSE");
    assert_eq!(
        names(&found),
        [(GroupKind::Group, "5D - VIE DE CLASSE", vec!["5D"]), (GroupKind::Part, "OUI", vec!["5D"])]
    );
}

#[test]
fn a_subject_with_a_dash_and_a_meeting_without_class() {
    let found = read("Cours", "LV2 - ESPAGNOL - 4A", r"Matière : LV2 - ESPAGNOL\n");
    assert_eq!(found.subject.label, "LV2 - ESPAGNOL");
    assert_eq!(names(&found), [(GroupKind::Class, "4A", vec![])]);

    let found = read(
        "Cours",
        r"CONCERTATION - PIVOINE P.\, LORIOT M.",
        r"Matière : CONCERTATION\nProfesseurs : PIVOINE P.\, LORIOT M.\nSalle : CDI",
    );
    assert!(found.groups.is_empty(), "{:?}", found.groups);

    let found = read("Cours", "MATHS - LORIOT M. - B2", r"Salle : B2");
    assert_eq!(found.teachers[0].family, "LORIOT");
    assert!(found.groups.is_empty());
}

#[test]
fn states_by_their_labels() {
    for (category, state) in [
        ("Cours", LessonState::Normal),
        ("Cours - Cours maintenu", LessonState::Normal),
        ("Cours - Réservation de matériel", LessonState::Normal),
        ("Cours - Cours annulé", LessonState::Cancelled),
        ("Cours - Prof. absent", LessonState::Cancelled),
        ("Cours - Classe absente", LessonState::Cancelled),
        ("Cours - Abs personnelle", LessonState::Cancelled),
        ("Cours - Sortie pédagogique", LessonState::Cancelled),
        ("Cours - Cours déplacé", LessonState::Modified),
        ("Cours - Changement de salle", LessonState::Modified),
        ("Cours - Accompagnement modifié", LessonState::Modified),
        ("Cours - Exceptionnel", LessonState::Exceptional),
        ("COURS - COURS ANNULE\u{301}", LessonState::Cancelled),
    ] {
        assert_eq!(read(category, "X - 4A", "").state, state, "{category}");
    }
}

#[test]
fn categories_that_are_no_lessons() {
    assert_eq!(Category::read("Jours fériés"), Category::Holiday);
    assert_eq!(Category::read("Vacances scolaires"), Category::Holiday);
    assert_eq!(Category::read(""), Category::Absent);
    assert_eq!(Category::read("Agenda"), Category::Other("Agenda".into()));
    assert_eq!(Category::read("Sessions de stage"), Category::Other("Sessions de stage".into()));
}

#[test]
fn prefixes_are_taken_off_only_when_they_are_states() {
    assert_eq!(split_prefix("Cours annulé : EPS - 4A", None), (Some("Cours annulé"), "EPS - 4A"));
    assert_eq!(split_prefix("Prof. absent : EPS", None), (Some("Prof. absent"), "EPS"));
    assert_eq!(split_prefix("Voyage : EPS", Some("voyage")), (Some("Voyage"), "EPS"));
    assert_eq!(split_prefix("EPS : natation", None), (None, "EPS : natation"));
}

#[test]
fn names_of_teachers() {
    let of = |text: &str| {
        let name = teacher(text).unwrap();
        (name.family, name.given, name.initial)
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(of("HOUBLON-KERVAL S."), ("HOUBLON-KERVAL".into(), None, some("S")));
    assert_eq!(of("Mme DE LA TOUR É."), ("DE LA TOUR".into(), None, some("É")));
    assert_eq!(of("M. LORIOT"), ("LORIOT".into(), None, None));
    assert_eq!(of("LORIOT Jean Marc"), ("LORIOT".into(), some("Jean Marc"), None));
    assert_eq!(of("Soizic Houblon-Kerval"), ("Houblon-Kerval".into(), some("Soizic"), None));
    assert_eq!(of("LORIOT"), ("LORIOT".into(), None, None));
    assert_eq!(of("M."), ("M.".into(), None, None));
    assert_eq!(teacher("   "), None);
}
