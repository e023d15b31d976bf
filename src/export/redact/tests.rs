use super::*;
use crate::diagnostics::event::{ConnectFailedEvent, Event, Phase};
use crate::diagnostics::sentence::sentence;

fn clean(text: &str) -> String {
    Redactor::new(false).text(text)
}

#[test]
fn text_after_a_secret_is_scanned_independently() {
    for (text, expected) in [
        (" password=aAaAAA'@\u{ab5}", " password=<secret>'@\u{ab5}"),
        (" password=aAaAAA'jane@example.org'", " password=<secret>'<email-1>'"),
        (" secret_key = 'a0AaaA''@A", " secret_key = '<secret>''@A"),
        ("from 'Miles.O'Brien@example.org'", "from '<email-1>'"),
    ] {
        let once = clean(text);
        assert_eq!(once, expected, "{text}");
        assert_eq!(clean(&once), once, "a second look changes nothing");
    }
}

#[test]
fn each_class_has_its_placeholder() {
    for (text, expected) in [
        ("from jane.doe+mqtt@example.org: hi", "from <email-1>: hi"),
        ("cmd/52/navilink-04786332fca0/st", "cmd/52/navilink-<mac-1>/st"),
        ("peer 203.0.113.7:8883 closed", "peer <ip-1>:8883 closed"),
        ("[2001:db8::1]:8883 and fe80::1%eth0", "[<ip-1>]:8883 and <ip-2>%eth0"),
        ("2001:db8:0:0:0:0:0:1: connection refused", "<ip-1>: connection refused"),
        ("peer:2001:db8::1 closed", "peer:<ip-1> closed"),
        ("127.0.0.1:1883, ::1 and 0.0.0.0", "127.0.0.1:1883, ::1 and 0.0.0.0"),
        ("wss://bob:hunter2@broker/mqtt", "wss://<secret>@broker/mqtt"),
        ("GET /mqtt?X-Amz-Signature=abc&x=1 403", "GET /mqtt?<secret> 403"),
        (r#"{"sessionToken": "IQoJ b", "n": 1}"#, r#"{"sessionToken": "<secret>", "n": 1}"#),
        ("Authorization: Bearer abc.def", "Authorization: <secret>"),
        ("password = hunter2; user=bob", "password = <secret>; user=<user-1>"),
        ("key AKIAIOSFODNN7EXAMPLE used", "key <secret> used"),
        (
            "/home/jane/.local/state and C:\\Users\\Jane\\x",
            "/home/<user-1>/.local/state and C:\\Users\\<user-2>\\x",
        ),
        ("a1t30mldyslmuq-ats.iot.us-east-1.amazonaws.com", "<account-1>-ats.iot.us-east-1.amazonaws.com"),
        ("lookup of nas.lan. failed", "lookup of <host-1>. failed"),
        ("session 6F9619FF-8B86-D011-B42D-00C04FC964FF", "session <id-1>"),
        ("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "<secret>"),
    ] {
        assert_eq!(clean(text), expected, "{text}");
    }
}

#[test]
fn all_spellings_of_an_address_get_one_placeholder() {
    let mut redactor = Redactor::new(false);
    let spellings = [
        "04:78:63:32:FC:A0",
        "04-78-63-32-fc-a0",
        "0478.6332.fca0",
        "04786332fca0",
        "047863-32FCA0",
        "04 78 63 32 fc a0",
        "04_78_63_32_fc_a0",
        "04%3A78%3A63%3A32%3Afc%3Aa0",
        "0478:6332:fca0",
    ];
    for spelling in spellings {
        assert_eq!(redactor.text(&format!("<{spelling}>")), "<<mac-1>>", "{spelling}");
    }
    assert_eq!(redactor.text("04:78:63:32:fc:a1"), "<mac-2>");
}

#[test]
fn diagnostic_text_is_not_redacted() {
    for text in [
        "AWS_ERROR_MQTT_UNEXPECTED_HANGUP: The connection was closed unexpectedly.",
        "AWS_ERROR_MQTT_INVALID_CREDENTIALS: [MQTT-3.1.2-21] Connect packet may not include password when no username is present.",
        "AWS_ERROR_HTTP_RESPONSE_FIRST_BYTE_TIMEOUT",
        "AWS_IO_TLS_SIGNATURE_ALGORITHM_UNSUPPORTED: TLS signature algorithm is currently unsupported.",
        "2026-08-03T12:27:13.750001+00:00",
        "home/kitchen/temperature/sensor1/state",
        "TLS13_AES_256_GCM_SHA384, test.mosquitto.org, TLSv1.3, rumqttc 0.25.1",
        "Connection reset by peer (os error 104)",
        "CONNACK 5: not authorized",
        "keep-alive 60 s → 1200 s",
    ] {
        assert_eq!(clean(text), text);
    }
}

#[test]
fn credential_error_messages_are_not_redacted() {
    let name = "AWS_AUTH_SIGNING_NO_CREDENTIALS";
    let failed = ConnectFailedEvent {
        phase: Some(Phase::Credentials),
        error_name: Some(name.to_owned()),
        error_message: Some(format!("{name}: text (the cloud does not accept this password)")),
        ..ConnectFailedEvent::default()
    };
    let (_, text) = sentence(&Event::ConnectFailed(failed)).unwrap();
    assert!(text.contains("failed at credentials, text (the cloud does not accept"), "{text}");
    assert_eq!(clean(&text), text);
}

#[test]
fn known_values_are_replaced_everywhere() {
    let mut redactor = Redactor::new(false);
    redactor.add_known(SensitiveKind::Client, "dropscope-7f3a");
    redactor.add_known(SensitiveKind::Client, "c");
    redactor.add_known(SensitiveKind::Host, "broker.example.org");
    redactor.add_known(SensitiveKind::User, " ");
    let text = redactor.text("DROPSCOPE-7f3a/c/cmd at mqtts://Broker.Example.org:8883");
    assert_eq!(text, "<client-1>/<client-2>/cmd at mqtts://<host-1>:8883");
    assert_eq!(redactor.value(SensitiveKind::Client, "dropscope-7f3a"), "<client-1>");
}

#[test]
fn secrets_are_redacted_even_when_identities_are_kept() {
    let mut redactor = Redactor::new(true);
    redactor.add_known(SensitiveKind::Client, "heater");
    let text =
        redactor.text("heater 203.0.113.7 04:78:63:32:fc:a0 token=abc eyJhbGciOiJIUzI1NiJ9.e30.x /m?Sig=1");
    assert_eq!(text, "heater 203.0.113.7 04:78:63:32:fc:a0 token=<secret> <secret> /m?<secret>");
    assert_eq!(redactor.value(SensitiveKind::Client, "heater"), "heater");
}

#[test]
fn overlong_text_is_cut_between_words() {
    let text = format!("{} 04786332fca0", "x ".repeat(MAX_TEXT_BYTES / 2 - 3));
    assert!(clean(&text).ends_with("x…"), "{}", clean(&text));
    assert_eq!(clean(&"ü".repeat(MAX_TEXT_BYTES)), "…");
}
