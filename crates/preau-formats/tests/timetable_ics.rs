//! iCalendar files as a whole: Pronote's export, other calendars, and what goes wrong with either.

use jiff::civil::date;
use preau_formats::timetable::{
    Effect, Found, GroupKind, LessonRecord, LessonState, NoticeKind, ReadOptions, SchoolZone, Timetable,
    TimetableError, WrongFormat, read_ics,
};

const PRONOTE: &[u8] = include_bytes!("fixtures/timetable/pronote.ics");

fn options() -> ReadOptions {
    ReadOptions::named("mesinformations.ics")
}

fn read(bytes: &[u8]) -> Result<Timetable, TimetableError> {
    read_ics(bytes, &options())
}

/// A calendar around these events, with the line ends of the standard.
fn calendar(producer: &str, body: &str) -> Vec<u8> {
    format!("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:{producer}\n{body}END:VCALENDAR\n")
        .replace('\n', "\r\n")
        .into_bytes()
}

fn pronote(body: &str) -> Timetable {
    read(&calendar("Copyright Index-Education - ProNote2026", body)).expect("a readable calendar")
}

fn other(body: &str) -> Timetable {
    read(&calendar("-//Autre//Agenda//FR", body)).expect("a readable calendar")
}

fn event(lines: &str) -> String {
    format!("BEGIN:VEVENT\n{lines}\nEND:VEVENT\n")
}

fn local(lesson: &LessonRecord) -> String {
    let zone = SchoolZone::paris();
    format!(
        "{} {}",
        zone.local(lesson.starts_at).strftime("%F %R"),
        zone.local(lesson.ends_at).strftime("%R")
    )
}

fn kinds(timetable: &Timetable) -> Vec<&NoticeKind> {
    timetable.notices.iter().map(|notice| &notice.kind).collect()
}

#[test]
fn the_export_of_pronote() {
    let found = read(PRONOTE).unwrap();
    assert_eq!(found.header.first_day, Some(date(2026, 8, 31)));
    assert_eq!(found.header.last_day, Some(date(2027, 7, 2)));
    assert!(found.notices.is_empty(), "{:?}", found.notices);

    let [svt, french, spanish] = found.lessons.as_slice() else { panic!("{:?}", found.lessons) };
    assert_eq!(svt.source_key.as_str(), "Cours-40050-1");
    assert_eq!(local(svt), "2026-09-07 08:00 08:55");
    assert_eq!((svt.subject.label.as_str(), svt.room.as_deref()), ("SVT", Some("Labo 2")));
    assert_eq!(svt.groups[0].label, "4A");
    assert_eq!(svt.state, LessonState::Modified);

    assert_eq!(french.source_key.as_str(), "Cours-40048-1");
    assert_eq!(local(french), "2026-11-02 08:00 08:55");
    assert_eq!(french.teachers[0].family, "HOUBLON-KERVAL");
    assert_eq!(french.teachers[0].initial.as_deref(), Some("S"));
    assert_eq!((french.state, french.line, &*french.file), (LessonState::Normal, 6, "mesinformations.ics"));

    assert_eq!(local(spanish), "2026-11-03 10:05 11:55");
    assert_eq!(spanish.state, LessonState::Cancelled);
    assert_eq!(spanish.teachers[0].family, "ROITELET");
    assert_eq!(spanish.groups[0].kind, GroupKind::Group);
    assert_eq!(
        (spanish.groups[0].label.as_str(), spanish.groups[0].classes.as_slice()),
        ("4ESP1", ["4A".to_owned()].as_slice())
    );
    assert_eq!((spanish.groups[1].kind, spanish.groups[1].label.as_str()), (GroupKind::Part, "4A gr1"));
    assert!(spanish.is_shown(), "nothing replaces it, so it shows as cancelled");

    assert_eq!(found.holidays.len(), 1);
    assert_eq!((found.holidays[0].first, found.holidays[0].last), (date(2026, 12, 19), date(2027, 1, 3)));
    assert_eq!(found.holidays[0].label, "Vacances");
}

#[test]
fn a_second_export_gives_the_same_keys() {
    let later = String::from_utf8(PRONOTE.to_vec()).unwrap().replace("20261101T195501Z", "20261215T060000Z");
    let (first, second) = (read(PRONOTE).unwrap(), read(later.as_bytes()).unwrap());
    assert_eq!(first.lessons, second.lessons);
}

