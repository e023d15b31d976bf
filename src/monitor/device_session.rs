//! The device's side of the monitor: builds commands, reads what the device says, notices its silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::device::{
    CommandContext, Device, DeviceMessage, DeviceView, PendingCommands, SilenceChange, Value,
};
use crate::diagnostics::commands::SILENT_DEVICE;
use crate::diagnostics::event::{CommandUpdate, Event};
use crate::diagnostics::topics::filter_matches;
use crate::diagnostics::{Stamp, StampedEvent};
use crate::mqtt::{MessageListener, Publish, ReceivedMessage};

use super::automatic_commands::{AlertUpdate, AutomaticCommands, DueCommand};

/// Messages of the device that may wait to be read.
const MESSAGE_QUEUE: usize = 256;

/// The device of a run, and how it is treated.
#[derive(Debug)]
pub struct DeviceSettings {
    /// The device.
    pub device: Box<dyn Device>,
    /// Sends nothing by itself, so that an idle connection stays idle.
    pub quiet: bool,
}

/// Listens on the link's task: decides what is read, and hands it over without waiting.
#[derive(Debug)]
struct DeviceListener {
    state_filters: Vec<String>,
    answer_filters: Vec<String>,
    /// Whether a command waits for an answer.
    is_answer_pending: Arc<AtomicBool>,
    dropped_messages: Arc<AtomicU64>,
    messages: mpsc::Sender<ReceivedMessage>,
}

impl MessageListener for DeviceListener {
    fn accepts_topic(&self, topic: &[u8]) -> bool {
        let answers: &[String] =
            if self.is_answer_pending.load(Ordering::Relaxed) { &self.answer_filters } else { &[] };
        if self.state_filters.is_empty() && answers.is_empty() {
            return false;
        }
        let Ok(topic) = std::str::from_utf8(topic) else { return false };
        self.state_filters.iter().chain(answers).any(|filter| filter_matches(filter, topic))
    }

