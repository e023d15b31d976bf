//! Every scenario of the lab is played over real sockets, and the program records its drops.
//!
//! Exact times are tested in simulated time (`src/lab/tests/gateway/scenarios.rs`): here a busy machine may delay
//! everything.

#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod cases;
mod program;

use crate::child;
use cases::{CASES, Case, PING_TIMEOUT, Timing};
use dropscope::diagnostics::event::{DropKind, Layer};
use dropscope::diagnostics::{Diagnostics, DropRecord, Event};
use dropscope::lab::scenario::scenarios;
use dropscope::state::EventFold;
use program::{FinishedRun, Lab, RunningProgram, run, start_scenario};
use serde_json::json;

/// A seed whose random faults act early enough.
const SEED: u64 = 7;
/// How long each scenario is played.
const DURATION: &str = "30s";
/// Real seconds by which the least disturbed drop of a run may differ from its time in theory.
const TOLERANCE: f64 = 0.6;

fn code(drop: &DropRecord) -> Option<u16> {
    drop.event.reason_code.map(u16::from).or(drop.event.ws_close_code)
}

fn end(drop: &DropRecord) -> (Option<Layer>, Option<DropKind>) {
    (drop.event.layer, drop.event.how)
}

fn age(drop: &DropRecord) -> f64 {
    drop.at.since(drop.session_start.expect("a session")).as_secs_f64()
}

/// The drops of the case's kind. A busy machine may answer a ping late: no other drop may be there.
fn expected_drops<'a>(case: &Case, finished: &'a FinishedRun) -> Vec<&'a DropRecord> {
    let is_expected =
        |drop: &DropRecord| end(drop) == (Some(case.end.0), Some(case.end.1)) && code(drop) == case.code;
    let is_late_ping = |drop: &DropRecord| end(drop) == (Some(PING_TIMEOUT.0), Some(PING_TIMEOUT.1));
    let drops = finished.snapshot.drops.iter();
    let mut expected = Vec::new();
    for drop in drops {
        if is_expected(drop) {
            expected.push(&**drop);
        } else {
            assert!(is_late_ping(drop), "{}: {drop:#?}", case.name);
        }
    }
    expected
}

fn check(case: &Case, finished: &FinishedRun) {
    let Case { name, speed, .. } = case;
    let drops = expected_drops(case, finished);
    assert!(drops.len() >= case.drops, "{name}: {} drops\n{}", drops.len(), finished.stderr);
    assert!((finished.snapshot.time_scale() - speed).abs() < 1e-9);
    let deviations: Vec<f64> = match case.timing {
        Timing::Age(expected) => drops.iter().map(|drop| age(drop) - expected).collect(),
        Timing::Period(expected) => {
            drops.windows(2).map(|pair| pair[1].at.since(pair[0].at).as_secs_f64() - expected).collect()
        }
        Timing::Silence(least) => {
            let is_silent =
                |drop: &&&DropRecord| drop.idle_in.is_some_and(|idle| idle.as_secs_f64() >= least);
            assert!(drops.iter().filter(is_silent).count() >= case.drops, "{name}: {drops:#?}");
            return;
        }
        Timing::Random => return,
    };
    let least = deviations.iter().map(|secs| secs.abs()).fold(f64::INFINITY, f64::min);
    assert!(least <= TOLERANCE * speed, "{name}: deviations {deviations:?} s\n{}", finished.stderr);
}

/// The pattern and its confidence at the end of a run.
fn classify_run(finished: &FinishedRun) -> (&'static str, f64) {
    let mut fold = EventFold::without_live_verdict(Diagnostics::DEFAULT_MAX_EVENTS);
    for observed in &finished.events {
        fold.apply(observed.at, &observed.event);
    }
    let end = finished.events.last().expect("events").at;
    let verdict = fold.verdict_at(end);
    (verdict.classification.pattern.name(), verdict.classification.confidence)
}

