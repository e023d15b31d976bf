//! The arguments of the commands that read recordings, exports and log lines.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ConfigFileArgs;
use crate::config::{ExportOutputOptions, LogOptions, Options, RecordedTime, RunOptions, ScreenOptions};
use crate::exit::FailOn;

/// Showing a recording.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct ReplayArgs {
    /// Recording; several files are its parts
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Recorded seconds per real second, 0.01 to 1000000 [default: the whole recording in one minute]
    #[arg(long, value_name = "FACTOR", value_parser = replay_speed)]
    pub speed: Option<f64>,
    /// Start time: 90, 5m or 1h30m after the first event, -10m before the last, 14:05, or 2026-11-20T14:05:00Z
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub at: Option<RecordedTime>,
    /// Start paused
    #[arg(long)]
    pub paused: Option<bool>,
    /// Write the JSON export to this file or directory (- = standard output) and show no screen
    #[arg(long, value_name = "PATH")]
    pub export: Option<PathBuf>,
    /// Write the Markdown report to this file or directory (- = standard output) and show no screen
    #[arg(long, value_name = "PATH")]
    pub report: Option<PathBuf>,
    /// Directory for exports and reports by key [default: exports in the state directory]
    #[arg(long, value_name = "DIR")]
    pub export_dir: Option<PathBuf>,
    /// Leave names, ids and addresses readable in exports and reports
    #[arg(long)]
    pub no_redact: Option<bool>,
    /// Drops, sessions and log entries kept in memory, each; use the value of the live run [default: 1000]
    #[arg(long, value_name = "COUNT")]
    pub max_events: Option<usize>,
    /// The screen.
    #[command(flatten)]
    pub screen: ScreenOptions,
    /// The program's own log.
    #[command(flatten)]
    pub log: LogOptions,
    /// The configuration file.
    #[command(flatten)]
    pub file: ConfigFileArgs,
}

fn replay_speed(text: &str) -> Result<f64, String> {
    let number = text.trim_end_matches(['x', '×']);
    let speed = number.parse().ok().filter(|speed| (0.01..=1_000_000.0).contains(speed));
    speed.ok_or_else(|| "the speed must be a number from 0.01 to 1000000".to_owned())
}

/// Explaining messages of other programs.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct ExplainArgs {
    /// Message of the other program; words are joined, - reads standard input
    #[arg(value_name = "TEXT", allow_negative_numbers = true)]
    pub text: Vec<String>,
    /// Text for people, JSON for programs, or Markdown for an issue
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: ExplainFormat,
}

/// How an explanation is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExplainFormat {
    /// paragraphs, wrapped to the terminal
    Text,
    /// one JSON object
    Json,
    /// headings and lists
    Markdown,
}

/// Reading recordings and exports.
#[derive(Debug, Clone, Args)]
#[group(skip)]
pub struct AnalyzeArgs {
    /// Files, directories (their *.jsonl and *.json), quoted patterns, or - for standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Text for people, JSON for programs, or a Markdown report
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub format: AnalyzeFormat,
    /// Exit with code 5 if this condition is met; may be repeated
    ///
    /// Conditions: drops>0, drops>=3, availability<99.9 (percent), mttr>5s, mtbf<1h.
    #[arg(long, value_name = "CONDITION", value_delimiter = ',')]
    pub fail_on: Vec<FailOn>,
    /// Leave names, ids and addresses readable
    #[arg(long)]
    pub no_redact: Option<bool>,
    /// Disable colors (`NO_COLOR` does the same)
    #[arg(long)]
    pub no_color: Option<bool>,
}

/// How an analysis is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AnalyzeFormat {
    /// a summary and the verdict
    Text,
    /// one JSON object
    Json,
    /// a report in Markdown
    Markdown,
}

/// A screen as a picture.
#[derive(Debug, Clone, Args)]
pub struct PictureArgs {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Columns and rows
    #[arg(long, value_name = "COLUMNSxROWS", default_value = "120x40")]
    pub size: PictureSize,
    /// Screen to draw
    #[arg(long, value_name = "SCREEN", default_value = "overview")]
    pub screen: PictureScreen,
}

/// Which screen is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PictureScreen {
    /// everything at a glance
    Overview,
    /// the table of drops
    Drops,
    /// the newest drop in detail
    Drop,
}

/// Columns and rows of a picture, written `120x40`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PictureSize {
    columns: u16,
    rows: u16,
}

impl From<PictureSize> for (u16, u16) {
    fn from(size: PictureSize) -> Self {
        (size.columns, size.rows)
    }
}

impl std::str::FromStr for PictureSize {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const SENTENCE: &str = "write columns and rows as 120x40, each from 1 to 500";
        let (columns, rows) = text.split_once('x').ok_or(SENTENCE)?;
        let side = |text: &str| text.parse().ok().filter(|side| (1..=500).contains(side)).ok_or(SENTENCE);
        Ok(Self { columns: side(columns)?, rows: side(rows)? })
    }
}

impl ReplayArgs {
    /// The options that it shares with watching.
    pub fn options(&self) -> Options {
        Options {
            export: ExportOutputOptions {
                export_dir: self.export_dir.clone(),
                no_redact: self.no_redact,
                ..ExportOutputOptions::default()
            },
            run: RunOptions { max_events: self.max_events, ..RunOptions::default() },
            screen: self.screen.clone(),
            log: self.log.clone(),
            ..Options::default()
        }
    }
}
