//! What is sent to the device by itself, and when must that stop?

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::device::{CommandSpec, Value};
use crate::diagnostics::Stamp;
use crate::diagnostics::event::{Command, CommandState};

/// The rule of the alert that says that something is not sent by itself any more.
const RULE: &str = "automatic-command";
/// Losses of a command in a row that make it a suspect. One may be chance.
const SUSPECT_AFTER: u32 = 2;

/// A command that is due, with its default values.
pub(super) type Due = (Arc<str>, Vec<Value>);

/// What is sent without being asked for.
///
/// A command that takes its connection with it (a policy forbids its topic, say) must not be sent again and
/// again: the tool would make the very drops that it is to explain.
#[derive(Debug, Default)]
pub(super) struct Automatic {
    /// Sends nothing at all, so that an idle connection stays idle.
    quiet: bool,
    connected: bool,
    /// This session has not been greeted yet.
    greets: bool,
    /// When each command was last due.
    last: HashMap<Arc<str>, Stamp>,
    /// Losses in a row.
    lost: HashMap<String, u32>,
}

/// The words of an alert: rule, state and message.
pub(super) type Words = (&'static str, &'static str, String);

impl Automatic {
    pub(super) fn new(quiet: bool) -> Self {
        Self { quiet, ..Self::default() }
    }

    /// A session began.
    pub(super) fn connected(&mut self) {
        (self.connected, self.greets) = (true, true);
    }

    /// The session is over.
    pub(super) fn disconnected(&mut self) {
        self.connected = false;
    }

    /// The commands that are due, what is only said at the beginning of a session first. Nothing is while there
    /// is no connection. `real` turns a time of the field into this computer's.
    pub(super) fn due(
        &mut self,
        specs: &[CommandSpec],
        now: Stamp,
        real: impl Fn(Duration) -> Duration,
    ) -> Vec<Due> {
        if self.quiet || !self.connected {
            return Vec::new();
        }
        let greets = std::mem::take(&mut self.greets);
        let is_due = |spec: &&CommandSpec| {
            let has_passed =
                |every| self.last.get(&spec.name).is_none_or(|last| now.since(*last) >= real(every));
            spec.unavailable.is_none()
                && !self.is_suspect(&spec.name)
                && (greets && spec.at_connect || spec.every.is_some_and(has_passed))
        };
        let mut specs: Vec<_> = specs.iter().filter(is_due).collect();
        specs.sort_by_key(|spec| spec.every.is_some());
        let mut due = Vec::new();
        for spec in specs {
            let values: Option<Vec<_>> = spec.parameters.iter().map(|one| one.default.clone()).collect();
            if let Some(values) = values {
                self.last.insert(Arc::clone(&spec.name), now);
                due.push((Arc::clone(&spec.name), values));
            }
        }
        due
    }

    /// Takes note of what became of a command, and says so if that changes what is sent by itself.
    pub(super) fn observe(&mut self, command: &Command, specs: &[CommandSpec]) -> Option<Words> {
        let name = &command.name;
        let is_automatic = |spec: &CommandSpec| spec.at_connect || spec.every.is_some();
        if !specs.iter().any(|spec| *spec.name == **name && is_automatic(spec)) {
            return None;
        }
        match command.state {
            CommandState::Lost => {
                let lost = self.lost.entry(name.clone()).or_default();
                *lost = lost.saturating_add(1);
                let words = format!(
                    "{name} is not sent by itself any more: the connection ended right after it, \
                     {SUSPECT_AFTER} times in a row; send it by hand to try again"
                );
                (*lost == SUSPECT_AFTER).then_some((RULE, "raised", words))
            }
            CommandState::Acknowledged | CommandState::Answered => {
                let was_suspect = self.is_suspect(name);
                self.lost.remove(name);
                was_suspect.then(|| (RULE, "cleared", format!("{name} is sent by itself again")))
            }
            _ => None,
        }
    }

    fn is_suspect(&self, name: &str) -> bool {
        self.lost.get(name).is_some_and(|lost| *lost >= SUSPECT_AFTER)
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn spec(name: &str, every: Option<u64>, at_connect: bool) -> CommandSpec {
        CommandSpec { every: every.map(Duration::from_secs), at_connect, ..CommandSpec::new(name) }
    }

    fn specs() -> [CommandSpec; 4] {
        let broken = CommandSpec { unavailable: Some("no".into()), ..spec("broken", Some(1), true) };
        [spec("status", Some(300), true), spec("present", None, true), spec("set", None, false), broken]
    }

    fn at(secs: u64) -> Stamp {
        Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs(secs))
    }

    fn names(automatic: &mut Automatic, secs: u64) -> Vec<String> {
        let due = automatic.due(&specs(), at(secs), |time| time);
        due.iter().map(|(name, _)| name.to_string()).collect()
    }

    fn told(automatic: &mut Automatic, name: &str, state: CommandState) -> Option<&'static str> {
        let command = Command { correlation_id: "x".into(), name: name.into(), state, ms: None };
        automatic.observe(&command, &specs()).map(|(_, state, _)| state)
    }

    #[test]
    fn a_session_is_greeted_once_and_asked_from_time_to_time() {
        let mut automatic = Automatic::new(false);
        assert!(names(&mut automatic, 0).is_empty(), "not connected");
        automatic.connected();
        assert_eq!(names(&mut automatic, 1), ["present", "status"]);
        assert!(names(&mut automatic, 300).is_empty());
        assert_eq!(names(&mut automatic, 301), ["status"]);
        automatic.disconnected();
        assert!(names(&mut automatic, 900).is_empty());
        automatic.connected();
        assert_eq!(names(&mut automatic, 901), ["present", "status"]);
        let mut quiet = Automatic::new(true);
        quiet.connected();
        assert!(names(&mut quiet, 1).is_empty());
    }

    #[test]
    fn what_takes_its_connection_with_it_is_sent_no_more_until_it_goes_well() {
        use CommandState::{Acknowledged, Lost, Sent};
        let mut automatic = Automatic::new(false);
        assert_eq!(told(&mut automatic, "status", Lost), None);
        assert_eq!(told(&mut automatic, "status", Acknowledged), None, "chance");
        assert_eq!(told(&mut automatic, "status", Lost), None);
        assert_eq!(told(&mut automatic, "status", Sent), None);
        assert_eq!(told(&mut automatic, "status", Lost), Some("raised"));
        assert_eq!(told(&mut automatic, "status", Lost), None, "said once");
        automatic.connected();
        assert_eq!(names(&mut automatic, 1), ["present"]);
        assert_eq!(told(&mut automatic, "status", Acknowledged), Some("cleared"));
        assert_eq!(names(&mut automatic, 2), ["status"]);
        for _ in 0..3 {
            assert_eq!(told(&mut automatic, "set", Lost), None, "nobody sends that by itself");
        }
    }
}
