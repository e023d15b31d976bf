//! Commands and flags as typed, without defaults from elsewhere.

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
  dropscope demo                                    try it without a broker or network
  dropscope navien --device Cellar                  a Navien NWP500 over its cloud
  dropscope check wss://broker.example/mqtt         one connect, every phase timed
  dropscope aws a1b2c3-ats.iot.us-east-1.amazonaws.com
  dropscope explain 'rc=7'                          the meaning of another program's message
  dropscope replay yesterday.jsonl                  show a recording as it was live
  dropscope analyze recordings/                     why the drops in recordings and exports happen
  dropscope -k 240 -t 'home/#' mqtt://10.0.0.5      keep-alive 240 s, with a subscription
  dropscope --headless --json --duration 24h mqtt://10.0.0.5 > day.jsonl
  dropscope --fail-on 'drops>0,availability<99.9' --duration 1h mqtt://10.0.0.5

Exit codes:
  0 success   1 runtime error   2 usage   3 never connected   4 refused credentials
  5 a --fail-on condition is met   130 Ctrl-C in a headless run

Every flag can be given as an environment variable, DROPSCOPE_KEEP_ALIVE=120 for --keep-alive 120, and in the
configuration file (see `dropscope config`). Flags come first, then variables, then the file.
Times are seconds (90, 0.5) or carry units (500ms, 5m, 24h).

The password comes from DROPSCOPE_PASSWORD, from --password-file or from the URL.
Signals: SIGTERM and SIGINT end the run with an export, SIGHUP and SIGUSR1 export now,
SIGUSR2 runs or ends the test that the verdict names to separate two causes.";

