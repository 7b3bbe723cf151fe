//! The invented school of the gallery: a collège on a Monday in November, at 7:55 and around it.

use askama::Template;
use jiff::civil::{Date, date, time};
use jiff::tz::TimeZone;
use preau::edge::views::{ProblemPage, WaitArc, WaitingLesson, WaitingPage, estimate};
use preau::identity::views::{ActivationPage, ActivationStep, SignInPage, SignInProvider};
use preau::lesson::views::LivePage;
use preau::rollcall::Answer;
use preau::rollcall::views::{Mode, RegisterLine, RegisterPage};
use preau::school::views::{
    ChangeKind, ImportChange, ImportCount, ImportDropPage, ImportPreviewPage, RemovalGuard, SkippedLine,
};
use preau::today::views::{
    Arrivals, BellCard, ChildTile, Door, GuardianToday, HeadToday, LessonLine, LessonState, Minute,
    MissingPupil, NoticeLine, PupilToday, SchoolLesson, StudentLifeToday, SubjectLabel, TaskLine,
    TeacherToday, WorkLine,
};
use preau::ui::{
    ClockFace, Dates, Flash, FlashKind, Form, Lang, NavItem, PersonLabel, Shell, Texts, assets::script_words,
};

const LONG_NAME: &str = "Marie-Anne-Élisabeth de La Rochefoucauld-Montbazon";
const MONDAY: Date = date(2026, 11, 23);

const SUBJECTS: [(&str, &str, &str); 9] = [
    ("Français", "Mme Houblon", "salle 204"),
    ("Mathématiques", "M. Okonkwo-Lefèvre", "salle 108"),
    ("Histoire-géographie et enseignement moral et civique", "Mme de La Tour du Pin", "salle 12"),
    ("Anglais LV1", "M. Berrada", "labo de langues"),
    ("Éducation physique et sportive", "Mme Nguyen", "gymnase Colette-Besson"),
    ("Physique-chimie", "M. Ferreira", "labo 2"),
    ("Sciences de la vie et de la Terre", "Mme Kaya", "labo 1"),
    ("Arts plastiques", "M. Roussel", "atelier"),
    ("Accompagnement personnalisé", "Mme Houblon", "salle 204"),
];

const PUPILS: [&str; 12] = [
    "Inès Abdelkader",
    "Jules Baptiste",
    "Noémie Chevallier-Dumont",
    "Théo Da Silva",
    LONG_NAME,
    "Aminata Fofana",
    "Lou Garnier",
    "Marius Hoang",
    "Yasmine Idrissi",
    "Gabin Jacquemin",
    "Élise Kermarrec",
    "Sacha Lemaître",
];

/// Every page of the gallery by name, rendered.
pub(crate) fn pages() -> Result<Vec<(String, String)>, askama::Error> {
    let pupil = shell("Collège Rosa-Bonheur", Form::Tu, LONG_NAME, "Élève de 4A", PUPIL_NAV);
    let teacher =
        shell("Collège Rosa-Bonheur", Form::Vous, "Claire Houblon", "Professeure de français", TEACHER_NAV);
    let guardian =
        shell("Collège Rosa-Bonheur", Form::Vous, "Jean-Baptiste Vasseur", "Responsable légal", GUARDIAN_NAV);
    let office = shell("Collège Rosa-Bonheur", Form::Vous, "Sofia Marchetti", "Vie scolaire", OFFICE_NAV);
    let head =
        shell("Collège Rosa-Bonheur", Form::Vous, "Philippe Aubry", "Chef d’établissement", OFFICE_NAV);
    let mut out = Vec::new();
    let mut add = |name: &str, html: Result<String, askama::Error>| -> Result<(), askama::Error> {
        out.push((name.to_owned(), html?));
        Ok(())
    };
    threshold(&mut add)?;
    pupil_days(&pupil, &mut add)?;
    teacher_days(&teacher, &mut add)?;
    other_days(&guardian, &office, &head, &mut add)?;
    add("live", live(&pupil))?;
    register(&teacher, &mut add)?;
    imports(&head, &mut add)?;
    let problem = ProblemPage {
        page: &pupil,
        headline: pupil.t("problem-fault"),
        advice: pupil.t("problem-fault-text"),
        operation: "7F3K-22QD",
        way_out: ("/", pupil.t("problem-home")),
    };
    add("problem", problem.render())?;
    Ok(out)
}

