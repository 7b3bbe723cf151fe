//! What passes the reader and what does not, and that nothing that comes can break a board.

use super::reader::{ROOT, outline};
use super::sheet::{MOST_THINGS, Sheet, Unmerged};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use proptest::prelude::*;
use std::collections::HashMap;
use yrs::block::ClientID;
use yrs::{Any, Doc, Map as _, Options, ReadTxn as _, Text as _, Transact as _, WriteTxn as _};

/// What Yjs 13.6 itself sent: two things drawn in one go, one of them changed, the other rubbed out.
const OF_YJS: [&str; 3] = [
    "AQKSIQAoAQhlbGVtZW50cwNvbmUBdgoCaWR3A29uZQR0eXBldwhmcmVlZHJhdwF4fQEBeXzAYAAABnBvaW50c3UDdQJ9AH0AdQJ8P8AAAH0CdQJ9Q3s\
     /uZmZmZmZmgVpbmRleHcCYTANYm91bmRFbGVtZW50c34GbG9ja2VkeQd2ZXJzaW9ufQEMdmVyc2lvbk5vbmNlfZKLsJkJKAEIZWxlbWVudHMDdHdvAXYL\
     AmlkdwN0d28EdHlwZXcEdGV4dAF4fQIBeXzAYAAABnBvaW50c3UDdQJ9AH0AdQJ8P8AAAH0CdQJ9Q3s/uZmZmZmZmgVpbmRleHcCYTANYm91bmRFbGVt\
     ZW50c34GbG9ja2VkeQd2ZXJzaW9ufQEMdmVyc2lvbk5vbmNlfZKLsJkJBHRleHR3BsOpIOKImgA=",
    "AQGSIQKokiEAAXYKAmlkdwNvbmUEdHlwZXcIZnJlZWRyYXcBeH0HAXl8wGAAAAZwb2ludHN1A3UCfQB9AHUCfD/AAAB9AnUCfUN7P7mZmZmZmZoFaW5k\
     ZXh3AmEwDWJvdW5kRWxlbWVudHN+BmxvY2tlZHkHdmVyc2lvbn0BDHZlcnNpb25Ob25jZX2Si7CZCQGSIQEAAQ==",
    "AAGSIQEBAQ==",
];

fn of_yjs() -> Vec<Vec<u8>> {
    OF_YJS.iter().map(|update| BASE64.decode(update).expect("base64")).collect()
}

/// A thing as a page draws it.
pub(crate) fn thing(kind: &str, x: f64) -> Any {
    let text = |text: &str| Any::from(text);
    Any::from(HashMap::from([
        ("type".to_owned(), text(kind)),
        ("x".to_owned(), Any::from(x)),
        ("points".to_owned(), Any::from(vec![Any::from(vec![Any::from(0.0), Any::from(x / 3.0)])])),
    ]))
}

/// A page that draws, and what it sends.
pub(crate) struct Pen(Doc);

impl Pen {
    pub(crate) fn new(client: u64) -> Pen {
        Pen(Doc::with_options(Options::with_client_id(ClientID::new(client))))
    }

    /// Draws; the update to send.
    pub(crate) fn draws(&self, id: &str, value: Any) -> Vec<u8> {
        self.changes(|doc| {
            let mut txn = doc.transact_mut();
            let map = txn.get_or_insert_map(ROOT);
            map.insert(&mut txn, id, value);
        })
    }

    fn changes(&self, change: impl FnOnce(&Doc)) -> Vec<u8> {
        let before = self.0.transact().state_vector();
        change(&self.0);
        self.0.transact().encode_diff_v1(&before)
    }

    /// What is on this page's board, by ids.
    pub(crate) fn sees(&self) -> Vec<String> {
        let txn = self.0.transact();
        let Some(map) = txn.get_map(ROOT) else { return Vec::new() };
        let mut ids: Vec<String> = map.keys(&txn).map(str::to_owned).collect();
        ids.sort();
        ids
    }

