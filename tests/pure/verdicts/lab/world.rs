//! The environment of the link, and the faults that can be applied to it. All times are field seconds.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use dropscope::diagnostics::event::SystemSource;
use dropscope::diagnostics::{Clock as _, Event};
use dropscope::lab::{ApplicationMessage, BrokerControl, Fault};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::dice::Dice;
use super::net::GatewayNetwork;
use crate::in_memory::LineState;
use crate::simulated::clock::SimClock;

/// An activity beside the link for a whole run.
pub(crate) type ScriptedAction =
    Box<dyn FnOnce(World, Dice) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send>;

/// Boxes an async function as an activity.
pub(crate) fn scripted_action<F, D>(act: D) -> ScriptedAction
where
    F: Future<Output = ()> + Send + 'static,
    D: FnOnce(World, Dice) -> F + Send + 'static,
{
    Box::new(|world, dice| Box::pin(act(world, dice)))
}

/// A command to the recording program.
#[derive(Debug, Clone)]
pub(crate) enum ClientCommand {
    Publish {
        topic: String,
        qos: u8,
        bytes: usize,
    },
    KeepAlive(u16),
    /// Disconnects, and connects again after this time.
    Disconnect(f64),
    /// Blocks for this time.
    Stall(f64),
    /// Ends the recording, and begins another one after this time.
    Restart(f64),
    Record(Event),
}

/// Counts of connects and drops of the link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) sessions: u64,
    pub(crate) drops: u64,
    /// Whether it is connected now.
    pub(crate) is_up: bool,
}

/// How a session is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineCut {
    Fin,
    Reset,
    /// The path discards everything; the link has to detect it.
    BlackHole,
    /// DISCONNECT with a reason (3.1.1: a close).
    Disconnect(u8),
}

/// The world; clones share it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) net: GatewayNetwork,
    pub(crate) broker: BrokerControl,
    pub(crate) clock: Arc<SimClock>,
    pub(crate) scale: f64,
    pub(crate) start: DateTime<Utc>,
    pub(crate) counts: watch::Receiver<Counts>,
    pub(crate) commands: mpsc::UnboundedSender<ClientCommand>,
    /// Sessions that ended by another cause, and the latest of them.
    pub(crate) strays: Arc<AtomicU64>,
    pub(crate) last_stray: Arc<AtomicU64>,
}

impl World {
    pub(crate) fn wall_duration(&self, field_secs: f64) -> Duration {
        Duration::from_secs_f64((field_secs / self.scale).max(0.0))
    }

    pub(crate) async fn wait(&self, field_secs: f64) {
        sleep(self.wall_duration(field_secs)).await;
    }

    /// Seconds of the field's true time since the start of the run.
    pub(crate) fn elapsed(&self) -> f64 {
        self.clock.read().awake.as_secs_f64() * self.scale
    }

    /// The field's true time of an instant of the run.
    pub(crate) fn date(&self, elapsed: f64) -> DateTime<Utc> {
        self.start + TimeDelta::milliseconds((elapsed * 1000.0) as i64)
    }

    pub(crate) fn send_command(&self, command: ClientCommand) {
        // The run may be over.
        let _ = self.commands.send(command);
    }

    pub(crate) fn system(&self, source: SystemSource, message: impl Into<String>) {
        self.send_command(ClientCommand::Record(Event::System { source, message: message.into() }));
    }

    pub(crate) fn publish(&self, topic: &str, qos: u8, bytes: usize) {
        self.send_command(ClientCommand::Publish { topic: topic.to_owned(), qos, bytes });
    }

    /// The server sends something.
    pub(crate) fn deliver(&self, topic: &str, bytes: usize) {
        self.broker.publish(ApplicationMessage::new(topic, vec![b' '; bytes]));
    }

    pub(crate) fn is_up(&self) -> bool {
        self.counts.borrow().is_up
    }

    /// Ends the current session, if there is one.
    pub(crate) fn cut(&self, cut: LineCut) -> bool {
        if !self.is_up() {
            return false;
        }
        match cut {
            LineCut::Fin => self.net.set_line(LineState::Fin),
            LineCut::Reset => self.net.set_line(LineState::Reset),
            LineCut::BlackHole => self.net.set_line(LineState::BlackHole),
            LineCut::Disconnect(reason) => {
                self.broker.inject(&Fault::Disconnect { reason, text: None });
            }
        }
        true
    }

    /// The same by another cause than the mechanism.
    pub(crate) fn stray(&self, cut: LineCut) {
        let session = self.counts.borrow().sessions;
        if self.cut(cut) && self.last_stray.swap(session, Ordering::Relaxed) != session {
            self.strays.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The computer sleeps while the world continues. Connections that were silent for too long are gone at the end.
    pub(crate) fn suspend(&self, secs: f64, is_mechanism: bool, cut: Option<LineCut>) {
        self.clock.sleep(self.wall_duration(secs));
        match cut {
            Some(cut) if is_mechanism => {
                self.cut(cut);
            }
            Some(cut) => self.stray(cut),
            None => {}
        }
        self.system(SystemSource::Power, format!("this computer slept for {secs:.0} s"));
    }

    /// Waits until something about the sessions changes; `false`: the run is over.
    pub(crate) async fn changed(&mut self) -> bool {
        self.counts.changed().await.is_ok()
    }
}