type Add<'a> = dyn FnMut(&str, Result<String, askama::Error>) -> Result<(), askama::Error> + 'a;

const PUPIL_NAV: &[&str] = &["Aujourd’hui", "Emploi du temps", "Travail", "Messages"];
const TEACHER_NAV: &[&str] = &["Aujourd’hui", "Emploi du temps", "Cahier de textes", "Classes", "Messages"];
const GUARDIAN_NAV: &[&str] = &["Aujourd’hui", "Absences", "Messages"];
const OFFICE_NAV: &[&str] = &["Aujourd’hui", "Appels", "Classes", "Import", "Messages"];

fn shell(school: &str, form: Form, name: &str, role: &str, nav: &'static [&'static str]) -> Shell {
    let texts = Texts::of(Lang::Fr, form);
    let mut shell = Shell::anonymous(texts, texts.get("today-title"), "masked-token".into(), "nonce".into());
    shell.school_name = school.into();
    shell.person = Some(PersonLabel { name: name.into(), role: role.into() });
    shell.nav = nav
        .iter()
        .enumerate()
        .map(|(place, label)| NavItem { href: "/".into(), label: (*label).into(), current: place == 0 })
        .collect();
    shell
}

fn dates(page: &Shell) -> Dates {
    page.dates(TimeZone::UTC)
}

fn subject(place: usize) -> SubjectLabel {
    let place = place % SUBJECTS.len();
    SubjectLabel { name: SUBJECTS[place].0.into(), hue: (place % 12) as u8 }
}

fn threshold(add: &mut Add<'_>) -> Result<(), askama::Error> {
    for (suffix, lang) in [("", Lang::Fr), ("-en", Lang::En)] {
        let texts = Texts::of(lang, Form::Vous);
        let shell =
            Shell::anonymous(texts, texts.get("sign-in-title"), "masked-token".into(), "nonce".into());
        let providers = [
            SignInProvider { href: "/sso/educonnect".into(), name: "ÉduConnect".into() },
            SignInProvider { href: "/sso/academie".into(), name: "Académie de Rennes".into() },
        ];
        let page = SignInPage {
            page: &shell,
            login: "",
            error: "",
            next: "",
            providers: &providers,
            remember: true,
        };
        add(&format!("sign-in{suffix}"), page.render())?;
    }
    let texts = Texts::of(Lang::Fr, Form::Vous);
    let shell = Shell::anonymous(texts, texts.get("sign-in-title"), "masked-token".into(), "nonce".into());
    let refused = SignInPage {
        page: &shell,
        login: "marie-anne-elisabeth.de-la-rochefoucauld-montbazon",
        error: texts.get("sign-in-refused"),
        next: "",
        providers: &[],
        remember: false,
    };
    add("sign-in-refused", refused.render())?;
    let steps = [
        ("code", ActivationStep::Code { code: "PLATANE-7K2" }, texts.get("activation-code-unknown")),
        ("person", ActivationStep::Person { state: "s", name: LONG_NAME, role: "Élève de 4A" }, ""),
        (
            "password",
            ActivationStep::Password { state: "s", login: "marie-anne.de-la-rochefoucauld", shortest: 10 },
            "",
        ),
        ("done", ActivationStep::Done { login: "marie-anne.de-la-rochefoucauld" }, ""),
    ];
    for (name, step, error) in steps {
        add(&format!("activation-{name}"), ActivationPage { page: &shell, step, error }.render())?;
    }
    for (name, form, (low, high), before, lesson) in [
        ("waiting", Form::Tu, (2, 4), 312, true),
        ("waiting-neutral", Form::Neutral, (12, 20), 12_450, false),
        ("waiting-soon", Form::Vous, (0, 1), 0, true),
    ] {
        let t = Texts::of(Lang::Fr, form);
        let face = ClockFace::bare(time(7, 56, 0, 0));
        let page = WaitingPage {
            t,
            place_name: "Collège Rosa-Bonheur",
            face,
            arc: WaitArc::of(&face, low, high),
            estimate: &estimate(t, low, high),
            at_least: low,
            people_before: before,
            noted_since: Some(if lesson { "7 h 54" } else { "" }),
            lesson: lesson.then_some(WaitingLesson { name: "français, Mme Houblon", hour: "8 h 00" }),
            opens: None,
            drawn_at: None,
            message: None,
            challenge: None,
            proof_cookie: "",
            here: "/",
            seen_at: "7 h 56",
            interval: 20,
            lane: "lesson",
            rank: "00000000000004d2",
            unsaved: false,
            back: "",
        };
        add(name, page.render())?;
    }
    Ok(())
}

