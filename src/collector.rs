//! The diagnostics as a library for any MQTT client, in a dozen lines.
//!
//! *Must not depend on* the screens or the monitor.
//!
//! # The 30-second integration
//!
//! ```no_run
//! use dropscope::collector::{ClientContext, Collector};
//! use dropscope::diagnostics::event::ConnectKind;
//! use dropscope::diagnostics::failure::Failure;
//! use rumqttc::{AsyncClient, Event, Incoming, MqttOptions, Outgoing};
//!
//! # async fn run() {
//! let mut options = MqttOptions::new("my-client", "localhost", 1883);
//! options.set_keep_alive(std::time::Duration::from_secs(60));
//! let (_client, mut eventloop) = AsyncClient::new(options, 10);
//!
//! let mut diagnostics = Collector::new(1_000);
//! diagnostics.on_connection_drop(|drop| eprintln!("dropped: {:?}", drop.event.error_name));
//! loop {
//!     match eventloop.poll().await {
//!         Ok(Event::Incoming(Incoming::ConnAck(ack))) => {
//!             diagnostics.record_connection_success(ConnectKind::Resumed, ack.session_present, Some(0), 0);
//!         }
//!         Ok(Event::Outgoing(Outgoing::Publish(_))) => diagnostics.record_publish(false),
//!         Ok(_) => {}
//!         Err(error) => {
//!             diagnostics.record_connection_drop(Some(&Failure::from(&error)), ClientContext::default());
//!             tokio::time::sleep(std::time::Duration::from_secs(1)).await;
//!         }
//!     }
//! }
//! # }
//! ```
//!
//! # The periodic export loop
//!
//! ```no_run
//! use dropscope::collector::Collector;
//!
//! # async fn run(diagnostics: std::sync::Arc<std::sync::Mutex<Collector>>) -> std::io::Result<()> {
//! let mut every = tokio::time::interval(std::time::Duration::from_secs(300));
//! loop {
//!     every.tick().await;
//!     let (json, summary) = match diagnostics.lock() {
//!         Ok(mut collector) => (collector.export_json()?, collector.summary()),
//!         Err(_) => break,
//!     };
//!     std::fs::write("mqtt_diagnostics.json", json)?;
//!     println!("{summary}");
//! }
//! # Ok(())
//! # }
//! ```

mod io_error;
#[cfg(feature = "rumqttc")]
mod rumqttc_error;

use std::sync::Arc;

use crate::classify::Verdict;
use crate::clock::SystemClock;
use crate::diagnostics::event::{
    ConnectFailedEvent, ConnectKind, ConnectedEvent, DroppedEvent, Message, StartedEvent,
};
use crate::diagnostics::{
    Clock, ConnectionRecord, DropRecord, Event, LinkState, Metrics, Snapshot, failure::Failure,
    summary::Summary,
};
use crate::export::{Export, ExportOptions};
use crate::state::{DiagnosticState, EventFold};

/// Called at each drop, with its record.
type DropCallback = Box<dyn FnMut(&DropRecord) + Send>;

/// Telemetry of one connection, with the method names of the reference collector.
///
/// Unlike the reference it counts one drop per established session however often the client reports failed reconnects,
/// names every error, and reports 0 s of uptime while down.
pub struct Collector {
    fold: EventFold,
    clock: Arc<dyn Clock>,
    drop_callbacks: Vec<DropCallback>,
}

/// The state of the client when a session ended.
#[derive(Debug, Clone, Copy, Default)]
pub struct ClientContext {
    /// Reconnect attempts made so far in this outage.
    pub reconnect_attempt: u32,
    /// Active subscriptions.
    pub active_subscriptions: u32,
    /// Commands waiting.
    pub queued_commands: u32,
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Collector").field("fold", &self.fold).finish_non_exhaustive()
    }
}

impl Collector {
    /// A collector that retains at most `max_events` drops and connections, on the system's clocks.
    pub fn new(max_events: usize) -> Self {
        Self::with_clock(max_events, Arc::new(SystemClock::new()))
    }

