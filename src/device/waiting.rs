//! Which commands wait for their answer, and has a device that is connected gone deaf?

use std::collections::VecDeque;
use std::time::Duration;

use super::port::{Device, Expected, Incoming, Occasion};
use crate::diagnostics::Stamp;
use crate::diagnostics::event::{CommandState, CommandUpdate};
use crate::diagnostics::sentence::duration_words;

/// Commands that may wait for an answer; the oldest gives way.
const MOST: usize = 256;
/// Unanswered commands in a row that make a device silent. One may have been lost on the way.
const IN_A_ROW: u32 = 2;

#[derive(Debug, Clone)]
struct Awaited {
    id: String,
    name: String,
    client_id: String,
    asked: Stamp,
    /// How long to wait, in this computer's time.
    within: Duration,
    /// Whether a device that hears always answers it.
    is_certain: bool,
    sent: Option<Stamp>,
    /// The session in which it was sent is over: the answer may have died with it.
    torn: bool,
}

impl Awaited {
    fn command(self, state: CommandState, now: Stamp) -> CommandUpdate {
        let ms = Some(now.since(self.asked).as_secs_f64() * 1_000.0);
        CommandUpdate { correlation_id: self.id, name: self.name, state, ms }
    }

    fn occasion(&self) -> Occasion<'_> {
        Occasion { correlation_id: &self.id, client_id: &self.client_id, now: self.asked.wall }
    }

    fn deadline(&self) -> Option<Stamp> {
        self.sent.map(|sent| sent.plus(self.within))
    }
}

/// A turn in what is known of the device's hearing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// It does not answer although the connection lives.
    Silent(String),
    /// That is over.
    Over(String),
}

/// The commands that wait for an answer.
#[derive(Debug)]
pub struct Waiting {
    awaited: VecDeque<Awaited>,
    /// Field seconds per second here.
    scale: f64,
    unanswered: u32,
    /// When the first of them was sent.
    unanswered_from: Option<Stamp>,
    connected: Option<Stamp>,
    heard: Option<Stamp>,
    silent_since: Option<Stamp>,
}

impl Waiting {
    /// Nothing waits. `scale`: field seconds that pass in one second here (1, but in lab runs).
    pub fn new(scale: f64) -> Self {
        Self {
            awaited: VecDeque::new(),
            scale,
            unanswered: 0,
            unanswered_from: None,
            connected: None,
            heard: None,
            silent_since: None,
        }
    }

    /// A duration of the field in this computer's time.
    pub fn real(&self, field: Duration) -> Duration {
        Duration::try_from_secs_f64(field.as_secs_f64() / self.scale).unwrap_or(field)
    }

    /// A command was handed to the queue; once it is sent, its answer has the time that `answer` says (field time).
    /// Gives up the oldest if too many wait.
    pub fn expect(
        &mut self,
        id: &str,
        name: &str,
        client_id: &str,
        answer: Expected,
        now: Stamp,
    ) -> Option<CommandUpdate> {
        let oldest = if self.awaited.len() >= MOST { self.awaited.pop_front() } else { None };
        self.awaited.push_back(Awaited {
            id: id.to_owned(),
            name: name.to_owned(),
            client_id: client_id.to_owned(),
            asked: now,
            within: self.real(answer.within),
            is_certain: answer.is_certain,
            sent: None,
            torn: false,
        });
        oldest.map(|oldest| oldest.command(CommandState::Unanswered, now))
    }

    /// Commands that wait.
    pub fn outstanding(&self) -> usize {
        self.awaited.len()
    }

    /// A command changed state on its way to the broker.
    pub fn observe(&mut self, command: &CommandUpdate, at: Stamp) {
        let Some(index) = self.awaited.iter().position(|awaited| awaited.id == command.correlation_id) else {
            return;
        };
        match command.state {
            CommandState::Sent => {
                if let Some(awaited) = self.awaited.get_mut(index) {
                    (awaited.sent, awaited.torn) = (Some(at), false);
                }
            }
            CommandState::Queued => {
                if let Some(awaited) = self.awaited.get_mut(index) {
                    awaited.sent = None;
                }
            }
            CommandState::Expired | CommandState::Lost | CommandState::DroppedFull => {
                self.awaited.remove(index);
            }
            _ => {}
        }
    }

