//! Monitoring a broker, with a screen or without.

use std::io::{self, Write as _};
use std::process::ExitCode;
use std::sync::Arc;

use color_eyre::eyre::WrapErr as _;
use tokio::sync::{broadcast, mpsc, watch};

use super::usage_error;
use crate::clock::SystemClock;
use crate::config::{RecordingDestination, ResolvedSettings, UiSettings};
use crate::device::Device;
use crate::diagnostics::{Clock, LinkActivity, StampedEvent};
use crate::exit::{self, ExitReason, RunEnd};
use crate::export::{ExportOptions, RecorderSettings, RecorderTarget};
use crate::monitor::{self, DeviceSettings, MonitorHandle, MonitorSettings, SimulationPort};
use crate::report_writer::ReportSettings;
use crate::signals::{self, TerminationSignal};
use crate::state::{LiveState, MonitorRequest};
use crate::tui::keymap::Keymap;
use crate::tui::theme::{Glyphs, Theme};
use crate::tui::{self, TuiOptions};
use crate::{headless, logging, logging::Verbosity};

/// Monitors the broker of the settings.
pub(super) async fn watch_broker(settings: ResolvedSettings) -> color_eyre::Result<ExitCode> {
    let device = settings.device.clone().map(|device| Box::new(device) as Box<dyn Device>);
    watch(settings, device, None, |_| ()).await.map(|watched| watched.code)
}

/// The result of a run.
pub(super) struct WatchOutcome {
    pub(super) code: ExitCode,
    /// The last state; `None` if the settings cannot be used.
    pub(super) last_state: Option<Arc<LiveState>>,
}

impl From<ExitCode> for WatchOutcome {
    fn from(code: ExitCode) -> Self {
        Self { code, last_state: None }
    }
}

/// Monitors until the run is over. The value of `spawn_tasks` lives as long as the monitor; it may send requests.
pub(super) async fn watch<T>(
    settings: ResolvedSettings,
    device: Option<Box<dyn Device>>,
    simulation: Option<SimulationPort>,
    spawn_tasks: impl FnOnce(&mpsc::Sender<MonitorRequest>) -> T,
) -> color_eyre::Result<WatchOutcome> {
    // Monitoring works without a log.
    let log = logging::start(&settings.log);
    if let Err(error) = &log {
        let _ = writeln!(io::stderr(), "no log file: {error}");
    }
    let commands = device.as_ref().map(|device| device.commands()).unwrap_or_default();
    // A conflict of keys is an error only where the user configured the device.
    let with_commands = |keymap: Keymap| match settings.device {
        Some(_) => keymap.with_commands(&commands),
        None => Ok(keymap.with_commands_where_free(&commands)),
    };
    let keymap = match keymap(&settings.ui).and_then(with_commands) {
        Ok(keymap) => keymap,
        Err(error) => return Ok(usage_error(&error).into()),
    };
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let (handle, events) =
        match monitor::spawn(monitor_settings(&settings, device, simulation, &clock), Arc::clone(&clock)) {
            Ok(started) => started,
            Err(error) => return Ok(usage_error(&error).into()),
        };
    let _tasks = spawn_tasks(&handle.requests);
    let signals = signals::forward(handle.requests.clone());
    let mut gave_up = None;
    if settings.run.headless {
        gave_up =
            Some(tokio::spawn(shut_down_when_given_up(handle.live_state.clone(), handle.requests.clone())));
        run_headless(&settings, &handle, events).await?;
    } else {
        // The screen reads states only; events that are not received would count as lost.
        drop(events);
        let options = tui_options(&settings.ui, keymap);
        tui::run(handle.live_state.clone(), handle.requests.clone(), options, clock).await?;
    }
    // An error means that the monitor has ended already.
    let _ = handle.requests.send(MonitorRequest::Shutdown).await;
    let last_state = handle.finished().await.wrap_err("the monitor task failed")?;
    let gave_up = match gave_up {
        Some(task) => task.await.wrap_err("the monitor task failed")?,
        None => false,
    };
    let ending = match signals.termination() {
        _ if gave_up => RunEnd::GaveUp,
        Some(TerminationSignal::Interrupt) if settings.run.headless => RunEnd::Interrupted,
        Some(TerminationSignal::Terminate) => RunEnd::Terminated,
        _ => RunEnd::Completed,
    };
    let code = if settings.run.headless || !settings.run.fail_on.is_empty() {
        exit::exit_reason(&last_state.snapshot, ending, &settings.run.fail_on)
    } else {
        // The user has seen the state on the screen; leaving it is no failure.
        ExitReason::Success
    };
    Ok(WatchOutcome { code: code.into(), last_state: Some(last_state) })
}

