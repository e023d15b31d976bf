//! `dropscope lab`: the broker and the faults of the demo for other people's clients.

use std::fmt::Write as _;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;

use color_eyre::eyre::WrapErr as _;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::demo::{named, wall_secs, write_authority};
use super::{refuse, runtime};
use crate::cli;
use crate::config::Directories;
use crate::exit::Code;
use crate::lab::scenario::{BLOWS, SCENARIOS, Scenario, Way, speed_words};
use crate::lab::{Ailment, AilmentId, HOST, Stage, StageOptions};
use crate::signals;

/// Every way in, in the order of the URLs printed.
const WAYS: [(Way, &str, &str); 4] =
    [(Way::Tcp, "mqtt", ""), (Way::Tls, "mqtts", ""), (Way::Ws, "ws", "/mqtt"), (Way::Wss, "wss", "/mqtt")];
/// The authority's file in the state directory.
const AUTHORITY: &str = "lab-ca.pem";
/// What plays when nothing is asked for.
const QUIET: &str = "healthy";
/// Command lines that may wait.
const LINES: usize = 16;
/// Strikes told by `strikes`.
const NEWEST: usize = 20;

const HELP: &str = "\
arm SCENARIO      let everything of a scenario act from now on
arm {JSON}        let one ailment act, as in: arm {\"random_loss\": {\"mean_secs\": 60, \"manner\": \"reset\"}}
disarm ID|all     end an ailment, or all
list              what is armed
strike NAME       let one fault strike now
strikes           what was done so far (the newest 20)
tally             what went through so far
renew             the clients have new credentials
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
    let stage = Stage::start(&ways, scenario, options).await.wrap_err("cannot start the lab on loopback")?;
    let authority = write_authority(&Directories::of_this_user().state, AUTHORITY, &stage)?;
    let mut console = Console { stage, json };
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
    write!(
        opening.text,
        "authority {}\nscenario {} ({pace}); help tells the commands",
        authority.display(),
        scenario.name
    )?;
    opening.data = json!({
        "urls": urls,
        "authority": authority,
        "scenario": scenario.name,
        "seed": options.seed,
        "speed": options.speed,
    });
    let ended = match console.tell(Ok(opening)) {
        Ok(()) => console.serve().await,
        Err(error) => Err(error),
    };
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
        match command {
            "arm" => self.arm(rest),
            "disarm" => self.disarm(rest),
            "list" => Ok(self.list()),
            "strike" => self.strike(rest),
            "strikes" => Ok(self.strikes()),
            "tally" => {
                let tally = self.stage.control().tally();
                Ok(Answer::new(format!("{tally:?}"), json!(tally)))
            }
            "renew" => {
                self.stage.control().renew_credentials();
                Ok(Answer::new("renewed", Value::Null))
            }
            "scenarios" => Ok(names(SCENARIOS.iter().map(|scenario| (scenario.name, scenario.fault)))),
            "faults" => Ok(names(BLOWS.iter().map(|blow| (blow.name, blow.what)))),
            "help" => Ok(Answer::new(HELP, json!(HELP.lines().collect::<Vec<_>>()))),
            _ => Err(format!("there is no command `{}`; help tells them", clean(command))),
        }
    }

    fn arm(&self, what: &str) -> Result<Answer, String> {
        let ailments = if what.starts_with(['{', '"']) {
            let ailment: Ailment = serde_json::from_str(what)
                .map_err(|error| format!("this is no ailment: {}", clean(&error.to_string())))?;
            vec![ailment]
        } else if what.is_empty() {
            return Err("arm what? A scenario, or an ailment in JSON".to_owned());
        } else {
            (named(what)?.ailments)()
        };
        let ids: Vec<u64> = ailments.into_iter().map(|ailment| self.stage.control().arm(ailment).0).collect();
        let words: Vec<_> = ids.iter().map(u64::to_string).collect();
        Ok(Answer::new(format!("armed {}", words.join(" ")), json!({"ids": ids})))
    }

    fn disarm(&self, what: &str) -> Result<Answer, String> {
        let control = self.stage.control();
        let ids: Vec<AilmentId> = if what == "all" {
            control.armed().into_iter().map(|(id, _)| id).collect()
        } else {
            let id = what.parse().map_err(|_| "disarm which? A number of list, or all".to_owned())?;
            vec![AilmentId(id)]
        };
        let disarmed: Vec<u64> = ids.into_iter().filter(|id| control.disarm(*id)).map(|id| id.0).collect();
        if disarmed.is_empty() && what != "all" {
            return Err(format!("nothing is armed under the number {}", clean(what)));
        }
        let words: Vec<_> = disarmed.iter().map(u64::to_string).collect();
        Ok(Answer::new(format!("disarmed {}", words.join(" ")), json!({"ids": disarmed})))
    }

    fn list(&self) -> Answer {
        let armed = self.stage.control().armed();
        let text = armed
            .iter()
            .fold(String::new(), |text, (id, ailment)| text + &format!("{} {}\n", id.0, json!(ailment)));
        let text = if armed.is_empty() { "nothing is armed".to_owned() } else { text };
        let data = armed.iter().map(|(id, ailment)| json!({"id": id, "ailment": ailment}));
        Answer::new(text, data.collect())
    }

    fn strike(&self, name: &str) -> Result<Answer, String> {
        let blow = BLOWS.iter().find(|blow| blow.name == name).ok_or_else(|| {
            let known: Vec<_> = BLOWS.iter().map(|blow| blow.name).collect();
            format!("there is no fault `{}`; there are {}", clean(name), known.join(", "))
        })?;
        let id = self.stage.strike(blow);
        Ok(Answer::new(blow.what, json!({"id": id})))
    }

    fn strikes(&self) -> Answer {
        let strikes = self.stage.control().strikes();
        let newest = &strikes[strikes.len().saturating_sub(NEWEST)..];
        let text = newest.iter().fold(String::new(), |text, strike| {
            let connection = strike.connection.map_or("all".to_owned(), |number| number.to_string());
            text + &format!("{:.3} s  connection {connection}  {}\n", strike.at.as_secs_f64(), strike.what)
        });
        let text = if strikes.is_empty() { "nothing was done yet".to_owned() } else { text };
        Answer::new(text, json!(newest))
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
