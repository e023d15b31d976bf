//! `dropscope lab`: the broker and the faults of the demo for other MQTT clients, and a water heater with its
//! cloud.

mod gateways;
mod navien_console;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use color_eyre::eyre::WrapErr as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::gateways::Gateways;
use self::navien_console::NavienConsole;
use super::demo::{DeleteOnDrop, scenario_by_name, wall_secs, write_ca_certificate};
use super::{runtime, usage_error};
use crate::config::Directories;
use crate::diagnostics::Transport;
use crate::exit::ExitReason;
use crate::lab::scenario::{MANUAL_FAULTS, Scenario, scenarios, speed_label};
use crate::lab::{LAB_HOST, LabOptions, LabSetup};
use crate::{cli, signals};

/// All transports, in the order of the printed URLs.
const TRANSPORTS: [(Transport, &str, &str); 4] = [
    (Transport::Tcp, "mqtt", ""),
    (Transport::Tls, "mqtts", ""),
    (Transport::Ws, "ws", "/mqtt"),
    (Transport::Wss, "wss", "/mqtt"),
];
/// The scenario played without an argument.
const DEFAULT_SCENARIO: &str = "healthy";
/// Command lines that may be queued.
const COMMAND_QUEUE: usize = 16;

const HELP: &str = "\
arm SCENARIO      arm all faults of a scenario
arm {JSON}        arm one fault, for example: arm {\"random_loss\": {\"mean_secs\": 60, \"manner\": \"reset\"}}
disarm ID|all     disarm one fault, or all
list              the armed faults of the plain gateway and of the gateway before the IoT endpoint
inject NAME       inject one fault now
injections        the injected faults (the newest 20 of each gateway)
tally             connections, packets and bytes so far
renew             the clients have new credentials
heater HOW        online, offline, honest, late SECS, wrong or silent
cloud misbehave WHAT [TIMES]  next answers: malformed, bad-gateway, no-data, hang, hang-up or failure
cloud behave      answer correctly again
cloud expire      expire all tokens and AWS credentials
cloud password NEW  change the password of the account
scenarios         the names of the scenarios for arm
faults            the names of the faults for inject
help              this
quit              stop";

/// Runs until `quit`, a signal or the end of a terminal.
pub(super) fn lab(lab: &cli::LabArgs) -> color_eyre::Result<ExitCode> {
    let scenario = match scenario_by_name(lab.scenario.as_deref().unwrap_or(DEFAULT_SCENARIO)) {
        Ok(scenario) => scenario,
        Err(sentence) => return Ok(usage_error(&sentence)),
    };
    let options = LabOptions {
        seed: lab.play.seed.unwrap_or_else(rand::random),
        speed: lab.play.speed.unwrap_or(1.0),
        wall_secs: wall_secs(),
    };
    runtime()?.block_on(run(scenario, options, lab.json.unwrap_or(false)))
}

async fn run(scenario: &Scenario, options: LabOptions, json: bool) -> color_eyre::Result<ExitCode> {
    let transports = TRANSPORTS.map(|(transport, ..)| transport);
    let mut lab_setup =
        LabSetup::start(&transports, scenario, options).await.wrap_err("cannot start the lab on loopback")?;
    let directory = Directories::for_current_user().state;
    let name = format!("lab-ca-{}.pem", std::process::id());
    let authority = DeleteOnDrop(write_ca_certificate(&directory, &name, &lab_setup)?);
    let navien = NavienConsole::start(options, &directory).await?;
    lab_setup.apply_scenario(navien.gateway(), scenario);
    let mut console = LabConsole { lab_setup, navien, json };
    let mut greeting = ConsoleReply::default();
    let mut urls = Vec::new();
    for (transport, scheme, path) in TRANSPORTS {
        let Some(address) = console.lab_setup.address(transport) else { continue };
        let host = if matches!(transport, Transport::Tls | Transport::Wss) { LAB_HOST } else { "127.0.0.1" };
        let url = format!("{scheme}://{host}:{}{path}", address.port());
        writeln!(greeting.text, "{url}")?;
        urls.push(url);
    }
    let speed_label = speed_label(options.speed).unwrap_or_else(|| "1 s = 1 s".to_owned());
    let navien_info = console.navien.connection_info()?;
    write!(
        greeting.text,
        "authority {}\n{}scenario {} ({speed_label}); type help for the commands",
        authority.0.display(),
        navien_info.text,
        scenario.name
    )?;
    greeting.data = json!({
        "urls": urls,
        "authority": authority.0,
        "navien": navien_info.data,
        "scenario": scenario.name,
        "seed": options.seed,
        "speed": options.speed,
    });
    let result = match console.print_reply(Ok(greeting)) {
        Ok(()) => console.serve().await,
        Err(error) => Err(error),
    };
    console.navien.stop().await;
    console.lab_setup.stop().await;
    match result {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitReason::Success.into()),
    }
}

