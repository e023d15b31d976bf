//! The water heater through the cloud: shown, commanded and observed, also when silent, faulty or refused.

use std::sync::Arc;

use dropscope::device::{DeviceView, Fact, FactLevel, ParameterType, Value};
use dropscope::diagnostics::CommandRecord;
use dropscope::diagnostics::event::CommandState;
use dropscope::lab::{AnswerCorruption, AnswerMode, NavienLabOptions, Policy};
use dropscope::state::{LiveState, MonitorRequest};

use crate::navien::running::{Running, watch};
use crate::navien::scene::NavienFixture;

const ID: &str = "navien-client-0a1b2c3d";

/// Five minutes are five seconds.
async fn scene() -> NavienFixture {
    NavienFixture::new(NavienLabOptions { scale: 60.0, ..NavienLabOptions::default() }).await
}

fn device_view(state: &LiveState) -> &DeviceView {
    state.runtime.device.as_deref().unwrap()
}

fn fact<'a>(state: &'a LiveState, label: &str) -> Option<&'a Fact> {
    device_view(state).facts.iter().find(|fact| *fact.label == *label)
}

fn has_fact(state: &LiveState, label: &str, value: &str) -> bool {
    fact(state, label).is_some_and(|fact| *fact.value == *value)
}

/// The newest command of a name.
fn newest<'a>(state: &'a LiveState, name: &str) -> Option<&'a Arc<CommandRecord>> {
    state.snapshot.command_history.records().rev().find(|record| *record.name == *name)
}

fn reached(state: &LiveState, name: &str, expected: CommandState) -> bool {
    newest(state, name).is_some_and(|record| record.state == expected)
}

async fn send_command(running: &Running<'_>, name: &str, values: Vec<Value>) {
    running.send_request(MonitorRequest::Command { name: name.into(), values }).await;
}

