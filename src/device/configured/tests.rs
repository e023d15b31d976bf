//! A device of templates: what it is told, and what it is heard to say.

use chrono::DateTime;

use super::*;
use crate::device::{Kind, Parameter};
use crate::diagnostics::Stamp;

fn spec(name: &str, parameters: Vec<Parameter>) -> CommandSpec {
    CommandSpec { parameters, ..CommandSpec::new(name) }
}

fn device(status: &[&str]) -> ConfiguredDevice {
    let degrees = Parameter {
        name: "degrees".into(),
        kind: Kind::Number { min: 35.0, max: 65.0, step: Some(0.5) },
        unit: None,
        default: None,
    };
    let zone = Parameter {
        name: "zone".into(),
        kind: Kind::Text { max_chars: 20, what: None },
        unit: None,
        default: None,
    };
    let parameters = vec![degrees, zone];
    let filter = Template::plain("home/{client_id}/answer", &[]).expect("a filter");
    let answer = Answer { filter, rule: Match::CorrelationId, within: Duration::from_secs(10) };
    let set = ConfiguredCommand {
        topic: Template::plain("home/{zone}/set", &parameters).expect("a topic"),
        payload: Template::parse(r#"{"id":"{correlation_id}","to":{degrees}}"#, &parameters).expect("JSON"),
        qos: 1,
        answer: Some(answer.clone()),
        spec: spec("set", parameters),
    };
    let ask = ConfiguredCommand {
        topic: Template::plain("home/ask", &[]).expect("a topic"),
        payload: Template::parse("?", &[]).expect("a text"),
        qos: 0,
        answer: Some(Answer { rule: Match::Any, ..answer }),
        spec: spec("ask", Vec::new()),
    };
    let status = status.iter().map(|filter| (*filter).to_owned()).collect();
    ConfiguredDevice::new("Heater", vec![set, ask], status, Some("ask".into()), None)
}

const OCCASION: Occasion<'_> =
    Occasion { correlation_id: "ab-1", client_id: "me", now: DateTime::UNIX_EPOCH };

fn message<'a>(topic: &'a str, payload: &'a str, retained: bool) -> Incoming<'a> {
    let at = Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO);
    Incoming { at, topic, payload: payload.as_bytes(), retained }
}

#[test]
fn a_command_becomes_a_publish_or_a_sentence() {
    let device = device(&[]);
    let build = |degrees: f64, zone: &str| {
        device.build("set", &[Value::Number(degrees), Value::Text(zone.to_owned())], &OCCASION)
    };
    let order = build(48.5, "bath").expect("an order");
    assert_eq!((order.topic.as_str(), order.qos), ("home/bath/set", 1));
    assert_eq!(order.payload, br#"{"id":"ab-1","to":48.5}"#);
    assert_eq!(order.answer, Some(Expected { within: Duration::from_secs(10), is_certain: true }));
    let refusals = [
        (build(70.0, "bath"), "degrees must be 35 to 65 in steps of 0.5"),
        (build(48.0, "a/b"), "the topic `home/a/b/set` cannot be published to"),
        (build(48.0, "+"), "the topic `home/+/set` cannot be published to"),
        (device.build("set", &[], &OCCASION), "set takes 2 values and got 0"),
        (device.build("reset", &[], &OCCASION), "there is no command `reset`"),
    ];
    for (refused, words) in refusals {
        assert_eq!(refused.expect_err(words).to_string(), words);
    }
}

#[test]
fn an_answer_is_known_by_its_topic_and_its_id() {
    let device = device(&[]);
    let answers = |name: &str, topic: &str, payload: &str, retained: bool| {
        device.is_answer(name, &OCCASION, &message(topic, payload, retained))
    };
    let topic = "home/me/answer";
    assert!(answers("set", topic, r#"{"id":"ab-1"}"#, false) && answers("set", topic, "ab-1", false));
    for (name, topic, payload, retained) in [
        ("set", topic, r#"{"id":"ab-12"}"#, false),
        ("set", topic, r#"{"id":"xab-1"}"#, false),
        ("set", topic, "", false),
        ("set", "home/you/answer", "ab-1", false),
        ("set", topic, "ab-1", true),
        ("other", topic, "ab-1", false),
    ] {
        assert!(!answers(name, topic, payload, retained), "{name} {topic} {payload} {retained}");
    }
    assert!(answers("ask", topic, "anything", false) && !answers("ask", topic, "kept", true));
}

#[test]
fn facts_come_from_the_status_if_it_has_one() {
    let mut heater = device(&["home/status"]);
    let filters: Vec<_> = heater.subscriptions("me").into_iter().map(|(filter, _)| filter).collect();
    assert_eq!(filters, ["home/status", "home/me/answer"]);
    assert_eq!(
        (heater.listens_to("me"), heater.answers_on("me")),
        (vec!["home/status".to_owned()], vec!["home/me/answer".to_owned()])
    );
    let kept = heater.digest(&message("home/status", r#"{"t":49,"on":true}"#, true));
    assert!(kept.facts_changed && !kept.is_sign_of_life && kept.changes.is_empty());
    let again = heater.digest(&message("home/status", r#"{"t":49}"#, false));
    assert!(!again.facts_changed && again.is_sign_of_life);
    assert!(!heater.digest(&message("home/me/answer", r#"{"x":1}"#, false)).facts_changed);
    assert_eq!(heater.facts().len(), 2);

    let mut mute = device(&[]);
    assert_eq!(mute.listens_to("me"), ["home/me/answer"]);
    assert!(mute.digest(&message("home/me/answer", "OFF\u{1b}", false)).facts_changed);
    assert_eq!(&*mute.facts()[0].value, "OFF\u{fffd}");
}