/// A terminal scope for MQTT connection drops
///
/// Watches one connection for days, shows every drop and its cause.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "dropscope",
    version,
    after_long_help = EXAMPLES,
    args_conflicts_with_subcommands = true,
    max_term_width = 110
)]
pub struct Cli {
    /// The command; without one the program watches.
    #[command(subcommand)]
    pub command: Option<CliCommand>,
    /// The default command.
    #[command(flatten)]
    pub watch: WatchArgs,
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum CliCommand {
    /// Watch a simulated connection that drops as in the field: no broker, network or account needed
    ///
    /// Starts a small broker and a device inside the program, behind a gateway that injects the scenario's faults,
    /// and watches that connection like any other. Time passes faster: all times on the screen, in exports and in
    /// options of the connection are field time; --duration and --export-every are real time. ! injects a fault.
    Demo(DemoArgs),
    /// Run the broker and the faults of the demo for other MQTT clients, without watching
    ///
    /// Prints one URL per line (tcp, tls, ws, wss; loopback only) and the CA file to trust, then takes commands,
    /// one per line, on standard input: help lists them. Ends on quit, SIGTERM and SIGINT.
    ///
    /// It includes a simulated NWP500 water heater: the vendor's REST cloud, an account that is new in each run,
    /// and an AWS IoT endpoint (wss, signed URLs only) with a water heater behind it. Faults and --speed apply to
    /// both; the commands heater and cloud make these two fail.
    Lab(LabArgs),
    /// Watch a Navien NWP500 water heater over the vendor's cloud: signs in, chooses the device, connects
    ///
    /// The e-mail address of the account comes from --username or `NAVIEN_EMAIL`, the password from --password-file,
    /// from `NAVIEN_PASSWORD` or from the keyring (Secret Service, macOS keychain, Windows credentials), where only
    /// --remember-password puts it; on a terminal missing values are prompted for. The keyring has 5 s to answer. If
    /// it is locked, its dialog opens for 30 s, but only if the run has a terminal.
    ///
    /// Tokens are stored in the state directory, readable by their owner only. Each connect uses a newly signed URL
    /// with valid credentials. Everything else is as for a broker, but those parts of the configuration file that
    /// describe your own broker are ignored.
    ///
    /// The Device screen (4) shows the state of the water heater, its commands and their results. Its state is
    /// polled at each connect and every --status-every; --quiet-link sends nothing automatically, so that an idle
    /// connection stays idle. A command that changes the device needs confirmation; a harmful one requires typing
    /// its name.
    ///
    /// Exit code 4 if e-mail address or password are refused, 3 if the cloud cannot be reached.
    Navien(NavienArgs),
    /// Watch a connection to AWS IoT Core, with a newly signed URL for each attempt or a client certificate
    ///
    /// Keys come from `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN`, or from a profile in
    /// ~/.aws/credentials or ~/.aws/config. Export profiles that use SSO or run a command first:
    /// eval "$(aws configure export-credentials --format env)". --cert and --key need no AWS keys.
    ///
    /// After a refusal the keys are read again and a new URL is signed. --planned-reconnect reconnects before the
    /// keys expire or AWS's 24 h limit for wss:// ends.
    Aws(AwsArgs),
    /// Show a recording on the screens as it was live: play, pause, speed, seek by drop
    ///
    /// Several FILEs are the parts of one recording, in any order. Space plays and pauses, `[` and `]` go to the
    /// previous and next drop, < and > change the speed, { and } move a little, Home and End go to the ends.
    /// With --export or --report there is no screen: it writes the files a live run would have written at the
    /// end of the recording, or at the time of --at.
    Replay(ReplayArgs),
    /// Connect once: every phase timed, limits, certificate days left, a verdict
    ///
    /// Exit code 0 if a session was accepted, 3 if not, 4 if the credentials were refused.
    Check(CheckArgs),
    /// Explain a log line, an error name or a code of any MQTT program: meaning, causes, what to do
    ///
    /// Takes lines of mosquitto, EMQX, HiveMQ, Paho, MQTT.js, rumqttc, the AWS SDKs, ESPHome, Home Assistant
    /// and others; AWS disconnect reasons and whole lifecycle events as JSON; MQTT, WebSocket, HTTP and system
    /// codes. Without TEXT, or with -, it explains every line of standard input once and counts equal
    /// ones: dropscope explain < mosquitto.log
    ///
    /// Exit code 0 if something matched, 1 if nothing did.
    Explain(ExplainArgs),
    /// Analyze recordings and exports: the drops and why they happen
    ///
    /// Reads any mix of recordings (JSON Lines, rotated parts too), exports of dropscope and exports of the
    /// nwp500-python client, merges them in time order and classifies them like a live run. It counts lines that it
    /// cannot read. Placeholders replace private values, as in exports.
    ///
    /// Exit code 0, 1 if nothing could be read, 5 if a --fail-on condition is met.
    Analyze(AnalyzeArgs),
    /// Print a sample configuration file, its search paths, or the effective configuration
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
    /// Default ports are 1883, 8883, 80 and 443, the default path of ws and wss is /mqtt. tcp://, ssl:// and tls://
    /// work as well; without a scheme it is mqtt://. A user:password@ before the host is the MQTT login and is
    /// never shown.
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
    /// Scenario to play; --list shows all [default: nat-silent]
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// Play the scenario of a TOML file; --print-scenario prints an example
    #[arg(long = "scenario", value_name = "FILE", conflicts_with = "scenario")]
    pub scenario_file: Option<PathBuf>,
    /// Print the commented TOML file of a built-in scenario
    #[arg(long, value_name = "SCENARIO")]
    pub print_scenario: Option<String>,
    /// List the scenarios and their symptoms
    #[arg(long)]
    pub list: Option<bool>,
    /// Hide the fault until the end; without SCENARIO the seed chooses one
    #[arg(long)]
    pub blind: Option<bool>,
    /// Seed and speed of the scenario.
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
    /// Seed of the random faults; the same seed repeats a run
    #[arg(long, value_name = "NUMBER")]
    pub seed: Option<u64>,
    /// Field seconds per real second, 1 to 86400 [default: demo: that of the scenario, lab: 1]
    #[arg(long, value_name = "FACTOR", value_parser = speed)]
    pub speed: Option<f64>,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (1.0..=86_400.0).contains(speed));
    speed.ok_or_else(|| "the speed must be a number from 1 to 86400".to_owned())
}

/// The broker and its faults, without watching.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct LabArgs {
    /// Scenario armed at start; `dropscope demo --list` shows all [default: none]
    #[arg(value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// Answer every command with one JSON object
    #[arg(long)]
    pub json: Option<bool>,
    /// Seed and speed of the scenario.
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
    /// Broker and options of the connection.
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

/// Printing the configuration.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct ConfigArgs {
    /// What to print
    #[arg(default_value = "template")]
    pub what: ConfigPart,
    /// The configuration file.
    #[command(flatten)]
    pub file: ConfigFileArgs,
    /// Flags that take part in the effective configuration.
    #[command(flatten)]
    pub options: Options,
}

/// What `dropscope config` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ConfigPart {
    /// a sample file with every key and its default
    Template,
    /// the search paths of the file
    Path,
    /// defaults, file, environment and flags together, without secrets
    Effective,
}

/// The configuration file.
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
/// None in practice: writing to memory cannot fail, but the writer has an error type.
pub fn manual() -> std::io::Result<Vec<u8>> {
    let mut command = command();
    command.build();
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}

#[cfg(test)]
mod tests;
