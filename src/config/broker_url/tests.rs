//! URLs in, addresses out.

use secrecy::ExposeSecret;

use super::*;

fn address(text: &str) -> BrokerAddress {
    BrokerUrl::new(text).parse().expect(text).address
}

#[test]
fn schemes_have_their_transport_and_port() {
    let cases = [
        ("mqtt://h.example", Transport::Tcp, "h.example", 1883, "/mqtt"),
        ("tcp://h.example:2000", Transport::Tcp, "h.example", 2000, "/mqtt"),
        ("mqtts://h.example/", Transport::Tls, "h.example", 8883, "/mqtt"),
        ("ssl://h.example", Transport::Tls, "h.example", 8883, "/mqtt"),
        ("tls://h.example:443", Transport::Tls, "h.example", 443, "/mqtt"),
        ("ws://h.example", Transport::Ws, "h.example", 80, "/mqtt"),
        ("ws://h.example:8883/", Transport::Ws, "h.example", 8883, "/"),
        ("wss://h.example:443/a/b?x=1&y=2", Transport::Wss, "h.example", 443, "/a/b?x=1&y=2"),
        ("WSS://H.Example", Transport::Wss, "h.example", 443, "/mqtt"),
        ("h.example", Transport::Tcp, "h.example", 1883, "/mqtt"),
        ("h_1.example:1884", Transport::Tcp, "h_1.example", 1884, "/mqtt"),
        (" localhost ", Transport::Tcp, "localhost", 1883, "/mqtt"),
        ("192.0.2.1:80", Transport::Tcp, "192.0.2.1", 80, "/mqtt"),
        ("[::1]:80", Transport::Tcp, "::1", 80, "/mqtt"),
        ("mqtts://[2001:db8::1]", Transport::Tls, "2001:db8::1", 8883, "/mqtt"),
        ("mqtt://bücher.example", Transport::Tcp, "xn--bcher-kva.example", 1883, "/mqtt"),
    ];
    for (text, transport, host, port, path) in cases {
        let expected = BrokerAddress { transport, host: host.to_owned(), port, path: path.to_owned() };
        assert_eq!(address(text), expected, "{text}");
    }
}

#[test]
fn user_and_password_are_decoded_and_never_printed() {
    let url = BrokerUrl::new("mqtts://al%40ice:s%3Acr%25t@h.example:99/?token=tok");
    assert_eq!(url.to_string(), "mqtts://h.example:99/");
    assert_eq!(format!("{url:?}"), "BrokerUrl(mqtts://h.example:99/)");

    let url = BrokerUrl::new("al%40ice:s%3Acr%25t%@h.example");
    let parsed = url.parse().expect("a URL");
    assert_eq!(parsed.username.as_deref(), Some("al@ice"));
    assert_eq!(parsed.password.as_ref().map(ExposeSecret::expose_secret), Some("s:cr%t%"));
    assert!(!format!("{parsed:?}").contains("cr%t"), "{parsed:?}");

    let user_only = BrokerUrl::new("mqtt://alice@h").parse().expect("a URL");
    assert_eq!((user_only.username.as_deref(), user_only.password.is_none()), (Some("alice"), true));
}

#[test]
fn each_bad_url_has_its_error() {
    let cases = [
        ("", BrokerUrlError::Empty),
        ("http://h", BrokerUrlError::Scheme("http".to_owned())),
        ("user:secret@x://h", BrokerUrlError::Host),
        ("mqtt://", BrokerUrlError::Host),
        ("mqtt://:1883", BrokerUrlError::Host),
        ("mqtt://a b", BrokerUrlError::Host),
        ("hello, world", BrokerUrlError::Host),
        ("mqtt://[::1", BrokerUrlError::Host),
        ("mqtt://h:0", BrokerUrlError::Port),
        ("mqtt://h:70000", BrokerUrlError::Port),
        ("h:port", BrokerUrlError::Port),
        ("mqtt://h/topic", BrokerUrlError::Path),
        ("mqtts://h?x=1", BrokerUrlError::Path),
        ("mqtt://%ff@h", BrokerUrlError::UserInfo),
    ];
    for (text, error) in cases {
        assert_eq!(BrokerUrl::new(text).parse().err(), Some(error), "{text}");
    }
}

#[test]
fn no_text_makes_the_parser_panic_or_repeat_a_secret() {
    for prefix in ["", "mqtt://", "wss://", "://", "x://", "//", "mqtt://u:topsecret@"] {
        for text in [
            "%",
            "%%%",
            "[",
            "]",
            "@",
            ":@:",
            "/@",
            "\0",
            "é%c3%28@é",
            "u:topsecret@[",
            "?@",
            "#u:topsecret@",
        ] {
            let url = BrokerUrl::new(format!("{prefix}{text}"));
            if let Err(error) = url.parse() {
                assert!(!error.to_string().contains("topsecret"), "{error}");
            }
            let _ = url.to_string();
        }
    }
}