#[test]
fn a_replaced_lesson_is_hidden_but_half_a_class_does_not_replace_the_whole() {
    let lesson = |uid: u32, category: &str, start: &str, end: &str, subject: &str, who: &str| {
        event(&format!(
            "UID:Cours-{uid}-1-20261101T195501Z-Index-Education\nCATEGORIES:{category}\nDTSTART:{start}Z\nDTEND:{end}Z\nSUMMARY:{subject} - {who}\nDESCRIPTION:Matière : {subject}\\n{who}\\n"
        ))
    };
    let found = pronote(
        &[
            lesson(1, "Cours - Cours annulé", "20261102T070000", "20261102T085000", "MATHS", "Classe : 4A"),
            lesson(2, "Cours - Cours déplacé", "20261102T075500", "20261102T085000", "EPS", "Classe : 4 a"),
            lesson(3, "Cours - Cours annulé", "20261103T070000", "20261103T075500", "MATHS", "Classe : 4A"),
            lesson(
                4,
                "Cours",
                "20261103T070000",
                "20261103T075500",
                "AIDE",
                r"Groupe : [4AIDE]\nPartie de classe : <4A> gr1",
            ),
            lesson(
                5,
                "Cours - Cours annulé",
                "20261104T070000",
                "20261104T075500",
                "MATHS",
                r"Groupe : [4M]\nParties de classe : <4A> gr1\, <4B> gr1",
            ),
            lesson(
                6,
                "Cours - Exceptionnel",
                "20261104T070000",
                "20261104T075500",
                "SORTIE",
                r"Classes : 4A\, 4B",
            ),
            lesson(7, "Cours - Cours annulé", "20261105T070000", "20261105T075500", "MATHS", "Classe : 4A"),
            lesson(8, "Cours", "20261105T075500", "20261105T085000", "MATHS", "Classe : 4A"),
        ]
        .concat(),
    );
    let by_key = |key: &str| found.lessons.iter().find(|lesson| lesson.source_key.as_str() == key).unwrap();
    assert_eq!(by_key("Cours-1-1").replaced_by.as_ref().unwrap().as_str(), "Cours-2-1");
    assert_eq!(by_key("Cours-2-1").replaces.as_ref().unwrap().as_str(), "Cours-1-1");
    assert!(!by_key("Cours-1-1").is_shown());
    assert!(by_key("Cours-3-1").is_shown(), "the other half of the class still has nothing");
    assert!(!by_key("Cours-5-1").is_shown(), "both classes of the group are elsewhere");
    assert_eq!(by_key("Cours-6-1").state, LessonState::Exceptional);
    assert!(by_key("Cours-7-1").is_shown(), "the lesson after does not overlap");
}

#[test]
fn what_is_no_lesson_is_skipped_and_told() {
    let found = pronote(&[
        event("UID:a\nCATEGORIES:Agenda\nDTSTART;VALUE=DATE:20260907\nDTEND;VALUE=DATE:20260909\nSUMMARY:Photos"),
        event("UID:b\nCATEGORIES:Sessions de stage\nDTSTART:20260907T080000Z\nDTEND:20260907T090000Z\nSUMMARY:Stage"),
        event("UID:c\nDTSTART:20260907T080000Z\nDTEND:20260907T090000Z\nSUMMARY:Réunion"),
        event("UID:d\nCATEGORIES:Jours fériés\nDTSTART;VALUE=DATE:20261111\nDTEND;VALUE=DATE:20261111\nSUMMARY:Armistice"),
    ].concat());
    assert!(found.lessons.is_empty());
    assert_eq!(found.notices.len(), 3);
    assert!(found.notices.iter().all(|notice| notice.effect == Effect::Skipped));
    assert_eq!(found.notices[0].fr(), "Ignoré : « Agenda » n'est pas une séance.");
    assert_eq!(found.notices[0].line, 4);
    assert_eq!((found.holidays[0].first, found.holidays[0].last), (date(2026, 11, 11), date(2026, 11, 11)));
}