    pub(crate) fn takes(&self, update: &[u8]) {
        use yrs::updates::decoder::Decode as _;
        let update = yrs::Update::decode_v1(update).expect("an update");
        self.0.transact_mut().apply_update(update).expect("merged");
    }
}

fn shown(sheet: &Sheet) -> Vec<String> {
    let pen = Pen::new(1);
    pen.takes(&sheet.whole());
    pen.sees()
}

#[test]
fn what_yjs_sends_is_read_and_merged() {
    let mut sheet = Sheet::default();
    for update in of_yjs() {
        assert_eq!(sheet.merge(&update), Ok(()));
    }
    assert_eq!(shown(&sheet), ["one"]);
    let again = sheet.whole();
    assert_eq!(sheet.merge(&of_yjs()[1]), Ok(()), "what comes twice changes nothing");
    assert_eq!(sheet.whole(), again);
    let whole = BASE64.decode(
        "AQOSIQAhAQhlbGVtZW50cwNvbmUBIQEIZWxlbWVudHMDdHdvAaiSIQABdgoCaWR3A29uZQR0eXBldwhmcmVlZHJhdwF4fQcBeXzAYAAABnBvaW50c3UDd\
         QJ9AH0AdQJ8P8AAAH0CdQJ9Q3s/uZmZmZmZmgVpbmRleHcCYTANYm91bmRFbGVtZW50c34GbG9ja2VkeQd2ZXJzaW9ufQEMdmVyc2lvbk5vbmNlfZKL\
         sJkJAZIhAQAC",
    );
    assert_eq!(Sheet::default().merge(&whole.expect("base64")), Ok(()), "a whole board too");
}

#[test]
fn whoever_draws_over_another_is_merged_and_old_drawings_leave_little_behind() {
    let (one, two, mut sheet) = (Pen::new(10), Pen::new(20), Sheet::default());
    let first = one.draws("a", thing("line", 1.0));
    two.takes(&first);
    sheet.merge(&first).expect("merged");
    for update in [two.draws("a", thing("line", 2.0)), one.draws("b", thing("text", 3.0))] {
        sheet.merge(&update).expect("merged");
    }
    assert_eq!(shown(&sheet), ["a", "b"]);
    let small = sheet.whole().len();
    for step in 0..200 {
        sheet.merge(&one.draws("b", thing("text", f64::from(step)))).expect("merged");
    }
    let grown = sheet.whole().len() - small;
    assert!(grown < 100, "two hundred changes of one thing leave {grown} bytes");
}