fn bell(now: (i8, i8), when: &str, with: &str, door: Door) -> BellCard {
    let (start, end) = (time(8, 0, 0, 0), time(8, 55, 0, 0));
    BellCard {
        exam: false,
        face: ClockFace::of(time(now.0, now.1, 0, 0), start, end),
        when: when.into(),
        subject: subject(0),
        with: with.into(),
        hours: "8 h 00 – 8 h 55".into(),
        room: "salle 204".into(),
        door,
    }
}

fn day(page: &Shell, count: usize, here: usize) -> Vec<LessonLine> {
    let dates = dates(page);
    (0..count)
        .map(|place| {
            let (name, teacher, room) = SUBJECTS[place % SUBJECTS.len()];
            let hour = 8 + place as i8 + i8::from(place > 3);
            LessonLine {
                href: "/lessons/1".into(),
                exam: place == 5,
                subject: SubjectLabel { name: name.into(), hue: (place % 12) as u8 },
                detail: format!("{teacher} · {room}"),
                from: dates.hour(time(hour, 0, 0, 0)),
                to: dates.hour(time(hour, 55, 0, 0)),
                from_iso: format!("{hour:02}:00"),
                state: match place {
                    2 if count > 2 => LessonState::Cancelled,
                    p if p < here => LessonState::Past,
                    p if p == here => LessonState::Here,
                    _ => LessonState::Ahead,
                },
                change: match place {
                    2 => "Mme de La Tour du Pin absente".into(),
                    5 => "labo 2 au lieu de labo 1".into(),
                    _ => String::new(),
                },
            }
        })
        .collect()
}

fn notices() -> Vec<NoticeLine> {
    vec![NoticeLine {
        href: "/notices/1".into(),
        title: "Exercice d’évacuation mardi matin".into(),
        detail: "M. Aubry, hier à 17 h 30".into(),
    }]
}

fn pupil_days(page: &Shell, add: &mut Add<'_>) -> Result<(), askama::Error> {
    let date = dates(page).day(MONDAY);
    let due = |day: i8| dates(page).due(MONDAY, self::date(2026, 11, day));
    let work: Vec<WorkLine> = [
        (0, "Lire le chapitre 4 du Horla et noter trois mots inconnus", 24, false),
        (1, "Exercices 12 à 15 page 87, sur une feuille à rendre", 24, true),
        (
            2,
            "Apprendre la carte des fleuves et préparer l’exposé sur la guerre de Cent Ans avec le groupe",
            26,
            false,
        ),
    ]
    .into_iter()
    .map(|(s, what, day, done)| WorkLine {
        href: "/homework/1".into(),
        subject: subject(s),
        what: what.into(),
        due: due(day),
        done,
    })
    .collect();
    let lessons = day(page, 9, 0);
    let join = Door::Join { href: "/lessons/1/live".into() };
    let closed = Door::Closed { note: page.with("today-not-opened-yet", "teacher", "Mme Houblon") };
    let gated = Door::Waiting { estimate: "Environ 2 min.".into() };
    let still = page.with("today-still", "length", dates(page).length(35));
    for (name, card) in [
        ("pupil", bell((7, 55), "dans 5 min", "Mme Houblon", join.clone())),
        ("pupil-closed", bell((7, 40), "dans 20 min", "Mme Houblon", closed)),
        ("pupil-gated", bell((7, 58), "dans 2 min", "Mme Houblon", gated)),
        ("pupil-running", bell((8, 20), &still, "Mme Houblon", join)),
    ] {
        let view = PupilToday {
            page,
            date: &date,
            first_name: "Marie-Anne-Élisabeth",
            bell: Some(card),
            lessons: &lessons,
            work: &work,
            notices: &notices(),
            minute: minute("2026-11-23T07:00:00Z"),
        };
        add(name, view.render())?;
    }
    let empty = PupilToday {
        page,
        date: &date,
        first_name: "Lou",
        bell: None,
        lessons: &[],
        work: &[],
        notices: &[],
        minute: minute(""),
    };
    add("pupil-empty", empty.render())?;
    let mut dark = page.clone();
    dark.spacing = preau::ui::Spacing::Wide;
    dark.flash = Some(Flash {
        kind: FlashKind::Done,
        text: "Ton travail de français est rendu. Mme Houblon le verra.".into(),
    });
    let wide = PupilToday {
        page: &dark,
        date: &date,
        first_name: "Lou",
        bell: Some(bell((7, 55), "dans 5 min", "Mme Houblon", Door::Join { href: "/".into() })),
        lessons: &lessons[..4],
        work: &work[..1],
        notices: &[],
        minute: minute(""),
    };
    add("pupil-wide", wide.render())
}

