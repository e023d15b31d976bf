//! `dropscope demo`: a scenario of the lab, watched like any other connection.

mod haste;
mod renewals;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use color_eyre::eyre::{OptionExt as _, WrapErr as _};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::interval;

use self::haste::hasten;
use self::renewals::Renewals;
use super::watch::watch;
use super::{print, refuse, runtime, settings};
use crate::classify::Verdict;
use crate::cli;
use crate::clock::SystemClock;
use crate::config::{Directories, Embedded, Settings, Target, device_of};
use crate::device::Device;
use crate::diagnostics::{Clock, Stamp};
use crate::lab::scenario::{BLOWS, Publishing, SCENARIOS, Scenario, Way, speed_words};
use crate::lab::{Ailment, GatewayControl, HOST, Stage, StageOptions, TELEMETRY_TOPIC, Version};
use crate::monitor::{MonitorRequest, Simulation, SimulationPort};
use crate::mqtt::settings::{LinkSettings, Resolver, Transport, VersionChoice};

/// The simulated heater, as a configuration file would have it.
const DEVICE: &str = include_str!("demo/device.toml");
/// Faults asked for that may wait.
const INJECTIONS: usize = 8;

/// Chooses the scenario and plays it until the run is over.
pub(super) fn demo(demo: cli::Demo) -> color_eyre::Result<ExitCode> {
    if demo.list.unwrap_or(false) {
        return print(list()?.as_bytes());
    }
    let seed = demo.play.seed.unwrap_or_else(rand::random);
    let blind = demo.blind.unwrap_or(false);
    let scenario = match chosen(demo.scenario.as_deref(), blind, seed) {
        Ok(scenario) => scenario,
        Err(sentence) => return Ok(refuse(&sentence)),
    };
    let embedded = Embedded {
        transport: transport(scenario.way),
        version: version(scenario.version),
        keep_alive_secs: scenario.keep_alive_secs,
        ping_timeout: Duration::from_secs_f64(scenario.ping_timeout_secs),
    };
    let settings = match settings(demo.options, &demo.file, Target::Embedded(embedded)) {
        Ok(settings) => settings,
        Err(error) => return Ok(refuse(&error)),
    };
    let play = Play { scenario, seed, speed: demo.play.speed.unwrap_or(scenario.speed), blind };
    runtime()?.block_on(play.run(settings))
}

/// The scenario of a name, or the sentence that tells the nearest names.
pub(super) fn named(name: &str) -> Result<&'static Scenario, String> {
    Scenario::named(name).map_err(|nearest| {
        let name = crate::diagnostics::clean::clean(name);
        format!(
            "There is no scenario `{name}`; the nearest are {}. `dropscope demo --list` tells all.",
            nearest.join(", ")
        )
    })
}

fn chosen(name: Option<&str>, blind: bool, seed: u64) -> Result<&'static Scenario, String> {
    match name {
        Some(name) => named(name),
        None if blind => {
            let count = u64::try_from(SCENARIOS.len()).unwrap_or(u64::MAX);
            let index = usize::try_from(seed % count).unwrap_or(0);
            SCENARIOS.get(index).ok_or_else(|| "There is no scenario.".to_owned())
        }
        None => named(Scenario::DEFAULT),
    }
}

fn list() -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let width = SCENARIOS.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    for scenario in SCENARIOS {
        writeln!(text, "{:width$}  {}", scenario.name, scenario.seen)?;
    }
    Ok(text)
}

fn transport(way: Way) -> Transport {
    match way {
        Way::Tcp => Transport::Tcp,
        Way::Tls => Transport::Tls,
        Way::Ws => Transport::Ws,
        Way::Wss => Transport::Wss,
    }
}

fn version(version: Version) -> VersionChoice {
    match version {
        Version::V311 => VersionChoice::V311,
        Version::V5 => VersionChoice::V5,
    }
}

/// The moment as the gateway wants it.
pub(super) fn wall_secs() -> f64 {
    let micros = SystemClock::new().now().wall.timestamp_micros();
    #[expect(clippy::cast_precision_loss, reason = "exact for 285 years of microseconds")]
    let secs = micros as f64 / 1e6;
    secs
}

/// One scenario to be played.
struct Play {
    scenario: &'static Scenario,
    seed: u64,
    speed: f64,
    blind: bool,
}

