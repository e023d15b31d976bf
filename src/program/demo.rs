//! `dropscope demo`: a scenario of the lab, watched like any other connection.

mod demo_signer;
mod time_scaling;

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

use self::demo_signer::DemoSigner;
use self::time_scaling::scale_link_timeouts;
use super::watch::watch;
use super::{print, runtime, settings, usage_error};
use crate::classify::Verdict;
use crate::cli;
use crate::clock::SystemClock;
use crate::config::{ConnectionTarget, Directories, EmbeddedBroker, ResolvedSettings, parse_device};
use crate::device::Device;
use crate::diagnostics::{Clock, Stamp};
use crate::lab::scenario::{LabTransport, MANUAL_FAULTS, PeriodicPublish, SCENARIOS, Scenario, speed_label};
use crate::lab::{
    GatewayControl, LAB_HOST, LabMqttVersion, LabOptions, LabSetup, PathFault, TELEMETRY_TOPIC,
};
use crate::monitor::{MonitorRequest, Simulation, SimulationPort};
use crate::mqtt::settings::{LinkSettings, Resolver, Transport, VersionChoice};

/// The simulated heater, as a configuration file would have it.
const DEVICE: &str = include_str!("demo/device.toml");
/// Faults asked for that may wait.
const INJECTION_QUEUE: usize = 8;

/// Chooses the scenario and plays it until the run is over.
pub(super) fn demo(demo: cli::DemoArgs) -> color_eyre::Result<ExitCode> {
    if demo.list.unwrap_or(false) {
        return print(list()?.as_bytes());
    }
    let seed = demo.play.seed.unwrap_or_else(rand::random);
    let is_blind = demo.blind.unwrap_or(false);
    let scenario = match choose_scenario(demo.scenario.as_deref(), is_blind, seed) {
        Ok(scenario) => scenario,
        Err(sentence) => return Ok(usage_error(&sentence)),
    };
    let embedded = EmbeddedBroker {
        transport: transport(scenario.transport),
        version: version(scenario.version),
        keep_alive_secs: scenario.keep_alive_secs,
        ping_timeout: Duration::from_secs_f64(scenario.ping_timeout_secs),
    };
    let settings = match settings(demo.options, &demo.file, ConnectionTarget::embedded(embedded)) {
        Ok(settings) => settings,
        Err(error) => return Ok(usage_error(&error)),
    };
    let play = DemoRun { scenario, seed, speed: demo.play.speed.unwrap_or(scenario.speed), is_blind };
    runtime()?.block_on(play.run(settings))
}

/// The scenario of a name, or the sentence that tells the nearest names.
pub(super) fn scenario_by_name(name: &str) -> Result<&'static Scenario, String> {
    Scenario::find(name).map_err(|nearest| {
        let name = crate::diagnostics::clean::clean(name);
        format!(
            "There is no scenario `{name}`; the nearest are {}. `dropscope demo --list` tells all.",
            nearest.join(", ")
        )
    })
}

fn choose_scenario(name: Option<&str>, blind: bool, seed: u64) -> Result<&'static Scenario, String> {
    match name {
        Some(name) => scenario_by_name(name),
        None if blind => {
            let count = u64::try_from(SCENARIOS.len()).unwrap_or(u64::MAX);
            let index = usize::try_from(seed % count).unwrap_or(0);
            SCENARIOS.get(index).ok_or_else(|| "There is no scenario.".to_owned())
        }
        None => scenario_by_name(Scenario::DEFAULT),
    }
}

fn list() -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let width = SCENARIOS.iter().map(|scenario| scenario.name.len()).max().unwrap_or(0);
    for scenario in SCENARIOS {
        writeln!(text, "{:width$}  {}", scenario.name, scenario.symptom)?;
    }
    Ok(text)
}

fn transport(lab_transport: LabTransport) -> Transport {
    match lab_transport {
        LabTransport::Tcp => Transport::Tcp,
        LabTransport::Tls => Transport::Tls,
        LabTransport::Ws => Transport::Ws,
        LabTransport::Wss => Transport::Wss,
    }
}

