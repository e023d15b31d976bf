//! Lines as people paste them get the right meaning and the right first cause.

mod lines;

use proptest::prelude::*;

use super::knowledge::FILES;
use super::*;

fn best_match(text: &str) -> (String, String) {
    let explanation = explain(text);
    let found = explanation.found.unwrap_or_else(|| panic!("nothing known: {text}"));
    let cause = found.causes.first().map_or("", |likely| &likely.cause.id).to_owned();
    (found.id, cause)
}

#[test]
fn real_lines_are_explained() {
    let mut wrong = Vec::new();
    for (line, id, cause) in lines::LINES {
        let found = explain(line).found;
        let first = found.as_ref().and_then(|found| found.causes.first()).map(|likely| &*likely.cause.id);
        let got = (found.as_ref().map_or("-", |found| &found.id), first.unwrap_or(""));
        if got != (*id, *cause) {
            wrong.push(format!("{line}\n   expected {id} {cause}\n   got    {} {}", got.0, got.1));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), lines::LINES.len(), wrong.join("\n"));
    assert!(lines::LINES.len() >= 80);
}

#[test]
fn the_data_can_be_read_and_is_complete() {
    for text in FILES {
        let table: toml::Table = text.parse().expect("TOML");
        let count = |key| table.get(key).and_then(toml::Value::as_array).map_or(0, Vec::len);
        assert!(count("phrase") + count("table") > 0);
    }
    assert!(KNOWLEDGE.entries.len() > 450, "a file was left out");
    assert_eq!(KNOWLEDGE.ids().len(), KNOWLEDGE.entries.len(), "an id is there twice");
    for entry in &KNOWLEDGE.entries {
        assert!(!entry.id.is_empty() && !entry.source.is_empty() && !entry.name.is_empty(), "{}", entry.id);
        assert!(entry.meaning.len() > 10, "{}", entry.id);
        for (id, weight) in &entry.causes {
            assert!(cause(id).is_some(), "{} names {id}", entry.id);
            assert!((1.0..=100.0).contains(weight), "{}", entry.id);
        }
        assert!(entry.causes.values().sum::<f64>() <= 100.0, "{}", entry.id);
        let has_advice = !entry.causes.is_empty() || entry.is_harmless || !entry.steps.is_empty();
        assert!(has_advice, "{} has neither cause nor step", entry.id);
    }
}