impl Play {
    async fn run(self, mut settings: Settings) -> color_eyre::Result<ExitCode> {
        let scenario = self.scenario;
        let options = StageOptions { seed: self.seed, speed: self.speed, wall_secs: wall_secs() };
        let stage = Stage::start(&[scenario.way], scenario, options)
            .await
            .wrap_err("cannot start the embedded broker on loopback")?;
        let authority = self.prepare(&mut settings.link, &stage)?;
        let (shown, injected) = (watch::Sender::new(self.shown()), mpsc::channel(INJECTIONS));
        let port = SimulationPort { status: shown.subscribe(), inject: injected.0 };
        let stage = Arc::new(stage);
        let mut company = JoinSet::new();
        let result = watch(settings, self.device(), Some(port), |requests| {
            company.spawn(inject(Arc::clone(&stage), injected.1, requests.clone()));
            for publishing in scenario.publishes {
                company.spawn(publish(*publishing, stage.real(publishing.every_secs), requests.clone()));
            }
        })
        .await;
        company.shutdown().await;
        drop(authority);
        if let Some(stage) = Arc::into_inner(stage) {
            stage.stop().await;
        }
        let watched = result?;
        if let (true, Some(last)) = (self.blind, &watched.last) {
            let revealed = reveal(self.scenario, last.verdict.as_deref());
            // Nothing can be done about a closed standard error.
            let _ = writeln!(io::stderr(), "{revealed}");
        }
        Ok(watched.code)
    }

    /// Fills in what is known only now that the stage stands.
    fn prepare(&self, link: &mut LinkSettings, stage: &Stage) -> color_eyre::Result<Option<Removed>> {
        let door = stage.door(self.scenario.way).ok_or_eyre("the stage has no door")?;
        HOST.clone_into(&mut link.broker.host);
        link.broker.port = door.port();
        link.resolver = Some(Arc::new(Names(stage.control().clone())));
        if link.subscriptions.is_empty() {
            link.subscriptions.push((TELEMETRY_TOPIC.to_owned(), 0));
        }
        hasten(link, self.speed);
        if link.broker.transport.is_websocket() {
            link.signer = self.renewals(stage, &link.broker.path).map(|signer| Arc::new(signer) as _);
        }
        if !link.broker.transport.is_tls() {
            return Ok(None);
        }
        let directory = Directories::of_this_user().state;
        let path = write_authority(&directory, &format!("demo-ca-{}.pem", std::process::id()), stage)?;
        link.tls.ca_file = Some(path.clone());
        Ok(Some(Removed(path)))
    }

    /// What a client with expiring credentials knows of them; `None`: the story has none.
    fn renewals(&self, stage: &Stage, path: &str) -> Option<Renewals> {
        let every = stage.real(self.scenario.renews_every_secs?);
        let life = (self.scenario.ailments)().into_iter().find_map(|ailment| match ailment {
            Ailment::CredentialExpiry { at_secs, .. } => Some(stage.real(at_secs)),
            _ => None,
        })?;
        let clock = SystemClock::new();
        // The gateway stands already: it renews as many times as it did since then.
        let (now, age) = (clock.now(), stage.control().age());
        let since = Stamp::new(now.wall - age, now.boot.saturating_sub(age));
        Some(Renewals { path: path.to_owned(), clock, since, every, life })
    }

    /// The heater, where the scenario has one.
    fn device(&self) -> Option<Box<dyn Device>> {
        let is_there = !self.scenario.telemetry_secs.is_empty();
        let device = device_of(DEVICE).ok().flatten().filter(|_| is_there)?;
        Some(Box::new(device))
    }

    fn shown(&self) -> Simulation {
        let label = match speed_words(self.speed) {
            Some(words) => format!("simulated, {words}"),
            None => "simulated".to_owned(),
        };
        let fault = if self.blind { "not told in a blind run" } else { self.scenario.fault };
        let menu = BLOWS.iter().map(|blow| Arc::from(blow.what));
        Simulation { label: label.into(), fault: fault.into(), faults: menu.collect() }
    }
}

/// The solution of a blind run, and whether dropscope found it.
fn reveal(scenario: &Scenario, verdict: Option<&Verdict>) -> String {
    let said = verdict.map_or_else(|| "nothing".to_owned(), Verdict::brief);
    let patterns = scenario.patterns();
    let right = match verdict {
        _ if patterns.is_empty() => "",
        Some(verdict) if patterns.contains(&verdict.classification.pattern.name()) => ", which is right",
        Some(verdict) if !verdict.is_named() => ", which is honest but not enough",
        _ => ", which is wrong",
    };
    format!("It was {}: {}. dropscope said: {said}{right}.", scenario.name, scenario.fault)
}