/// Without a screen no further attempt can be requested: giving up ends the run. Returns whether it did.
async fn shut_down_when_given_up(
    mut live_state: watch::Receiver<Arc<LiveState>>,
    requests: mpsc::Sender<MonitorRequest>,
) -> bool {
    let given_up = |state: &Arc<LiveState>| state.runtime.activity == LinkActivity::GivenUp;
    let gave_up = live_state.wait_for(given_up).await.is_ok();
    if gave_up {
        // An error means that the monitor has ended already.
        let _ = requests.send(MonitorRequest::Shutdown).await;
    }
    gave_up
}

async fn run_headless(
    settings: &ResolvedSettings,
    handle: &MonitorHandle,
    events: broadcast::Receiver<Arc<StampedEvent>>,
) -> color_eyre::Result<()> {
    let options = headless::HeadlessOptions {
        verbose: settings.log.verbosity >= Verbosity::Verbose,
        json: settings.run.json,
        ascii: settings.ui.ascii,
        summary_every: settings.export.every.unwrap_or(headless::SUMMARY_EVERY),
    };
    headless::run(events, handle.live_state.clone(), options, io::stdout(), io::stderr())
        .await
        .wrap_err("cannot write to standard output")?;
    Ok(())
}

/// The keys with the changes of the configuration.
pub(super) fn keymap(ui: &UiSettings) -> Result<Keymap, String> {
    Keymap::with_overrides(&ui.keys.iter().map(|(action, keys)| (action.clone(), keys.join(" "))).collect())
}

/// The options of the screen.
pub(super) fn tui_options(ui: &UiSettings, keymap: Keymap) -> TuiOptions {
    let variables = crate::config::environment::LOCALE.map(|name| std::env::var(name).ok());
    let locale = variables.each_ref().map(Option::as_deref);
    TuiOptions {
        theme: if ui.no_color { Theme::plain() } else { Theme::default_dark() },
        glyphs: if ui.ascii { Glyphs::ascii() } else { Glyphs::for_locale(locale) },
        keymap,
        mouse: ui.mouse,
        zone: None,
    }
}

fn monitor_settings(
    settings: &ResolvedSettings,
    device: Option<Box<dyn Device>>,
    simulation: Option<SimulationPort>,
    clock: &Arc<dyn Clock>,
) -> MonitorSettings {
    let target = match &settings.recording.destination {
        RecordingDestination::Off => None,
        RecordingDestination::File(path) => Some(RecorderTarget::File(path.clone())),
        RecordingDestination::Directory(dir) => Some(RecorderTarget::Directory {
            dir: dir.clone(),
            started: clock.now().wall,
            client_id: settings.link.client_id.clone(),
        }),
    };
    let recorder = target.map(|target| RecorderSettings {
        max_bytes: settings.recording.max_bytes,
        max_files: settings.recording.max_files,
        ..RecorderSettings::new(target)
    });
    let export = &settings.export;
    MonitorSettings {
        link: settings.link.clone(),
        max_events: settings.run.max_events,
        recorder,
        reports: ReportSettings {
            dir: export.dir.clone(),
            file: export.file.clone(),
            every: export.every,
            at_exit: true,
            options: ExportOptions { redact: export.redact, ..ExportOptions::default() },
        },
        duration: settings.run.duration,
        simulation,
        device: device.map(|device| DeviceSettings { device, quiet: settings.quiet_link }),
        name_mask: settings.name_mask.clone(),
    }
}
