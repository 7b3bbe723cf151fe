//! The edge's own pages: the wait before the door, and what is shown when something went wrong.
//!
//! The waiting page asks for nothing but itself: its style, its drawing and its script are inside, so
//! that it stands while the rest of the platform is busy. Without script it refreshes itself. It says
//! a range, never a false second.

use askama::Template;

use crate::ui::assets::inline;
use crate::ui::{ClockFace, Shell, Texts};

/// The style of the waiting page. It is constant, so a security policy may name its hash
/// (`style-src 'sha256-…'`) and the page may be rendered beforehand.
pub const WAITING_STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/waiting.css"));

/// The style of the day that a device has kept, over [`WAITING_STYLE`]. Constant like that one: the waiting page
/// shows such a day, which brings this style along.
pub const KEPT_STYLE: &str = include_str!(concat!(env!("OUT_DIR"), "/kept.css"));

/// Minutes that are still "almost the moment".
const SOON: u32 = 5;

/// The page of those for whom there is no room yet.
#[derive(Debug, Template)]
#[template(path = "edge/waiting.html")]
pub struct WaitingPage<'a> {
    /// The sentences; `Form::Neutral` when it is not known who waits.
    pub t: &'static Texts,
    /// The school's or the platform's name.
    pub place_name: &'a str,
    /// The clock at the moment of rendering.
    pub face: ClockFace,
    /// Where on the clock the turn is expected; none when nothing honest can be said.
    pub arc: Option<WaitArc>,
    /// The estimate in words, see [`estimate`]; or that nobody is let in.
    pub estimate: &'a str,
    /// Minutes that the wait lasts at least; many where nothing is known of it.
    pub at_least: u32,
    /// People whose turn comes before.
    pub people_before: u64,
    /// "7 h 54", or empty when the hour of arrival is not known; none when nobody writes down who waits, as in
    /// front of a service that is not ours: nothing is promised then.
    pub noted_since: Option<&'a str>,
    /// The lesson that this person is expected in, when the ticket says so.
    pub lesson: Option<WaitingLesson<'a>>,
    /// "7 h 52": when access opens to the lesson that this person is due in.
    pub opens: Option<&'a str>,
    /// "8 h 00": the bell at which the order of all who came before it is drawn.
    pub drawn_at: Option<&'a str>,
    /// What the operator tells all who wait.
    pub message: Option<&'a str>,
    /// What the browser is asked to compute while it waits, when strangers crowd in.
    pub challenge: Option<&'a str>,
    /// Name of the cookie that the proof goes into.
    pub proof_cookie: &'a str,
    /// The path asked for: where the class code's form leads back to.
    pub here: &'a str,
    /// "7 h 56": when this state was true.
    pub seen_at: &'a str,
    /// Seconds until the page looks again.
    pub interval: u32,
    /// The lane's name as `/now` writes it.
    pub lane: &'a str,
    /// The rank as `/now` writes watermarks: 16 hexadecimal digits.
    pub rank: &'a str,
    /// Whether this answers a form, whose content was not saved.
    pub unsaved: bool,
    /// Where the page goes on to instead of itself: the page of that form; empty otherwise.
    pub back: &'a str,
}

/// Where a class code is typed without a script: unlike the waiting page it never loads itself anew, which would
/// take away what is half typed.
#[derive(Debug, Template)]
#[template(path = "edge/code.html")]
pub struct CodePage<'a> {
    /// The sentences, in the neutral form.
    pub t: &'static Texts,
    /// The platform's name.
    pub place_name: &'a str,
    /// The clock at the moment of rendering.
    pub face: ClockFace,
    /// No wait is shown on it.
    pub arc: Option<WaitArc>,
    /// The path asked for at first: where the form leads back to.
    pub here: &'a str,
}

/// What a person sees when whoever answers behind the gate does not: it stands by itself.
#[derive(Debug, Template)]
#[template(path = "edge/out.html")]
pub struct OutPage<'a> {
    /// The sentences, in the neutral form.
    pub t: &'static Texts,
    /// The platform's name.
    pub place_name: &'a str,
    /// The clock at the moment of rendering.
    pub face: ClockFace,
    /// No wait is shown on it.
    pub arc: Option<WaitArc>,
    /// Seconds until the page tries again.
    pub interval: u32,
}

