//! Bodies framed anew: the same bytes out whatever pieces they come in, and a second reader agrees.
#![allow(clippy::unwrap_used)]

use preau_front::framing::{End, Framer, Odd, read_response};
use preau_front::head::room;
use proptest::prelude::*;

/// What comes out, how many bytes were taken, and whether the body has ended or is odd.
fn passed(end: End, pieces: &[&[u8]]) -> (Vec<u8>, usize, Result<bool, Odd>) {
    let (mut framer, mut out, mut taken) = (Framer::new(end), Vec::new(), 0);
    for piece in pieces {
        match framer.pass(piece, &mut out) {
            Ok(some) => taken += some,
            Err(odd) => return (out, 0, Err(odd)),
        }
        if framer.is_done() {
            break;
        }
    }
    (out, taken, Ok(framer.is_done()))
}

/// A reader of chunks that takes nothing but the plainest: independent of the one under test.
fn payload(mut framed: &[u8]) -> Option<(Vec<u8>, bool)> {
    let mut all = Vec::new();
    while !framed.is_empty() {
        let end = framed.windows(2).position(|pair| pair == b"\r\n")?;
        let digits = std::str::from_utf8(&framed[..end]).ok()?;
        if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let size = usize::from_str_radix(digits, 16).ok()?;
        framed = &framed[end + 2..];
        if size == 0 {
            return (framed == b"\r\n").then_some((all, true));
        }
        let here = size.min(framed.len());
        all.extend_from_slice(&framed[..here]);
        framed = &framed[here..];
        if framed.is_empty() {
            break;
        }
        framed = framed.strip_prefix(b"\r\n")?;
    }
    Some((all, false))
}

fn chunk() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let extension = prop_oneof![Just(""), Just(";a=b"), Just(" "), Just(" ; x=\"y\""), Just("\t")];
    (prop::collection::vec(any::<u8>(), 1..300), extension, 0..4_usize).prop_map(
        |(body, extension, zeros)| {
            let mut framed = format!("{}{:X}{extension}\r\n", "0".repeat(zeros), body.len()).into_bytes();
            framed.extend_from_slice(&body);
            framed.extend_from_slice(b"\r\n");
            (framed, body)
        },
    )
}

/// Bytes, cut where the numbers say.
fn cut<'b>(bytes: &'b [u8], cuts: &[usize]) -> Vec<&'b [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.sort_unstable();
    places.push(bytes.len());
    let mut from = 0;
    places.into_iter().map(|to| &bytes[std::mem::replace(&mut from, to)..to]).collect()
}

proptest! {
    #[test]
    fn chunks_come_out_alike_in_any_pieces(
        chunks in prop::collection::vec(chunk(), 0..8),
        trailer in prop_oneof![Just(""), Just("x-sum: 1\r\n"), Just("a: b\r\nc: d\r\n")],
        surplus in prop::collection::vec(any::<u8>(), 0..20),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut body: Vec<u8> = chunks.iter().flat_map(|(framed, _)| framed.clone()).collect();
        body.extend_from_slice(format!("0\r\n{trailer}\r\n").as_bytes());
        let length = body.len();
        body.extend_from_slice(&surplus);
        let whole = passed(End::Chunks, &[&body]);
        prop_assert_eq!(&passed(End::Chunks, &cut(&body, &cuts)), &whole);
        // What is behind the body stays where it is.
        prop_assert_eq!((whole.1, whole.2), (length, Ok(true)));
        let plain: Vec<u8> = chunks.into_iter().flat_map(|(_, body)| body).collect();
        prop_assert_eq!(payload(&whole.0), Some((plain, true)));
    }

    /// Also when it is nonsense: the same verdict, and nothing goes out that a second reader could frame
    /// otherwise.
    #[test]
    fn nonsense_is_judged_alike_in_any_pieces(
        body in prop::collection::vec(
            prop_oneof![
                Just(b"0".to_vec()), Just(b"5".to_vec()), Just(b"\r\n".to_vec()), Just(b"\n".to_vec()),
                Just(b"\r".to_vec()), Just(b";".to_vec()), Just(b"hello".to_vec()), Just(b" ".to_vec()),
                Just(b"0\r\n\r\n".to_vec()), Just(b"5\r\nhello\r\n".to_vec()), Just(b"+".to_vec()),
                Just(b"ffffffffffffffff".to_vec()), Just(b"\0".to_vec()), Just(b"a: b\r\n".to_vec()),
            ],
            0..12,
        ),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let body = body.concat();
        let whole = passed(End::Chunks, &[&body]);
        prop_assert_eq!(&passed(End::Chunks, &cut(&body, &cuts)), &whole);
        let read = payload(&whole.0);
        prop_assert!(read.is_some(), "{:?}", String::from_utf8_lossy(&whole.0));
        prop_assert_eq!(read.unwrap().1, whole.2 == Ok(true));
    }

    #[test]
    fn a_length_is_kept_to_the_byte(
        body in prop::collection::vec(any::<u8>(), 0..500),
        length in 0..400_u64,
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let (out, taken, ended) = passed(End::Length(length), &cut(&body, &cuts));
        let most = body.len().min(usize::try_from(length).unwrap());
        prop_assert_eq!((&out[..], taken), (&body[..most], most));
        prop_assert_eq!(ended, Ok(body.len() as u64 >= length));
    }

    #[test]
    fn what_ends_with_the_connection_has_an_end_of_its_own(
        body in prop::collection::vec(any::<u8>(), 0..500),
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        let (mut framer, mut out) = (Framer::new(End::Close), Vec::new());
        for piece in cut(&body, &cuts) {
            prop_assert_eq!(framer.pass(piece, &mut out), Ok(piece.len()));
            prop_assert!(!framer.is_done());
        }
        prop_assert_eq!(framer.close(&mut out), Ok(()));
        prop_assert!(framer.is_done());
        prop_assert_eq!(payload(&out), Some((body, true)));
    }
}

