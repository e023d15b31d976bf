//! Changes of a link for an experiment: keep-alive, further pings, client id, a withheld topic.

use std::sync::Arc;
use std::time::Duration;

use super::Link;
use crate::diagnostics::event::{Event, Initiator};
use crate::mqtt::connection_state::ConnectionState;
use crate::mqtt::queue::WithheldTopic;

/// What an experiment changes, beside the keep-alive and the client id.
#[derive(Debug, Default)]
pub(super) struct LinkExperiment {
    /// A PINGREQ at least this often, whatever the keep-alive is.
    pub(super) ping_interval: Option<Duration>,
    /// The subscription that is left out, with its place among the subscriptions.
    withheld_subscription: Option<(usize, (String, u8))>,
}

impl Link {
    /// Changes the keep-alive (seconds; 0 = off). A session is ended cleanly and a new one begins with it,
    /// which is no drop.
    pub fn set_keep_alive(&mut self, secs: u16) {
        if secs == self.keep_alive {
            return;
        }
        let recorded = |secs| self.settings.recorded_keep_alive_secs(secs);
        let event = Event::KeepAliveChanged { from: recorded(self.keep_alive), to: recorded(secs) };
        self.emit(event);
        self.keep_alive = secs;
        self.renew_session();
    }

    /// The keep-alive requested in CONNECT, in seconds of field time; 0 = off.
    pub fn keep_alive_secs(&self) -> u16 {
        self.keep_alive
    }

    /// Has a PINGREQ sent at least once per `interval` (this computer's time), in the present session and in all
    /// further ones; `None`: as often as the keep-alive demands. CONNECT is not changed by it.
    pub fn set_ping_interval(&mut self, interval: Option<Duration>) {
        self.experiment.ping_interval = interval;
        if let ConnectionState::Connected { session, .. } = &mut self.state {
            session.set_ping_interval(interval);
        }
    }

    /// The client id of the next CONNECT.
    pub fn client_id(&self) -> &str {
        &self.settings.client_id
    }

    /// Changes the client id. A session is ended cleanly and a new one begins with it, which is no drop.
    pub fn set_client_id(&mut self, id: &str) {
        if id == self.settings.client_id {
            return;
        }
        id.clone_into(&mut Arc::make_mut(&mut self.settings).client_id);
        self.renew_session();
    }

    /// Withholds a topic, or none. Publishes to it end as lost at once, those that wait for a connection too; a
    /// subscription with exactly this topic filter is left out from the next session on.
    pub fn set_withheld_topic(&mut self, topic: Option<WithheldTopic>) {
        let now = self.clock.now();
        let subscriptions = &mut Arc::make_mut(&mut self.settings).subscriptions;
        if let Some((index, subscription)) = self.experiment.withheld_subscription.take() {
            subscriptions.insert(index.min(subscriptions.len()), subscription);
        }
        let index = topic
            .as_ref()
            .and_then(|topic| subscriptions.iter().position(|(filter, _)| topic.matches(filter)));
        self.experiment.withheld_subscription = index.map(|index| (index, subscriptions.remove(index)));
        self.queue.withhold(topic, now, &mut self.out);
    }

    /// Whether publishes to this topic are withheld.
    pub fn is_withheld(&self, topic: &str) -> bool {
        self.queue.is_withheld(topic)
    }

    /// Begins a new session with changed contents of CONNECT, if there is one or one is being established.
    fn renew_session(&mut self) {
        match &self.state {
            ConnectionState::Connected { .. } => {
                self.planner.start_over(false);
                self.close_session(Initiator::Experiment, true);
            }
            // Its CONNECT may have gone out with the old contents.
            ConnectionState::Connecting { .. } => self.wait_for_connect_interval(),
            _ => {}
        }
    }
}
