//! What was typed? Commands and flags, nothing filled in.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum};

use crate::config::{BrokerUrl, Options};

mod arguments;
mod aws;
mod navien;
mod reading;

pub use aws::AwsArgs;
pub use navien::{NavienArgs, UnitPreference};
pub use reading::{
    AnalyzeArgs, AnalyzeFormat, ExplainArgs, ExplainFormat, PictureArgs, PictureScreen, PictureSize,
    ReplayArgs,
};

const EXAMPLES: &str = "\
Examples:
  dropscope mqtts://broker.example                  watch a broker on the screen
  dropscope demo                                    see it work, without broker or network
  dropscope navien --device Cellar                  a Navien NWP500 over its cloud
  dropscope check wss://broker.example/mqtt         one connect, every phase timed
  dropscope aws a1b2c3-ats.iot.us-east-1.amazonaws.com
  dropscope explain 'rc=7'                          what another program's words mean
  dropscope replay yesterday.jsonl                  see a recording as it was live
  dropscope analyze recordings/                     what recordings and exports say about the drops
  dropscope -k 240 -t 'home/#' mqtt://10.0.0.5      keep-alive 240 s, with a subscription
  dropscope --headless --json --duration 24h mqtt://10.0.0.5 > day.jsonl
  dropscope --fail-on 'drops>0,availability<99.9' --duration 1h mqtt://10.0.0.5

Exit codes:
  0 fine   1 runtime error   2 usage   3 never connected   4 refused credentials
  5 a --fail-on condition is met   130 Ctrl-C in a headless run

Every flag can be given as an environment variable, DROPSCOPE_KEEP_ALIVE=120 for --keep-alive 120, and in the
configuration file (see `dropscope config`). Flags come first, then variables, then the file.
Times are seconds (90, 0.5) or carry units (500ms, 5m, 24h).

The password comes from DROPSCOPE_PASSWORD, from --password-file or from the URL.
Signals: SIGTERM and SIGINT end the run with an export, SIGHUP and SIGUSR1 export now.";

/// A terminal scope for MQTT connection drops
///
/// Watches one connection for days, shows every drop, and says how it died.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "dropscope",
    version,
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    max_term_width = 110
)]
pub struct Cli {
    /// What to do; watching when nothing is said.
    #[command(subcommand)]
    pub command: Option<CliCommand>,
    /// The default command.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum CliCommand {
    /// Watch a connection that dies as connections die in the field: no broker, no network, no account needed
    ///
    /// Starts a small broker and a device inside the program, with a gateway in front of them that ails as the
    /// scenario says, and watches that connection like any other. Time passes faster: all times on the screen,
    /// in exports and in options of the connection are those of the field; --duration and --export-every
    /// are as they pass here. The ! key lets a fault strike.
    Demo(DemoArgs),
    /// Run the broker and the faults of the demo for other MQTT clients, without watching
    ///
    /// Prints one URL a line (tcp, tls, ws, wss; loopback only) and the file of the authority to trust, then
    /// takes commands, one a line, on standard input: help tells them. Ends on quit, SIGTERM and SIGINT.
    ///
    /// A simulated NWP500 water heater comes with it: the vendor's REST cloud, an account that is new with
    /// each run, and an AWS IoT endpoint (wss, signed URLs only) with a water heater behind it. Faults act on
    /// both ways in, --speed as well; the commands heater and cloud make these two fail.
    Lab(LabArgs),
    /// Watch a Navien NWP500 water heater over the vendor's cloud: signs in, chooses the device, connects
    ///
    /// The e-mail address of the account comes from --username or `NAVIEN_EMAIL`, the password from --password-file,
    /// from `NAVIEN_PASSWORD` or from the keyring (Secret Service, macOS keychain, Windows credentials), where only
    /// --remember-password puts it; on a terminal what is missing is asked for. The keyring has 5 s to answer; if
    /// it is locked, its dialog waits 30 s for whoever sits at the terminal, and does not come up if nobody does.
    ///
    /// Tokens are kept in the state directory for their owner only. Each connect is signed anew with credentials
    /// that are still good. Everything else is as in watching a broker, but from the configuration file only what
    /// is not about a broker of your own is used.
    ///
    /// The Device screen (4) shows the state of the water heater, its commands and what became of each. Its state
    /// is asked for at each connect and every --status-every; --quiet-link sends nothing by itself, so that an
    /// idle connection stays idle. What changes the device asks first, what can do harm wants its name typed.
    ///
    /// Ends with 4 if e-mail or password are refused, with 3 if the cloud cannot be reached.
    Navien(NavienArgs),
    /// Watch a connection to AWS IoT Core: URLs signed anew for each attempt, or a client certificate
    ///
    /// Keys come from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, or from a profile in
    /// ~/.aws/credentials or ~/.aws/config. Profiles that sign on or run a command are exported first:
    /// eval "$(aws configure export-credentials --format env)". With --cert and --key no keys are needed.
    ///
    /// A refused URL is signed anew with keys that are read anew. --planned-reconnect reconnects before keys
    /// expire or AWS's 24 h limit for wss:// is over.
    Aws(AwsArgs),
    /// Show a recording on the screens as it was live: play, pause, speed, seek by drop
    ///
    /// Several FILEs are the parts of one recording, in any order. Space plays and pauses, `[` and `]` go to the
    /// drop before and after, < and > change the speed, { and } move a little, Home and End go to the ends.
    /// With --export or --report there is no screen: written is what a live run would have written at the
    /// end of the recording, or at the time of --at.
    Replay(ReplayArgs),
    /// Connect once: every phase timed, limits, certificate days left, a verdict
    ///
    /// Ends with 0 if a session was accepted, 3 if not, 4 if the credentials were refused.
    Check(CheckArgs),
    /// Say what a log line, an error name or a code of any MQTT program means, what causes it, what to do
    ///
    /// Takes lines of mosquitto, EMQX, HiveMQ, Paho, MQTT.js, rumqttc, the AWS SDKs, ESPHome, Home Assistant
    /// and others; AWS disconnect reasons and whole lifecycle events as JSON; MQTT, WebSocket, HTTP and system
    /// codes. Without TEXT, or with -, every line of standard input is explained once, and equal ones are
    /// counted: dropscope explain < mosquitto.log
    ///
    /// Ends with 0 if something is known, 1 if nothing is.
    Explain(ExplainArgs),
    /// Read recordings and exports: what they say about the drops, and why these happen
    ///
    /// Reads any mix of recordings (JSON Lines, rotated parts too), exports of dropscope and exports of the
    /// nwp500-python client, merges them in time and judges them like a live watch. Lines that cannot be read
    /// are counted. Private values are replaced by placeholders, as in exports.
    ///
    /// Ends with 0, with 1 if nothing could be read, with 5 if a --fail-on condition is met.
    Analyze(AnalyzeArgs),
    /// Print a sample configuration file, where it is looked for, or what is in force
    Config(ConfigArgs),
    /// Print a completion script for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
    /// Print the screen at the last instant of a recording as SVG, for documents
    #[command(hide = true)]
    Picture(PictureArgs),
}

