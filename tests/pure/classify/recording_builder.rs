//! Builds recordings for tests in a few lines.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use dropscope::classify::{Classifier, Verdict};
use dropscope::diagnostics::event::{
    ConnectedEvent, DropKind, DroppedEvent, Initiator, Message, StartedEvent, SystemSource,
};
use dropscope::diagnostics::{Event, Stamp, StampedEvent, Transport};

/// A recording under construction. Times are seconds; it begins at midnight UTC.
pub(crate) struct RecordingBuilder {
    keep_alive: f64,
    now: f64,
    pending: Vec<StampedEvent>,
    recorded: Vec<StampedEvent>,
}

impl RecordingBuilder {
    pub(crate) fn new(keep_alive_secs: f64) -> Self {
        let mut builder =
            Self { keep_alive: keep_alive_secs, now: 0.0, pending: Vec::new(), recorded: Vec::new() };
        builder.event(Event::Started(StartedEvent {
            keep_alive_secs,
            client_id: "story".into(),
            endpoint: "wss://broker.example/mqtt".into(),
            transport: Some(Transport::Wss.into()),
            ..StartedEvent::default()
        }));
        builder
    }

    pub(crate) fn now(&self) -> Stamp {
        let midnight: DateTime<Utc> = "2026-08-03T00:00:00Z".parse().expect("a time");
        Stamp::new(midnight, Duration::ZERO).plus(Duration::from_secs_f64(self.now))
    }

    /// Ends the session and uses another keep-alive from now on.
    pub(crate) fn change_keep_alive(&mut self, secs: f64) -> &mut Self {
        let from = std::mem::replace(&mut self.keep_alive, secs);
        self.event(Event::Disconnected { by: Initiator::Experiment });
        self.event(Event::KeepAliveChanged { from, to: secs })
    }

    pub(crate) fn event(&mut self, event: Event) -> &mut Self {
        let observed = StampedEvent { at: self.now(), event };
        self.pending.push(observed.clone());
        self.recorded.push(observed);
        self
    }

    /// The events since the last call.
    pub(crate) fn take(&mut self) -> Vec<StampedEvent> {
        self.recorded.clear();
        std::mem::take(&mut self.pending)
    }

    pub(crate) fn advance(&mut self, secs: f64) -> &mut Self {
        self.now += secs;
        self
    }

    /// Waits until this many seconds after the start.
    pub(crate) fn advance_to(&mut self, secs: f64) -> &mut Self {
        assert!(secs >= self.now, "a story goes forward");
        self.now = secs;
        self
    }

    pub(crate) fn connect(&mut self) -> &mut Self {
        let keep_alive_secs = self.keep_alive;
        self.advance(1.3)
            .event(Event::Connected(ConnectedEvent { keep_alive_secs, ..ConnectedEvent::default() }))
    }

    pub(crate) fn receive(&mut self) -> &mut Self {
        self.event(Event::Received(Message { topic: "dev/state".into(), ..Message::default() }))
    }

    pub(crate) fn publish(&mut self, topic: &str) -> &mut Self {
        self.event(Event::Published(Message { topic: topic.into(), ..Message::default() }))
    }

    pub(crate) fn ping(&mut self) -> &mut Self {
        self.event(Event::Ping { rtt_ms: 40.0 })
    }

    /// Stays connected for this long, with a ping every keep-alive.
    pub(crate) fn pings(&mut self, secs: f64) -> &mut Self {
        self.pings_to(self.now + secs)
    }

    /// Stays connected until this many seconds after the start.
    pub(crate) fn pings_to(&mut self, end: f64) -> &mut Self {
        while self.now + self.keep_alive < end {
            self.advance(self.keep_alive).ping();
        }
        self.advance_to(end)
    }

    pub(crate) fn system(&mut self, source: SystemSource, message: &str) -> &mut Self {
        self.event(Event::System { source, message: message.into() })
    }

    pub(crate) fn disconnect(&mut self) -> &mut Self {
        self.event(Event::Disconnected { by: Initiator::User })
    }

    pub(crate) fn drop_by(&mut self, how: DropKind) -> &mut Self {
        self.drop_with(|drop| drop.how = Some(how))
    }

    pub(crate) fn drop_with(&mut self, edit: impl FnOnce(&mut DroppedEvent)) -> &mut Self {
        let mut drop = DroppedEvent {
            error_name: Some("AWS_ERROR_MQTT_UNEXPECTED_HANGUP".into()),
            ..DroppedEvent::default()
        };
        edit(&mut drop);
        self.event(Event::Dropped(drop))
    }

    /// The path is dead from now on; after `until_ping` seconds a ping is sent, which times out after `deadline`.
    pub(crate) fn silent_drop(&mut self, until_ping: f64, deadline: f64) -> &mut Self {
        self.advance(until_ping + deadline).drop_with(|drop| {
            drop.error_name = Some("AWS_ERROR_MQTT_TIMEOUT".into());
            drop.how = Some(DropKind::PingTimeout);
            drop.last_rx_secs = Some(until_ping + deadline);
            drop.last_tx_secs = Some(deadline);
        })
    }

    pub(crate) fn verdict(&self) -> Arc<Verdict> {
        let mut classifier = Classifier::new();
        for observed in &self.recorded {
            classifier.apply(observed.at, &observed.event);
        }
        classifier.verdict_at(self.now())
    }
}