#[test]
fn other_calendars_with_zones_and_recurrences() {
    let zone = "BEGIN:VTIMEZONE\nTZID:Europe/Paris\nBEGIN:STANDARD\nDTSTART:19701025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n";
    let weekly = event(
        "UID:hebdo@exemple.fr\nSUMMARY:Allemand - 3C\nLOCATION:Salle 4\\, étage 2\nDTSTART;TZID=Europe/Paris:20261012T080000\nDTEND;TZID=Europe/Paris:20261012T085500\nRRULE:FREQ=WEEKLY;UNTIL=20261109T070000Z\nEXDATE;TZID=Europe/Paris:20261019T080000,20261026T080000\nBEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Matière : Sonnerie\nEND:VALARM",
    );
    let moved = event(
        "UID:hebdo@exemple.fr\nRECURRENCE-ID;TZID=Europe/Paris:20261102T080000\nSUMMARY:Allemand - 3C\nDTSTART;TZID=Europe/Paris:20261103T140000\nDTEND;TZID=Europe/Paris:20261103T145500",
    );
    let cancelled =
        event("UID:seul\nSTATUS:CANCELLED\nSUMMARY:Latin\nDTSTART:20261110T100000\nDURATION:PT1H");
    // The exception may stand before the rule it is about.
    for body in [[zone, &moved, &weekly, &cancelled].concat(), [zone, &weekly, &cancelled, &moved].concat()] {
        let found = other(&body);
        assert!(found.notices.is_empty(), "{:?}", found.notices);
        let hours: Vec<_> = found.lessons.iter().map(local).collect();
        assert_eq!(
            hours,
            [
                "2026-10-12 08:00 08:55",
                "2026-11-03 14:00 14:55",
                "2026-11-09 08:00 08:55",
                "2026-11-10 10:00 11:00"
            ]
        );
        assert_eq!(found.lessons[0].subject.label, "Allemand");
        assert_eq!(found.lessons[0].groups[0].label, "3C");
        assert_eq!(found.lessons[0].room.as_deref(), Some("Salle 4, étage 2"));
        assert_eq!(found.lessons[0].source_key.as_str(), "hebdo@exemple.fr@20261012T0600Z");
        assert_eq!(found.lessons[1].source_key.as_str(), "hebdo@exemple.fr@20261102T0700Z");
        assert_eq!(found.lessons[3].state, LessonState::Cancelled);
    }
}

#[test]
fn holidays_of_the_ministry_and_other_whole_days() {
    let found = other(&[
        event("UID:v\nSUMMARY:Vacances de la Toussaint - Zone A\nDTSTART;VALUE=DATE:20261017\nDTEND;VALUE=DATE:20261102"),
        event("UID:t\nSUMMARY:Kermesse\nDTSTART;VALUE=DATE:20270612"),
    ].concat());
    assert_eq!((found.holidays[0].first, found.holidays[0].last), (date(2026, 10, 17), date(2026, 11, 1)));
    assert_eq!(kinds(&found), [&NoticeKind::NotALesson("Kermesse".into())]);
}

#[test]
fn bad_events_are_skipped_one_by_one() {
    let good = event("UID:bon\nSUMMARY:Maths\nDTSTART:20261102T080000\nDTEND:20261102T090000");
    for (lines, expected) in [
        ("UID:x\nSUMMARY:X", NoticeKind::NoStart),
        (
            "UID:x\nDTSTART:demain\nDTEND:20261102T090000",
            NoticeKind::UnreadableDate("DTSTART", "demain".into()),
        ),
        (
            "UID:x\nDTSTART:20261102T090000\nDTEND:bientôt",
            NoticeKind::UnreadableDate("DTEND", "bientôt".into()),
        ),
        ("UID:x\nDTSTART:00010101T090000\nDTEND:20261102T090000", NoticeKind::AbsurdDate("00010101".into())),
        ("UID:x\nDTSTART:20261102T090000\nDTEND:20261102T080000", NoticeKind::EndNotAfterStart),
        ("UID:x\nDTSTART:20261102T090000\nDTEND:20261102T090000", NoticeKind::EndNotAfterStart),
        ("UID:x\nDTSTART:20261102T090000", NoticeKind::EndNotAfterStart),
        ("UID:x\nDTSTART:20261102T090000\nDTEND:20261109T090000", NoticeKind::TooLong(168)),
        (
            "UID:x\nSUMMARY:Vacances\nDTSTART;VALUE=DATE:20261102\nDTEND;VALUE=DATE:20261101",
            NoticeKind::EndNotAfterStart,
        ),
        (
            "UID:x\nSUMMARY:Vacances\nDTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20261101",
            NoticeKind::TooLong(7_296),
        ),
    ] {
        let found = other(&[event(lines), good.clone()].concat());
        assert_eq!(kinds(&found), [&expected], "{lines}");
        assert_eq!(found.notices[0].effect, Effect::Skipped);
        assert_eq!(found.lessons.len(), 1, "{lines}");
        assert!(
            found.notices[0].fr().starts_with("Ignoré : ") && found.notices[0].en().starts_with("Skipped: ")
        );
    }
    let endless = format!("UID:{}\nDTSTART:20261102T080000\nDTEND:20261102T090000", "x".repeat(300));
    assert_eq!(kinds(&other(&event(&endless))), [&NoticeKind::IdentifierTooLong]);
}

