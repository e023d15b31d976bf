//! `dropscope demo`: plays a scenario of the lab and watches it like any other connection.

mod demo_signer;
mod scenario_choice;
mod time_scaling;

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
pub(super) use self::scenario_choice::scenario_by_name;
use self::scenario_choice::{choose_scenario, list_scenarios, scenario_file};
use self::time_scaling::scale_link_timeouts;
use super::watch::watch;
use super::{print, runtime, settings, usage_error};
use crate::classify::Verdict;
use crate::cli;
use crate::clock::SystemClock;
use crate::config::{ConnectionTarget, Directories, EmbeddedBroker, ResolvedSettings, parse_device};
use crate::device::Device;
use crate::diagnostics::Clock;
use crate::lab::scenario::{MANUAL_FAULTS, PeriodicPublish, Scenario, speed_label};
use crate::lab::{GatewayControl, LAB_HOST, LabOptions, LabSetup, PathFault, TELEMETRY_TOPIC};
use crate::monitor::SimulationPort;
use crate::mqtt::settings::{LinkSettings, Resolver};
use crate::state::{MonitorRequest, Simulation};

/// The simulated heater, in the format of the configuration file.
const DEVICE: &str = include_str!("demo/device.toml");
/// Faults requested by the user and not yet injected.
const INJECTION_QUEUE: usize = 8;

/// Chooses the scenario and plays it until the run is over.
pub(super) fn demo(demo: cli::DemoArgs) -> color_eyre::Result<ExitCode> {
    if demo.list.unwrap_or(false) {
        return print(list_scenarios()?.as_bytes());
    }
    if let Some(name) = &demo.print_scenario {
        return match scenario_file(name) {
            Ok(text) => print(text.as_bytes()),
            Err(sentence) => Ok(usage_error(&sentence)),
        };
    }
    let seed = demo.play.seed.unwrap_or_else(rand::random);
    let is_blind = demo.blind.unwrap_or(false);
    let file = demo.scenario_file.as_deref();
    let scenario = match choose_scenario(demo.scenario.as_deref(), file, is_blind, seed) {
        Ok(scenario) => scenario,
        Err(sentence) => return Ok(usage_error(&sentence)),
    };
    let embedded = EmbeddedBroker {
        transport: scenario.transport,
        version: scenario.version.into(),
        keep_alive_secs: scenario.keep_alive_secs,
        ping_timeout: Duration::from_secs_f64(scenario.ping_timeout_secs),
    };
    let settings = match settings(demo.options, &demo.file, ConnectionTarget::embedded(embedded)) {
        Ok(settings) => settings,
        Err(error) => return Ok(usage_error(&error)),
    };
    let play = DemoRun { speed: demo.play.speed.unwrap_or(scenario.speed), scenario, seed, is_blind };
    runtime()?.block_on(play.run(settings))
}

/// The wall clock in seconds since the Unix epoch, for the gateway.
pub(super) fn wall_secs() -> f64 {
    let micros = SystemClock::new().now().wall.timestamp_micros();
    #[expect(clippy::cast_precision_loss, reason = "exact for 285 years of microseconds")]
    let secs = micros as f64 / 1e6;
    secs
}

/// One scenario to be played.
struct DemoRun {
    scenario: Scenario,
    seed: u64,
    speed: f64,
    is_blind: bool,
}

