//! A router in this process behind the front, as the application itself will be.
#![allow(clippy::unwrap_used)]

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::service::service_fn;
use preau_front::{
    Body, Decision, Door, Front, Head, Kind, Limits, Listen, Local, Pass, Peer, Seat, Trusted,
};
use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;

struct Numbered;

impl Door for Numbered {
    fn decide(&self, head: &Head<'_>) -> Decision {
        let seat = Seat::new(head.path().len());
        Decision::Pass(Pass { seat: Some(seat), ..Pass::default() })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_knows_who_asks_and_what_was_decided() {
    let service = service_fn(|request: Request<Body>| async move {
        let peer = *request.extensions().get::<Peer>().unwrap();
        let seat = *request.extensions().get::<Seat>().unwrap().get::<usize>().unwrap();
        let body = request.into_body().collect().await.map(|body| body.to_bytes());
        let text = match body {
            Ok(body) => format!("{} {seat} {}", peer.address.ip(), String::from_utf8_lossy(&body)),
            Err(error) => error.to_string(),
        };
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
    });
    let front = Front::new(Numbered, Local(service), Limits::default(), Trusted::default(), None);
    let listen = Listen::bind("127.0.0.1:0".parse().unwrap(), Kind::Http).unwrap();
    let address = listen.socket.local_addr().unwrap();
    let serving = front.clone();
    let served = std::thread::spawn(move || serving.serve_on_threads(vec![listen], 2));
    let answer = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        let form =
            "POST /four HTTP/1.1\r\nHost: any.example\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbody";
        stream.write_all(form.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    });
    let answer = answer.await.unwrap();
    assert!(answer.ends_with("\r\n\r\n127.0.0.1 5 body"), "{answer}");
    front.stop();
    assert_eq!(served.join().unwrap().unwrap(), 0);
}