fn teacher_days(page: &Shell, add: &mut Add<'_>) -> Result<(), askama::Error> {
    let date = dates(page).day(MONDAY);
    let tasks = [
        TaskLine {
            href: "/".into(),
            label: "Appel de 5B à faire".into(),
            detail: "hier, 14 h 00".into(),
            icon: "list",
        },
        TaskLine {
            href: "/".into(),
            label: "14 copies rendues".into(),
            detail: "4A, Lire le chapitre 4 du Horla".into(),
            icon: "file",
        },
    ];
    let lessons: Vec<LessonLine> = day(page, 6, 0)
        .into_iter()
        .enumerate()
        .map(|(place, mut line)| {
            line.subject = subject(0);
            line.detail = format!("{} · salle 204", ["4A", "5B", "3C", "4A groupe 2", "6D", "5B"][place]);
            line.change = if place == 2 { "3C en sortie".into() } else { String::new() };
            line
        })
        .collect();
    let open = Door::Open {
        path: "/lessons/1/live/opening".into(),
        label: page.with("today-open-class", "class", "4A"),
    };
    let enter = Door::Join { href: "/lessons/1/live".into() };
    let arrivals = |arrived, register| {
        Some(Arrivals { arrived, expected: 26, register_href: "/rollcalls/1".into(), register })
    };
    for (name, card, arrivals) in [
        (
            "teacher",
            bell((7, 55), "dans 5 min", "4A · 26 élèves", open),
            arrivals(17, preau::rollcall::Progress::ToDo),
        ),
        (
            "teacher-running",
            bell((8, 10), "encore 45 min", "4A · 26 élèves", enter),
            arrivals(25, preau::rollcall::Progress::Done),
        ),
    ] {
        let view = TeacherToday {
            page,
            date: &date,
            greeting_name: "Mme Houblon",
            bell: Some(card),
            arrivals,
            lessons: &lessons,
            tasks: &tasks,
            notices: &notices(),
            write_work_href: "/homework/new",
            minute: minute("2026-11-23T07:00:00Z"),
        };
        add(name, view.render())?;
    }
    let empty = TeacherToday {
        page,
        date: &date,
        greeting_name: "Mme Houblon",
        bell: None,
        arrivals: None,
        lessons: &[],
        tasks: &[],
        notices: &[],
        write_work_href: "/",
        minute: minute(""),
    };
    add("teacher-empty", empty.render())
}

