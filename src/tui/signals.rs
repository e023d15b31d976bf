//! Which signals concern the screen? Continued after a stop, another size, and the wish to end.

use std::io;

/// What a signal told.
#[cfg_attr(not(unix), expect(dead_code, reason = "there are no such signals"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TerminalSignal {
    /// The process goes on after a stop: the terminal is in whatever state the shell left it.
    Continued,
    /// The terminal has another size.
    Resized,
    /// SIGTERM or SIGINT: the same as the quit key, so that the terminal is always given back.
    Terminated,
}

/// The signals listened to.
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

/// The signals listened to: none here; the console reports its size as an event.
#[cfg(not(unix))]
#[derive(Debug)]
pub(super) struct Signals(());

#[cfg(not(unix))]
impl TerminalSignals {
    /// Starts listening.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self(()))
    }

    /// Never comes.
    pub(super) async fn next(&mut self) -> TerminalSignal {
        std::future::pending().await
    }
}
