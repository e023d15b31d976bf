//! The final states of commands (answered, lost, expired, unanswered), and the silence of a device.

use std::sync::Arc;
use std::time::Duration;

use dropscope::device::{
    AnswerMatchRule, AnswerSpec, CommandSpec, ConfiguredCommand, ConfiguredDevice, Parameter, ParameterType,
    Template, Value,
};
use dropscope::diagnostics::event::{AlertState, CommandState, Event};
use dropscope::diagnostics::{Clock, RecordedWord};
use dropscope::lab::{ApplicationMessage, AwsLimits, AwsRules, BrokerOptions, LabCredentialStore, Policy};
use dropscope::monitor::DeviceSettings;
use dropscope::state::MonitorRequest;

use crate::simulated::clock::SimClock;
use crate::simulated::network::LineState;
use crate::simulated::scope::{Recording, RunSetup, SimulatedScope, millis, minutes, secs};

const ANSWERS: &str = "home/answer";
const SECRET: &str = "not-to-be-recorded";

fn command(name: &str, every: Option<Duration>, parameters: Vec<Parameter>) -> ConfiguredCommand {
    let payload = if parameters.is_empty() {
        format!(r#"{{"id":"{{correlation_id}}","ask":"{SECRET}"}}"#)
    } else {
        r#"{"id":"{correlation_id}","to":{degrees}}"#.to_owned()
    };
    let spec = CommandSpec { parameters, interval: every, ..CommandSpec::new(name) };
    ConfiguredCommand {
        topic: Template::parse_plain("home/command", &[]).expect("a topic"),
        payload: Template::parse(&payload, &spec.parameters).expect("JSON"),
        spec,
        qos: 1,
        answer: Some(AnswerSpec {
            filter: Template::parse_plain(ANSWERS, &[]).expect("a filter"),
            rule: AnswerMatchRule::CorrelationId,
            timeout: secs(10),
        }),
    }
}

fn device(every: Option<Duration>, quiet: bool) -> DeviceSettings {
    let degrees = Parameter {
        name: "degrees".into(),
        kind: ParameterType::Number { min: 35.0, max: 65.0, step: None },
        unit: None,
        default: None,
    };
    let commands = vec![command("status", every, Vec::new()), command("set", None, vec![degrees])];
    let device = ConfiguredDevice::new("Heater", commands, Vec::new(), Some("status".into()), None);
    DeviceSettings { device: Box::new(device), quiet }
}

fn setup(every: Option<Duration>, quiet: bool) -> RunSetup {
    RunSetup { device: Some(device(every, quiet)), ..RunSetup::default() }
}

async fn send_command(scope: &SimulatedScope, name: &str, values: Vec<Value>) {
    scope.send_request(MonitorRequest::Command { name: name.into(), values }).await;
}

/// The ids of the commands that reached a state, oldest first.
fn ids(scope: &SimulatedScope, state: CommandState) -> Vec<String> {
    let commands = scope.events().commands();
    commands
        .into_iter()
        .filter(|(_, command)| command.state == state)
        .map(|(_, command)| command.correlation_id)
        .collect()
}

fn answer(scope: &SimulatedScope, id: &str) {
    let payload = format!(r#"{{"id":"{id}","temperature":49.5,"secret":"{SECRET}"}}"#);
    scope.net.broker().publish(ApplicationMessage::new(ANSWERS, payload));
}

fn alerts(scope: &SimulatedScope) -> Vec<(RecordedWord<AlertState>, String)> {
    let alert = |event: &Event| match event {
        Event::Alert { rule, state, message } if rule == "device-silent" => {
            Some((state.clone(), message.clone()))
        }
        _ => None,
    };
    scope.events().select(alert).into_iter().map(|(_, alert)| alert).collect()
}

#[tokio::test(start_paused = true)]
async fn an_answered_command_has_a_round_trip_and_its_payload_is_not_recorded() {
    let scope = RunSetup { recorder: Recording::On, ..setup(None, false) }.start();
    scope.run(minutes(1)).await;
    send_command(&scope, "set", vec![Value::Number(48.5)]).await;
    scope.run(millis(500)).await;
    answer(&scope, "of-another-client");
    scope.run(millis(500)).await;
    let sent = ids(&scope, CommandState::Sent);
    answer(&scope, &sent[0]);
    answer(&scope, &sent[0]);
    let published = scope.live_state().await;
    let book = &published.snapshot.command_history;
    let record = book.records().last().expect("a record");
    assert_eq!((record.state, &*record.name, record.sends), (CommandState::Answered, "set", 1));
    let took = record.round_trip().expect("a round trip");
    assert!(took >= millis(900) && took < millis(1_300), "{took:?}");
    assert!(record.acknowledgement().is_some_and(|took| took < millis(500)));
    assert_eq!(book.round_trips().map(|trips| trips.count), Some(1));
    let shown = published.runtime.device.clone().expect("a device");
    assert!(shown.facts.iter().any(|fact| &*fact.label == "temperature" && &*fact.value == "49.5"));
    assert!(shown.last_heard.is_some() && shown.unread == 0);
    let reached: Vec<_> = scope.events().commands().iter().map(|(_, command)| command.state).collect();
    assert_eq!(reached, [CommandState::Sent, CommandState::Acknowledged, CommandState::Answered]);
    let directory = scope.directory();
    let _end = scope.finish().await;
    let recording = std::fs::read_to_string(directory.join("recording.jsonl")).expect("a recording");
    assert!(recording.contains(&sent[0]) && recording.contains("\"answered\""));
    assert!(!recording.contains(SECRET) && !recording.contains("49.5"), "payloads are not recorded");
}

#[tokio::test(start_paused = true)]
async fn an_invalid_command_is_rejected_with_a_notice_and_not_sent() {
    let scope = setup(None, false).start();
    scope.run(minutes(1)).await;
    send_command(&scope, "set", vec![Value::Number(99.0)]).await;
    send_command(&scope, "explode", Vec::new()).await;
    let notices: Vec<_> =
        scope.live_state().await.runtime.notices.iter().map(|notice| notice.text.to_string()).collect();
    assert_eq!(notices, ["not sent: degrees must be 35 to 65", "not sent: unknown command `explode`"]);
    assert!(scope.events().commands().is_empty());
    let bare = RunSetup::default().start();
    send_command(&bare, "set", Vec::new()).await;
    let notice = bare.live_state().await.runtime.notices.last().map(|notice| notice.text.to_string());
    assert_eq!(notice.as_deref(), Some("not sent: no device is configured"));
}

#[tokio::test(start_paused = true)]
async fn a_command_dropped_before_its_puback_is_lost_and_not_pending() {
    let scope = setup(None, false).start();
    scope.run(minutes(1)).await;
    scope.net.line(LineState::BlackHole);
    send_command(&scope, "status", Vec::new()).await;
    scope.run(millis(200)).await;
    assert_eq!(ids(&scope, CommandState::Sent).len(), 1);
    scope.net.line(LineState::Reset);
    scope.run(minutes(2)).await;
    let states: Vec<_> = scope.events().commands().iter().map(|(_, command)| command.state).collect();
    assert_eq!(states, [CommandState::Sent, CommandState::Lost], "no `no answer` after that");
    assert!(alerts(&scope).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_command_without_a_connection_expires_after_300_seconds() {
    let scope = setup(None, false).start();
    scope.run(minutes(1)).await;
    scope.net.change(|habits| habits.is_refusing = true);
    scope.net.line(LineState::Reset);
    scope.run(secs(5)).await;
    send_command(&scope, "status", Vec::new()).await;
    scope.run(minutes(6)).await;
    let commands = scope.events().commands();
    let states: Vec<_> = commands.iter().map(|(_, command)| command.state).collect();
    assert_eq!(states, [CommandState::Queued, CommandState::Expired]);
    assert_eq!(commands[1].0.since(commands[0].0), secs(300));
    scope.net.change(|habits| habits.is_refusing = false);
    scope.run(minutes(3)).await;
    assert_eq!(scope.events().commands().len(), 2, "it is not sent any more");
}

#[tokio::test(start_paused = true)]
async fn a_silent_device_on_a_live_connection_is_an_alert_and_no_drop() {
    let scope = setup(None, false).start();
    scope.run(minutes(1)).await;
    for _ in 0..2 {
        send_command(&scope, "status", Vec::new()).await;
        scope.run(secs(30)).await;
    }
    let unanswered: Vec<_> = scope.events().commands();
    let unanswered: Vec<_> =
        unanswered.iter().filter(|(_, command)| command.state == CommandState::Unanswered).collect();
    assert_eq!(unanswered.len(), 2);
    assert!(
        unanswered.iter().all(|(_, command)| command.ms.is_some_and(|ms| (10_000.0..10_300.0).contains(&ms)))
    );
    let published = scope.live_state().await;
    assert!(published.snapshot.command_history.silent_since().is_some());
    assert_eq!(published.snapshot.metrics.total_connection_drops, 0);
    let words = "2 consecutive commands unanswered while the connection is alive";
    assert_eq!(alerts(&scope), [(AlertState::Raised.into(), words.to_owned())]);
    // A late answer matches no command, but is a sign of life.
    answer(&scope, &unanswered[0].1.correlation_id);
    let published = scope.live_state().await;
    assert_eq!(published.snapshot.command_history.silent_since(), None);
    let states: Vec<_> = alerts(&scope).into_iter().map(|(state, _)| state).collect();
    assert_eq!(states, [AlertState::Raised, AlertState::Cleared]);
    assert_eq!(scope.events().count_in_state(CommandState::Answered), 0);
}

#[tokio::test(start_paused = true)]
async fn a_periodic_command_is_sent_only_while_connected_and_never_in_quiet_mode() {
    for (quiet, expected) in [(true, 0), (false, 3)] {
        let scope = setup(Some(minutes(5)), quiet).start();
        scope.run(minutes(11)).await;
        assert_eq!(ids(&scope, CommandState::Sent).len(), expected, "at once, then every five minutes");
        scope.net.change(|habits| habits.is_refusing = true);
        scope.net.line(LineState::Reset);
        scope.run(minutes(20)).await;
        assert_eq!(scope.events().count_in_state(CommandState::Queued), 0, "nothing piles up");
        scope.net.change(|habits| habits.is_refusing = false);
        scope.run(minutes(2)).await;
        assert_eq!(ids(&scope, CommandState::Sent).len(), expected + usize::from(!quiet));
    }
}

#[tokio::test(start_paused = true)]
async fn a_periodic_command_that_drops_the_connection_is_suspended() {
    let clock: Arc<dyn Clock> = SimClock::starting("2026-08-03T12:00:00Z".parse().expect("a time"));
    let policy = Policy { denied: vec!["home/command".into()], ..Policy::default() };
    let keyring = Arc::new(LabCredentialStore::new(Arc::clone(&clock)));
    let rules = Arc::new(AwsRules::new(AwsLimits::default(), policy, keyring, clock));
    let broker = BrokerOptions::aws(Arc::clone(&rules));
    let scope = RunSetup { broker, ..setup(Some(minutes(5)), false) }.start();
    scope.run(minutes(60)).await;
    assert_eq!(ids(&scope, CommandState::Lost).len(), 2);
    assert_eq!(scope.live_state().await.snapshot.metrics.total_connection_drops, 2);
    let alert = |event: &Event| match event {
        Event::Alert { rule, state, message } if rule == "automatic-command" => {
            Some((state.clone(), message.clone()))
        }
        _ => None,
    };
    let alerts = scope.events().select(alert);
    assert!(
        matches!(alerts.as_slice(), [(_, (state, words))] if *state == AlertState::Raised && words.contains("status"))
    );

    // It can still be sent manually; when that is acknowledged, it is sent automatically again.
    rules.set_policy(Policy::default());
    send_command(&scope, "status", Vec::new()).await;
    scope.run(minutes(6)).await;
    assert_eq!(scope.events().select(alert).last().map(|(_, (state, _))| state.as_str()), Some("cleared"));
    assert_eq!(scope.events().count_in_state(CommandState::Acknowledged), 3);
}

#[tokio::test(start_paused = true)]
async fn a_message_flood_is_bounded() {
    let scope = setup(None, false).start();
    scope.run(minutes(1)).await;
    for number in 0..5_000 {
        scope.net.broker().publish(ApplicationMessage::new("other/topic", number.to_string()));
        scope.net.broker().publish(ApplicationMessage::new(ANSWERS, number.to_string()));
    }
    let shown = Arc::clone(scope.live_state().await.runtime.device.as_ref().expect("a device"));
    assert!(shown.unread + u64::from(shown.last_heard.is_some()) > 0, "answers are this device's only facts");
    assert!(shown.facts.len() <= 1);
}