    /// A collector on a given clock (simulated time, tests).
    pub fn with_clock(max_events: usize, clock: Arc<dyn Clock>) -> Self {
        let mut collector =
            Self { fold: EventFold::without_live_verdict(max_events), clock, drop_callbacks: Vec::new() };
        collector.apply(&Event::Started(StartedEvent::default()));
        collector
    }

    /// Registers a callback for every drop.
    pub fn on_connection_drop(&mut self, callback: impl FnMut(&DropRecord) + Send + 'static) {
        self.drop_callbacks.push(Box::new(callback));
    }

    /// Records the end of a session; without a session, a failed reconnect.
    pub fn record_connection_drop(&mut self, failure: Option<&Failure>, context: ClientContext) {
        let connected = matches!(self.snapshot().link, LinkState::Connected { .. });
        if !connected {
            let attempt_number = context.reconnect_attempt;
            let nameless = || ConnectFailedEvent { attempt_number, ..ConnectFailedEvent::default() };
            let named = failure.map(|failure| failure.connect_failed_event(None, attempt_number));
            self.apply(&Event::ConnectFailed(named.unwrap_or_else(nameless)));
            return;
        }
        self.apply(&Event::Dropped(DroppedEvent {
            active_subscriptions: context.active_subscriptions,
            queued_commands: context.queued_commands,
            ..failure.map(Failure::dropped_event).unwrap_or_default()
        }));
        let snapshot = self.snapshot();
        if let Some(drop) = snapshot.drops.last() {
            self.drop_callbacks.iter_mut().for_each(|callback| callback(drop));
        }
    }

    /// Records that the broker accepted a session.
    pub fn record_connection_success(
        &mut self,
        event_type: ConnectKind,
        session_present: bool,
        return_code: Option<u8>,
        attempt_number: u32,
    ) {
        let keep_alive_secs = self.snapshot().keep_alive_secs.into();
        self.apply(&Event::Connected(ConnectedEvent {
            event_type,
            session_present,
            return_code,
            attempt_number,
            keep_alive_secs,
            ..ConnectedEvent::default()
        }));
    }

    /// Records a publish that was sent, or queued for later.
    pub fn record_publish(&mut self, queued: bool) {
        self.apply(&Event::Published(Message { queued, ..Message::default() }));
    }

    /// Aggregates up to this moment (the running uptime included).
    pub fn get_metrics(&mut self) -> Metrics {
        self.snapshot().metrics
    }

    /// The last `limit` drops, oldest first.
    pub fn get_recent_drops(&mut self, limit: usize) -> Vec<Arc<DropRecord>> {
        self.snapshot().drops.recent(limit).cloned().collect()
    }

    /// The last `limit` accepted sessions, oldest first.
    pub fn get_recent_connections(&mut self, limit: usize) -> Vec<Arc<ConnectionRecord>> {
        self.snapshot().connections.recent(limit).cloned().collect()
    }

    /// Everything as JSON in the reference's schema plus the `dropscope` key, redacted.
    ///
    /// # Errors
    /// Never for the data of this type; the signature is the serializer's.
    pub fn export_json(&mut self) -> serde_json::Result<String> {
        let now = self.clock.now();
        let DiagnosticState { snapshot, verdict } = self.fold.state_at(now);
        Export::of(&snapshot, Some(&verdict), &ExportOptions::default()).to_json()
    }

    /// The verdict on the drops up to this moment.
    pub fn verdict(&mut self) -> Arc<Verdict> {
        let now = self.clock.now();
        self.fold.verdict_at(now)
    }

    /// A summary as text, several lines.
    pub fn summary(&mut self) -> String {
        Summary(&self.snapshot()).to_string()
    }

    /// The state at this moment.
    pub fn snapshot(&mut self) -> Snapshot {
        let now = self.clock.now();
        self.fold.snapshot(now)
    }

    /// Records any event of the recording format.
    pub fn apply(&mut self, event: &Event) {
        let now = self.clock.now();
        self.fold.apply(now, event);
    }
}