#[test]
fn doubtful_events_are_kept_and_told() {
    for (lines, expected, hours) in [
        (
            "UID:x\nDTSTART:20261102T230000\nDTEND:20261103T010000",
            NoticeKind::CrossesMidnight,
            "2026-11-02 23:00 01:00",
        ),
        (
            "UID:x\nDTSTART;TZID=Lune:20261102T080000\nDTEND;TZID=Lune:20261102T090000",
            NoticeKind::UnknownZone("Lune".into()),
            "2026-11-02 08:00 09:00",
        ),
        (
            "UID:x\nDTSTART:20270328T023000\nDTEND:20270328T040000",
            NoticeKind::SkippedByClock("2027-03-28T02:30:00".into()),
            "2027-03-28 03:30 04:00",
        ),
        (
            "UID:x\nDTSTART:20261102T080000\nDTEND:20261102T090000\nRRULE:FREQ=YEARLY",
            NoticeKind::UnreadableRecurrence("FREQ=YEARLY".into()),
            "2026-11-02 08:00 09:00",
        ),
    ] {
        let found = other(&event(lines));
        assert_eq!(kinds(&found), [&expected], "{lines}");
        assert_eq!(found.notices[0].effect, Effect::Kept);
        assert_eq!(local(&found.lessons[0]), hours);
    }
    // A lesson that ends at midnight sharp does not cross it.
    assert!(other(&event("UID:x\nDTSTART:20261102T220000\nDTEND:20261103T000000")).notices.is_empty());
}

#[test]
fn lessons_around_the_change_of_clocks_keep_their_local_hour() {
    let found =
        other(&event("UID:x\nDTSTART:20261019T080000\nDTEND:20261019T085500\nRRULE:FREQ=DAILY;COUNT=14"));
    assert_eq!(found.lessons.len(), 14);
    assert!(found.lessons.iter().all(|lesson| local(lesson).ends_with("08:00 08:55")));
    let found =
        other(&event("UID:x\nDTSTART:20270322T080000\nDTEND:20270322T085500\nRRULE:FREQ=DAILY;COUNT=14"));
    assert!(found.lessons.iter().all(|lesson| local(lesson).ends_with("08:00 08:55")));
}

#[test]
fn the_same_key_twice() {
    let at = |day: u32, summary: &str| {
        event(&format!(
            "UID:Cours-1\nCATEGORIES:Cours\nSUMMARY:{summary}\nDTSTART:202611{day:02}T080000Z\nDTEND:202611{day:02}T090000Z"
        ))
    };
    let found = pronote(&[at(2, "A - 4A"), at(9, "A - 4A"), at(9, "A - 4A")].concat());
    let keys: Vec<_> = found.lessons.iter().map(|lesson| lesson.source_key.as_str()).collect();
    assert_eq!(keys, ["Cours-1@20261102T0800Z", "Cours-1@20261109T0800Z"]);
    assert_eq!(kinds(&found), [&NoticeKind::Duplicate]);
}

#[test]
fn files_that_are_something_else() {
    let found = |bytes: &[u8]| match read(bytes) {
        Err(TimetableError::WrongFormat(WrongFormat { found, .. })) => found,
        other => panic!("{other:?}"),
    };
    assert_eq!(found(b""), Found::Nothing);
    assert_eq!(found(b"\r\n\r\n"), Found::Nothing);
    assert_eq!(found(b"<!DOCTYPE html><title>Connexion</title>"), Found::WebPage);
    assert_eq!(found(b"PK\x03\x04"), Found::Zip);
    assert_eq!(found(b"\xFF\xFEB\0E\0"), Found::Utf16);
    assert_eq!(found(b"nom;prenom\r\n"), Found::Text("nom;prenom".into()));
    assert_eq!(found(include_bytes!("fixtures/timetable/edt.xml")), Found::Xml("ExportEDT".into()));
    let message = read(b"<html>").unwrap_err();
    assert!(message.fr().contains("page de connexion"), "{}", message.fr());
    assert!(message.en().contains("sign-in page"));
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let end = PRONOTE.len() - b"\r\n".len();
    for cut in 0..end {
        match read(&PRONOTE[..cut]) {
            Err(TimetableError::Truncated { .. } | TimetableError::WrongFormat(_)) => {}
            other => panic!("cut at {cut}: {other:?}"),
        }
    }
    assert!(read(&PRONOTE[..end]).is_ok());
    let error = read(&PRONOTE[..400]).unwrap_err();
    assert_eq!(
        error.fr(),
        "Ligne 14 : le fichier s'arrête avant sa fin. Refaites l'export, puis déposez le nouveau fichier."
    );
}