#[test]
fn every_wording_is_found_verbatim() {
    let mut wrong = Vec::new();
    for entry in &KNOWLEDGE.entries {
        for pattern in &entry.patterns {
            let text = pattern.replace('*', "x-17");
            let explanation = explain(&text);
            let mut ids = explanation.found.iter().chain(&explanation.also).map(|meaning| &meaning.id);
            if !ids.any(|id| *id == entry.id) {
                wrong.push(format!("{}: {pattern}", entry.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_name_and_code_of_the_common_runtime_is_known() {
    for line in include_str!("crt_names.txt").lines() {
        let (code, name) = line.split_once(' ').expect("code and name");
        let by_name = explain(name).found.unwrap_or_else(|| panic!("{name}")).id;
        let sdk = format!("AwsCrtError(name='{name}', message='...', code={code})");
        assert_eq!(best_match(&sdk).0, by_name);
        if code.parse::<u32>().expect("a number") >= 1024 {
            assert_eq!(explain(code).found.expect(code).id, by_name);
        }
    }
}

#[test]
fn every_disconnect_reason_of_aws_is_known() {
    for reason in [
        "AUTH_ERROR",
        "CLIENT_INITIATED_DISCONNECT",
        "CLIENT_ERROR",
        "CONNECTION_LOST",
        "DUPLICATE_CLIENTID",
        "FORBIDDEN_ACCESS",
        "MQTT_KEEP_ALIVE_TIMEOUT",
        "SERVER_ERROR",
        "SERVER_INITIATED_DISCONNECT",
        "API_INITIATED_DISCONNECT",
        "THROTTLED",
        "WEBSOCKET_TTL_EXPIRATION",
        "CUSTOMAUTH_TTL_EXPIRATION",
        "AUTHORIZATION_FAILED",
    ] {
        let by_name = explain(reason).found.expect(reason);
        assert!(by_name.source.starts_with("AWS IoT") && by_name.name == reason, "{reason}");
        let event = format!(
            r#"{{"clientId": "keepalive-timeout_DUPLICATE_CLIENTID", "timestamp": 1573002230757,
                "eventType": "disconnected", "sessionIdentifier": "00000000-0000-0000-0000-000000000000",
                "principalIdentifier": "000000000000/ABCDEFGHIJKLMNOPQRSTU:some-user",
                "clientInitiatedDisconnect": true, "disconnectReason": "{reason}", "versionNumber": 142}}"#
        );
        assert_eq!(best_match(&event).0, by_name.id);
    }
}

#[test]
fn every_code_is_known_in_its_context() {
    for code in 0x80..=0xa2_u8 {
        let name = crate::diagnostics::codes::reason_words(code);
        let Some(name) = name else { continue };
        for text in [format!("0x{code:02X}"), format!("reason code {code}"), format!("reasonCode=0x{code:x}")]
        {
            assert_eq!(best_match(&text).0, format!("mqtt5_{code}"), "{text} {name}");
        }
    }
    for code in 0..=5 {
        assert_eq!(best_match(&format!("CONNACK return code {code}")).0, format!("connack_{code}"));
    }
    for code in (1000..=1014_u16).filter(|code| !matches!(code, 1004 | 1010)) {
        assert_eq!(
            best_match(&format!("WebSocket closed: code {code}")).0,
            format!("websocket_close_{code}")
        );
    }
}

#[test]
fn a_bare_number_shows_all_its_readings() {
    let seven = explain("7");
    assert_eq!(seven.found.expect("7").id, "mosquitto_rc_7");
    let five = explain(" 5. ");
    assert_eq!(five.found.expect("5").id, "connack_5");
    assert_eq!(five.also.iter().map(|meaning| &*meaning.id).collect::<Vec<_>>(), ["mosquitto_rc_5"]);
    let refused = explain("0x80");
    assert_eq!(refused.found.expect("0x80").id, "mqtt5_128");
    assert!(refused.also.iter().any(|meaning| meaning.id == "suback_128"));
    let both = explain("rc=5");
    assert_eq!(both.also.len(), 1, "{both:?}");
}

#[test]
fn numbers_without_a_context_and_names_of_clients_do_not_count() {
    for text in [
        "2024-05-07 14:04:07,142 7 104 403 sensor-142 temperature 5",
        "1006 liters, 142 pumps and 7 valves",
        "published 128 bytes to home/135/403",
        "wall clock 10:42:07",
        "",
        "   ",
        "hello world",
    ] {
        let explanation = explain(text);
        assert_eq!(explanation.found, None, "{text}");
        assert!(explanation.advice.is_some());
    }
    let line = "1700000000: Client MQTT_KEEP_ALIVE_TIMEOUT closed its connection.";
    assert_eq!(best_match(line).0, "mosquitto_closed");
    assert_eq!(explain(line).also, []);
}

#[test]
fn similar_entries_are_suggested_only_for_similar_words() {
    let suggestion = explain("read ECONNRESTE");
    assert_eq!(suggestion.found, None);
    assert!(suggestion.nearest.iter().any(|nearest| nearest.id == "econnreset"), "{suggestion:?}");
    assert_eq!(explain("purple elephants").nearest, []);
}

#[test]
fn text_from_outside_is_cleaned_and_bounded() {
    let nasty = format!("\x1b]0;x\x07ECONNRESET\u{202e} {}", "x".repeat(10_000));
    let explanation = explain(&nasty);
    assert_eq!(explanation.found.expect("a reset").id, "econnreset");
    assert!(explanation.text.chars().count() <= MAX_SHOWN_CHARS + 1);
    assert!(explanation.text.chars().all(crate::diagnostics::clean::is_printable));
}

proptest! {
    #[test]
    fn any_text_is_accepted(text in any_text()) {
        let explanation = explain(&text);
        let json = serde_json::to_string(&explanation).expect("JSON");
        prop_assert!(json.chars().all(crate::diagnostics::clean::is_printable));
        prop_assert!(explanation.also.len() <= MAX_FURTHER_MEANINGS);
        for meaning in explanation.found.iter().chain(&explanation.also) {
            let sum: f64 = meaning.causes.iter().map(|likely| likely.cause.probability).sum();
            prop_assert!(sum <= 1.0 + 1e-9);
            prop_assert!(meaning.causes.is_sorted_by(|a, b| a.cause.probability >= b.cause.probability));
        }
        prop_assert_eq!(explanation.found.is_none(), explanation.advice.is_some());
    }
}

/// Noise, and noise around fragments that mean something.
fn any_text() -> impl Strategy<Value = String> {
    let fragment = prop::sample::select(vec![
        "rc=",
        "0x8",
        "-",
        "{\"disconnectReason\":",
        "\"",
        "}",
        "Client ",
        "*",
        "reason code",
        "İ",
        "ß",
        "\u{7}",
        "\x1b[2J",
        "ECONNRESET",
        "has exceeded timeout",
        "9223372036854775808",
        "AWS_ERROR_",
        "(",
        "os error 104",
        " ",
        "\n",
        "…",
    ]);
    prop_oneof![
        any::<String>(),
        prop::collection::vec(prop_oneof![fragment.prop_map(str::to_owned), "\\PC{0,6}"], 0..30)
            .prop_map(|parts| parts.concat()),
    ]
}
