//! The device's side of the monitor: builds commands, reads what the device says, notices its silence.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::device::{Device, Incoming, Occasion, Shown, Turn, Value, Waiting};
use crate::diagnostics::commands::SILENT_DEVICE;
use crate::diagnostics::event::{Command, Event};
use crate::diagnostics::topics::filter_matches;
use crate::diagnostics::{Observed, Stamp};
use crate::mqtt::{Heard, Listener, Publish};

use super::automatic::{Automatic, Due, Words};

/// Messages of the device that may wait to be read.
const WAITING: usize = 256;

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
struct Ear {
    always: Vec<String>,
    answers: Vec<String>,
    /// Whether a command waits for an answer.
    expects: Arc<AtomicBool>,
    unread: Arc<AtomicU64>,
    messages: mpsc::Sender<Heard>,
}

impl Listener for Ear {
    fn wants(&self, topic: &[u8]) -> bool {
        let answers: &[String] = if self.expects.load(Ordering::Relaxed) { &self.answers } else { &[] };
        if self.always.is_empty() && answers.is_empty() {
            return false;
        }
        let Ok(topic) = std::str::from_utf8(topic) else { return false };
        self.always.iter().chain(answers).any(|filter| filter_matches(filter, topic))
    }

    fn hear(&self, heard: Heard) {
        if self.messages.try_send(heard).is_err() {
            self.unread.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What the link is to be given.
pub(super) struct Hearing {
    pub(super) listener: Arc<dyn Listener>,
    pub(super) filters: Vec<(String, u8)>,
}

/// Everything the monitor knows of the device.
#[derive(Debug)]
pub(super) struct Commander {
    device: Box<dyn Device>,
    client_id: String,
    waiting: Waiting,
    messages: mpsc::Receiver<Heard>,
    expects: Arc<AtomicBool>,
    unread: Arc<AtomicU64>,
    id_prefix: String,
    made: u64,
    automatic: Automatic,
    shown: Arc<Shown>,
    stale: bool,
}

impl Commander {
    /// `random` makes the correlation ids of this run differ from those of others.
    pub(super) fn new(settings: DeviceSettings, client_id: &str, scale: f64, random: u32) -> (Self, Hearing) {
        let DeviceSettings { device, quiet } = settings;
        let (sender, messages) = mpsc::channel(WAITING);
        let (expects, unread) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let ear = Ear {
            always: device.listens_to(client_id),
            answers: device.answers_on(client_id),
            expects: Arc::clone(&expects),
            unread: Arc::clone(&unread),
            messages: sender,
        };
        let hearing = Hearing { listener: Arc::new(ear), filters: device.subscriptions(client_id) };
        let shown = Arc::new(shown(device.as_ref(), None, 0));
        let commander = Self {
            device,
            client_id: client_id.to_owned(),
            waiting: Waiting::new(scale),
            messages,
            expects,
            unread,
            id_prefix: format!("{random:08x}"),
            made: 0,
            automatic: Automatic::new(quiet),
            shown,
            stale: false,
        };
        (commander, hearing)
    }

    /// The next message of the device. Cancel-safe.
    pub(super) async fn heard(&mut self) -> Option<Heard> {
        self.messages.recv().await
    }

    /// Makes a command ready for the link; the events of what gave way to it go to `out`.
    ///
    /// # Errors
    /// One sentence, if it cannot be built.
    pub(super) fn command(
        &mut self,
        name: &str,
        values: &[Value],
        now: Stamp,
        out: &mut Vec<Observed>,
    ) -> Result<Publish, String> {
        let specs = self.device.commands();
        let spec = specs.iter().find(|spec| *spec.name == *name);
        if let Some(why) = spec.and_then(|spec| spec.unavailable.as_ref()) {
            return Err(format!("{name}: {why}"));
        }
        // Ends in a letter, so that no id is the beginning of another.
        let id = format!("{}-c{}x", self.id_prefix, self.made + 1);
        let occasion = Occasion { correlation_id: &id, client_id: &self.client_id, now: now.wall };
        let order = self.device.build(name, values, &occasion).map_err(|error| error.to_string())?;
        self.made += 1;
        if let Some(answer) = order.answer {
            let oldest = self.waiting.expect(&id, name, &self.client_id, answer, now);
            out.extend(oldest.map(|command| Observed { at: now, event: Event::Command(command) }));
        }
        self.listen();
        Ok(Publish {
            topic: order.topic,
            payload: order.payload.into(),
            qos: order.qos,
            retain: false,
            name: name.to_owned(),
            correlation_id: Some(id),
        })
    }

    /// Takes note of what was observed.
    pub(super) fn observe(&mut self, observed: &Observed, out: &mut Vec<Observed>) {
        match &observed.event {
            Event::Command(command) => {
                self.waiting.observe(command, observed.at);
                let words = self.automatic.observe(command, &self.device.commands());
                out.extend(words.map(|words| alert(words, observed.at)));
            }
            Event::Connected(_) => {
                self.automatic.connected();
                self.waiting.connected(observed.at);
            }
            Event::Dropped(_) | Event::Disconnected { .. } => {
                self.automatic.disconnected();
                let turn = self.waiting.disconnected();
                out.extend(turn.map(|turn| alert(words(turn), observed.at)));
            }
            _ => return,
        }
        self.listen();
    }

    /// Reads a message: whose answer it is, and what it tells.
    pub(super) fn read(&mut self, heard: &Heard, out: &mut Vec<Observed>) {
        let Ok(topic) = std::str::from_utf8(&heard.topic) else { return };
        let message = Incoming { at: heard.at, topic, payload: &heard.payload, retained: heard.retained };
        if let Some(command) = self.waiting.answered(self.device.as_ref(), &message) {
            out.push(told(command, heard.at));
            self.listen();
        }
        let digest = self.device.digest(&message);
        if digest.is_sign_of_life {
            let turn = self.waiting.alive(heard.at);
            out.extend(turn.map(|turn| alert(words(turn), heard.at)));
        }
        let changes = digest.changes.into_iter().map(|message| Event::Device { message });
        out.extend(changes.map(|event| Observed { at: heard.at, event }));
        self.stale = true;
    }

    /// When [`Commander::on_time`] has something to do before the next second.
    pub(super) fn next_deadline(&self) -> Option<Stamp> {
        self.waiting.next_deadline()
    }

    /// Ends what waited long enough.
    pub(super) fn on_time(&mut self, now: Stamp, last_rx: Option<Stamp>, out: &mut Vec<Observed>) {
        let overdue = self.waiting.overdue(now);
        out.extend(overdue.into_iter().map(|command| told(command, now)));
        self.listen();
        let turn = self.waiting.judge(now, last_rx, self.device.silent_after());
        out.extend(turn.map(|turn| alert(words(turn), now)));
    }

    /// What is to be sent by itself now.
    pub(super) fn due(&mut self, now: Stamp) -> Option<Due> {
        self.automatic.due(&self.device.commands(), now, |time| self.waiting.real(time))
    }

    /// The device for the screen; `field` turns stamps into field time.
    pub(super) fn shown(&mut self, field: impl Fn(Stamp) -> Stamp) -> Arc<Shown> {
        let unread = self.unread.load(Ordering::Relaxed);
        if std::mem::take(&mut self.stale) || unread != self.shown.unread {
            self.shown = Arc::new(shown(self.device.as_ref(), self.waiting.heard().map(field), unread));
        }
        Arc::clone(&self.shown)
    }

    fn listen(&self) {
        self.expects.store(self.waiting.outstanding() > 0, Ordering::Relaxed);
    }
}

/// How long until a deadline; for ever without one.
pub(super) async fn reached(deadline: Option<Duration>) {
    match deadline {
        Some(wait) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}

fn shown(device: &dyn Device, heard: Option<Stamp>, unread: u64) -> Shown {
    Shown {
        title: device.title(),
        commands: device.commands(),
        status_command: device.status_command(),
        facts: device.facts().into(),
        details: device.details().into(),
        heard,
        unread,
    }
}

fn told(command: Command, at: Stamp) -> Observed {
    Observed { at, event: Event::Command(command) }
}

fn words(turn: Turn) -> Words {
    match turn {
        Turn::Silent(message) => (SILENT_DEVICE, "raised", message),
        Turn::Over(message) => (SILENT_DEVICE, "cleared", message),
    }
}

fn alert((rule, state, message): Words, at: Stamp) -> Observed {
    let (rule, state) = (rule.to_owned(), state.to_owned());
    Observed { at, event: Event::Alert { rule, state, message } }
}