fn other_days(
    guardian: &Shell,
    office: &Shell,
    head: &Shell,
    add: &mut Add<'_>,
) -> Result<(), askama::Error> {
    let date = dates(guardian).day(MONDAY);
    let (start, end) = (time(8, 0, 0, 0), time(8, 55, 0, 0));
    let children = [
        ChildTile {
            href: "/children/1".into(),
            exam: false,
            name: LONG_NAME.into(),
            class: "4A".into(),
            now: "en français jusqu’à 8 h 55".into(),
            face: ClockFace::of(time(8, 20, 0, 0), start, end),
            hue: 0,
            work_left: 2,
            work_href: "/homework".to_owned(),
            to_justify: String::new(),
            justify_href: String::new(),
        },
        ChildTile {
            href: "/children/2".into(),
            exam: true,
            name: "Tom Vasseur".into(),
            class: "6D".into(),
            now: "anglais à 9 h 00".into(),
            face: ClockFace::of(time(8, 20, 0, 0), time(9, 0, 0, 0), time(9, 55, 0, 0)),
            hue: 3,
            work_left: 0,
            work_href: "/homework".to_owned(),
            to_justify: "Absent vendredi 20 novembre, de 14 h 00 à 15 h 55.".into(),
            justify_href: "/absences/4".into(),
        },
    ];
    let view = GuardianToday {
        page: guardian,
        date: &date,
        greeting_name: "M. Vasseur",
        children: &children,
        notices: &notices(),
        report_absence_href: "/absences/new",
        minute: minute(""),
    };
    add("guardian", view.render())?;
    let view = GuardianToday {
        page: guardian,
        date: &date,
        greeting_name: "M. Vasseur",
        children: &[],
        notices: &[],
        report_absence_href: "/",
        minute: minute(""),
    };
    add("guardian-empty", view.render())?;

    let missing: Vec<MissingPupil> = PUPILS
        .iter()
        .enumerate()
        .map(|(place, name)| MissingPupil {
            href: "/people/1".into(),
            name: (*name).into(),
            class: ["4A", "5B", "6D"][place % 3].into(),
            lesson: format!("{}, {}", SUBJECTS[place % 9].0, SUBJECTS[place % 9].1),
            since: "8 h 00".into(),
            confirmed: place % 3 == 0,
            announced: place % 5 == 1,
        })
        .collect();
    for (name, missing) in [("student-life", missing.as_slice()), ("student-life-empty", &[])] {
        let view = StudentLifeToday {
            page: office,
            date: &date,
            hour: "8 h 10",
            seen: 436,
            expected: 436 + missing.len() as u32,
            registers_done: 11,
            registers: 19,
            missing,
            enter_href: "/absences/new",
            minute: minute(""),
        };
        add(name, view.render())?;
    }
    let lessons: Vec<SchoolLesson> = (0..19)
        .map(|place: usize| SchoolLesson {
            href: "/lessons/1".into(),
            exam: place == 3,
            class: format!("{}{}", 6 - place / 5, ["A", "B", "C", "D", "E"][place % 5]),
            subject: subject(place),
            teacher: SUBJECTS[place % 9].1.into(),
            open: place > 1,
            present: 21 + (place as u32 * 7 % 6),
            expected: 26,
            register: [
                preau::rollcall::Progress::ToDo,
                preau::rollcall::Progress::InProgress,
                preau::rollcall::Progress::Done,
            ][place.min(2)],
        })
        .collect();
    let view = HeadToday {
        page: head,
        date: &date,
        hour: "8 h 10",
        open: 17,
        lessons_now: 19,
        present: 436,
        expected: 448,
        waiting: 12,
        lessons: &lessons,
        notices: &notices(),
        write_notice_href: "/notices/new",
        minute: minute(""),
    };
    add("head", view.render())
}

fn live(page: &Shell) -> Result<String, askama::Error> {
    LivePage {
        page,
        lesson: "1".into(),
        subject: subject(0).name,
        hue: i32::from(subject(0).hue),
        with: "Mme Houblon".into(),
        hours: "8 h 00 – 8 h 55".into(),
        role: "pupil",
        live_url: "/lessons/1/live.json".into(),
        starts: "2026-11-23T07:00:00Z".into(),
        ends: "2026-11-23T07:55:00Z".into(),
        home: "/",
        simple: false,
        parts: "{}".into(),
        keep_days: 365,
        captions_as: "",
        words: script_words("live", page.texts),
    }
    .render()
}

