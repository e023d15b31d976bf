//! `dropscope replay`: a recording on the screens, or what a live run would have exported.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use chrono::Local;
use color_eyre::eyre::WrapErr as _;

use super::{print, refuse, runtime, settings, watch};
use crate::clock::SystemClock;
use crate::config::{Embedded, RecordedTime, Settings, Target};
use crate::diagnostics::clean::clean;
use crate::diagnostics::{Clock, words};
use crate::exit::Code;
use crate::export::{
    Destination, Export, ExportError, ExportOptions, file, markdown, save_json, save_report,
};
use crate::monitor::ReportSettings;
use crate::mqtt::settings::{Transport, VersionChoice};
use crate::replay::{ReplaySettings, StartAt, RecordingPlayer};
use crate::{cli, logging, signals, tui};

/// Events read at a time where nobody waits in between.
const BATCH: usize = 1 << 20;
/// Stands for standard output.
const STDOUT: &str = "-";
/// What is replayed is reached by no address; the settings want one.
const NOWHERE: Embedded = Embedded {
    transport: Transport::Tcp,
    version: VersionChoice::Auto,
    keep_alive_secs: 60,
    ping_timeout: Duration::from_secs(10),
};

/// Shows the recording, or exports from it.
pub(super) fn replay(wanted: &cli::Replay) -> color_eyre::Result<ExitCode> {
    let settings = match settings(wanted.options(), &wanted.file, Target::Embedded(NOWHERE)) {
        Ok(settings) => settings,
        Err(error) => return Ok(refuse(&error)),
    };
    let is_quiet = wanted.export.is_some() || wanted.report.is_some();
    let is_stdout = |path: &Option<_>| path.as_deref() == Some(Path::new(STDOUT));
    if is_stdout(&wanted.export) && is_stdout(&wanted.report) {
        return Ok(refuse(&"only one of --export and --report can go to standard output"));
    }
    if !is_quiet && !io::stdout().is_terminal() {
        let sentence = "standard output is no terminal, so there is no screen to replay on; \
                        --export - prints the JSON export of the recording, --report - the Markdown report";
        return Ok(refuse(&sentence));
    }
    let tape = match RecordingPlayer::open(&wanted.files, settings.run.max_events) {
        Ok(tape) => tape,
        Err(error) => return Ok(refuse(&error)),
    };
    if is_quiet { export(tape, wanted, &settings) } else { runtime()?.block_on(show(tape, wanted, settings)) }
}

fn start(at: RecordedTime, tape: &RecordingPlayer) -> StartAt {
    match at {
        RecordedTime::FromBeginning(offset) => StartAt::FromBeginning(offset),
        RecordedTime::FromEnd(offset) => StartAt::FromEnd(offset),
        other => other.instant(tape.start_time(), &Local).map_or(StartAt::FromEnd(Duration::ZERO), StartAt::Wall),
    }
}

async fn show(tape: RecordingPlayer, wanted: &cli::Replay, settings: Settings) -> color_eyre::Result<ExitCode> {
    // A log that cannot be written is a pity, not a reason not to replay.
    if let Err(error) = &logging::start(&settings.log) {
        let _ = writeln!(io::stderr(), "no log file: {error}");
    }
    let keymap = match watch::keymap(&settings.ui) {
        Ok(keymap) => keymap,
        Err(error) => return Ok(refuse(&error)),
    };
    let replay = ReplaySettings {
        reports: ReportSettings {
            dir: settings.export.dir.clone(),
            file: None,
            every: None,
            at_exit: false,
            options: export_options(&settings),
        },
        speed: wanted.speed,
        paused: wanted.paused.unwrap_or(false),
        at: wanted.at.map(|at| start(at, &tape)),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let handle = crate::replay::spawn(tape, replay, Arc::clone(&clock));
    let _signals = signals::forward(handle.requests.clone());
    let options = watch::screen(&settings.ui, keymap);
    tui::run(handle.live_state.clone(), handle.requests.clone(), options, clock).await?;
    let ended = handle.finished().await.wrap_err("the replay broke down")?;
    ended.wrap_err("the recording cannot be read any more")?;
    Ok(Code::Fine.into())
}

fn export_options(settings: &Settings) -> ExportOptions {
    ExportOptions { redact: settings.export.redact, ..ExportOptions::default() }
}

/// Writes what a live run would have written at the end, or at the time asked for.
fn export(mut tape: RecordingPlayer, wanted: &cli::Replay, settings: &Settings) -> color_eyre::Result<ExitCode> {
    let at = wanted.at.map(|at| start(at, &tape));
    if let Some(at) = at {
        at.prepare(&mut tape);
    }
    let read = "the recording cannot be read";
    while !tape.read_events(BATCH).wrap_err(read)? {}
    if let Some(at) = at {
        let to = at.position(&tape);
        while !tape.seek(to, BATCH).wrap_err(read)? {}
    }
    tell_bad_lines(tape.stats().skipped());
    let (moment, now) = (tape.diagnostic_state(), tape.now().wall);
    let export = Export::of(&moment.snapshot, Some(&moment.verdict), &export_options(settings));
    let mut code = Code::Fine.into();
    if let Some(path) = &wanted.export {
        code = if path == Path::new(STDOUT) {
            print(export.to_json()?.as_bytes())?
        } else {
            let to = if is_directory(path) {
                Destination::Directory(path.clone())
            } else {
                Destination::File(path.clone())
            };
            written(save_json(&export, now, &to))
        };
    }
    if let Some(path) = wanted.report.as_ref().filter(|_| code == Code::Fine.into()) {
        code = if path == Path::new(STDOUT) {
            print(markdown::report(&export).as_bytes())?
        } else if is_directory(path) {
            written(save_report(&export, now, path))
        } else {
            written(file::replace(path, markdown::report(&export).as_bytes()))
        };
    }
    Ok(code)
}

fn is_directory(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().to_string_lossy().ends_with(std::path::MAIN_SEPARATOR)
}

/// Messages go to standard error; nothing can be done if that is closed.
fn written(result: Result<std::path::PathBuf, ExportError>) -> ExitCode {
    match result {
        Ok(path) => {
            let _ = writeln!(io::stderr(), "written {}", clean(&path.display().to_string()));
            Code::Fine.into()
        }
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            Code::Runtime.into()
        }
    }
}

fn tell_bad_lines(count: u64) {
    if count > 0 {
        let lines = words::count(count, "line", "lines");
        let _ = writeln!(io::stderr(), "warning: {lines} of the recording cannot be read");
    }
}
