//! The configured device: commands built from templates, answers and facts read from messages.

use chrono::DateTime;

use super::*;
use crate::device::{Parameter, ParameterType};
use crate::diagnostics::Stamp;

fn spec(name: &str, parameters: Vec<Parameter>) -> CommandSpec {
    CommandSpec { parameters, ..CommandSpec::new(name) }
}

fn device(status: &[&str]) -> ConfiguredDevice {
    let degrees = Parameter {
        name: "degrees".into(),
        kind: ParameterType::Number { min: 35.0, max: 65.0, step: Some(0.5) },
        unit: None,
        default: None,
    };
    let zone = Parameter {
        name: "zone".into(),
        kind: ParameterType::Text { max_chars: 20, description: None },
        unit: None,
        default: None,
    };
    let parameters = vec![degrees, zone];
    let filter = Template::parse_plain("home/{client_id}/answer", &[]).expect("a filter");
    let answer =
        AnswerSpec { filter, rule: AnswerMatchRule::CorrelationId, timeout: Duration::from_secs(10) };
    let set = ConfiguredCommand {
        topic: Template::parse_plain("home/{zone}/set", &parameters).expect("a topic"),
        payload: Template::parse(r#"{"id":"{correlation_id}","to":{degrees}}"#, &parameters).expect("JSON"),
        qos: 1,
        answer: Some(answer.clone()),
        spec: spec("set", parameters),
    };
    let query = ConfiguredCommand {
        topic: Template::parse_plain("home/ask", &[]).expect("a topic"),
        payload: Template::parse("?", &[]).expect("a text"),
        qos: 0,
        answer: Some(AnswerSpec { rule: AnswerMatchRule::Any, ..answer }),
        spec: spec("ask", Vec::new()),
    };
    let status = status.iter().map(|filter| (*filter).to_owned()).collect();
    ConfiguredDevice::new("Heater", vec![set, query], status, Some("ask".into()), None)
}

const CONTEXT: CommandContext<'_> =
    CommandContext { correlation_id: "ab-1", client_id: "me", now: DateTime::UNIX_EPOCH };

fn message<'a>(topic: &'a str, payload: &'a str, retained: bool) -> DeviceMessage<'a> {
    let at = Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO);
    DeviceMessage { at, topic, payload: payload.as_bytes(), retained }
}

#[test]
fn a_command_is_built_or_refused_with_a_message() {
    let device = device(&[]);
    let build = |degrees: f64, zone: &str| {
        device.build("set", &[Value::Number(degrees), Value::Text(zone.to_owned())], &CONTEXT)
    };
    let prepared = build(48.5, "bath").expect("a command");
    assert_eq!((prepared.topic.as_str(), prepared.qos), ("home/bath/set", 1));
    assert_eq!(prepared.payload, br#"{"id":"ab-1","to":48.5}"#);
    assert_eq!(prepared.answer, Some(ExpectedAnswer { timeout: Duration::from_secs(10), is_certain: true }));
    let refusals = [
        (build(70.0, "bath"), "degrees must be 35 to 65 in steps of 0.5"),
        (build(48.0, "a/b"), "invalid topic `home/a/b/set`"),
        (build(48.0, "+"), "invalid topic `home/+/set`"),
        (device.build("set", &[], &CONTEXT), "set takes 2 values, got 0"),
        (device.build("reset", &[], &CONTEXT), "unknown command `reset`"),
    ];
    for (refused, message) in refusals {
        assert_eq!(refused.expect_err(message).to_string(), message);
    }
}

#[test]
fn an_answer_is_matched_by_topic_and_correlation_id() {
    let device = device(&[]);
    let answers = |name: &str, topic: &str, payload: &str, retained: bool| {
        device.is_answer(name, &CONTEXT, &message(topic, payload, retained))
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
fn facts_come_from_status_topics_if_configured() {
    let mut heater = device(&["home/status"]);
    let filters: Vec<_> = heater.subscriptions("me").into_iter().map(|(filter, _)| filter).collect();
    assert_eq!(filters, ["home/status", "home/me/answer"]);
    assert_eq!(
        (heater.message_filters("me"), heater.answer_filters("me")),
        (vec!["home/status".to_owned()], vec!["home/me/answer".to_owned()])
    );
    let retained = heater.handle_message(&message("home/status", r#"{"t":49,"on":true}"#, true));
    assert!(retained.facts_changed && !retained.is_sign_of_life && retained.changes.is_empty());
    let again = heater.handle_message(&message("home/status", r#"{"t":49}"#, false));
    assert!(!again.facts_changed && again.is_sign_of_life);
    assert!(!heater.handle_message(&message("home/me/answer", r#"{"x":1}"#, false)).facts_changed);
    assert_eq!(heater.facts().len(), 2);

    let mut without_status = device(&[]);
    assert_eq!(without_status.message_filters("me"), ["home/me/answer"]);
    assert!(without_status.handle_message(&message("home/me/answer", "OFF\u{1b}", false)).facts_changed);
    assert_eq!(&*without_status.facts()[0].value, "OFF\u{fffd}");
}