fn register(page: &Shell, add: &mut Add<'_>) -> Result<(), askama::Error> {
    let pupils: Vec<RegisterLine> = (0..36)
        .map(|place: usize| {
            let (seen, answer) = match place {
                3 => (page.t("roll-not-seen").to_owned(), Answer::Absent),
                7 => (page.with("roll-seen-inside", "hour", "8 h 09"), Answer::Late { minutes: 9 }),
                11 => (page.t("roll-not-seen").to_owned(), Answer::Absent),
                p if p % 6 == 5 => (page.with("roll-seen-gate", "hour", "7 h 54"), Answer::Present),
                _ => (page.with("roll-seen-inside", "hour", "7 h 57"), Answer::Present),
            };
            RegisterLine {
                id: place.to_string(),
                name: PUPILS[place % PUPILS.len()].into(),
                seen,
                remark: if place == 11 { page.t("roll-announced").to_owned() } else { String::new() },
                answer,
            }
        })
        .collect();
    let closed = page.with2("roll-closed-at", "moment", "aujourd’hui à 8 h 06", "name", "Mme Houblon");
    for (name, pupils, closed, mode) in [
        ("register", &pupils[..], "", Mode::Fill),
        ("register-closed", &pupils[..12], &closed, Mode::Correct),
        ("register-read", &pupils[..12], &closed, Mode::Read),
        ("register-empty", &[], "", Mode::Fill),
    ] {
        let view = RegisterPage {
            page,
            class: "4A",
            subject: "Français",
            hue: 0,
            when: "lundi 23 novembre, 8 h 00 – 8 h 55",
            pupils,
            path: "/lessons/1/register",
            mode,
            closed,
            may_reopen: mode == Mode::Correct,
        };
        add(name, view.render())?;
    }
    Ok(())
}

fn imports(page: &Shell, add: &mut Add<'_>) -> Result<(), askama::Error> {
    let drop = ImportDropPage {
        page,
        path: "/imports",
        largest: "500 Mo",
        error: "Eleve_0001.xml, ligne 1 204 : une date de naissance jj/mm/aaaa était attendue, « 31/02/2013 » s’y trouve. Rien n’a été changé.",
    };
    add("import-drop", drop.render())?;
    let count = |label: &str, added, changed, removed, same| ImportCount {
        label: label.into(),
        added,
        changed,
        removed,
        same,
    };
    let counts = [
        count("Élèves", 112, 340, 31, 8),
        count("Responsables", 198, 41, 52, 502),
        count("Personnels", 4, 2, 1, 46),
        count("Rattachements", 220, 12, 60, 700),
        count("Classes", 0, 1, 0, 18),
        count("Groupes", 14, 0, 9, 41),
    ];
    let change =
        |kind, name: &str, detail: &str| ImportChange { kind, name: name.into(), detail: detail.into() };
    let changes = [
        change(ChangeKind::Added, LONG_NAME, "Élève, 4A"),
        change(ChangeKind::Changed, "Jules Baptiste", "classe 5B, auparavant 5C"),
        change(ChangeKind::Removed, "Gabin Jacquemin", "Élève, parti le 20 novembre"),
        change(ChangeKind::Added, "Aminata Fofana", "Élève, 6D"),
        change(ChangeKind::Changed, "Claire Houblon", "professeure principale de 4A"),
    ];
    let skipped = [
        SkippedLine {
            file: "ENT_0999901A_Complet_20261123_PersRelEleve_0000.xml".into(),
            line: 18_204,
            reason: "Rattachement en 6 parties attendu, « 4001$10$1 » s’y trouve.".into(),
        },
        SkippedLine {
            file: "ENT_0999901A_Complet_20261123_Eleve_0000.xml".into(),
            line: 77,
            reason: "Classe « 7Z » inconnue des structures du fichier.".into(),
        },
    ];
    let full = ImportPreviewPage {
        page,
        file: "ENT_0999901A_Complet_20261123.tgz",
        kind: "AAF, complet du 23 novembre 2026",
        counts: &counts,
        changes: &changes,
        more: 1_042,
        skipped: &skipped,
        skipped_total: 2,
        warnings: &[],
        warnings_total: 0,
        guard: Some(RemovalGuard { removed: 31, percent: 7 }),
        apply_path: "/imports/1/application",
        discard_path: "/imports/1/discard",
    };
    add("import-preview", full.render())?;
    let same = [count("Élèves", 0, 0, 0, 460), count("Classes", 0, 0, 0, 19)];
    let nothing = ImportPreviewPage {
        counts: &same,
        changes: &[],
        more: 0,
        skipped: &[],
        skipped_total: 0,
        guard: None,
        ..full
    };
    add("import-nothing", nothing.render())
}

/// What keeps a page right; the gallery lets it live for ever.
fn minute(next_change: &str) -> &'static Minute {
    Box::leak(Box::new(Minute {
        fragment: "/today/fragment".to_owned(),
        next_change: next_change.to_owned(),
        poll: 60,
        roles: Vec::new(),
        owner: String::new(),
        keep_after: None,
    }))
}