/// Watching a broker.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct WatchArgs {
    /// Broker, written `mqtt://HOST[:PORT]`; mqtts://, ws:// and wss:// as well
    ///
    /// Ports are 1883, 8883, 80 and 443 unless given, the path of ws and wss is /mqtt unless given. tcp://, ssl:// and
    /// tls:// are understood; without a scheme it is mqtt://. A user:password@ before the host is used
    /// for the MQTT login and shown nowhere.
    #[arg(value_name = "URL")]
    pub url: Option<BrokerUrl>,
    /// The configuration file.
    #[command(flatten)]
    pub file: ConfigFileArgs,
    /// Everything else.
    #[command(flatten)]
    pub options: Options,
}

/// Watching the built-in broker.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct DemoArgs {
    /// What ails the connection; --list tells them [default: nat-silent]
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// List the scenarios, and what will be seen in each
    #[arg(long)]
    pub list: Option<bool>,
    /// Do not tell what ails, before the end; without SCENARIO the seed chooses one
    #[arg(long)]
    pub blind: Option<bool>,
    /// What the scenario is played with.
    #[command(flatten)]
    pub play: ScenarioOptions,
    /// The configuration file.
    #[command(flatten)]
    pub file: ConfigFileArgs,
    /// Everything else.
    #[command(flatten)]
    pub options: Options,
}

/// How a scenario is played.
#[derive(Debug, Clone, Copy, Args)]
#[group(skip)]
pub struct ScenarioOptions {
    /// Makes the faults come the same way every time
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Seconds of the field that pass in one second here, 1 to 86400 [default: the demo's as the scenario has it, the lab's 1]
    #[arg(long, value_name = "FACTOR", value_parser = speed)]
    pub speed: Option<f64>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (1.0..=86_400.0).contains(speed));
    speed.ok_or_else(|| "the speed must be a number from 1 to 86400".to_owned())
}

/// The broker and the faults without the watch.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct LabArgs {
    /// What ails from the beginning; `dropscope demo --list` tells the scenarios [default: nothing]
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// Answer every command with one JSON object
    #[arg(long)]
    pub json: Option<bool>,
    /// What the scenario is played with.
    #[command(flatten)]
    pub play: ScenarioOptions,
}

/// One connect.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct CheckArgs {
    /// Text for people or JSON for programs
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: CheckFormat,
    /// What and how to connect.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// How a check is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// a table and a verdict
    Text,
    /// one JSON object
    Json,
}

/// Looking at the configuration.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct ConfigArgs {
    /// What to print
    #[arg(default_value = "template")]
    pub what: ConfigPart,
    /// The configuration file.
    #[command(flatten)]
    pub file: ConfigFileArgs,
    /// Flags to take into account.
    #[command(flatten)]
    pub options: Options,
}

/// What `dropscope config` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConfigPart {
    /// a sample file with every key and its default
    Template,
    /// where the file is looked for
    Path,
    /// defaults, file, environment and flags together, without secrets
    Effective,
}

/// Where the configuration is.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
pub struct ConfigFileArgs {
    /// Configuration file [default: see `dropscope config path`]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

impl WatchArgs {
    /// The options with the URL among them.
    pub fn into_options(self) -> Options {
        let mut options = self.options;
        options.broker.url = self.url;
        options
    }
}

impl Cli {
    /// Reads a command line, the program's name first.
    ///
    /// # Errors
    ///
    /// For bad usage, and for `--help` and `--version`; [`clap::Error::exit`] prints and ends with 2 or 0.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, clap::Error> {
        let mut command = command();
        let mut matches = command.try_get_matches_from_mut(arguments)?;
        Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
    }
}

/// The command line with all its flags.
fn command() -> clap::Command {
    arguments::complete(Cli::command())
}

/// The completion script for a shell.
pub fn completions(shell: clap_complete::Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "dropscope", &mut script);
    script
}

/// The manual page: the program, then each command.
///
/// # Errors
///
/// None that memory can give; the writer's error type is passed on.
pub fn manual() -> std::io::Result<Vec<u8>> {
    let mut command = command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests;