#[test]
fn broken_nesting_is_refused() {
    for body in ["END:VEVENT\n", "BEGIN:VEVENT\nBEGIN:VEVENT\n", "BEGIN:VEVENT\nEND:VTODO\n"] {
        let error = read(&calendar("x", body)).unwrap_err();
        assert!(matches!(error, TimetableError::Malformed { .. }), "{error:?}");
    }
    let deep = "BEGIN:X\n".repeat(100_000);
    assert!(matches!(read(&calendar("x", &deep)), Err(TimetableError::Malformed { line: 19, .. })));
}

#[test]
fn other_encodings_and_overlong_lines() {
    let latin: Vec<u8> = String::from_utf8(PRONOTE.to_vec())
        .unwrap()
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let found = read(&latin).unwrap();
    assert_eq!(kinds(&found), [&NoticeKind::NotUtf8]);
    assert_eq!(found.lessons, read(PRONOTE).unwrap().lessons);

    let long =
        format!("UID:x\nDTSTART:20261102T080000\nDTEND:20261102T090000\nDESCRIPTION:{}", "x".repeat(70_000));
    let found = other(&event(&long));
    assert!(found.lessons.is_empty());
    assert_eq!(kinds(&found), [&NoticeKind::LineTooLong(65_536)]);
    assert_eq!(found.notices[0].line, 8);
}

#[test]
fn bounds_hold() {
    let endless = event("UID:x\nDTSTART:20261102T080000\nDTEND:20261102T090000\nRRULE:FREQ=DAILY");
    let found = other(&endless);
    assert_eq!(found.lessons.len(), 733);
    assert_eq!(kinds(&found), [&NoticeKind::RecurrenceCut(732)]);

    let mut options = options();
    options.limits.lessons = 700;
    let error = read_ics(calendar("x", &endless).as_slice(), &options).unwrap_err();
    assert!(matches!(error, TimetableError::TooManyLessons { limit: 700 }));

    let mut noisy = calendar("x", &"pas une ligne\n".repeat(5_000));
    noisy.extend_from_slice(b"encore\r\n");
    let found = read(&noisy).unwrap();
    assert_eq!((found.notices.len(), found.notices_left_out), (1_000, 4_001));
}

#[test]
fn a_personal_calendar_without_classes_links_by_teacher_or_subject() {
    let lesson = |uid: &str, category: &str, hour: u32, summary: &str, description: &str| {
        event(&format!(
            "UID:{uid}\nCATEGORIES:{category}\nDTSTART:20261102T{hour:02}0000Z\nDTEND:20261102T{hour:02}5500Z\nSUMMARY:{summary}\nDESCRIPTION:{description}"
        ))
    };
    let found = pronote(
        &[
            lesson("a", "Cours - Cours annulé", 8, "MATHS", r"Matière : MATHS\nProfesseur : LORIOT M."),
            lesson("b", "Cours - Cours modifié", 8, "AIDE", r"Matière : AIDE\nProfesseur : LORIOT M."),
            lesson("c", "Cours - Cours annulé", 10, "MATHS", r"Matière : MATHS\nProfesseur : LORIOT M."),
            lesson("d", "Cours", 10, "EPS", r"Matière : EPS\nProfesseur : PIVOINE A."),
            lesson("e", "Cours - Cours annulé", 13, "LATIN", r"Matière : LATIN\nClasse : 4A"),
            lesson("f", "Cours - Cours modifié", 13, "LATIN", r"Matière : LATIN\nProfesseur : PIVOINE A."),
        ]
        .concat(),
    );
    let hidden: Vec<_> =
        found.lessons.iter().filter(|lesson| !lesson.is_shown()).map(|l| l.source_key.as_str()).collect();
    assert_eq!(hidden, ["a", "e"]);
}
