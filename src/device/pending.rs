//! Which commands wait for their answer, and has a device that is connected gone deaf?

use std::collections::VecDeque;
use std::time::Duration;

use super::port::{CommandContext, Device, DeviceMessage, ExpectedAnswer};
use crate::diagnostics::Stamp;
use crate::diagnostics::event::{CommandState, CommandUpdate};
use crate::diagnostics::sentence::duration_words;

/// Commands that may wait for an answer; the oldest gives way.
const MAX_PENDING: usize = 256;
/// Unanswered commands in a row that make a device silent. One may have been lost on the way.
const SILENT_AFTER_UNANSWERED: u32 = 2;

#[derive(Debug, Clone)]
struct PendingCommand {
    id: String,
    name: String,
    client_id: String,
    queued_at: Stamp,
    /// How long to wait, in this computer's time.
    timeout: Duration,
    /// Whether a device that hears always answers it.
    is_certain: bool,
    sent_at: Option<Stamp>,
    /// The session in which it was sent is over: the answer may have died with it.
    session_ended: bool,
}

impl PendingCommand {
    fn into_update(self, state: CommandState, now: Stamp) -> CommandUpdate {
        let ms = Some(now.since(self.queued_at).as_secs_f64() * 1_000.0);
        CommandUpdate { correlation_id: self.id, name: self.name, state, ms }
    }

    fn context(&self) -> CommandContext<'_> {
        CommandContext { correlation_id: &self.id, client_id: &self.client_id, now: self.queued_at.wall }
    }

    fn deadline(&self) -> Option<Stamp> {
        self.sent_at.map(|sent| sent.plus(self.timeout))
    }
}

/// A turn in what is known of the device's hearing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SilenceChange {
    /// It does not answer although the connection lives.
    Started(String),
    /// That is over.
    Ended(String),
}

/// The commands that wait for an answer.
#[derive(Debug)]
pub struct PendingCommands {
    pending: VecDeque<PendingCommand>,
    /// Field seconds per second here.
    scale: f64,
    unanswered_count: u32,
    /// When the first of them was sent.
    first_unanswered_at: Option<Stamp>,
    connected_at: Option<Stamp>,
    last_heard: Option<Stamp>,
    silent_since: Option<Stamp>,
}

impl PendingCommands {
    /// Nothing waits. `scale`: field seconds that pass in one second here (1, but in lab runs).
    pub fn new(scale: f64) -> Self {
        Self {
            pending: VecDeque::new(),
            scale,
            unanswered_count: 0,
            first_unanswered_at: None,
            connected_at: None,
            last_heard: None,
            silent_since: None,
        }
    }

    /// A duration of the field in this computer's time.
    pub fn real_duration(&self, field: Duration) -> Duration {
        Duration::try_from_secs_f64(field.as_secs_f64() / self.scale).unwrap_or(field)
    }

    /// A command was handed to the queue; once it is sent, its answer has the time that `answer` says (field time).
    /// Gives up the oldest if too many wait.
    pub fn track(
        &mut self,
        id: &str,
        name: &str,
        client_id: &str,
        answer: ExpectedAnswer,
        now: Stamp,
    ) -> Option<CommandUpdate> {
        let oldest = if self.pending.len() >= MAX_PENDING { self.pending.pop_front() } else { None };
        self.pending.push_back(PendingCommand {
            id: id.to_owned(),
            name: name.to_owned(),
            client_id: client_id.to_owned(),
            queued_at: now,
            timeout: self.real_duration(answer.timeout),
            is_certain: answer.is_certain,
            sent_at: None,
            session_ended: false,
        });
        oldest.map(|oldest| oldest.into_update(CommandState::Unanswered, now))
    }

    /// Commands that wait.
    pub fn outstanding(&self) -> usize {
        self.pending.len()
    }

    /// A command changed state on its way to the broker.
    pub fn observe(&mut self, command: &CommandUpdate, at: Stamp) {
        let Some(index) = self.pending.iter().position(|pending| pending.id == command.correlation_id) else {
            return;
        };
        match command.state {
            CommandState::Sent => {
                if let Some(pending) = self.pending.get_mut(index) {
                    (pending.sent_at, pending.session_ended) = (Some(at), false);
                }
            }
            CommandState::Queued => {
                if let Some(pending) = self.pending.get_mut(index) {
                    pending.sent_at = None;
                }
            }
            CommandState::Expired | CommandState::Lost | CommandState::DroppedFull => {
                self.pending.remove(index);
            }
            _ => {}
        }
    }

