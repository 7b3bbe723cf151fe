//! The throw-away Redis: apart from others, killed and started again, with a memory or without.

use preau_testkit::Redis;
use preau_testkit::redis::{Error, Kind};

#[test]
fn each_server_is_alone_and_forgets_unless_it_saved() {
    for kind in Kind::installed().unwrap_or_else(|error| panic!("{error}")) {
        let [one, two] = [(); 2].map(|()| Redis::start_with(kind, |_| Vec::new(), &[]).unwrap());
        assert_ne!(one.url(), two.url());
        one.cli(&["SET", "pupil", "Zoé"]).unwrap();
        assert_eq!(
            (one.cli(&["GET", "pupil"]).unwrap(), two.cli(&["GET", "pupil"]).unwrap()),
            ("Zoé".into(), String::new())
        );
        one.cli(&["SAVE"]).unwrap();
        one.cli(&["SET", "pupil", "Éloi"]).unwrap();
        one.kill().unwrap();
        assert!(matches!(one.cli(&["GET", "pupil"]), Err(Error::Client { .. })));
        one.start_again().unwrap();
        assert_eq!(one.cli(&["GET", "pupil"]).unwrap(), "Zoé");
        one.kill().unwrap();
        one.forget().unwrap();
        one.start_again().unwrap();
        assert_eq!(one.cli(&["GET", "pupil"]).unwrap(), "");
    }
}

#[test]
fn a_password_is_asked_for_and_a_wrong_command_is_an_error() {
    let kind = Kind::installed().unwrap_or_else(|error| panic!("{error}"))[0];
    let locked = |client: &[&str]| {
        Redis::start_with(kind, |_| vec!["--requirepass".into(), "secret".into()], client).unwrap()
    };
    let error = locked(&[]).cli(&["GET", "a"]).unwrap_err();
    assert!(error.to_string().contains("NOAUTH"), "{error}");
    let open = locked(&["--no-auth-warning", "-a", "secret"]);
    assert_eq!(open.cli(&["PING"]).unwrap(), "PONG");
    assert!(open.cli(&["NO-SUCH-COMMAND"]).unwrap_err().to_string().contains("unknown command"));
}
