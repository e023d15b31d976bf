//! Signals as requests to a running monitor: SIGTERM and SIGINT end it in order, SIGHUP and SIGUSR1 export now,
//! SIGUSR2 runs or ends the test that separates two causes.

use std::sync::Arc;
use std::sync::OnceLock;

use tokio::sync::mpsc;

use crate::state::MonitorRequest;

/// A signal that ends the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminationSignal {
    /// SIGINT, Ctrl-C.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

/// Which signal ended the run, if one did.
#[derive(Debug, Clone, Default)]
pub struct SignalForwarder(Arc<OnceLock<TerminationSignal>>);

impl SignalForwarder {
    /// The first signal that requested the end.
    pub fn termination(&self) -> Option<TerminationSignal> {
        self.0.get().copied()
    }
}

/// Converts signals to requests until the monitor has ended. Needs a tokio runtime.
pub fn forward(requests: mpsc::Sender<MonitorRequest>) -> SignalForwarder {
    let signals = SignalForwarder::default();
    let forwarder = signals.clone();
    tokio::spawn(async move {
        if let Err(error) = listen(&requests, &forwarder.0).await {
            tracing::warn!(%error, "signals cannot be received");
        }
    });
    signals
}

/// Waits for the first signal that requests the end. Needs a tokio runtime; pends where signals cannot be received.
pub async fn wait_for_termination() -> TerminationSignal {
    match first_termination_signal().await {
        Ok(signal) => signal,
        Err(error) => {
            tracing::warn!(%error, "signals cannot be received");
            std::future::pending().await
        }
    }
}

#[cfg(unix)]
async fn first_termination_signal() -> std::io::Result<TerminationSignal> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => TerminationSignal::Terminate,
        _ = interrupt.recv() => TerminationSignal::Interrupt,
    })
}

#[cfg(not(unix))]
async fn first_termination_signal() -> std::io::Result<TerminationSignal> {
    tokio::signal::ctrl_c().await.map(|()| TerminationSignal::Interrupt)
}

#[cfg(unix)]
async fn listen(
    requests: &mpsc::Sender<MonitorRequest>,
    termination: &OnceLock<TerminationSignal>,
) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut user1 = signal(SignalKind::user_defined1())?;
    let mut user2 = signal(SignalKind::user_defined2())?;
    loop {
        let request = tokio::select! {
            _ = terminate.recv() => {
                termination.get_or_init(|| TerminationSignal::Terminate);
                MonitorRequest::Shutdown
            }
            _ = interrupt.recv() => {
                termination.get_or_init(|| TerminationSignal::Interrupt);
                MonitorRequest::Shutdown
            }
            _ = hangup.recv() => MonitorRequest::Export,
            _ = user1.recv() => MonitorRequest::Export,
            _ = user2.recv() => MonitorRequest::ToggleSeparation,
            () = requests.closed() => return Ok(()),
        };
        if requests.send(request).await.is_err() {
            return Ok(());
        }
    }
}

#[cfg(not(unix))]
async fn listen(
    requests: &mpsc::Sender<MonitorRequest>,
    termination: &OnceLock<TerminationSignal>,
) -> std::io::Result<()> {
    tokio::select! {
        result = tokio::signal::ctrl_c() => result?,
        () = requests.closed() => return Ok(()),
    }
    termination.get_or_init(|| TerminationSignal::Interrupt);
    // An error means that the monitor has ended already.
    let _ = requests.send(MonitorRequest::Shutdown).await;
    Ok(())
}