impl DemoRun {
    async fn run(self, mut settings: ResolvedSettings) -> color_eyre::Result<ExitCode> {
        let scenario = &self.scenario;
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
            for publishing in &scenario.client_publishes {
                background_tasks.spawn(publish(
                    publishing.clone(),
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
            let result_text = blind_run_result(&self.scenario, last.verdict.as_deref());
            // Nothing can be done about a closed standard error.
            let _ = writeln!(io::stderr(), "{result_text}");
        }
        Ok(outcome.code)
    }

    /// Completes the settings with the address and certificate of the running servers.
    fn prepare(
        &self,
        link: &mut LinkSettings,
        lab_setup: &LabSetup,
    ) -> color_eyre::Result<Option<DeleteOnDrop>> {
        let address = lab_setup
            .address(self.scenario.transport)
            .ok_or_eyre("the lab has no listener for this transport")?;
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

    /// The credentials of the client, if the scenario lets them expire.
    fn renewals(&self, lab_setup: &LabSetup, path: &str) -> Option<DemoSigner> {
        let renewal_interval = lab_setup.to_real_time(self.scenario.credential_renewal_secs?);
        let lifetime = self.scenario.path_faults.iter().find_map(|fault| match fault {
            PathFault::CredentialExpiry { at_secs, .. } => Some(lab_setup.to_real_time(*at_secs)),
            _ => None,
        })?;
        let clock = SystemClock::new();
        // The gateway has been running for its age: its renewals count from its start.
        let (now, age) = (clock.now(), lab_setup.control().age());
        let issued_at = now.minus(age);
        Some(DemoSigner { path: path.to_owned(), clock, issued_at, renewal_interval, lifetime })
    }

    /// The heater, if the scenario has one.
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
        let fault = if self.is_blind { "hidden until the end" } else { &self.scenario.fault };
        let menu = MANUAL_FAULTS.iter().map(|fault| Arc::from(fault.description));
        Simulation { label: label.into(), fault: fault.into(), faults: menu.collect() }
    }
}

/// The solution of a blind run, and whether the diagnosis was right.
fn blind_run_result(scenario: &Scenario, verdict: Option<&Verdict>) -> String {
    let verdict_name = verdict.map_or_else(|| "nothing".to_owned(), Verdict::brief);
    let is_right = |verdict: &Verdict| {
        let name = verdict.classification.pattern.name();
        scenario.patterns.iter().any(|pattern| pattern == name)
    };
    let assessment = match verdict {
        _ if scenario.patterns.is_empty() => "",
        Some(verdict) if is_right(verdict) => ", which is right",
        Some(verdict) if !verdict.is_named() => ", which is not enough",
        _ => ", which is wrong",
    };
    format!("It was {}: {}. dropscope found: {verdict_name}{assessment}.", scenario.name, scenario.fault)
}

/// Writes the authority's certificate to a file that clients can read.
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

/// A file that is removed with its owner.
pub(super) struct DeleteOnDrop(pub(super) PathBuf);

impl Drop for DeleteOnDrop {
    fn drop(&mut self) {
        // A file that cannot be removed holds no secret.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// The resolver of the simulation: names resolve unless the gateway has an outage of name resolution.
#[derive(Clone)]
struct GatewayResolver(GatewayControl);

impl std::fmt::Debug for GatewayResolver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GatewayResolver")
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

/// Injects the faults that the user requests, and records a note of each.
async fn inject(
    lab_setup: Arc<LabSetup>,
    mut injections: mpsc::Receiver<usize>,
    requests: mpsc::Sender<MonitorRequest>,
) {
    while let Some(index) = injections.recv().await {
        let Some(fault) = MANUAL_FAULTS.get(index) else { continue };
        lab_setup.inject(fault);
        let text = format!("simulated: {}", fault.description);
        if requests.send(MonitorRequest::Note(text)).await.is_err() {
            return;
        }
    }
}

/// Publishes what the watched client publishes by itself.
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
                topic: publishing.topic.clone(),
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
    use crate::diagnostics::Stamp;

    #[test]
    fn the_demo_heater_uses_the_lab_topics() {
        let device = parse_device(DEVICE).expect("a file").expect("a device");
        let filters: Vec<_> = device.subscriptions("me").into_iter().map(|(filter, _)| filter).collect();
        assert_eq!(filters, [TELEMETRY_TOPIC, crate::lab::ANSWER_TOPIC]);
        let command_context = crate::device::CommandContext {
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
    fn the_blind_run_result_rates_the_verdict() {
        let at = Stamp::new("2026-08-03T12:00:00Z".parse().expect("a time"), Duration::ZERO);
        let mut verdict = Verdict::undetermined(at);
        let scenario = scenario_by_name("nat-silent").expect("one");
        let result_for = |verdict: &Verdict| blind_run_result(scenario, Some(verdict));
        assert!(result_for(&verdict).ends_with("found: undetermined, which is not enough."));
        verdict.classification.confidence = 0.91;
        verdict.classification.pattern = Pattern::IdleTimeout;
        assert_eq!(
            result_for(&verdict),
            "It was nat-silent: a NAT silently forgets after 350 s of silence. \
             dropscope found: idle timeout, 91 % (sure), which is right."
        );
        verdict.classification.pattern = Pattern::Random;
        assert!(result_for(&verdict).ends_with("random loss, 91 % (sure), which is wrong."));
        assert!(blind_run_result(scenario, None).ends_with("found: nothing, which is wrong."));
    }
}