/// The state of the service, for anybody: it stands by itself as the waiting page does.
#[derive(Debug, Template)]
#[template(path = "edge/status.html")]
pub struct StatusPage<'a> {
    /// The sentences, in the neutral form.
    pub t: &'static Texts,
    /// The platform's name.
    pub place_name: &'a str,
    /// The clock at the moment of rendering.
    pub face: ClockFace,
    /// Where on the clock somebody who comes now may expect their turn; none when there is no wait.
    pub arc: Option<WaitArc>,
    /// Whether the queue moves.
    pub moving: bool,
    /// People inside.
    pub inside: u64,
    /// People who may be inside.
    pub seats: u64,
    /// People waiting.
    pub waiting: u64,
    /// The wait of somebody who comes now, in words; empty when there is none.
    pub estimate: &'a str,
    /// "aujourd’hui à 7 h 02": since when the service runs.
    pub since: &'a str,
    /// "7 h 56": when this state was true.
    pub seen_at: &'a str,
}

impl OutPage<'_> {
    /// The waiting page's script: here it looks whether the service is back, and shows the day that this device
    /// has kept. Empty when the scripts were not built: then the page refreshes itself for everybody.
    pub fn script(&self) -> &'static str {
        inline("waiting.js")
    }
}

impl WaitingPage<'_> {
    /// Whether nobody stands before and nothing is known that makes it long. Before a bell, or before access
    /// opens, nobody may stand before somebody who waits for a quarter of an hour.
    fn almost(&self) -> bool {
        let later = self.opens.is_some() || self.drawn_at.is_some() || self.at_least > SOON;
        self.people_before == 0 && !later
    }

    /// "312 personnes attendent devant toi" in three parts, so that the script can renew the number
    /// alone: what stands before it, the number, what stands after.
    pub fn people(&self) -> (String, String, String) {
        let number = self.t.count(&self.people_before);
        let sentence = self.t.with("waiting-people-before", "count", self.people_before);
        match sentence.split_once(&number) {
            Some((before, after)) => (before.to_owned(), number.clone(), after.to_owned()),
            None => (String::new(), sentence, String::new()),
        }
    }

    /// The script that lets the page in by itself; it is constant, so its hash can stand in a security
    /// policy. Empty when the scripts were not built: then the page refreshes itself for everybody.
    pub fn script(&self) -> &'static str {
        inline("waiting.js")
    }
}

/// The lesson that waits for the person who waits.
#[derive(Debug, Clone, Copy)]
pub struct WaitingLesson<'a> {
    /// "français, Mme Houblon".
    pub name: &'a str,
    /// "8 h 00".
    pub hour: &'a str,
}

/// The expected turn as an arc of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitArc {
    /// Angle at which the arc begins, in degrees from three o'clock, as SVG counts.
    pub from: u16,
    /// Minutes that are certain, 0 to 60.
    pub low: u32,
    /// Minutes that are possible, 0 to 60, at least `low`.
    pub high: u32,
}

impl WaitArc {
    /// The arc from the present minute over a range of minutes; none beyond an hour, where a clock
    /// face could only mislead.
    pub fn of(face: &ClockFace, low: u32, high: u32) -> Option<WaitArc> {
        (high <= 60).then(|| WaitArc {
            from: (face.minute_hand + 270) % 360,
            low: low.min(high),
            high: high.max(1),
        })
    }
}

/// The estimate in words, from a range of minutes: "Moins d'une minute", "Environ 2 min", "Entre 2 et
/// 5 min", "Plus de 60 min".
pub fn estimate(t: &Texts, low: u32, high: u32) -> String {
    match (low, high) {
        (_, 0..=1) => t.get("waiting-soon").to_owned(),
        (low, high) if high > 60 => t.with("waiting-long", "low", low.max(1)),
        (low, high) if low >= high => t.with("waiting-about", "low", high),
        (low, high) => t.with2("waiting-range", "low", low.max(1), "high", high),
    }
}