/// Writes the authority's certificate where clients can read it.
pub(super) fn write_authority(directory: &Path, name: &str, stage: &Stage) -> color_eyre::Result<PathBuf> {
    let path = directory.join(name);
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&path, stage.authority()))
        .wrap_err_with(|| format!("cannot write the lab's authority to {}", path.display()))?;
    Ok(path)
}

/// A file that goes with its owner.
pub(super) struct Removed(pub(super) PathBuf);

impl Drop for Removed {
    fn drop(&mut self) {
        // What cannot be removed holds no secret.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The name service of the stage.
#[derive(Clone)]
struct Names(GatewayControl);

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

impl Resolver for Names {
    fn addresses(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        if self.0.name_resolves() {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        let words = "failed to lookup address information: Temporary failure in name resolution";
        Err(io::Error::other(words))
    }
}

/// Lets the faults strike that the user asks for, and notes them down.
async fn inject(stage: Arc<Stage>, mut asked: mpsc::Receiver<usize>, requests: mpsc::Sender<MonitorRequest>) {
    while let Some(index) = asked.recv().await {
        let Some(blow) = BLOWS.get(index) else { continue };
        stage.strike(blow);
        let text = format!("simulated: {}", blow.what);
        if requests.send(MonitorRequest::Note(text)).await.is_err() {
            return;
        }
    }
}

/// What the watched client publishes of its own accord.
async fn publish(publishing: Publishing, every: Duration, requests: mpsc::Sender<MonitorRequest>) {
    let mut rounds = interval(every.max(Duration::from_millis(1)));
    // The first tick comes at once, before there is a session.
    rounds.tick().await;
    let mut number = 0_u64;
    loop {
        rounds.tick().await;
        for _ in 0..publishing.count {
            number += 1;
            let request = MonitorRequest::Publish {
                topic: publishing.topic.to_owned(),
                payload: format!("{{\"number\":{number}}}").into(),
                qos: publishing.qos,
                retain: false,
            };
            if requests.send(request).await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::Pattern;

    #[test]
    fn the_heater_of_the_demo_speaks_of_the_labs_topics() {
        let device = device_of(DEVICE).expect("a file").expect("a device");
        let filters: Vec<_> = device.subscriptions("me").into_iter().map(|(filter, _)| filter).collect();
        assert_eq!(filters, [TELEMETRY_TOPIC, crate::lab::ANSWER_TOPIC]);
        let occasion = crate::device::Occasion {
            correlation_id: "i",
            client_id: "me",
            now: chrono::DateTime::UNIX_EPOCH,
        };
        for spec in device.commands().iter().filter(|spec| spec.parameters.is_empty()) {
            let order = device.build(&spec.name, &[], &occasion).expect("an order");
            assert_eq!(order.topic, crate::lab::COMMAND_TOPIC);
        }
    }

    #[test]
    fn a_wrong_name_is_told_in_one_sentence_with_the_nearest_names() {
        let sentence = named("nat-silnet\u{1b}[2J").expect_err("no such scenario");
        assert!(sentence.starts_with("There is no scenario `nat-silnet"), "{sentence}");
        assert!(
            sentence.contains("the nearest are nat-silent, ") && !sentence.contains('\u{1b}'),
            "{sentence}"
        );
    }

    #[test]
    fn a_blind_run_without_a_name_is_chosen_by_the_seed() {
        let names: std::collections::BTreeSet<_> =
            (0..100).map(|seed| chosen(None, true, seed).expect("one").name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        assert_eq!(chosen(None, false, 5).expect("one").name, Scenario::DEFAULT);
    }

    #[test]
    fn the_solution_says_whether_it_was_found() {
        let at = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
        let mut verdict = Verdict::undetermined(at);
        let scenario = named("nat-silent").expect("one");
        let said = |verdict: &Verdict| reveal(scenario, Some(verdict));
        assert!(said(&verdict).ends_with("said: undetermined, which is honest but not enough."));
        verdict.classification.confidence = 0.91;
        verdict.classification.pattern = Pattern::IdleTimeout;
        assert_eq!(
            said(&verdict),
            "It was nat-silent: a NAT silently forgets after 350 s of silence. \
             dropscope said: idle timeout, 91 % (sure), which is right."
        );
        verdict.classification.pattern = Pattern::Random;
        assert!(said(&verdict).ends_with("random loss, 91 % (sure), which is wrong."));
        assert!(reveal(scenario, None).ends_with("said: nothing, which is wrong."));
    }

    #[test]
    fn every_expected_pattern_exists() {
        for name in SCENARIOS.iter().flat_map(Scenario::patterns) {
            assert!(Pattern::ALL.iter().any(|pattern| pattern.name() == *name), "{name}");
        }
    }
}
