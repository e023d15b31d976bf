//! A connector over real sockets that changes the settings of each attempt.

use dropscope::mqtt::SettingsError;
use dropscope::mqtt::connector::{BoxFuture, Connector, OpenRequest, WireConnector};
use dropscope::mqtt::settings::LinkSettings;
use dropscope::mqtt::wire::OpenOutcome;

/// Opens real transports with the settings that `rewrite` returns for each attempt.
pub(crate) struct RewritingConnector<F> {
    wire: WireConnector,
    rewrite: F,
}

impl<F: Fn(OpenRequest<'_>) -> LinkSettings + Send + Sync> RewritingConnector<F> {
    /// Reads the certificate files of `settings`.
    pub(crate) fn new(settings: &LinkSettings, rewrite: F) -> Result<Self, SettingsError> {
        Ok(Self { wire: WireConnector::new(settings)?, rewrite })
    }
}

impl<F> std::fmt::Debug for RewritingConnector<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RewritingConnector")
    }
}

impl<F: Fn(OpenRequest<'_>) -> LinkSettings + Send + Sync> Connector for RewritingConnector<F> {
    fn open<'a>(&'a self, request: OpenRequest<'a>) -> BoxFuture<'a, OpenOutcome> {
        let settings = (self.rewrite)(request);
        Box::pin(async move { self.wire.open(OpenRequest { settings: &settings, ..request }).await })
    }
}
