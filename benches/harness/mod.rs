//! What the benchmarks share: a monitor on a lab broker, and its runtime.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use dropscope::clock::SystemClock;
use dropscope::diagnostics::{Clock, StampedEvent, Transport};
use dropscope::export::{RecorderSettings, RecorderTarget};
use dropscope::monitor::{self, MonitorHandle, MonitorSettings};
use dropscope::mqtt::settings::{BackoffSettings, BrokerAddress, LinkSettings};
use dropscope::report_writer::ReportSettings;
use tokio::sync::broadcast;

/// A link to a broker on loopback that comes back at once after a drop.
pub(crate) fn link(port: u16) -> LinkSettings {
    let broker =
        BrokerAddress { transport: Transport::Tcp, host: "127.0.0.1".to_owned(), port, path: String::new() };
    let backoff = BackoffSettings {
        initial: Duration::ZERO,
        min_connect_interval: Duration::ZERO,
        deep_threshold: 0,
        ..BackoffSettings::default()
    };
    LinkSettings { backoff, ..LinkSettings::new(broker, "bench") }
}

/// The whole monitor, recording into a directory.
pub(crate) fn watch(
    link: LinkSettings,
    dir: &Path,
) -> (MonitorHandle, broadcast::Receiver<Arc<StampedEvent>>) {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let target = RecorderTarget::Directory {
        dir: dir.join("recordings"),
        started: clock.now().wall,
        client_id: link.client_id.clone(),
    };
    let reports = ReportSettings::new(dir.join("exports"));
    let recorder = Some(RecorderSettings::new(target));
    let settings = MonitorSettings { recorder, ..MonitorSettings::new(link, reports) };
    monitor::spawn(settings, clock).expect("usable settings")
}

/// The runtime of the program itself.
pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}
