//! The terminal user interface: draws the newest live state and turns keys into requests.
//!
//! It must not depend on the link, sockets, files or the source of the events: it reads
//! [`LiveState`] and sends [`MonitorRequest`]s.
//!
//! One loop ([`run`]) waits for keys, for a new state and for the next whole second, and draws at most
//! 30 frames a second, only when something changed. Each frame is written on a blocking thread while
//! the loop continues. Otherwise a stalled terminal (Ctrl-S, a slow ssh) would block a worker of the
//! runtime that also sends the pings, and so cause the drops that are measured.

use std::sync::Arc;

use chrono::FixedOffset;
use color_eyre::eyre::WrapErr as _;
use tokio::sync::{mpsc, watch};

use crate::diagnostics::Clock;
use crate::state::{LiveState, MonitorRequest};

pub mod format;
mod input;
pub mod keymap;
pub mod message;
pub mod model;
mod painter;
mod password_prompt;
pub mod picture;
mod render_loop;
#[cfg(test)]
mod sample;
mod signals;
pub mod snapshot_svg;
mod summary;
mod terminal;
pub mod text;
pub mod theme;
pub mod update;
pub mod view;

pub use password_prompt::ask_secret;
pub use terminal::{TerminalGuard, columns, install_panic_hook, restore};

use keymap::Keymap;
use theme::{Glyphs, Theme};

/// Appearance and input options of the screens.
#[derive(Debug, Clone)]
pub struct TuiOptions {
    /// Styles by role.
    pub theme: Theme,
    /// Unicode or ASCII.
    pub glyphs: Glyphs,
    /// Which key does what.
    pub keymap: Keymap,
    /// Report mouse clicks and the wheel.
    pub mouse: bool,
    /// Time zone of the displayed times; `None` = the computer's.
    pub zone: Option<FixedOffset>,
}

/// Takes the terminal and draws the live state until the run is finished, or until the user quits a
/// second time.
///
/// The first frame is on the screen before anything is awaited. [`MonitorRequest::Shutdown`] is sent when
/// the user quits and when the terminal is lost; the caller ends the run and sets `runtime.finished`.
///
/// # Errors
/// When there is no usable terminal, or it is lost while running. The terminal is restored first.
pub async fn run(
    published: watch::Receiver<Arc<LiveState>>,
    requests: mpsc::Sender<MonitorRequest>,
    options: TuiOptions,
    clock: Arc<dyn Clock>,
) -> color_eyre::Result<()> {
    let guard = TerminalGuard::take(options.mouse)
        .wrap_err("cannot take over the terminal; --headless works without one")?;
    let painter = painter::TerminalPainter::new(options.mouse).wrap_err("cannot draw on the terminal")?;
    let (keyboard, events) = input::InputThread::start().wrap_err("cannot read from the terminal")?;
    let inputs = render_loop::LoopInputs { published, events, signals: signals::TerminalSignals::listen()? };
    let result = render_loop::RenderLoop::new(painter, inputs, requests, options, clock).run().await;
    drop(keyboard);
    drop(guard);
    result.wrap_err("cannot draw the screen")
}
