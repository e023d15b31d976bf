//! Signals of the terminal: continued after a stop, resized, terminated.

use std::io;

/// A signal that concerns the terminal.
#[cfg_attr(not(unix), expect(dead_code, reason = "there are no such signals"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TerminalSignal {
    /// The process continues after a stop; the shell may have changed the terminal settings.
    Continued,
    /// The terminal size changed.
    Resized,
    /// SIGTERM or SIGINT: handled like the quit key, so that the terminal is always restored.
    Terminated,
}

/// The signal streams.
#[cfg(unix)]
#[derive(Debug)]
pub(super) struct TerminalSignals {
    continued: tokio::signal::unix::Signal,
    resized: tokio::signal::unix::Signal,
    terminated: tokio::signal::unix::Signal,
    interrupted: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl TerminalSignals {
    /// Starts listening.
    pub(super) fn listen() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        let continued = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());
        Ok(Self {
            continued: signal(continued)?,
            resized: signal(SignalKind::window_change())?,
            terminated: signal(SignalKind::terminate())?,
            interrupted: signal(SignalKind::interrupt())?,
        })
    }

    /// The next one; cancel-safe.
    pub(super) async fn next(&mut self) -> TerminalSignal {
        tokio::select! {
            Some(()) = self.continued.recv() => TerminalSignal::Continued,
            Some(()) = self.resized.recv() => TerminalSignal::Resized,
            Some(()) = self.terminated.recv() => TerminalSignal::Terminated,
            Some(()) = self.interrupted.recv() => TerminalSignal::Terminated,
            else => std::future::pending().await,
        }
    }
}

/// No signals on this system; the console reports its size as an event.
#[cfg(not(unix))]
#[derive(Debug)]
pub(super) struct TerminalSignals(());

#[cfg(not(unix))]
impl TerminalSignals {
    /// Starts listening.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self(()))
    }

    /// Never completes.
    pub(super) async fn next(&mut self) -> TerminalSignal {
        std::future::pending().await
    }
}