/// Waits until the heater has reported its state and its capabilities.
async fn until_known(running: &mut Running<'_>) -> Arc<LiveState> {
    let can_be_set = |state: &LiveState| {
        let spec = device_view(state).commands.iter().find(|spec| &*spec.name == "temperature");
        fact(state, "Hot water").is_some() && spec.is_some_and(|spec| spec.unavailable.is_none())
    };
    running.until("a heater with known capabilities", can_be_set).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_temperature_is_set_and_the_new_state_is_shown() {
    let scene = scene().await;
    let mut running = watch(&scene, ID, false, |_| ()).await;
    let state = until_known(&mut running).await;
    for screen in running.device(&state) {
        for words in ["NWP500", "Hot water", "Setpoint", "140.0 °F", "Energy Saver", "heat pump", "dBm"] {
            assert!(screen.contains(words), "{words} in\n{screen}");
        }
    }
    for name in ["present", "info", "status"] {
        assert!(newest(&state, name).is_some(), "{name} is sent automatically");
    }

    // 131 °F are 55 °C, 110 on the wire.
    let spec = device_view(&state).commands.iter().find(|spec| &*spec.name == "temperature").unwrap();
    assert!(matches!(spec.parameters[0].kind, ParameterType::Steps { min: 81, max: 131, .. }), "{spec:?}");
    let typed = spec.parameters[0].parse("131").unwrap();
    assert_eq!(typed, Value::Integer(110));
    send_command(&running, "temperature", vec![typed]).await;
    let is_set = |state: &LiveState| {
        reached(state, "temperature", CommandState::Answered) && has_fact(state, "Setpoint", "131.0 °F")
    };
    let state = running.until("a setpoint of 131 °F", is_set).await;
    assert_eq!(scene.control.heater.status()["dhwTemperatureSetting"], 110);
    let record = newest(&state, "temperature").unwrap();
    assert!(record.acknowledged.is_some() && record.round_trip().is_some(), "{record:?}");
    assert!(running.device(&state).iter().all(|screen| screen.contains("answered")));

    // A value outside the limits is never sent.
    send_command(&running, "temperature", vec![Value::Integer(132)]).await;
    let is_refused = |state: &LiveState| {
        state.runtime.notices.iter().any(|notice| notice.text.contains("104.9 °F to 149.9 °F"))
    };
    running.until("a refusal with the limits", is_refused).await;

    // The remaining queries.
    send_command(&running, "energy", vec![Value::Text(String::new()), Value::Integer(2026)]).await;
    send_command(&running, "reservations", Vec::new()).await;
    send_command(&running, "tariff", Vec::new()).await;
    let has_details = |state: &LiveState| {
        let titles: Vec<_> = device_view(state).details.iter().map(|group| &*group.title).collect();
        ["State", "Equipment", "Reservations", "Tariff"].iter().all(|title| titles.contains(title))
            && reached(state, "energy", CommandState::Answered)
    };
    running.until("energy, reservations and tariff", has_details).await;
    let export = running.end().await;
    assert!(
        export["dropscope"]["commands"]["answered"].as_u64() >= Some(6),
        "{}",
        export["dropscope"]["commands"]
    );
    assert_eq!(export["metrics"]["total_connection_drops"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heater_error_is_shown_and_a_silent_heater_is_not_a_drop() {
    let scene = scene().await;
    let mut running = watch(&scene, ID, false, |_| ()).await;
    until_known(&mut running).await;
    scene.control.heater.set_error(799, 0);
    send_command(&running, "status", Vec::new()).await;
    let state = running.until("a leak", |state| has_fact(state, "Error", "E799 water leak")).await;
    assert_eq!(device_view(&state).facts[0].level, FactLevel::Bad, "before everything else");
    scene.control.heater.set_error(0, 0);

    scene.control.heater.set_answer_mode(AnswerMode::Silent);
    let is_silent = |state: &LiveState| state.snapshot.command_history.silent_since().is_some();
    let state = running.until("a silent heater", is_silent).await;
    for panel in running.panel(&state, "Link") {
        assert!(panel.contains("CONNECTED") && panel.contains("no device answer for"), "{panel}");
    }
    assert!(running.device(&state).iter().all(|screen| screen.contains("NO ANSWER")));
    assert_eq!(state.snapshot.metrics.total_connection_drops, 0);
    scene.control.heater.set_answer_mode(AnswerMode::Normal);
    let responds = |state: &LiveState| {
        state.snapshot.command_history.silent_since().is_none() && has_fact(state, "Errors", "none")
    };
    running.until("a heater that responds again", responds).await;
    let export = running.end().await;
    let marks = export["dropscope"]["evidence"]["marks"].to_string();
    for words in ["error E799 water leak", "error E799 water leak cleared", "consecutive commands unanswered"]
    {
        assert!(marks.contains(words), "{words} in {marks}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_corrupted_answer_affects_nothing_else() {
    let scene = scene().await;
    let mut running = watch(&scene, ID, true, |_| ()).await;
    running.until_connected(0).await;
    for (corruption, label, value) in [
        (AnswerCorruption::NumbersAsText, "Setpoint", "140.0 °F"),
        (AnswerCorruption::UnknownValues, "Mode", "unknown (42)"),
        (AnswerCorruption::NotJson, "Unreadable answers", "1"),
        (AnswerCorruption::Truncated, "Unreadable answers", "2"),
    ] {
        scene.control.heater.set_answer_mode(AnswerMode::Corrupted(corruption));
        send_command(&running, "status", Vec::new()).await;
        let state = running.until(&format!("{corruption:?}"), |state| has_fact(state, label, value)).await;
        let [small, large] = running.device(&state);
        assert!(small.contains("NWP500") && large.contains("NWP500"));
    }
    // A third of the fields is missing; the rest is still an answer.
    scene.control.heater.set_answer_mode(AnswerMode::Corrupted(AnswerCorruption::MissingFields));
    send_command(&running, "status", Vec::new()).await;
    let state =
        running.until("an incomplete answer", |state| reached(state, "status", CommandState::Answered)).await;
    let known = device_view(&state)
        .details
        .iter()
        .find(|group| &*group.title == "State")
        .map(|group| group.facts.len());
    assert!(known.is_some_and(|known| (60..80).contains(&known)), "{known:?} of 102 fields");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_forbidden_by_a_policy_is_lost_and_named() {
    let scene = scene().await;
    let base = format!("cmd/52/navilink-{}", scene.control.heater.identity().mac_address);
    let all = vec!["cmd/#".to_owned(), "evt/#".to_owned()];
    let denied = vec![format!("{base}/ctrl")];
    scene.control.rules.set_policy(Policy { publish: all.clone(), subscribe: all, denied });
    let mut running = watch(&scene, ID, false, |_| ()).await;
    until_known(&mut running).await;
    send_command(&running, "power-off", Vec::new()).await;
    let is_lost = |state: &LiveState| reached(state, "power-off", CommandState::Lost);
    let state = running.until("a lost command", is_lost).await;
    assert!(running.device(&state).iter().all(|screen| screen.contains("lost")));
    let state = running.until_connected(1).await;
    assert!(running.drop(&state, 1).contains("the broker may have refused that"));
    assert!(scene.control.heater.status()["dhwOperationSetting"] != 6, "it stayed on");
    running.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forbidden_presence_message_is_dropped_and_monitoring_continues() {
    let scene = scene().await;
    let only = vec!["cmd/#".to_owned()];
    scene.control.rules.set_policy(Policy { publish: only.clone(), subscribe: only, denied: Vec::new() });
    let mut running = watch(&scene, ID, false, |_| ()).await;
    let state = until_known(&mut running).await;
    // Two, unless a busy computer needs more than a second to find the cause.
    let drops = state.snapshot.metrics.total_connection_drops;
    assert!((2..=4).contains(&drops), "{drops} drops");
    assert!(
        running.device(&state).iter().all(|screen| screen.contains("present") && screen.contains("lost"))
    );
    assert!(running.panel(&state, "Link").iter().all(|panel| panel.contains("CONNECTED")));
    let export = running.end().await;
    let marks = export["dropscope"]["evidence"]["marks"].to_string();
    assert!(marks.contains("present is no longer sent automatically"), "{marks}");
}
