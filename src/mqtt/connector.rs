//! How does the link get a transport? Through this port, so that tests can hand it in-memory streams.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use super::settings::LinkSettings;
use super::wire::{Opened, Progress};
use crate::diagnostics::Clock;

/// A boxed future that may move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Opens transports.
pub trait Connector: Send + Sync + std::fmt::Debug {
    /// Opens one transport, writing the phases to `progress` as they begin. `deep`: reuse nothing that
    /// was loaded or learned for earlier attempts.
    fn open<'a>(
        &'a self,
        settings: &'a LinkSettings,
        clock: &'a Arc<dyn Clock>,
        progress: &'a Progress,
        deep: bool,
    ) -> BoxFuture<'a, Opened>;
}