fn version(version: LabMqttVersion) -> VersionChoice {
    match version {
        LabMqttVersion::V311 => VersionChoice::V311,
        LabMqttVersion::V5 => VersionChoice::V5,
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
struct DemoRun {
    scenario: &'static Scenario,
    seed: u64,
    speed: f64,
    is_blind: bool,
}

impl DemoRun {
    async fn run(self, mut settings: ResolvedSettings) -> color_eyre::Result<ExitCode> {
        let scenario = self.scenario;
        let options = LabOptions { seed: self.seed, speed: self.speed, wall_secs: wall_secs() };
        let lab_setup = LabSetup::start(&[scenario.transport], scenario, options)
            .await
            .wrap_err("cannot start the embedded broker on loopback")?;
        let authority = self.prepare(&mut settings.link, &lab_setup)?;
        let (simulation, injection) = (watch::Sender::new(self.simulation()), mpsc::channel(INJECTION_QUEUE));
        let port = SimulationPort { status: simulation.subscribe(), inject: injection.0 };
        let lab_setup = Arc::new(lab_setup);
        let mut background_tasks = JoinSet::new();
        let result = watch(settings, self.device(), Some(port), |requests| {
            background_tasks.spawn(inject(Arc::clone(&lab_setup), injection.1, requests.clone()));
            for publishing in scenario.client_publishes {
                background_tasks.spawn(publish(
                    *publishing,
                    lab_setup.to_real_time(publishing.every_secs),
                    requests.clone(),
                ));
            }
        })
        .await;
        background_tasks.shutdown().await;
        drop(authority);
        if let Some(lab_setup) = Arc::into_inner(lab_setup) {
            lab_setup.stop().await;
        }
        let outcome = result?;
        if let (true, Some(last)) = (self.is_blind, &outcome.last_state) {
            let result_text = blind_run_result(self.scenario, last.verdict.as_deref());
            // Nothing can be done about a closed standard error.
            let _ = writeln!(io::stderr(), "{result_text}");
        }
        Ok(outcome.code)
    }

    /// Fills in what is known only now that the stage stands.
    fn prepare(
        &self,
        link: &mut LinkSettings,
        lab_setup: &LabSetup,
    ) -> color_eyre::Result<Option<DeleteOnDrop>> {
        let address = lab_setup.address(self.scenario.transport).ok_or_eyre("the stage has no door")?;
        LAB_HOST.clone_into(&mut link.broker.host);
        link.broker.port = address.port();
        link.resolver = Some(Arc::new(GatewayResolver(lab_setup.control().clone())));
        if link.subscriptions.is_empty() {
            link.subscriptions.push((TELEMETRY_TOPIC.to_owned(), 0));
        }
        scale_link_timeouts(link, self.speed);
        if link.broker.transport.is_websocket() {
            link.signer = self.renewals(lab_setup, &link.broker.path).map(|signer| Arc::new(signer) as _);
        }
        if !link.broker.transport.is_tls() {
            return Ok(None);
        }
        let directory = Directories::for_current_user().state;
        let path =
            write_ca_certificate(&directory, &format!("demo-ca-{}.pem", std::process::id()), lab_setup)?;
        link.tls.ca_file = Some(path.clone());
        Ok(Some(DeleteOnDrop(path)))
    }

    /// What a client with expiring credentials knows of them; `None`: the story has none.
    fn renewals(&self, lab_setup: &LabSetup, path: &str) -> Option<DemoSigner> {
        let renewal_interval = lab_setup.to_real_time(self.scenario.credential_renewal_secs?);
        let lifetime = (self.scenario.path_faults)().into_iter().find_map(|ailment| match ailment {
            PathFault::CredentialExpiry { at_secs, .. } => Some(lab_setup.to_real_time(at_secs)),
            _ => None,
        })?;
        let clock = SystemClock::new();
        // The gateway stands already: it renews as many times as it did since then.
        let (now, age) = (clock.now(), lab_setup.control().age());
        let issued_at = Stamp::new(now.wall - age, now.boot.saturating_sub(age));
        Some(DemoSigner { path: path.to_owned(), clock, issued_at, renewal_interval, lifetime })
    }

    /// The heater, where the scenario has one.
    fn device(&self) -> Option<Box<dyn Device>> {
        let has_heater = !self.scenario.telemetry_secs.is_empty();
        let device = parse_device(DEVICE).ok().flatten().filter(|_| has_heater)?;
        Some(Box::new(device))
    }

    fn simulation(&self) -> Simulation {
        let label = match speed_label(self.speed) {
            Some(words) => format!("simulated, {words}"),
            None => "simulated".to_owned(),
        };
        let fault = if self.is_blind { "not told in a blind run" } else { self.scenario.fault };
        let menu = MANUAL_FAULTS.iter().map(|blow| Arc::from(blow.description));
        Simulation { label: label.into(), fault: fault.into(), faults: menu.collect() }
    }
}

/// The solution of a blind run, and whether dropscope found it.
fn blind_run_result(scenario: &Scenario, verdict: Option<&Verdict>) -> String {
    let verdict_name = verdict.map_or_else(|| "nothing".to_owned(), Verdict::brief);
    let patterns = scenario.patterns();
    let assessment = match verdict {
        _ if patterns.is_empty() => "",
        Some(verdict) if patterns.contains(&verdict.classification.pattern.name()) => ", which is right",
        Some(verdict) if !verdict.is_named() => ", which is honest but not enough",
        _ => ", which is wrong",
    };
    format!("It was {}: {}. dropscope said: {verdict_name}{assessment}.", scenario.name, scenario.fault)
}

/// Writes the authority's certificate where clients can read it.
pub(super) fn write_ca_certificate(
    directory: &Path,
    name: &str,
    lab_setup: &LabSetup,
) -> color_eyre::Result<PathBuf> {
    let path = directory.join(name);
    std::fs::create_dir_all(directory)
        .and_then(|()| std::fs::write(&path, lab_setup.ca_pem()))
        .wrap_err_with(|| format!("cannot write the lab's authority to {}", path.display()))?;
    Ok(path)
}

/// A file that goes with its owner.
pub(super) struct DeleteOnDrop(pub(super) PathBuf);

impl Drop for DeleteOnDrop {
    fn drop(&mut self) {
        // What cannot be removed holds no secret.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The name service of the stage.
#[derive(Clone)]
struct GatewayResolver(GatewayControl);

impl std::fmt::Debug for GatewayResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Names")
    }
}

impl Resolver for GatewayResolver {
    fn addresses(&self, _host: &str) -> io::Result<Vec<IpAddr>> {
        if self.0.name_resolves() {
            return Ok(vec![Ipv4Addr::LOCALHOST.into()]);
        }
        let words = "failed to lookup address information: Temporary failure in name resolution";
        Err(io::Error::other(words))
    }
}

/// Lets the faults strike that the user asks for, and notes them down.
async fn inject(
    lab_setup: Arc<LabSetup>,
    mut injections: mpsc::Receiver<usize>,
    requests: mpsc::Sender<MonitorRequest>,
) {
    while let Some(index) = injections.recv().await {
        let Some(blow) = MANUAL_FAULTS.get(index) else { continue };
        lab_setup.inject(blow);
        let text = format!("simulated: {}", blow.description);
        if requests.send(MonitorRequest::Note(text)).await.is_err() {
            return;
        }
    }
}

/// What the watched client publishes of its own accord.
async fn publish(publishing: PeriodicPublish, every: Duration, requests: mpsc::Sender<MonitorRequest>) {
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
    fn the_demo_heater_uses_the_lab_topics() {
        let device = parse_device(DEVICE).expect("a file").expect("a device");
        let filters: Vec<_> = device.subscriptions("me").into_iter().map(|(filter, _)| filter).collect();
        assert_eq!(filters, [TELEMETRY_TOPIC, crate::lab::ANSWER_TOPIC]);
        let command_context = crate::device::Occasion {
            correlation_id: "i",
            client_id: "me",
            now: chrono::DateTime::UNIX_EPOCH,
        };
        for spec in device.commands().iter().filter(|spec| spec.parameters.is_empty()) {
            let prepared = device.build(&spec.name, &[], &command_context).expect("an order");
            assert_eq!(prepared.topic, crate::lab::COMMAND_TOPIC);
        }
    }

    #[test]
    fn an_unknown_scenario_error_lists_the_nearest_names() {
        let sentence = scenario_by_name("nat-silnet\u{1b}[2J").expect_err("no such scenario");
        assert!(sentence.starts_with("There is no scenario `nat-silnet"), "{sentence}");
        assert!(
            sentence.contains("the nearest are nat-silent, ") && !sentence.contains('\u{1b}'),
            "{sentence}"
        );
    }

    #[test]
    fn a_blind_run_without_a_name_is_chosen_by_the_seed() {
        let names: std::collections::BTreeSet<_> =
            (0..100).map(|seed| choose_scenario(None, true, seed).expect("one").name).collect();
        assert_eq!(names.len(), SCENARIOS.len());
        assert_eq!(choose_scenario(None, false, 5).expect("one").name, Scenario::DEFAULT);
    }

    #[test]
    fn the_blind_run_result_rates_the_verdict() {
        let at = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
        let mut verdict = Verdict::undetermined(at);
        let scenario = scenario_by_name("nat-silent").expect("one");
        let result_for = |verdict: &Verdict| blind_run_result(scenario, Some(verdict));
        assert!(result_for(&verdict).ends_with("said: undetermined, which is honest but not enough."));
        verdict.classification.confidence = 0.91;
        verdict.classification.pattern = Pattern::IdleTimeout;
        assert_eq!(
            result_for(&verdict),
            "It was nat-silent: a NAT silently forgets after 350 s of silence. \
             dropscope said: idle timeout, 91 % (sure), which is right."
        );
        verdict.classification.pattern = Pattern::Random;
        assert!(result_for(&verdict).ends_with("random loss, 91 % (sure), which is wrong."));
        assert!(blind_run_result(scenario, None).ends_with("said: nothing, which is wrong."));
    }

    #[test]
    fn every_expected_pattern_exists() {
        for name in SCENARIOS.iter().flat_map(Scenario::patterns) {
            assert!(Pattern::ALL.iter().any(|pattern| pattern.name() == *name), "{name}");
        }
    }
}