/// Half of the scenarios must be named right in so short a run; most others are undetermined. A drop on a schedule
/// followed by a reconnect within a second also has one age, so `fixed_lifetime` is right for `scheduled`.
fn assert_patterns(answers: &[(&str, (&'static str, f64))]) {
    let is_right = |(name, (pattern, _)): &&(&str, (&'static str, f64))| {
        let scenario = scenarios().iter().find(|one| one.name == *name).expect("a scenario");
        let is_expected = |expected: &str| scenario.patterns.iter().any(|one| one == expected);
        is_expected(pattern) || (is_expected("scheduled") && *pattern == "fixed_lifetime")
    };
    let is_open = |(_, (pattern, _)): &&(&str, (&'static str, f64))| *pattern == "undetermined";
    let named = answers.iter().filter(is_right).count();
    let wrong: Vec<_> = answers.iter().filter(|one| !is_right(one) && !is_open(one)).collect();
    assert!(named * 2 >= answers.len(), "{named} named, wrong: {wrong:?}\n{answers:?}");
}

/// Both runs have the same kinds of drops. (Their times are compared in simulated time: see the gateway's tests.)
fn assert_alike(one: &FinishedRun, other: &FinishedRun) {
    let kinds = |finished: &FinishedRun| -> Vec<_> {
        let drops = finished.snapshot.drops.iter();
        let mut kinds: Vec<_> = drops.map(|drop| (end(drop), code(drop))).collect();
        kinds.dedup();
        kinds
    };
    assert_eq!(kinds(one), kinds(other));
}

fn failures(finished: &FinishedRun, phase: &str) -> usize {
    let is_such = |event: &Event| match event {
        Event::ConnectFailed(failed) => failed.phase.is_some_and(|at| json!(at) == phase),
        _ => false,
    };
    finished.events.iter().filter(|observed| is_such(&observed.event)).count()
}

fn received_after_the_last_connect(finished: &FinishedRun) -> usize {
    let connected = |event: &Event| matches!(event, Event::Connected(_));
    let last = finished.events.iter().rposition(|observed| connected(&observed.event)).expect("a session");
    finished.events[last..].iter().filter(|observed| matches!(observed.event, Event::Received(_))).count()
}

/// All at once, because they wait most of the time.
#[test]
fn every_scenario_records_its_drops() {
    let with = |name: &str, speed| start_scenario(name, speed, SEED, DURATION);
    let cases: Vec<(&Case, RunningProgram)> =
        CASES.iter().map(|case| (case, with(case.name, case.speed))).collect();
    let [deaf, healthy, mixed] =
        ["deaf", "healthy", "mixed"].map(|name| with(name, if name == "mixed" { 4.0 } else { 120.0 }));
    let again = with("ws-close", 120.0);

    let finished_runs: Vec<(&Case, FinishedRun)> =
        cases.into_iter().map(|(case, running)| (case, running.finish())).collect();
    for (case, finished) in &finished_runs {
        check(case, finished);
    }
    assert_patterns(
        &finished_runs.iter().map(|(case, finished)| (case.name, classify_run(finished))).collect::<Vec<_>>(),
    );
    let of = |name: &str| &finished_runs.iter().find(|(case, _)| case.name == name).expect("a case").1;
    assert!(failures(of("outage-refuse"), "tcp") >= 3 && failures(of("outage-refuse"), "dns") == 0);
    assert!(failures(of("outage-dns"), "dns") >= 3);
    assert!(failures(of("credential-expiry"), "websocket") >= 3);
    assert_eq!(of("maintenance").snapshot.drops.len(), 1);

    let deaf = deaf.finish();
    // Both topics of the device: its reports and its answers.
    assert_eq!((deaf.snapshot.drops.len(), deaf.snapshot.metrics.refused_subscriptions), (1, 2));
    assert_eq!(received_after_the_last_connect(&deaf), 0);
    assert!(deaf.snapshot.metrics.messages_received > 10 && deaf.snapshot.ping.count > 3);
    let healthy = healthy.finish();
    assert_eq!((healthy.snapshot.drops.len(), healthy.snapshot.metrics.connect_failures), (0, 0));
    assert!(healthy.snapshot.ping.count >= 20, "{}", healthy.stderr);
    assert!(mixed.finish().snapshot.drops.len() >= 2);

    assert_alike(of("ws-close"), &again.finish());
}

#[test]
fn every_scenario_is_played_here() {
    let others = ["deaf", "healthy", "mixed"];
    for scenario in scenarios() {
        let is_played =
            CASES.iter().any(|case| case.name == scenario.name) || others.contains(&&*scenario.name);
        assert!(is_played, "{} needs a case", scenario.name);
    }
}

#[test]
fn the_list_contains_every_scenario_and_a_wrong_name_suggests_the_nearest() {
    let list = run(&["demo", "--list"]);
    let text = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.status.success() && text.lines().count() == scenarios().len());
    assert!(text.starts_with("nat-silent") && text.contains("press -"), "{text}");
    for arguments in [["demo", "nat-silnet"], ["lab", "nat-silnet"]] {
        let wrong = run(&arguments);
        let error = String::from_utf8_lossy(&wrong.stderr).into_owned();
        assert_eq!(wrong.status.code(), Some(2), "{error}");
        assert!(error.contains("nat-silent") && error.lines().count() == 1, "{error}");
    }
}

#[test]
fn a_blind_run_reveals_its_scenario_at_the_end() {
    let blind = run(&["demo", "nat-rst", "--blind", "--headless", "--duration", "1s", "--speed", "1200"]);
    let error = String::from_utf8_lossy(&blind.stderr).into_owned();
    let last = error.lines().last().expect("a line");
    assert!(last.starts_with("It was nat-rst: a NAT forgets after 300 s"), "{error}");
    assert!(last.contains("dropscope found: "), "{error}");
    assert!(!error.lines().rev().skip(1).any(|line| line.contains("NAT")), "{error}");
}

#[test]
fn a_recording_keeps_raw_clock_times_and_an_export_uses_field_time() {
    let home = tempfile::tempdir().expect("a directory");
    let folder = home.path().join("exports");
    let folder_name = folder.to_str().expect("text");
    let arguments = ["demo", "healthy", "--json", "--duration", "3s", "--export-dir", folder_name];
    let output = child::command(home.path(), &arguments).output().expect("the program");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&lines[0]["time_scale"], &lines[0]["keep_alive_secs"]), (&json!(60.0), &json!(1)));
    let last = lines.last().and_then(|line| line["m"].as_f64()).expect("a time");
    assert!(last >= 3.0, "{last}");

    let mut files = std::fs::read_dir(&folder).expect("a directory");
    let file = files.next().expect("an export").expect("an entry").path();
    let export: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON");
    let section = &export["dropscope"];
    assert_eq!((&section["time_scale"], &section["keep_alive_secs"]), (&json!(60.0), &json!(60)));
    let observed = section["period"]["observed_secs"].as_f64().expect("seconds");
    assert!((observed - 60.0 * last).abs() < 120.0, "{observed} s of the field in {last} s");
}

#[test]
fn the_lab_takes_commands_until_quit() {
    let mut lab = Lab::start(&["nat-rst", "--json", "--seed", "1"]);
    let opening: serde_json::Value = serde_json::from_str(&lab.line()).expect("JSON");
    let urls = opening["data"]["urls"].as_array().expect("urls").clone();
    assert_eq!(urls.len(), 4);
    let authority = opening["data"]["authority"].as_str().expect("a path").to_owned();
    assert!(std::fs::read_to_string(&authority).expect("a file").starts_with("-----BEGIN CERTIFICATE"));

    let list = lab.request("list");
    assert_eq!(list["data"][0]["ailment"]["idle_timeout"]["secs"], 300.0);
    assert_eq!(lab.request("disarm all")["data"]["ids"], json!([1]));
    assert_eq!(lab.request("arm outage-refuse")["data"]["ids"], json!([2]));
    let late = "arm {\"late_pings\": {\"delay_secs\": 1.5}}";
    assert_eq!(lab.request(late)["data"]["ids"], json!([3]));
    assert_eq!(lab.request("disarm 2")["ok"], true);
    for wrong in ["disarm 2", "disarm", "arm", "arm {}", "arm nothing-like-that", "inject sun", "make coffee"]
    {
        assert_eq!(lab.request(wrong)["ok"], false, "{wrong}");
    }
    assert_eq!(lab.request("tally")["data"]["plain"]["accepted"], 0);

    for (url, arguments) in
        urls.iter().zip([&[][..], &["--cafile", &authority], &[], &["--cafile", &authority]])
    {
        let url = url.as_str().expect("a URL").replace("dropscope.localhost", "127.0.0.1");
        let checked = run(&[&["check", &url], arguments].concat());
        assert!(checked.status.success(), "{url}: {}", String::from_utf8_lossy(&checked.stdout));
    }
    assert!(lab.request("tally")["data"]["plain"]["accepted"].as_u64() >= Some(4));
    assert_eq!(lab.request("inject dns")["ok"], true);
    assert!(lab.request("help")["data"].as_array().is_some_and(|lines| lines.len() >= 10));
    assert_eq!(lab.request("quit")["ok"], true);
    assert_eq!(lab.wait(), Some(0));
}

#[test]
fn the_lab_outlives_its_input_and_ends_with_a_signal() {
    let mut lab = Lab::start(&[]);
    let lines: Vec<String> = (0..11).map(|_| lab.line()).collect();
    let transports = ["mqtt://", "mqtts://", "ws://", "wss://", "authority "];
    let navien_lines =
        ["cloud http://127.0.0.1:", "user ", "password ", "iot wss://127.0.0.1:", "iot-authority "];
    for (line, scheme) in lines.iter().zip([&transports[..], &navien_lines, &["scenario "]].concat()) {
        assert!(line.starts_with(scheme), "{lines:?}");
    }
    let url = lines[0].trim().to_owned();
    let port = url.rsplit(':').next().expect("a port").to_owned();
    assert!(run(&["check", &url]).status.success());
    assert_eq!(lab.terminate(), Some(0));
    let refused = std::net::TcpStream::connect(format!("127.0.0.1:{port}"));
    assert!(refused.is_err(), "the port is free again");
}
