//! Which signals concern the screen? Continued after a stop, another size, and the wish to end.

use std::io;

/// What a signal told.
#[cfg_attr(not(unix), expect(dead_code, reason = "there are no such signals"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signalled {
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
pub(super) struct Signals {
    continued: tokio::signal::unix::Signal,
    resized: tokio::signal::unix::Signal,
    terminated: tokio::signal::unix::Signal,
    interrupted: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
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
    pub(super) async fn next(&mut self) -> Signalled {
        tokio::select! {
            Some(()) = self.continued.recv() => Signalled::Continued,
            Some(()) = self.resized.recv() => Signalled::Resized,
            Some(()) = self.terminated.recv() => Signalled::Terminated,
            Some(()) = self.interrupted.recv() => Signalled::Terminated,
            else => std::future::pending().await,
        }
    }
}

/// The signals listened to: none here; the console reports its size as an event.
#[cfg(not(unix))]
#[derive(Debug)]
pub(super) struct Signals(());

#[cfg(not(unix))]
impl Signals {
    /// Starts listening.
    pub(super) fn listen() -> io::Result<Self> {
        Ok(Self(()))
    }

    /// Never comes.
    pub(super) async fn next(&mut self) -> Signalled {
        std::future::pending().await
    }
}
