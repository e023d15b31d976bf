//! Commands that are sent to the device automatically, and when they are suspended.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::device::{CommandSpec, Value};
use crate::diagnostics::Stamp;
use crate::diagnostics::event::{AlertState, CommandState, CommandUpdate};

/// The rule of the alert that a command is no longer sent automatically.
const AUTOMATIC_COMMAND_RULE: &str = "automatic-command";
/// Losses of a command in a row that suspend it. One loss may be chance.
const MAX_CONSECUTIVE_LOSSES: u32 = 2;

/// A command that is due, with its default values.
pub(super) type DueCommand = (Arc<str>, Vec<Value>);

/// The schedule of automatic commands.
///
/// A command that drops its connection (because a policy forbids its topic, for example) must not be sent repeatedly: the
/// tool would cause the drops that it has to explain.
#[derive(Debug, Default)]
pub(super) struct AutomaticCommands {
    /// Send nothing, so that an idle connection stays idle.
    quiet: bool,
    connected: bool,
    /// Commands sent automatically in this session.
    sent: HashSet<Arc<str>>,
    /// When each command was last due.
    last_due: HashMap<Arc<str>, Stamp>,
    /// Losses in a row.
    consecutive_losses: HashMap<String, u32>,
}

/// The fields of an alert: rule, state and message.
pub(super) type AlertUpdate = (&'static str, AlertState, String);

impl AutomaticCommands {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, ..Self::default() }
    }

    /// A session began.
    pub(super) fn on_connected(&mut self) {
        self.connected = true;
        self.sent.clear();
    }

    /// The session is over.
    pub(super) fn on_disconnected(&mut self) {
        self.connected = false;
    }

    /// The command that is due; commands sent only at the beginning of a session come first. Called once a second, so that
    /// commands are a second apart and a connection that ends at once shows which command ended it. Nothing is due without
    /// a connection. `to_real_time` converts field time to the time of this computer.
    pub(super) fn next_due(
        &mut self,
        specs: &[CommandSpec],
        now: Stamp,
        to_real_time: impl Fn(Duration) -> Duration,
    ) -> Option<DueCommand> {
        if self.quiet || !self.connected {
            return None;
        }
        let is_due = |spec: &&CommandSpec| {
            let has_elapsed = |every| {
                self.last_due.get(&spec.name).is_none_or(|last| now.since(*last) >= to_real_time(every))
            };
            let is_due_at_connect = spec.at_connect && !self.sent.contains(&spec.name);
            spec.unavailable.is_none()
                && !self.is_suspended(&spec.name)
                && (is_due_at_connect || spec.interval.is_some_and(has_elapsed))
                && spec.parameters.iter().all(|parameter| parameter.default.is_some())
        };
        // The command that waited longest comes first, so that short intervals do not starve others.
        let priority =
            |spec: &&CommandSpec| (spec.interval.is_some(), self.last_due.get(&spec.name).copied());
        let spec = specs.iter().filter(is_due).min_by_key(priority)?;
        self.last_due.insert(Arc::clone(&spec.name), now);
        self.sent.insert(Arc::clone(&spec.name));
        let values = spec.parameters.iter().filter_map(|parameter| parameter.default.clone()).collect();
        Some((Arc::clone(&spec.name), values))
    }

    /// Updates the losses of a command; returns the alert if this suspends or resumes it.
    pub(super) fn on_command_update(
        &mut self,
        command: &CommandUpdate,
        specs: &[CommandSpec],
    ) -> Option<AlertUpdate> {
        let name = &command.name;
        let is_automatic = |spec: &CommandSpec| spec.at_connect || spec.interval.is_some();
        if !specs.iter().any(|spec| *spec.name == **name && is_automatic(spec)) {
            return None;
        }
        match command.state {
            CommandState::Lost | CommandState::Refused | CommandState::TooLarge => {
                let lost = self.consecutive_losses.entry(name.clone()).or_default();
                *lost = lost.saturating_add(1);
                let message = format!(
                    "{name} is no longer sent automatically: it was refused, or lost with its connection, \
                     {MAX_CONSECUTIVE_LOSSES} times in a row; send it manually to retry"
                );
                (*lost == MAX_CONSECUTIVE_LOSSES).then_some((
                    AUTOMATIC_COMMAND_RULE,
                    AlertState::Raised,
                    message,
                ))
            }
            CommandState::Acknowledged | CommandState::Answered => {
                let was_suspended = self.is_suspended(name);
                self.consecutive_losses.remove(name);
                was_suspended.then(|| {
                    (
                        AUTOMATIC_COMMAND_RULE,
                        AlertState::Cleared,
                        format!("{name} is sent automatically again"),
                    )
                })
            }
            _ => None,
        }
    }

    fn is_suspended(&self, name: &str) -> bool {
        self.consecutive_losses.get(name).is_some_and(|lost| *lost >= MAX_CONSECUTIVE_LOSSES)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn spec(name: &str, every: Option<u64>, at_connect: bool) -> CommandSpec {
        CommandSpec { interval: every.map(Duration::from_secs), at_connect, ..CommandSpec::new(name) }
    }

    fn specs() -> [CommandSpec; 4] {
        let broken = CommandSpec { unavailable: Some("no".into()), ..spec("broken", Some(1), true) };
        [spec("status", Some(300), true), spec("present", None, true), spec("set", None, false), broken]
    }

    fn at(secs: u64) -> Stamp {
        Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs(secs))
    }

    /// The commands sent in these seconds, one after the other.
    fn sent<const N: usize>(automatic: &mut AutomaticCommands, seconds: [u64; N]) -> [String; N] {
        seconds.map(|secs| {
            let due = automatic.next_due(&specs(), at(secs), |time| time);
            due.map(|(name, _)| name.to_string()).unwrap_or_default()
        })
    }

    fn observe_state(
        automatic: &mut AutomaticCommands,
        name: &str,
        state: CommandState,
    ) -> Option<AlertState> {
        let command = CommandUpdate { correlation_id: "x".into(), name: name.into(), state, ms: None };
        automatic.on_command_update(&command, &specs()).map(|(_, state, _)| state)
    }

    #[test]
    fn at_connect_commands_are_sent_once_and_periodic_ones_at_their_interval() {
        let mut automatic = AutomaticCommands::new(false);
        assert_eq!(sent(&mut automatic, [0]), [""], "not connected");
        automatic.on_connected();
        assert_eq!(
            sent(&mut automatic, [1, 2, 3, 301, 302, 303]),
            ["present", "status", "", "", "status", ""]
        );
        automatic.on_disconnected();
        assert_eq!(sent(&mut automatic, [900]), [""]);
        automatic.on_connected();
        assert_eq!(sent(&mut automatic, [901, 902, 903]), ["present", "status", ""]);
        let mut quiet = AutomaticCommands::new(true);
        quiet.on_connected();
        assert_eq!(sent(&mut quiet, [1, 2]), ["", ""]);
    }

    #[test]
    fn short_intervals_starve_no_command() {
        let specs = [spec("a", Some(1), false), spec("b", Some(1), false)];
        let mut automatic = AutomaticCommands::new(false);
        automatic.on_connected();
        let sent = [1, 2, 3, 4].map(|secs| automatic.next_due(&specs, at(secs), |time| time));
        assert_eq!(
            sent.map(|due| due.map(|(name, _)| name.to_string()).unwrap_or_default()),
            ["a", "b", "a", "b"]
        );
    }

    #[test]
    fn a_command_lost_twice_is_suspended_until_it_is_acknowledged() {
        use CommandState::{Acknowledged, Lost, Sent};
        let mut automatic = AutomaticCommands::new(false);
        assert_eq!(observe_state(&mut automatic, "status", Lost), None);
        assert_eq!(observe_state(&mut automatic, "status", Acknowledged), None, "chance");
        assert_eq!(observe_state(&mut automatic, "status", Lost), None);
        assert_eq!(observe_state(&mut automatic, "status", Sent), None);
        assert_eq!(observe_state(&mut automatic, "status", Lost), Some(AlertState::Raised));
        assert_eq!(observe_state(&mut automatic, "status", Lost), None, "one alert only");
        automatic.on_connected();
        assert_eq!(sent(&mut automatic, [1, 2]), ["present", ""]);
        assert_eq!(observe_state(&mut automatic, "status", Acknowledged), Some(AlertState::Cleared));
        assert_eq!(sent(&mut automatic, [3, 4]), ["status", ""]);
        for _ in 0..3 {
            assert_eq!(observe_state(&mut automatic, "set", Lost), None, "not an automatic command");
        }
    }
}