    /// A session was accepted.
    pub fn connected(&mut self, at: Stamp) {
        self.connected = Some(at);
    }

    /// The session is over. What is known of the device's silence is of no use any more.
    pub fn disconnected(&mut self) -> Option<Turn> {
        self.connected = None;
        (self.unanswered, self.unanswered_from) = (0, None);
        self.awaited.iter_mut().for_each(|awaited| awaited.torn = true);
        self.silent_since
            .take()
            .map(|_| Turn::Over("the connection ended; whether the device answers is open again".to_owned()))
    }

    /// The command that a message answers. Where it could be the answer to several (the device's language has no id
    /// for a question), it is taken for that to the newest: an earlier question without an answer was lost more
    /// likely than the device is slow, and a slow device answers the earlier one as well.
    pub fn answered(&mut self, device: &dyn Device, message: &Incoming<'_>) -> Option<CommandUpdate> {
        let is_answered = |awaited: &Awaited| {
            awaited.sent.is_some() && device.is_answer(&awaited.name, &awaited.occasion(), message)
        };
        let index = self.awaited.iter().rposition(is_answered)?;
        let awaited = self.awaited.remove(index)?;
        Some(awaited.command(CommandState::Answered, message.at))
    }

    /// The device said something.
    pub fn alive(&mut self, at: Stamp) -> Option<Turn> {
        self.heard = Some(at);
        (self.unanswered, self.unanswered_from) = (0, None);
        let since = self.silent_since.take()?;
        let took = self.field(at.since(since));
        Some(Turn::Over(format!(
            "the device is heard again, {} after it was found silent",
            duration_words(took)
        )))
    }

    /// When the device was last heard.
    pub fn heard(&self) -> Option<Stamp> {
        self.heard
    }

    /// When the next command will have waited long enough.
    pub fn next_deadline(&self) -> Option<Stamp> {
        self.awaited.iter().filter_map(Awaited::deadline).min()
    }

    /// The commands that have waited long enough.
    pub fn overdue(&mut self, now: Stamp) -> Vec<CommandUpdate> {
        let mut overdue = Vec::new();
        for _ in 0..self.awaited.len() {
            let Some(awaited) = self.awaited.pop_front() else { break };
            if !awaited.deadline().is_some_and(|deadline| now.has_reached(deadline)) {
                self.awaited.push_back(awaited);
                continue;
            }
            if !awaited.torn && awaited.is_certain {
                self.unanswered = self.unanswered.saturating_add(1);
                self.unanswered_from = self.unanswered_from.or(awaited.sent);
            }
            overdue.push(awaited.command(CommandState::Unanswered, now));
        }
        overdue
    }

    /// Whether the device is found silent now. `last_rx`: when the link last brought anything at all;
    /// `silent_after`: what the device itself says about how often it is to be heard.
    pub fn judge(
        &mut self,
        now: Stamp,
        last_rx: Option<Stamp>,
        silent_after: Option<Duration>,
    ) -> Option<Turn> {
        let connected = self.connected?;
        if self.silent_since.is_some() {
            return None;
        }
        let lives_since = |moment: Stamp| last_rx.is_some_and(|last| last > moment);
        let words = if self.unanswered >= IN_A_ROW && self.unanswered_from.is_some_and(lives_since) {
            format!("{} commands in a row without an answer", self.unanswered)
        } else {
            let last = self.heard.map_or(connected, |heard| heard.max(connected));
            let limit = silent_after?;
            if now.since(last) < self.real(limit) || !lives_since(last) {
                return None;
            }
            format!("nothing from the device for {}", duration_words(self.field(now.since(last))))
        };
        self.silent_since = Some(now);
        Some(Turn::Silent(format!("{words}, while the connection itself lives")))
    }

    fn field(&self, real: Duration) -> Duration {
        Duration::try_from_secs_f64(real.as_secs_f64() * self.scale).unwrap_or(real)
    }
}

#[cfg(test)]
mod tests;