/// The reply to a command, as text and as JSON.
#[derive(Debug, Default)]
struct ConsoleReply {
    text: String,
    data: Value,
}

impl ConsoleReply {
    fn new(text: impl Into<String>, data: Value) -> Self {
        Self { text: text.into(), data }
    }
}

/// The console that executes commands.
struct LabConsole {
    lab_setup: LabSetup,
    navien: NavienConsole,
    json: bool,
}

impl LabConsole {
    /// Executes commands until `quit`, a signal or the end of a terminal.
    async fn serve(&mut self) -> io::Result<()> {
        let mut lines = lines();
        let is_terminal = io::stdin().is_terminal();
        let mut end = std::pin::pin!(signals::wait_for_termination());
        let mut is_stdin_open = true;
        loop {
            let line = tokio::select! {
                _ = &mut end => return Ok(()),
                line = lines.recv(), if is_stdin_open => line,
            };
            match line.as_deref().map(str::trim) {
                // The end of a pipe ends the commands of a script, not the lab.
                None if is_terminal => return Ok(()),
                None => is_stdin_open = false,
                Some("") => {}
                Some("quit" | "exit") => {
                    return self.print_reply(Ok(ConsoleReply::new("stopping", Value::Null)));
                }
                Some(line) => {
                    let reply = self.execute(line);
                    self.print_reply(reply)?;
                }
            }
        }
    }

    fn print_reply(&self, reply: Result<ConsoleReply, String>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match (self.json, reply) {
            (true, Ok(answer)) => writeln!(out, "{}", json!({"ok": true, "data": answer.data}))?,
            (true, Err(error)) => writeln!(out, "{}", json!({"ok": false, "error": error}))?,
            (false, Ok(answer)) => writeln!(out, "{}", answer.text.trim_end())?,
            (false, Err(error)) => writeln!(out, "error: {error}")?,
        }
        out.flush()
    }

    fn execute(&self, line: &str) -> Result<ConsoleReply, String> {
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let gateways = Gateways::new(&self.lab_setup, self.navien.gateway());
        match command {
            "arm" => gateways.arm(rest),
            "disarm" => gateways.disarm(rest),
            "list" => Ok(gateways.list()),
            // The second name is the one of earlier versions; scripts use it.
            "inject" | "strike" => gateways.inject(rest),
            "injections" | "strikes" => Ok(gateways.injected_faults()),
            "tally" => Ok(gateways.packet_counts()),
            "renew" => Ok(gateways.renew()),
            "heater" => self.navien.heater(rest),
            "cloud" => self.navien.cloud(rest),
            "scenarios" => {
                Ok(name_list(scenarios().iter().map(|scenario| (&*scenario.name, &*scenario.fault))))
            }
            "faults" => Ok(name_list(MANUAL_FAULTS.iter().map(|fault| (fault.name, fault.description)))),
            "help" => Ok(ConsoleReply::new(HELP, json!(HELP.lines().collect::<Vec<_>>()))),
            _ => Err(format!("there is no command `{}`; type help for a list", clean(command))),
        }
    }
}

fn clean(text: &str) -> String {
    crate::diagnostics::clean::clean(text).into_owned()
}

fn name_list<'a>(entries: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> ConsoleReply {
    let text =
        entries.clone().fold(String::new(), |text, (name, what)| text + &format!("{name:18} {what}\n"));
    ConsoleReply::new(text, entries.map(|(name, what)| json!({"name": name, "what": what})).collect())
}

/// The lines of standard input. The thread ends with the process: a blocking read cannot be canceled.
fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(COMMAND_QUEUE);
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
