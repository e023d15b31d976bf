//! Does every scenario of the lab make the collector record what it promises, over real sockets?

#![cfg(unix)]
#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod cases;
mod program;

use cases::{CASES, Case, Timing};
use dropscope::classify::Classifier;
use dropscope::diagnostics::event::{DropKind, Layer};
use dropscope::diagnostics::{DropRecord, Event};
use dropscope::lab::scenario::scenarios;
use program::{FinishedRun, Lab, RunningProgram, run, start_scenario};
use serde_json::json;

/// Tells a story in which chance strikes early enough.
const SEED: u64 = 7;
/// How long each scenario is played.
const DURATION: &str = "20s";
/// How much later than in theory something may be seen on a busy machine, in real seconds.
const LATE: f64 = 0.6;
/// How much earlier: the gateway stands a moment before the run begins.
const EARLY: f64 = 0.25;

/// Whether `secs` is `expected`, at a speed.
fn is_near(secs: f64, expected: f64, speed: f64) -> bool {
    (expected - EARLY * speed..=expected + LATE * speed).contains(&secs)
}

fn code(drop: &DropRecord) -> Option<u16> {
    drop.event.reason_code.map(u16::from).or(drop.event.ws_close_code)
}

fn age(drop: &DropRecord) -> f64 {
    drop.at.since(drop.session_start.expect("a session")).as_secs_f64()
}

fn check(case: &Case, finished: &FinishedRun) {
    let Case { name, speed, .. } = case;
    let drops: Vec<_> = finished.snapshot.drops.iter().collect();
    assert!(drops.len() >= case.drops, "{name}: {} drops\n{}", drops.len(), finished.stderr);
    assert!((finished.snapshot.time_scale() - speed).abs() < 1e-9);
    for (index, drop) in drops.iter().enumerate() {
        assert_eq!(
            (drop.event.layer, drop.event.how),
            (Some(case.end.0), Some(case.end.1)),
            "{name}: {drop:#?}"
        );
        assert_eq!(code(drop), case.code, "{name}: {drop:#?}");
        let since_start = drop.at.since(finished.snapshot.since).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a handful")]
        let index = index as f64;
        let ok = match case.timing {
            Timing::Age(expected) => is_near(age(drop), expected, *speed),
            Timing::Clock { first, period } => is_near(since_start, first + period * index, *speed),
            Timing::Daily(second) => {
                use chrono::Timelike as _;
                is_near(f64::from(drop.at.wall.num_seconds_from_midnight()), second, *speed)
            }
            Timing::Silence(least) => drop.idle_in.is_some_and(|idle| idle.as_secs_f64() >= least),
            Timing::Chance => true,
        };
        assert!(
            ok,
            "{name}: drop {} at {since_start:.0} s, age {:.0} s\n{}",
            drop.number,
            age(drop),
            finished.stderr
        );
    }
}

/// What the judge says of a run.
fn classify_run(finished: &FinishedRun) -> (&'static str, f64) {
    let mut classifier = Classifier::new();
    for observed in &finished.events {
        classifier.apply(observed.at, &observed.event);
    }
    let end = finished.events.last().expect("events").at;
    let verdict = classifier.verdict_at(end);
    (verdict.classification.pattern.name(), verdict.classification.confidence)
}