/// What a person sees when a request could not be answered: what happened, what it means, what to do.
#[derive(Debug, Template)]
#[template(path = "edge/problem.html")]
pub struct ProblemPage<'a> {
    /// The frame.
    pub page: &'a Shell,
    /// What happened: "Cette page n'existe pas, ou elle n'est pas à vous."
    pub headline: &'a str,
    /// What it means and what to do.
    pub advice: &'a str,
    /// The operation's number for support; empty when nothing was logged.
    pub operation: &'a str,
    /// Where to go from here, and what that is called.
    pub way_out: (&'a str, &'a str),
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;

    use super::*;
    use crate::ui::texts::{Form, Lang};

    fn view<'a>(t: &'static Texts, estimate: &'a str) -> WaitingPage<'a> {
        let face = ClockFace::bare(time(7, 56, 0, 0));
        WaitingPage {
            t,
            place_name: "Collège <Arc-en-Ciel>",
            face,
            arc: WaitArc::of(&face, 2, 4),
            estimate,
            at_least: 2,
            people_before: 12_450,
            noted_since: Some("7 h 54"),
            lesson: Some(WaitingLesson { name: "français, Mme Houblon", hour: "8 h 00" }),
            opens: Some("7 h 52"),
            drawn_at: None,
            message: Some("La salle <machines> ouvre plus tard."),
            challenge: Some("AhIAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
            proof_cookie: "preau_proof",
            here: "/today",
            seen_at: "7 h 56",
            interval: 20,
            lane: "lesson",
            rank: "0000000000000abc",
            unsaved: false,
            back: "",
        }
    }

    fn page(t: &'static Texts, estimate: &str) -> String {
        view(t, estimate).render().unwrap()
    }

    #[test]
    fn the_moment_is_near_only_where_nothing_says_otherwise() {
        let t = Texts::of(Lang::Fr, Form::Neutral);
        let near = |opens, drawn_at, at_least, people_before| {
            let page = WaitingPage { opens, drawn_at, at_least, people_before, ..view(t, "Bientôt") };
            page.render().unwrap().contains("C’est presque le moment")
        };
        assert!(near(None, None, 0, 0) && near(None, None, SOON, 0));
        assert!(!near(None, None, 0, 1));
        assert!(!near(Some("7 h 52"), None, 0, 0) && !near(None, Some("8 h 00"), 0, 0));
        assert!(!near(None, None, 20, 0));
    }

    #[test]
    fn the_waiting_page_is_small_whole_and_escaped() {
        let t = Texts::of(Lang::Fr, Form::Neutral);
        let html = page(t, &estimate(t, 2, 4));
        assert!(html.len() < 10 * 1024, "{} bytes", html.len());
        assert!(!html.contains("src=") && !html.contains("url(") && !html.contains("@import"));
        assert_eq!(html.matches("href=").count(), 1, "only the empty icon");
        assert!(
            html.contains("http-equiv=\"refresh\" content=\"20\"")
                && !html.contains("n’a pas été enregistré")
        );
        assert!(html.contains("La place est gardée") && html.contains("La présence est notée depuis 7 h 54"));
        assert!(
            html.contains("<span id=\"ahead\">12\u{202f}450</span> personnes attendent devant cette place")
        );
        assert!(html.contains("Arc-en-Ciel") && !html.contains("<Arc-en-Ciel>"));
        assert!(!html.contains("Ta ") && !html.contains("Votre "));
    }

    #[test]
    fn estimates_are_ranges() {
        let t = Texts::of(Lang::Fr, Form::Tu);
        assert_eq!(estimate(t, 0, 0), "Moins d’une minute");
        assert_eq!(estimate(t, 0, 3), "Entre 1 et 3 min");
        assert_eq!(estimate(t, 2, 2), "Environ 2 min");
        assert_eq!(estimate(t, 45, 90), "Plus de 45 min");
    }

    #[test]
    fn the_arc_begins_now_and_stays_on_the_face() {
        let face = ClockFace::bare(time(7, 56, 0, 0));
        assert_eq!(WaitArc::of(&face, 2, 4), Some(WaitArc { from: 246, low: 2, high: 4 }));
        assert_eq!(WaitArc::of(&face, 10, 61), None);
    }
}
