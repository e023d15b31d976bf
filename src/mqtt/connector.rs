//! The port through which the link gets its transports, so that tests can supply in-memory streams.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use super::settings::LinkSettings;
use super::settings_error::SettingsError;
use super::wire::{self, OpenOutcome, Progress, TlsContext};
use crate::diagnostics::Clock;

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a [`Connector`] needs to open one transport.
#[derive(Debug, Clone, Copy)]
pub struct OpenRequest<'a> {
    /// The address, the TLS files and the time limits.
    pub settings: &'a LinkSettings,
    /// The clock of the phases; the connection keeps a clone of it.
    pub clock: &'a Arc<dyn Clock>,
    /// Each phase is entered here when it begins, so that a canceled attempt can name its phase.
    pub progress: &'a Progress,
    /// Whether this attempt reuses nothing that was loaded or learned in earlier attempts.
    pub rebuild_all: bool,
}

/// Opens transports.
pub trait Connector: Send + Sync + std::fmt::Debug {
    /// Opens one transport. It does not retry.
    fn open<'a>(&'a self, request: OpenRequest<'a>) -> BoxFuture<'a, OpenOutcome>;
}

/// Opens real transports: name resolution, TCP, TLS, WebSocket.
#[derive(Debug)]
pub struct WireConnector {
    tls: Mutex<Arc<TlsContext>>,
}

impl WireConnector {
    /// Reads the certificate files of `settings`.
    ///
    /// # Errors
    /// When one of them is unusable.
    pub fn new(settings: &LinkSettings) -> Result<Self, SettingsError> {
        Ok(Self { tls: Mutex::new(Arc::new(TlsContext::load(&settings.tls)?)) })
    }

    /// Reads the files again: they may have been renewed. If that fails, the loaded ones stay in use.
    async fn reload(&self, settings: &LinkSettings) {
        let tls = settings.tls.clone();
        match tokio::task::spawn_blocking(move || TlsContext::load(&tls)).await {
            Ok(Ok(fresh)) => *self.tls.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(fresh),
            Ok(Err(error)) => tracing::warn!(why = %error, "certificates not reloaded"),
            Err(_) => {}
        }
    }
}

impl Connector for WireConnector {
    fn open<'a>(&'a self, request: OpenRequest<'a>) -> BoxFuture<'a, OpenOutcome> {
        Box::pin(async move {
            let OpenRequest { settings, clock, progress, rebuild_all } = request;
            if rebuild_all && settings.broker.transport.is_tls() {
                self.reload(settings).await;
            }
            let tls = Arc::clone(&self.tls.lock().unwrap_or_else(PoisonError::into_inner));
            wire::open(settings, &tls, clock, progress).await
        })
    }
}