/// Two thirds of the demo's minute are enough to name nearly every story right; the rest may be undetermined. What
/// comes by the clock and is back within a second also has one age. (A busy machine blurs what a speed of hundreds
/// multiplies, and chance may show a single bad spell in so short a time: three may be wrong here.)
fn assert_patterns(answers: &[(&str, (&'static str, f64))]) {
    let right = |name: &str| scenarios().iter().find(|one| one.name == name).expect("a story").patterns();
    let is_right = |(name, (pattern, _)): &&(&str, (&'static str, f64))| {
        let by_the_clock = right(name).contains(&"scheduled") && *pattern == "fixed_lifetime";
        right(name).contains(pattern) || by_the_clock
    };
    let is_open = |(_, (pattern, _)): &&(&str, (&'static str, f64))| *pattern == "undetermined";
    let named = answers.iter().filter(is_right).count();
    let wrong: Vec<_> = answers.iter().filter(|one| !is_right(one) && !is_open(one)).collect();
    assert!(
        named * 3 >= answers.len() * 2 && wrong.len() <= 3,
        "{named} named, wrong: {wrong:?}\n{answers:?}"
    );
}

type DropSummary = (Option<Layer>, Option<DropKind>, Option<u16>, f64);

/// Layer, manner, code and time of each drop.
fn drop_summaries(finished: &FinishedRun) -> Vec<DropSummary> {
    let of = |drop: &DropRecord| {
        (drop.event.layer, drop.event.how, code(drop), drop.at.since(finished.snapshot.since).as_secs_f64())
    };
    finished.snapshot.drops.iter().map(|drop| of(drop)).collect()
}

/// The same drops at the same times, as far as both runs got.
fn assert_alike(one: &FinishedRun, other: &FinishedRun, speed: f64) {
    let (one, other) = (drop_summaries(one), drop_summaries(other));
    assert!(one.len().abs_diff(other.len()) <= 1, "{one:?}\n{other:?}");
    for (one, other) in one.iter().zip(&other) {
        assert_eq!((one.0, one.1, one.2), (other.0, other.1, other.2));
        assert!((one.3 - other.3).abs() <= LATE * speed, "{one:?} {other:?}");
    }
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
    let with = |name: &str, speed, seed| start_scenario(name, speed, seed, DURATION);
    let cases: Vec<(&Case, RunningProgram)> =
        CASES.iter().map(|case| (case, with(case.name, case.speed, SEED))).collect();
    let [deaf, healthy, mixed] = ["deaf", "healthy", "mixed"].map(|name| {
        let speed = if name == "mixed" { 4.0 } else { 120.0 };
        with(name, speed, SEED)
    });
    let (again, other) = (with("ws-close", 120.0, SEED), with("ws-close", 120.0, SEED + 1));
    let bursts_again = with("wifi-bursts", 120.0, SEED);

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
    // Both of the device's topics: what it reports, and what it answers.
    assert_eq!((deaf.snapshot.drops.len(), deaf.snapshot.metrics.refused_subscriptions), (1, 2));
    assert_eq!(received_after_the_last_connect(&deaf), 0);
    assert!(deaf.snapshot.metrics.messages_received > 10 && deaf.snapshot.ping.count > 3);
    let healthy = healthy.finish();
    assert_eq!((healthy.snapshot.drops.len(), healthy.snapshot.metrics.connect_failures), (0, 0));
    assert!(healthy.snapshot.ping.count >= 20, "{}", healthy.stderr);
    assert!(mixed.finish().snapshot.drops.len() >= 2);

    assert_alike(of("ws-close"), &again.finish(), 120.0);
    assert_alike(of("wifi-bursts"), &bursts_again.finish(), 120.0);
    let (one, other) = (drop_summaries(of("ws-close")), drop_summaries(&other.finish()));
    assert!(
        other.is_empty() || (one[0].3 - other[0].3).abs() > 120.0,
        "another seed, another story: {one:?} {other:?}"
    );
}

#[test]
fn every_scenario_is_played_here() {
    let others = ["deaf", "healthy", "mixed"];
    for scenario in scenarios() {
        let is_played =
            CASES.iter().any(|case| case.name == scenario.name) || others.contains(&scenario.name);
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
    assert!(last.contains("dropscope said: "), "{error}");
    assert!(!error.lines().rev().skip(1).any(|line| line.contains("NAT")), "{error}");
}

#[test]
fn a_recording_keeps_raw_clock_times_and_an_export_uses_field_time() {
    let home = tempfile::tempdir().expect("a directory");
    let folder = home.path().join("exports");
    let folder_name = folder.to_str().expect("text");
    let arguments = ["demo", "healthy", "--json", "--duration", "3s", "--export-dir", folder_name];
    let output = program::command(home.path(), &arguments).output().expect("the program");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!((&lines[0]["time_scale"], &lines[0]["keep_alive_secs"]), (&json!(60.0), &json!(1)));
    let last = lines.last().and_then(|line| line["m"].as_f64()).expect("a time");
    assert!((3.0..5.0).contains(&last), "{last}");

    let mut files = std::fs::read_dir(&folder).expect("a directory");
    let file = files.next().expect("an export").expect("an entry").path();
    let export: serde_json::Value =
        serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON");
    let section = &export["dropscope"];
    assert_eq!((&section["time_scale"], &section["keep_alive_secs"]), (&json!(60.0), &json!(60)));
    let observed = section["period"]["observed_secs"].as_f64().expect("seconds");
    assert!((180.0..300.0).contains(&observed), "{observed}");
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
    for wrong in ["disarm 2", "disarm", "arm", "arm {}", "arm nothing-like-that", "strike sun", "make coffee"]
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
    assert_eq!(lab.request("strike dns")["ok"], true);
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