#[test]
fn odd_chunks_are_not_passed_on() {
    for odd in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n",
        "-5\r\nhello\r\n",
        "5\nhello\n0\n\n",
        "5;ext\nhello\r\n",
        "5;a\rb\r\nhello\r\n",
        "5\r\nhelloX\r\n",
        "5\r\nhello\n",
        "\r\nhello",
        " 5\r\nhello\r\n",
        ";a\r\n",
        "5 5\r\nhello\r\n",
        "10000000000000000\r\n",
        "0\r\nx: y\n\r\n",
        "0\r\nx\0y\r\n\r\n",
        "0\r\n\r\r\n",
    ] {
        assert_eq!(passed(End::Chunks, &[odd.as_bytes()]).2, Err(Odd), "{odd:?}");
    }
    // Extensions and trailers without end.
    let endless = format!("5;{}", "x".repeat(20_000));
    assert_eq!(passed(End::Chunks, &[endless.as_bytes()]).2, Err(Odd));
    let many = "1;xxxxxxxxx\r\na\r\n".repeat(2_000);
    assert_eq!(passed(End::Chunks, &[many.as_bytes()]).2, Err(Odd));
    let trailer = format!("0\r\n{}", "x: y\r\n".repeat(5_000));
    assert_eq!(passed(End::Chunks, &[trailer.as_bytes()]).2, Err(Odd));
}

#[test]
fn bodies_that_end_too_early_are_cut_off() {
    for (end, body) in [(End::Length(5), "half"), (End::Chunks, "5\r\nhell"), (End::Chunks, "5\r\nhello\r\n")]
    {
        let (mut framer, mut out) = (Framer::new(end), Vec::new());
        framer.pass(body.as_bytes(), &mut out).unwrap();
        assert_eq!(framer.close(&mut out), Err(Odd));
        assert!(!out.ends_with(b"0\r\n\r\n"));
    }
}

fn end(text: &str, to_head: bool) -> Result<(End, bool), Odd> {
    let mut room = room();
    let read = read_response(text.as_bytes(), &mut room, to_head)?;
    let (head, taken) = read.expect("a whole head");
    assert_eq!(taken, text.len());
    Ok((head.end, head.keep_alive))
}

#[test]
fn heads_say_where_their_body_ends() {
    let of = |fields: &str| format!("HTTP/1.1 200 OK\r\n{fields}\r\n");
    assert_eq!(end(&of("Content-Length: 5\r\n"), false), Ok((End::Length(5), true)));
    assert_eq!(end(&of("Content-Length: 0\r\n"), false), Ok((End::Head, true)));
    assert_eq!(end(&of("transfer-encoding: Chunked\r\n"), false), Ok((End::Chunks, true)));
    assert_eq!(end(&of(""), false), Ok((End::Close, false)));
    assert_eq!(end(&of("Connection: x, close\r\nContent-Length: 5\r\n"), false), Ok((End::Length(5), false)));
    assert_eq!(end(&of("Content-Length: 5\r\n"), true), Ok((End::Head, true)));
    assert_eq!(end("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", false), Ok((End::Head, true)));
    assert_eq!(end("HTTP/1.1 204 No Content\r\n\r\n", false), Ok((End::Head, true)));
    assert_eq!(end("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n", false), Ok((End::Length(5), false)));
}

#[test]
fn heads_with_two_ends_are_odd() {
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Content-Length: 5, 5",
        "Content-Length: +5",
        "Content-Length: ",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding : chunked",
        "X: y\r\n Transfer-Encoding: chunked",
    ] {
        assert_eq!(end(&format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\n"), false), Err(Odd), "{fields:?}");
    }
    assert_eq!(end("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false), Err(Odd));
    assert_eq!(end("HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n", false), Err(Odd));
}
