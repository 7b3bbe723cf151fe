//! The gate against a second computation of the same things, in another language: tickets, draws,
//! commitments, the plan of the lessons, class codes and proofs of work (`recompute.py`).

#![allow(clippy::unwrap_used, reason = "a test that fails here has found what it looks for")]

mod crowd;

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crowd::{Browser, Chance, MORNING, open, open_with, seconds};
use preau_gate::{Claims, Lane, Lesson, LessonId, Rules, Standing, Verdict};
use serde_json::{Value, json};

/// The other computation.
struct Other {
    child: Child,
    ask: ChildStdin,
    answer: BufReader<ChildStdout>,
}

impl Other {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recompute.py");
        let mut child = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 is needed: install it with apt-get install python3");
        let (ask, answer) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, ask, answer: BufReader::new(answer) }
    }

    fn ask(&mut self, mut question: Value) -> Value {
        question["secret"] = json!(hex(&[42; 32]));
        writeln!(self.ask, "{question}").unwrap();
        let mut line = String::new();
        self.answer.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        // Its input is closed with us; whatever it still does is of no use.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn tickets_and_draws_are_what_the_layout_says() {
    let mut other = Other::start();
    let mut chance = Chance::new(11);
    let (gate, mut scheduler) = open(0, MORNING);
    let bell = MORNING + seconds(900);
    scheduler.set_bells(&[bell], MORNING);
    for step in 0..200_u64 {
        // Over a bell and over midnight.
        let now = MORNING + seconds(step * 97) + seconds(if step > 100 { 50_000 } else { 0 });
        scheduler.tick(now);
        let mut browser = Browser::default();
        let wait = browser.waits(&gate, &mut chance, now);
        let text = browser.ticket.unwrap();
        let ticket = gate.read_ticket(&text, now).unwrap();
        let fields = other.ask(json!({ "kind": "ticket", "text": text }));
        let expected = json!({
            "version": 1, "lane": Lane::Unknown.index(), "drawn_at_bell": wait.drawn_at_bell,
            "planned": false, "paid": false, "slot": wait.rank.slot(), "draw": wait.rank.draw(),
            "issued": now.unix_millis(), "device": hex(ticket.device.bytes()),
        });
        assert_eq!(fields, expected);
        assert_eq!(other.ask(json!({ "kind": "seal", "fields": fields })), json!(text));
        let device = hex(ticket.device.bytes());
        let draw = other.ask(json!({ "kind": "draw", "slot": wait.rank.slot(), "device": device }));
        if !wait.drawn_at_bell {
            assert_eq!(draw, json!(wait.rank.draw()));
        } else {
            scheduler.tick(bell);
            let seed = gate.draw_seed(wait.rank.slot(), bell).unwrap();
            assert_eq!(draw, json!(seed.draw(ticket.device)));
        }
        let commitment = other.ask(json!({ "kind": "commitment", "slot": wait.rank.slot() }));
        assert_eq!(commitment, json!(hex(&gate.draw_commitment(wait.rank.slot()))));
        // What the other one makes up is believed, what it alters is not.
        let mut paid = other.ask(json!({ "kind": "ticket", "text": text }));
        paid["paid"] = json!(true);
        let made = other.ask(json!({ "kind": "seal", "fields": paid }));
        assert!(gate.read_ticket(made.as_str().unwrap(), now).unwrap().paid);
    }
}

#[test]
fn the_plan_is_what_fair_queuing_says() {
    let mut other = Other::start();
    let mut chance = Chance::new(12);
    let bell = MORNING + seconds(7_200);
    for round in 0..20_u64 {
        let lessons: Vec<Lesson> = (0..chance.number() % 120)
            .map(|n| Lesson {
                id: LessonId(n * 1_000 + round),
                school: chance.number() % 7,
                begins: bell,
                ends: bell + seconds(3_300),
                people: (chance.number() % 36) as u32,
                exam: chance.happens(0.05),
            })
            .collect();
        let (gate, mut scheduler) = open(10, MORNING);
        scheduler.set_lessons(&lessons, MORNING);
        scheduler.tick(MORNING);
        let begins = bell.unix_seconds();
        let opens = other.ask(json!({
            "kind": "plan", "begins": begins, "first": begins - 900, "last": begins - 120,
            "lessons": lessons.iter().map(|lesson| json!({
                "id": lesson.id.0, "school": lesson.school, "people": lesson.people, "exam": lesson.exam,
            })).collect::<Vec<_>>(),
        }));
        for lesson in &lessons {
            let ours = gate.lesson_opens(lesson.id).unwrap().unix_seconds();
            assert_eq!(opens[lesson.id.0.to_string()], json!(ours), "{lesson:?}");
        }
    }
}

#[test]
fn a_pupils_place_in_a_lesson_is_its_draw() {
    let mut other = Other::start();
    let mut chance = Chance::new(13);
    let (gate, mut scheduler) = open(1, MORNING);
    let begins = MORNING + seconds(600);
    let lesson = |n| Lesson {
        id: LessonId(n),
        school: n,
        begins,
        ends: begins + seconds(3_300),
        people: 20,
        exam: false,
    };
    let mut inside = Browser::default();
    assert!(inside.enters(&gate, &mut chance, MORNING));
    let session = gate.read_session(inside.session.as_ref().unwrap(), MORNING).unwrap();
    let (_, mark) = gate.recognise(&session, Standing::Known, MORNING).unwrap();
    gate.revoke(session.device, MORNING);
    scheduler.set_lessons(&[lesson(1), lesson(2)], MORNING);
    scheduler.tick(MORNING + seconds(1));
    let mut pupil = Browser { mark: Some(mark.to_string()), ..Browser::default() };
    let claims = Claims { lesson: Some(LessonId(2)), ..Claims::default() };
    let Verdict::Wait(wait) = pupil.claims(&gate, &claims, MORNING + seconds(1)) else { panic!("let in") };
    let fields = other.ask(json!({ "kind": "ticket", "text": pupil.ticket }));
    assert_eq!(fields["planned"], json!(true));
    let device = hex(session.device.bytes());
    let draw = other.ask(json!({ "kind": "draw", "slot": wait.rank.slot(), "device": device }));
    assert_eq!(wait.rank.draw() & 0xf_ffff, draw.as_u64().unwrap() as u32 >> 12);
}

#[test]
fn codes_and_proofs_made_elsewhere_are_good() {
    let mut other = Other::start();
    let mut chance = Chance::new(14);
    let rules = Rules { toll_from: Some(1), ..Rules::default() };
    let (gate, mut scheduler) = open_with(rules, 0, None, MORNING);
    let day = MORNING.unix_seconds() / 86_400;
    for lesson in [0, 7, 123_456_789, u64::MAX] {
        let code = other.ask(json!({ "kind": "code", "lesson": lesson, "day": day }));
        assert_eq!(code, json!(gate.class_code(LessonId(lesson), MORNING)));
    }
    for _ in 0..8 {
        Browser::default().waits(&gate, &mut chance, MORNING);
    }
    scheduler.tick(MORNING + seconds(1));
    assert!(gate.status().toll_bits >= 18);
    let now = MORNING + seconds(1);
    let mut browser = Browser::default();
    let challenge = browser.waits(&gate, &mut chance, now).challenge.unwrap();
    let proof = other.ask(json!({ "kind": "prove", "challenge": challenge.text.as_str() }));
    let claims = Claims { proof: proof.as_str(), ..Claims::default() };
    let Verdict::Wait(wait) = browser.claims(&gate, &claims, now) else { panic!("let in") };
    assert!(wait.challenge.is_none());
}
