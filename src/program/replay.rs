//! `dropscope replay`: a recording on the screens, or the export that a live run would have written.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::Local;
use color_eyre::eyre::WrapErr as _;

use super::{print, runtime, settings, usage_error, watch};
use crate::clock::SystemClock;
use crate::config::{ConnectionTarget, EmbeddedBroker, RecordedTime, ResolvedSettings};
use crate::diagnostics::clean::clean;
use crate::diagnostics::{Clock, Transport, VersionChoice, words};
use crate::exit::ExitReason;
use crate::export::{
    Destination, Export, ExportError, ExportOptions, file, markdown, save_json, save_report,
};
use crate::replay::{RecordingPlayer, ReplaySettings, StartAt};
use crate::report_writer::ReportSettings;
use crate::{cli, logging, signals, tui};

/// Events read at a time where no request waits in between.
const BATCH: usize = 1 << 20;
/// The path that means standard output.
const STDOUT: &str = "-";
/// A recording has no broker address; the settings need one.
const PLACEHOLDER_BROKER: EmbeddedBroker = EmbeddedBroker {
    transport: Transport::Tcp,
    version: VersionChoice::Auto,
    keep_alive_secs: 60,
    ping_timeout: Duration::from_secs(10),
};

/// Shows the recording, or exports from it.
pub(super) fn replay(args: &cli::ReplayArgs) -> color_eyre::Result<ExitCode> {
    let settings = match settings(args.options(), &args.file, ConnectionTarget::embedded(PLACEHOLDER_BROKER))
    {
        Ok(settings) => settings,
        Err(error) => return Ok(usage_error(&error)),
    };
    let is_export_only = args.export.is_some() || args.report.is_some();
    let is_stdout = |path: &Option<_>| path.as_deref() == Some(Path::new(STDOUT));
    if is_stdout(&args.export) && is_stdout(&args.report) {
        return Ok(usage_error(&"only one of --export and --report can go to standard output"));
    }
    if !is_export_only && !io::stdout().is_terminal() {
        let sentence = "standard output is not a terminal, so there is no screen to replay on; \
                        --export - prints the JSON export of the recording, --report - the Markdown report";
        return Ok(usage_error(&sentence));
    }
    let player = match RecordingPlayer::open(&args.files, settings.run.max_events) {
        Ok(player) => player,
        Err(error) => return Ok(usage_error(&error)),
    };
    if is_export_only {
        export(player, args, &settings)
    } else {
        runtime()?.block_on(show(player, args, settings))
    }
}

fn start(at: RecordedTime, player: &RecordingPlayer) -> StartAt {
    match at {
        RecordedTime::FromBeginning(offset) => StartAt::FromBeginning(offset),
        RecordedTime::FromEnd(offset) => StartAt::FromEnd(offset),
        other => {
            other.instant(player.start_time(), &Local).map_or(StartAt::FromEnd(Duration::ZERO), StartAt::Wall)
        }
    }
}

async fn show(
    player: RecordingPlayer,
    args: &cli::ReplayArgs,
    settings: ResolvedSettings,
) -> color_eyre::Result<ExitCode> {
    // The replay works without a log.
    if let Err(error) = &logging::start(&settings.log) {
        let _ = writeln!(io::stderr(), "no log file: {error}");
    }
    let keymap = match watch::keymap(&settings.ui) {
        Ok(keymap) => keymap,
        Err(error) => return Ok(usage_error(&error)),
    };
    let replay = ReplaySettings {
        reports: ReportSettings {
            options: export_options(&settings),
            ..ReportSettings::new(settings.export.dir.clone())
        },
        speed: args.speed,
        paused: args.paused.unwrap_or(false),
        at: args.at.map(|at| start(at, &player)),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let handle = crate::replay::spawn(player, replay, Arc::clone(&clock));
    let _signals = signals::forward(handle.requests.clone());
    let options = watch::tui_options(&settings.ui, keymap);
    tui::run(handle.live_state.clone(), handle.requests.clone(), options, clock).await?;
    let result = handle.finished().await.wrap_err("the replay task failed")?;
    result.wrap_err("the recording can no longer be read")?;
    Ok(ExitReason::Success.into())
}

fn export_options(settings: &ResolvedSettings) -> ExportOptions {
    ExportOptions { redact: settings.export.redact, ..ExportOptions::default() }
}

/// Writes the documents that a live run would have written at the end, or at the requested time.
fn export(
    mut player: RecordingPlayer,
    args: &cli::ReplayArgs,
    settings: &ResolvedSettings,
) -> color_eyre::Result<ExitCode> {
    let at = args.at.map(|at| start(at, &player));
    if let Some(at) = at {
        at.prepare(&mut player);
    }
    let read = "the recording cannot be read";
    while !player.read_events(BATCH).wrap_err(read)? {}
    if let Some(at) = at {
        let to = at.position(&player);
        while !player.seek(to, BATCH).wrap_err(read)? {}
    }
    warn_of_bad_lines(player.stats().skipped());
    let (state, now) = (player.diagnostic_state(), player.now().wall);
    let export = Export::of(&state.snapshot, Some(&state.verdict), &export_options(settings));
    let mut code = ExitReason::Success.into();
    if let Some(path) = &args.export {
        code = if path == Path::new(STDOUT) {
            print(export.to_json()?.as_bytes())?
        } else {
            let to = if is_directory(path) {
                Destination::Directory(path.clone())
            } else {
                Destination::File(path.clone())
            };
            print_save_result(save_json(&export, now, &to))
        };
    }
    if let Some(path) = args.report.as_ref().filter(|_| code == ExitReason::Success.into()) {
        code = if path == Path::new(STDOUT) {
            print(markdown::report(&export).as_bytes())?
        } else if is_directory(path) {
            print_save_result(save_report(&export, now, path))
        } else {
            print_save_result(file::replace(path, markdown::report(&export).as_bytes()))
        };
    }
    Ok(code)
}

fn is_directory(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().to_string_lossy().ends_with(std::path::MAIN_SEPARATOR)
}

/// Prints the outcome to standard error and ignores errors of that.
fn print_save_result(result: Result<std::path::PathBuf, ExportError>) -> ExitCode {
    match result {
        Ok(path) => {
            let _ = writeln!(io::stderr(), "written {}", clean(&path.display().to_string()));
            ExitReason::Success.into()
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitReason::RuntimeError.into()
        }
    }
}

fn warn_of_bad_lines(count: u64) {
    if count > 0 {
        let lines = words::count(count, "line", "lines");
        let _ = writeln!(io::stderr(), "warning: {lines} of the recording cannot be read");
    }
}
