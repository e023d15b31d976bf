//! `dropscope lab`: the broker and the faults of the demo for other people's clients, and a water heater with
//! its cloud.

mod gateways;
mod household;

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use color_eyre::eyre::WrapErr as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use self::gateways::Gateways;
use self::household::Household;
use super::demo::{Removed, named, wall_secs, write_authority};
use super::{refuse, runtime};
use crate::cli;
use crate::config::Directories;
use crate::exit::Code;
use crate::lab::scenario::{BLOWS, SCENARIOS, Scenario, Way, speed_words};
use crate::lab::{HOST, Stage, StageOptions};
use crate::signals;

/// Every way in, in the order of the URLs printed.
const WAYS: [(Way, &str, &str); 4] =
    [(Way::Tcp, "mqtt", ""), (Way::Tls, "mqtts", ""), (Way::Ws, "ws", "/mqtt"), (Way::Wss, "wss", "/mqtt")];
/// What plays when nothing is asked for.
const QUIET: &str = "healthy";
/// Command lines that may wait.
const LINES: usize = 16;

const HELP: &str = "\
arm SCENARIO      let everything of a scenario act from now on
arm {JSON}        let one ailment act, as in: arm {\"random_loss\": {\"mean_secs\": 60, \"manner\": \"reset\"}}
disarm ID|all     end an ailment, or all
list              what is armed, at the plain gateway and at the one before the IoT endpoint
strike NAME       let one fault strike now
strikes           what was done so far (the newest 20 of each gateway)
tally             what went through so far
renew             the clients have new credentials
heater HOW        online, offline, honest, late SECS, wrong or silent
cloud misbehave WHAT [TIMES]  malformed, bad-gateway, no-data, hang, hang-up or failure as next answer
cloud behave      no more of that
cloud expire      tokens and AWS credentials are good no longer
cloud password NEW  the account has another password
scenarios         the names for arm
faults            the names for strike
help              this
quit              stop";

/// Runs until it is told to stop.
pub(super) fn lab(lab: &cli::Lab) -> color_eyre::Result<ExitCode> {
    let scenario = match named(lab.scenario.as_deref().unwrap_or(QUIET)) {
        Ok(scenario) => scenario,
        Err(sentence) => return Ok(refuse(&sentence)),
    };
    let options = StageOptions {
        seed: lab.play.seed.unwrap_or_else(rand::random),
        speed: lab.play.speed.unwrap_or(1.0),
        wall_secs: wall_secs(),
    };
    runtime()?.block_on(run(scenario, options, lab.json.unwrap_or(false)))
}

async fn run(scenario: &Scenario, options: StageOptions, json: bool) -> color_eyre::Result<ExitCode> {
    let ways = WAYS.map(|(way, ..)| way);
    let mut stage =
        Stage::start(&ways, scenario, options).await.wrap_err("cannot start the lab on loopback")?;
    let directory = Directories::of_this_user().state;
    let name = format!("lab-ca-{}.pem", std::process::id());
    let authority = Removed(write_authority(&directory, &name, &stage)?);
    let household = Household::start(options, &directory).await?;
    stage.afflict(household.gateway(), scenario);
    let mut console = Console { stage, household, json };
    let mut opening = Answer::default();
    let mut urls = Vec::new();
    for (way, scheme, path) in WAYS {
        let Some(address) = console.stage.door(way) else { continue };
        let host = if matches!(way, Way::Tls | Way::Wss) { HOST } else { "127.0.0.1" };
        let url = format!("{scheme}://{host}:{}{path}", address.port());
        writeln!(opening.text, "{url}")?;
        urls.push(url);
    }
    let pace = speed_words(options.speed).unwrap_or_else(|| "1 s = 1 s".to_owned());
    let household = console.household.tell()?;
    write!(
        opening.text,
        "authority {}\n{}scenario {} ({pace}); help tells the commands",
        authority.0.display(),
        household.text,
        scenario.name
    )?;
    opening.data = json!({
        "urls": urls,
        "authority": authority.0,
        "navien": household.data,
        "scenario": scenario.name,
        "seed": options.seed,
        "speed": options.speed,
    });
    let ended = match console.tell(Ok(opening)) {
        Ok(()) => console.serve().await,
        Err(error) => Err(error),
    };
    console.household.stop().await;
    console.stage.stop().await;
    match ended {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(Code::Fine.into()),
    }
}

/// What a command answers: for people and for programs.
#[derive(Debug, Default)]
struct Answer {
    text: String,
    data: Value,
}

impl Answer {
    fn new(text: impl Into<String>, data: Value) -> Self {
        Self { text: text.into(), data }
    }
}

/// The control line.
struct Console {
    stage: Stage,
    household: Household,
    json: bool,
}

impl Console {
    /// Carries out commands until one of them, a signal or the end of a terminal ends it.
    async fn serve(&mut self) -> io::Result<()> {
        let mut lines = lines();
        let is_terminal = io::stdin().is_terminal();
        let mut end = std::pin::pin!(signals::asked_to_end());
        let mut reads = true;
        loop {
            let line = tokio::select! {
                _ = &mut end => return Ok(()),
                line = lines.recv(), if reads => line,
            };
            match line.as_deref().map(str::trim) {
                // A pipe that ends is a script that is done commanding, not with the lab.
                None if is_terminal => return Ok(()),
                None => reads = false,
                Some("") => {}
                Some("quit" | "exit") => return self.tell(Ok(Answer::new("stopping", Value::Null))),
                Some(line) => {
                    let answer = self.answer(line);
                    self.tell(answer)?;
                }
            }
        }
    }

    fn tell(&self, answer: Result<Answer, String>) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match (self.json, answer) {
            (true, Ok(answer)) => writeln!(out, "{}", json!({"ok": true, "data": answer.data}))?,
            (true, Err(error)) => writeln!(out, "{}", json!({"ok": false, "error": error}))?,
            (false, Ok(answer)) => writeln!(out, "{}", answer.text.trim_end())?,
            (false, Err(error)) => writeln!(out, "error: {error}")?,
        }
        out.flush()
    }

    fn answer(&self, line: &str) -> Result<Answer, String> {
        let (command, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let rest = rest.trim();
        let gateways = Gateways::new(&self.stage, self.household.gateway());
        match command {
            "arm" => gateways.arm(rest),
            "disarm" => gateways.disarm(rest),
            "list" => Ok(gateways.list()),
            "strike" => gateways.strike(rest),
            "strikes" => Ok(gateways.strikes()),
            "tally" => Ok(gateways.tally()),
            "renew" => Ok(gateways.renew()),
            "heater" => self.household.heater(rest),
            "cloud" => self.household.cloud(rest),
            "scenarios" => Ok(names(SCENARIOS.iter().map(|scenario| (scenario.name, scenario.fault)))),
            "faults" => Ok(names(BLOWS.iter().map(|blow| (blow.name, blow.what)))),
            "help" => Ok(Answer::new(HELP, json!(HELP.lines().collect::<Vec<_>>()))),
            _ => Err(format!("there is no command `{}`; help tells them", clean(command))),
        }
    }
}

fn clean(text: &str) -> String {
    crate::diagnostics::clean::clean(text).into_owned()
}

fn names<'a>(named: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Answer {
    let text = named.clone().fold(String::new(), |text, (name, what)| text + &format!("{name:18} {what}\n"));
    Answer::new(text, named.map(|(name, what)| json!({"name": name, "what": what})).collect())
}

/// The lines of standard input. Its thread ends with the process: nothing can wake it from a read.
fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(LINES);
    std::thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