#[test]
fn only_a_board_s_updates_pass() {
    let refused = |what: &str, update: &[u8]| {
        let mut sheet = Sheet::default();
        assert!(matches!(sheet.merge(update), Err(Unmerged::Unsound(_))), "{what}");
    };
    let pen = || Pen::new(5);
    refused("nothing", &[]);
    refused("a picture", &pen().draws("a", thing("image", 1.0)));
    refused("a page of another site", &pen().draws("a", thing("embeddable", 1.0)));
    refused(
        "a thing without a kind",
        &pen().draws("a", Any::from(HashMap::from([("x".to_owned(), Any::from(1.0))]))),
    );
    refused("a word for a thing", &pen().draws("a", Any::from("rectangle")));
    refused("a long id", &pen().draws(&"i".repeat(65), thing("line", 1.0)));
    refused(
        "another map",
        &pen().changes(|doc| {
            let mut txn = doc.transact_mut();
            txn.get_or_insert_map("others").insert(&mut txn, "a", thing("line", 1.0));
        }),
    );
    refused(
        "a text of Yjs",
        &pen().changes(|doc| {
            let mut txn = doc.transact_mut();
            txn.get_or_insert_text(ROOT).insert(&mut txn, 0, "x");
        }),
    );
    refused(
        "a map in the map",
        &pen().changes(|doc| {
            let mut txn = doc.transact_mut();
            txn.get_or_insert_map(ROOT).insert(&mut txn, "a", yrs::MapPrelim::default());
        }),
    );
    let mut deep = Any::from(1.0);
    for _ in 0..20 {
        deep = Any::from(vec![deep]);
    }
    let deep = HashMap::from([("type".to_owned(), Any::from("line")), ("points".to_owned(), deep)]);
    refused("values deep in one another", &pen().draws("a", Any::from(deep)));
    let mut long = of_yjs().remove(0);
    long.push(0);
    refused("something behind its end", &long);
    // Lists in lists, as deep as an update is long: whoever reads them by recursion has no stack left.
    let head = pen().draws("a", thing("line", 1.0));
    let place = head.windows(6).position(|bytes| bytes == b"points").expect("points") + 6;
    let mut bomb = head[..place].to_vec();
    bomb.extend([117, 1].repeat(60_000));
    refused("a deep hole", &bomb);
    // Counts that promise more than there is.
    refused("four thousand million writers", &[0xff, 0xff, 0xff, 0xff, 0x0f]);
    refused("as many blocks", &[1, 0xff, 0xff, 0xff, 0xff, 0x0f, 5, 0]);
    refused("a deletion up to the end of numbers", &[0, 1, 5, 1, 1, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    refused("a deletion of nothing", &[0, 1, 5, 1, 1, 0]);
    refused("a writer beyond 53 bits", &[0, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 0, 1]);
}

#[test]
fn what_builds_on_something_missing_is_refused() {
    let pen = Pen::new(7);
    let [first, second] = [1.0, 2.0].map(|x| pen.draws("a", thing("line", x)));
    assert_eq!(Sheet::default().merge(&second), Err(Unmerged::Behind), "a hole before it");
    let mut sheet = Sheet::default();
    assert_eq!(sheet.merge(&[0, 1, 7, 1, 0, 1]), Err(Unmerged::Behind), "a deletion of what is not there");
    sheet = Sheet::default();
    for update in [first, second] {
        assert_eq!(sheet.merge(&update), Ok(()));
    }
}

#[test]
fn a_board_holds_so_many_things() {
    let (pen, mut sheet) = (Pen::new(7), Sheet::default());
    let many = pen.changes(|doc| {
        let mut txn = doc.transact_mut();
        let map = txn.get_or_insert_map(ROOT);
        for number in 0..MOST_THINGS {
            map.insert(&mut txn, number.to_string(), thing("line", 1.0));
        }
    });
    assert_eq!(sheet.merge(&many), Ok(()));
    assert_eq!(sheet.merge(&pen.draws("one more", thing("line", 1.0))), Err(Unmerged::Full));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Bytes of a real update changed, cut out or put in at a few places.
    #[test]
    fn a_damaged_update_is_refused_or_merged_and_harms_nobody(
        which in 0_usize..3,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..6),
    ) {
        let (before, mut sheet) = (of_yjs(), Sheet::default());
        for update in &before[..which] {
            sheet.merge(update).expect("merged");
        }
        let mut damaged = before[which].clone();
        for (place, byte, how) in changes {
            if damaged.is_empty() {
                break;
            }
            let place = place.index(damaged.len());
            match how {
                0 => damaged[place] = byte,
                1 => damaged.insert(place, byte),
                _ => {
                    damaged.remove(place);
                }
            }
        }
        match sheet.merge(&damaged) {
            Err(error) => prop_assert_ne!(error, Unmerged::Failed, "the reader lets through what cannot be merged"),
            Ok(()) => {
                let whole = sheet.whole();
                prop_assert!(outline(&whole).is_ok(), "what was merged is a board again");
                let mut again = Sheet::default();
                prop_assert_eq!(again.merge(&whole), Ok(()));
            }
        }
    }

    #[test]
    fn no_bytes_are_too_much_for_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _read = outline(&bytes);
    }
}
