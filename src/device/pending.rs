//! Commands that wait for an answer, and detection of a device that is silent on a live connection.

use std::collections::VecDeque;
use std::time::Duration;

use super::port::{CommandContext, Device, DeviceMessage, ExpectedAnswer};
use crate::diagnostics::Stamp;
use crate::diagnostics::event::{CommandState, CommandUpdate};
use crate::diagnostics::sentence::duration_words;

/// Maximum number of pending commands; the oldest is evicted.
const MAX_PENDING: usize = 256;
/// Consecutive unanswered commands after which a device is silent. A single one may have been lost in transit.
const SILENT_AFTER_UNANSWERED: u32 = 2;

#[derive(Debug, Clone)]
struct PendingCommand {
    id: String,
    name: String,
    client_id: String,
    queued_at: Stamp,
    /// Time to wait, in real time.
    timeout: Duration,
    /// Whether a reachable device always answers it.
    is_certain: bool,
    sent_at: Option<Stamp>,
    /// Its session has ended: the answer may have been lost with it.
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

/// A change of the device's silence, with a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SilenceChange {
    /// The device does not answer although the connection is alive.
    Started(String),
    /// The silence ended.
    Ended(String),
}

/// The commands that wait for an answer.
#[derive(Debug)]
pub struct PendingCommands {
    pending: VecDeque<PendingCommand>,
    /// Field seconds per real second.
    scale: f64,
    unanswered_count: u32,
    /// When the first of the consecutive unanswered commands was sent.
    first_unanswered_at: Option<Stamp>,
    connected_at: Option<Stamp>,
    last_heard: Option<Stamp>,
    silent_since: Option<Stamp>,
}

impl PendingCommands {
    /// No pending commands. `scale`: field seconds per real second (1 except in lab runs).
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

    /// Converts a field duration to real time.
    pub fn real_duration(&self, field: Duration) -> Duration {
        Duration::try_from_secs_f64(field.as_secs_f64() / self.scale).unwrap_or(field)
    }

    /// Tracks a command that was queued. After it is sent, its answer may take `answer.timeout` (field time).
    /// Returns the oldest command if it is evicted.
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

    /// Number of pending commands.
    pub fn outstanding(&self) -> usize {
        self.pending.len()
    }

    /// Records a state change of a command on its way to the broker.
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
            CommandState::Expired
            | CommandState::Lost
            | CommandState::Refused
            | CommandState::TooLarge
            | CommandState::NotSent
            | CommandState::DroppedFull => {
                self.pending.remove(index);
            }
            _ => {}
        }
    }

    /// The broker accepted a session.
    pub fn on_connected(&mut self, at: Stamp) {
        self.connected_at = Some(at);
    }

    /// The session ended. The state of the device is unknown until the next session.
    pub fn on_disconnected(&mut self) -> Option<SilenceChange> {
        self.connected_at = None;
        (self.unanswered_count, self.first_unanswered_at) = (0, None);
        self.pending.iter_mut().for_each(|pending| pending.session_ended = true);
        self.silent_since.take().map(|_| {
            SilenceChange::Ended("the connection ended; device silence is no longer monitored".to_owned())
        })
    }

    /// Removes and returns the command that a message answers. If several match (the device sends no correlation
    /// id), the newest is taken: an earlier unanswered query was more likely lost than late, and a slow device
    /// answers the earlier one as well.
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

    /// A message of the device arrived.
    pub fn on_device_message(&mut self, at: Stamp) -> Option<SilenceChange> {
        self.last_heard = Some(at);
        (self.unanswered_count, self.first_unanswered_at) = (0, None);
        let since = self.silent_since.take()?;
        let silent_for = self.field_duration(at.since(since));
        Some(SilenceChange::Ended(format!(
            "the device responds again after {} of silence",
            duration_words(silent_for)
        )))
    }

    /// When the last message of the device arrived.
    pub fn last_heard(&self) -> Option<Stamp> {
        self.last_heard
    }

    /// The earliest deadline of a pending command.
    pub fn next_deadline(&self) -> Option<Stamp> {
        self.pending.iter().filter_map(PendingCommand::deadline).min()
    }

    /// Removes and returns the commands past their deadline.
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

    /// Detects the start of a silence. `last_rx`: when the link last received anything; `silent_after`: the longest
    /// pause between two messages that the device allows itself.
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
            format!("{} consecutive commands unanswered", self.unanswered_count)
        } else {
            let last = self.last_heard.map_or(connected, |last| last.max(connected));
            let limit = silent_after?;
            if now.since(last) < self.real_duration(limit) || !is_link_alive_since(last) {
                return None;
            }
            format!("nothing from the device for {}", duration_words(self.field_duration(now.since(last))))
        };
        self.silent_since = Some(now);
        Some(SilenceChange::Started(format!("{reason} while the connection is alive")))
    }

    fn field_duration(&self, real: Duration) -> Duration {
        Duration::try_from_secs_f64(real.as_secs_f64() * self.scale).unwrap_or(real)
    }
}

#[cfg(test)]
mod tests;