    fn on_message(&self, heard: ReceivedMessage) {
        if self.messages.try_send(heard).is_err() {
            self.dropped_messages.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What the link is to be given.
pub(super) struct ListenerSetup {
    pub(super) listener: Arc<dyn MessageListener>,
    pub(super) filters: Vec<(String, u8)>,
}

/// Everything the monitor knows of the device.
#[derive(Debug)]
pub(super) struct DeviceSession {
    device: Box<dyn Device>,
    client_id: String,
    pending: PendingCommands,
    messages: mpsc::Receiver<ReceivedMessage>,
    is_answer_pending: Arc<AtomicBool>,
    dropped_messages: Arc<AtomicU64>,
    id_prefix: String,
    commands_built: u64,
    automatic: AutomaticCommands,
    view: Arc<DeviceView>,
    stale: bool,
}

impl DeviceSession {
    /// `random` makes the correlation ids of this run differ from those of others.
    pub(super) fn new(
        settings: DeviceSettings,
        client_id: &str,
        scale: f64,
        random: u32,
    ) -> (Self, ListenerSetup) {
        let DeviceSettings { device, quiet } = settings;
        let (sender, messages) = mpsc::channel(MESSAGE_QUEUE);
        let (is_answer_pending, dropped_messages) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let listener = DeviceListener {
            state_filters: device.message_filters(client_id),
            answer_filters: device.answer_filters(client_id),
            is_answer_pending: Arc::clone(&is_answer_pending),
            dropped_messages: Arc::clone(&dropped_messages),
            messages: sender,
        };
        let setup = ListenerSetup { listener: Arc::new(listener), filters: device.subscriptions(client_id) };
        let view = Arc::new(device_view(device.as_ref(), None, 0));
        let session = Self {
            device,
            client_id: client_id.to_owned(),
            pending: PendingCommands::new(scale),
            messages,
            is_answer_pending,
            dropped_messages,
            id_prefix: format!("{random:08x}"),
            commands_built: 0,
            automatic: AutomaticCommands::new(quiet),
            view,
            stale: false,
        };
        (session, setup)
    }

    /// The next message of the device. Cancel-safe.
    pub(super) async fn next_message(&mut self) -> Option<ReceivedMessage> {
        self.messages.recv().await
    }

    /// Makes a command ready for the link; the events of what gave way to it go to `out`.
    ///
    /// # Errors
    /// One sentence, if it cannot be built.
    pub(super) fn build_command(
        &mut self,
        name: &str,
        values: &[Value],
        now: Stamp,
        out: &mut Vec<StampedEvent>,
    ) -> Result<Publish, String> {
        let specs = self.device.commands();
        let spec = specs.iter().find(|spec| *spec.name == *name);
        if let Some(why) = spec.and_then(|spec| spec.unavailable.as_ref()) {
            return Err(format!("{name}: {why}"));
        }
        // Ends in a letter, so that no id is the beginning of another.
        let id = format!("{}-c{}x", self.id_prefix, self.commands_built + 1);
        let context = CommandContext { correlation_id: &id, client_id: &self.client_id, now: now.wall };
        let prepared = self.device.build(name, values, &context).map_err(|error| error.to_string())?;
        self.commands_built += 1;
        if let Some(answer) = prepared.answer {
            let oldest = self.pending.track(&id, name, &self.client_id, answer, now);
            out.extend(oldest.map(|command| StampedEvent { at: now, event: Event::Command(command) }));
        }
        self.update_answer_pending();
        Ok(Publish {
            topic: prepared.topic,
            payload: prepared.payload.into(),
            qos: prepared.qos,
            retain: false,
            name: name.to_owned(),
            correlation_id: Some(id),
        })
    }

    /// Takes note of what was observed.
    pub(super) fn observe(&mut self, observed: &StampedEvent, out: &mut Vec<StampedEvent>) {
        match &observed.event {
            Event::Command(command) => {
                self.pending.observe(command, observed.at);
                let update = self.automatic.observe(command, &self.device.commands());
                out.extend(update.map(|update| alert_event(update, observed.at)));
            }
            Event::Connected(_) => {
                self.automatic.on_connected();
                self.pending.on_connected(observed.at);
            }
            Event::Dropped(_) | Event::Disconnected { .. } => {
                self.automatic.on_disconnected();
                let change = self.pending.on_disconnected();
                out.extend(change.map(|change| alert_event(alert_update(change), observed.at)));
            }
            _ => return,
        }
        self.update_answer_pending();
    }

    /// Reads a message: whose answer it is, and what it tells.
    pub(super) fn on_message(&mut self, received: &ReceivedMessage, out: &mut Vec<StampedEvent>) {
        let Ok(topic) = std::str::from_utf8(&received.topic) else { return };
        let message =
            DeviceMessage { at: received.at, topic, payload: &received.payload, retained: received.retained };
        if let Some(command) = self.pending.take_answered(self.device.as_ref(), &message) {
            out.push(command_event(command, received.at));
            self.update_answer_pending();
        }
        let digest = self.device.handle_message(&message);
        if digest.is_sign_of_life {
            let change = self.pending.on_device_message(received.at);
            out.extend(change.map(|change| alert_event(alert_update(change), received.at)));
        }
        let changes = digest.changes.into_iter().map(|message| Event::Device { message });
        out.extend(changes.map(|event| StampedEvent { at: received.at, event }));
        self.stale = true;
    }

    /// When [`Commander::on_time`] has something to do before the next second.
    pub(super) fn next_deadline(&self) -> Option<Stamp> {
        self.pending.next_deadline()
    }

    /// Ends what waited long enough.
    pub(super) fn on_tick(&mut self, now: Stamp, last_rx: Option<Stamp>, out: &mut Vec<StampedEvent>) {
        let overdue = self.pending.take_overdue(now);
        out.extend(overdue.into_iter().map(|command| command_event(command, now)));
        self.update_answer_pending();
        let change = self.pending.check_silence(now, last_rx, self.device.silent_after());
        out.extend(change.map(|change| alert_event(alert_update(change), now)));
    }

    /// What is to be sent by itself now.
    pub(super) fn next_due(&mut self, now: Stamp) -> Option<DueCommand> {
        self.automatic.next_due(&self.device.commands(), now, |time| self.pending.real_duration(time))
    }

    /// The device for the screen; `field` turns stamps into field time.
    pub(super) fn view(&mut self, field: impl Fn(Stamp) -> Stamp) -> Arc<DeviceView> {
        let unread = self.dropped_messages.load(Ordering::Relaxed);
        if std::mem::take(&mut self.stale) || unread != self.view.unread {
            self.view =
                Arc::new(device_view(self.device.as_ref(), self.pending.last_heard().map(field), unread));
        }
        Arc::clone(&self.view)
    }

    fn update_answer_pending(&self) {
        self.is_answer_pending.store(self.pending.outstanding() > 0, Ordering::Relaxed);
    }
}

/// How long until a deadline; for ever without one.
pub(super) async fn sleep_until_deadline(deadline: Option<Duration>) {
    match deadline {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

fn device_view(device: &dyn Device, heard: Option<Stamp>, unread: u64) -> DeviceView {
    DeviceView {
        title: device.title(),
        commands: device.commands(),
        status_command: device.status_command(),
        facts: device.facts().into(),
        details: device.details().into(),
        last_heard: heard,
        unread,
    }
}

fn command_event(command: CommandUpdate, at: Stamp) -> StampedEvent {
    StampedEvent { at, event: Event::Command(command) }
}

fn alert_update(change: SilenceChange) -> AlertUpdate {
    match change {
        SilenceChange::Started(message) => (SILENT_DEVICE, "raised", message),
        SilenceChange::Ended(message) => (SILENT_DEVICE, "cleared", message),
    }
}

fn alert_event((rule, state, message): AlertUpdate, at: Stamp) -> StampedEvent {
    let (rule, state) = (rule.to_owned(), state.to_owned());
    StampedEvent { at, event: Event::Alert { rule, state, message } }
}
