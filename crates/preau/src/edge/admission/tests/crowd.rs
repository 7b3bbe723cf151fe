//! What a crowd meets: the plan of lessons, the toll, the operator's word.

use super::super::{DueKey, NearLesson, Order, due, moment, order};
use super::{AT_7_55, Hall, PAGE, Standing, attribute, is_in};

/// A lesson for the gate's plan that begins `minutes` after five to eight.
fn lesson(id: i64, minutes: i64, people: u32) -> preau_gate::Lesson {
    let begins = moment(AT_7_55 + minutes * 60_000);
    preau_gate::Lesson {
        id: preau_gate::LessonId(id.unsigned_abs()),
        school: 1,
        begins,
        ends: begins + std::time::Duration::from_secs(3_300),
        people,
        exam: false,
    }
}

#[tokio::test]
async fn who_is_due_in_a_lesson_is_told_when_access_opens() {
    let hall = Hall::with(1);
    let _first = hall.inside().await;
    let class = DueKey::group(77);
    let near = |id, minutes| NearLesson { lesson: lesson(id, minutes, 30), keys: vec![class] };
    // Fewer seats than people due: the plan says whose turn it is, and when.
    hall.door().announce(&[near(1, 25)]);
    hall.pass(1);
    let device = crate::edge::DeviceId::fresh();
    let seat = preau_gate::DeviceId::new(device.bytes());
    let mut pupil = hall.school.anonymous();
    pupil.set_cookie("preau_device", &device.sealed(hall.platform().device_key()));
    pupil.set_cookie("preau_due", &due::sealed(&[class], seat.bytes(), &hall.door().0.due_key));
    // The device must be known: somebody of the school has signed in on it before.
    let mark = preau_gate_mark(&hall, seat);
    pupil.set_cookie("preau_mark", &mark);
    let page = pupil.get(PAGE).await.text();
    assert!(page.contains("L’accès ouvre à 8"), "{page}");
    assert!(page.contains("Toute la classe entre ensemble"), "{page}");
    // Somebody else's cookie says nothing on another device.
    let mut thief = hall.school.anonymous();
    thief.set_cookie("preau_due", pupil.cookie("preau_due").expect("kept"));
    assert!(!thief.get(PAGE).await.text().contains("L’accès ouvre"));
}

/// A mark as the gate gives it at a sign-in on `device`.
fn preau_gate_mark(hall: &Hall, device: preau_gate::DeviceId) -> String {
    use preau_gate::{Arrival, Gate, Quota, Rules, Scheduler, Secret, Verdict};
    // Another node with the same secret signs it: there all seats are free.
    let secret = Secret::new(hall.platform().secrets().key("gate"));
    let now = hall.door().now();
    let (gate, _scheduler): (Gate, Scheduler) =
        Scheduler::open(Rules::default(), secret, Box::new(Quota(10)), None, now).expect("a gate");
    let Verdict::Admit(admission) = gate.decide(&Arrival::default(), || device, now) else {
        panic!("an empty house")
    };
    let (_, mark) = gate.recognise(&admission.session, Standing::Known, now).expect("seated");
    mark.as_str().to_owned()
}

#[tokio::test]
async fn all_who_wait_read_what_the_operator_tells_them() {
    let hall = Hall::with(1);
    let _first = hall.inside().await;
    let platform = hall.platform();
    let text = "Les <cours> reprennent à 8 h 30.".to_owned();
    order(platform, Order::Message(Some(text))).await.expect("taken");
    hall.pass(1);
    let mut second = hall.school.anonymous();
    let page = second.get(PAGE).await.text();
    assert!(page.contains("reprennent à 8") && !page.contains("<cours>"), "{page}");
    let now: serde_json::Value = serde_json::from_str(&second.get("/now").await.text()).expect("JSON");
    assert_ne!(now["m"], 0);
    order(platform, Order::Message(None)).await.expect("taken");
    hall.pass(1);
    assert!(!second.get(PAGE).await.text().contains("reprennent"));
}

#[tokio::test]
async fn an_emergency_stop_keeps_who_is_in_and_nobody_else() {
    let hall = Hall::with(10);
    let mut first = hall.inside().await;
    let platform = hall.platform();
    order(platform, Order::Stop(true)).await.expect("taken");
    hall.pass(1);
    assert!(is_in(&first.get(PAGE).await));
    let mut second = hall.school.anonymous();
    assert!(!is_in(&second.get(PAGE).await));
    for _ in 0..20 {
        hall.pass(5);
    }
    let page = second.get(PAGE).await.text();
    assert!(page.contains("Personne n’entre pour l’instant") && !page.contains("presque"), "{page}");
    order(platform, Order::Stop(false)).await.expect("taken");
    for _ in 0..4 {
        hall.pass(5);
    }
    assert!(is_in(&second.get(PAGE).await));
}

#[tokio::test]
async fn strangers_in_a_crowd_compute_or_say_the_class_code() {
    let hall = Hall::with(1);
    let _first = hall.inside().await;
    for _ in 0..4 {
        for _ in 0..120 {
            hall.school.anonymous().get(PAGE).await;
        }
        hall.pass(1);
    }
    let mut second = hall.school.anonymous();
    let page = second.get(PAGE).await.text();
    let challenge = attribute(&page, "data-challenge");
    assert!(page.contains("action=\"/class-code\"") && page.len() < 10_000, "{} bytes: {page}", page.len());
    assert_eq!(attribute(&page, "data-cookie"), "preau_proof");
    // What the script leaves in a cookie is believed with the next request.
    let proof = preau_gate::proof_text(&challenge, 0, 1 << 26).expect("found");
    second.set_cookie("preau_proof", &proof);
    assert!(!second.get(PAGE).await.text().contains("data-challenge"));
    // Another's proof is worth nothing.
    let mut third = hall.school.anonymous();
    third.set_cookie("preau_proof", &proof);
    third.get(PAGE).await;
    assert!(third.get(PAGE).await.text().contains("data-challenge"));
    // The code that the teacher reads out does it as well.
    third.set_cookie("preau_code", &hall.door().class_code(5).replace('-', ""));
    assert!(!third.get(PAGE).await.text().contains("data-challenge"));
    let mut fourth = hall.school.anonymous();
    fourth.get(PAGE).await;
    fourth.set_cookie("preau_code", "AAAABBBBCCCC");
    assert!(fourth.get(PAGE).await.text().contains("data-challenge"));
}

#[tokio::test]
async fn the_page_for_the_class_code_stands_still_and_leads_back() {
    let hall = Hall::with(1);
    let mut stranger = hall.school.anonymous();
    let page = stranger.get("/class-code?back=/sign-in").await;
    let text = page.text();
    assert_eq!(page.status, 200);
    assert!(!text.contains("http-equiv") && text.contains("name=\"code\""), "{text}");
    assert!(text.contains("name=\"back\" value=\"/sign-in\""), "{text}");
    // Nowhere else, and nothing of it in the page.
    let elsewhere = stranger.get("/class-code?back=https://evil.example/").await.text();
    assert!(!elsewhere.contains("evil"), "{elsewhere}");
    let sent = stranger.get("/class-code?code=aaaa-bbbb&back=/sign-in").await;
    assert_eq!((sent.status.as_u16(), sent.location()), (303, "/sign-in"));
}