    /// A session was accepted.
    pub fn on_connected(&mut self, at: Stamp) {
        self.connected_at = Some(at);
    }

    /// The session is over. What is known of the device's silence is of no use any more.
    pub fn on_disconnected(&mut self) -> Option<SilenceChange> {
        self.connected_at = None;
        (self.unanswered_count, self.first_unanswered_at) = (0, None);
        self.pending.iter_mut().for_each(|pending| pending.session_ended = true);
        self.silent_since.take().map(|_| {
            SilenceChange::Ended("the connection ended; whether the device answers is open again".to_owned())
        })
    }

    /// The command that a message answers. Where it could be the answer to several (the device's language has no id
    /// for a question), it is taken for that to the newest: an earlier question without an answer was lost more
    /// likely than the device is slow, and a slow device answers the earlier one as well.
    pub fn take_answered(
        &mut self,
        device: &dyn Device,
        message: &DeviceMessage<'_>,
    ) -> Option<CommandUpdate> {
        let is_answered = |pending: &PendingCommand| {
            pending.sent_at.is_some() && device.is_answer(&pending.name, &pending.context(), message)
        };
        let index = self.pending.iter().rposition(is_answered)?;
        let pending = self.pending.remove(index)?;
        Some(pending.into_update(CommandState::Answered, message.at))
    }

    /// The device said something.
    pub fn on_device_message(&mut self, at: Stamp) -> Option<SilenceChange> {
        self.last_heard = Some(at);
        (self.unanswered_count, self.first_unanswered_at) = (0, None);
        let since = self.silent_since.take()?;
        let silent_for = self.field_duration(at.since(since));
        Some(SilenceChange::Ended(format!(
            "the device is heard again, {} after it was found silent",
            duration_words(silent_for)
        )))
    }

    /// When the device was last heard.
    pub fn last_heard(&self) -> Option<Stamp> {
        self.last_heard
    }

    /// When the next command will have waited long enough.
    pub fn next_deadline(&self) -> Option<Stamp> {
        self.pending.iter().filter_map(PendingCommand::deadline).min()
    }

    /// The commands that have waited long enough.
    pub fn take_overdue(&mut self, now: Stamp) -> Vec<CommandUpdate> {
        let mut overdue = Vec::new();
        for _ in 0..self.pending.len() {
            let Some(pending) = self.pending.pop_front() else { break };
            if !pending.deadline().is_some_and(|deadline| now.has_reached(deadline)) {
                self.pending.push_back(pending);
                continue;
            }
            if !pending.session_ended && pending.is_certain {
                self.unanswered_count = self.unanswered_count.saturating_add(1);
                self.first_unanswered_at = self.first_unanswered_at.or(pending.sent_at);
            }
            overdue.push(pending.into_update(CommandState::Unanswered, now));
        }
        overdue
    }

    /// Whether the device is found silent now. `last_rx`: when the link last brought anything at all;
    /// `silent_after`: what the device itself says about how often it is to be heard.
    pub fn check_silence(
        &mut self,
        now: Stamp,
        last_rx: Option<Stamp>,
        silent_after: Option<Duration>,
    ) -> Option<SilenceChange> {
        let connected = self.connected_at?;
        if self.silent_since.is_some() {
            return None;
        }
        let is_link_alive_since = |moment: Stamp| last_rx.is_some_and(|last| last > moment);
        let reason = if self.unanswered_count >= SILENT_AFTER_UNANSWERED
            && self.first_unanswered_at.is_some_and(is_link_alive_since)
        {
            format!("{} commands in a row without an answer", self.unanswered_count)
        } else {
            let last = self.last_heard.map_or(connected, |heard| heard.max(connected));
            let limit = silent_after?;
            if now.since(last) < self.real_duration(limit) || !is_link_alive_since(last) {
                return None;
            }
            format!("nothing from the device for {}", duration_words(self.field_duration(now.since(last))))
        };
        self.silent_since = Some(now);
        Some(SilenceChange::Started(format!("{reason}, while the connection itself lives")))
    }

    fn field_duration(&self, real: Duration) -> Duration {
        Duration::try_from_secs_f64(real.as_secs_f64() * self.scale).unwrap_or(real)
    }
}

#[cfg(test)]
mod tests;
