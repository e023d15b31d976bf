//! Commands from sent to answered, overdue or interrupted, and the detection of a silent device.

use std::sync::Arc;

use chrono::DateTime;

use super::*;
use crate::device::{BuildError, CommandSpec, DeviceUpdate, Fact, PreparedCommand, Value};

/// Answers with the correlation id of the command, or without an id.
#[derive(Debug)]
struct Echo {
    has_ids: bool,
}

impl Device for Echo {
    fn title(&self) -> Arc<str> {
        "echo".into()
    }
    fn commands(&self) -> Arc<[CommandSpec]> {
        Arc::default()
    }
    fn subscriptions(&self, _: &str) -> Vec<(String, u8)> {
        Vec::new()
    }
    fn message_filters(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn answer_filters(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn build(&self, name: &str, _: &[Value], _: &CommandContext<'_>) -> Result<PreparedCommand, BuildError> {
        Err(BuildError::Unknown(name.to_owned()))
    }
    fn is_answer(&self, _: &str, context: &CommandContext<'_>, message: &DeviceMessage<'_>) -> bool {
        !self.has_ids || message.payload == context.correlation_id.as_bytes()
    }
    fn handle_message(&mut self, _: &DeviceMessage<'_>) -> DeviceUpdate {
        DeviceUpdate::default()
    }
    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }
}

const CERTAIN: ExpectedAnswer = ExpectedAnswer { timeout: Duration::from_secs(10), is_certain: true };

fn at(secs: u64) -> Stamp {
    Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs(secs))
}

fn track(pending: &mut PendingCommands, id: &str, secs: u64) {
    assert_eq!(pending.track(id, "status", "me", CERTAIN, at(secs)), None);
}

fn observe(pending: &mut PendingCommands, id: &str, state: CommandState, secs: u64) {
    let command = CommandUpdate { correlation_id: id.into(), name: "status".into(), state, ms: None };
    pending.observe(&command, at(secs));
}

/// The command matched by an answer without a correlation id.
fn answer_without_id(pending: &mut PendingCommands, secs: u64) -> Option<String> {
    let message = DeviceMessage { at: at(secs), topic: "t", payload: b"well", retained: false };
    pending.take_answered(&Echo { has_ids: false }, &message).map(|command| command.correlation_id)
}

fn answer(pending: &mut PendingCommands, id: &str, secs: u64) -> Option<CommandUpdate> {
    let message = DeviceMessage { at: at(secs), topic: "t", payload: id.as_bytes(), retained: false };
    pending.take_answered(&Echo { has_ids: true }, &message)
}

#[test]
fn a_command_is_answered_only_once() {
    let mut pending = PendingCommands::new(1.0);
    track(&mut pending, "a", 0);
    assert_eq!(answer(&mut pending, "a", 1), None, "a command that was not sent has no answer");
    observe(&mut pending, "a", CommandState::Sent, 2);
    assert_eq!(pending.next_deadline(), Some(at(12)));
    observe(&mut pending, "a", CommandState::Acknowledged, 3);
    let update = answer(&mut pending, "a", 4).expect("an answer");
    assert_eq!((update.state, update.ms), (CommandState::Answered, Some(4_000.0)));
    assert_eq!((answer(&mut pending, "a", 5), pending.outstanding()), (None, 0));
}

#[test]
fn the_deadline_counts_from_the_last_send() {
    let mut pending = PendingCommands::new(1.0);
    track(&mut pending, "a", 0);
    observe(&mut pending, "a", CommandState::Sent, 0);
    observe(&mut pending, "a", CommandState::Queued, 5);
    assert!(pending.take_overdue(at(100)).is_empty(), "it is queued again");
    observe(&mut pending, "a", CommandState::Sent, 100);
    assert!(pending.take_overdue(at(109)).is_empty());
    let overdue = pending.take_overdue(at(110));
    assert_eq!(overdue.iter().map(|command| command.state).collect::<Vec<_>>(), [CommandState::Unanswered]);
    for end in [CommandState::Expired, CommandState::Lost, CommandState::DroppedFull] {
        track(&mut pending, "b", 200);
        observe(&mut pending, "b", end, 201);
        assert_eq!(pending.outstanding(), 0, "{end:?}");
    }
}

fn unanswered(pending: &mut PendingCommands, id: &str, secs: u64) {
    track(pending, id, secs);
    observe(pending, id, CommandState::Sent, secs);
    assert_eq!(pending.take_overdue(at(secs + 10)).len(), 1);
}

#[test]
fn without_ids_an_answer_matches_the_newest_command() {
    let mut pending = PendingCommands::new(1.0);
    for (id, secs) in [("lost", 0), ("answered", 5)] {
        track(&mut pending, id, secs);
        observe(&mut pending, id, CommandState::Sent, secs);
    }
    assert_eq!(answer_without_id(&mut pending, 6).as_deref(), Some("answered"));
    let overdue: Vec<_> =
        pending.take_overdue(at(10)).into_iter().map(|command| command.correlation_id).collect();
    assert_eq!(overdue, ["lost"]);

    // A slow device answers both.
    for (id, secs) in [("first", 20), ("second", 25)] {
        track(&mut pending, id, secs);
        observe(&mut pending, id, CommandState::Sent, secs);
    }
    let answered = [28, 29, 30].map(|secs| answer_without_id(&mut pending, secs));
    assert_eq!(answered, [Some("second".to_owned()), Some("first".to_owned()), None]);
}

#[test]
fn two_unanswered_commands_on_a_live_connection_are_silence_and_a_message_ends_it() {
    let mut pending = PendingCommands::new(1.0);
    pending.on_connected(at(0));
    unanswered(&mut pending, "a", 10);
    assert_eq!(pending.check_silence(at(21), Some(at(20)), None), None);
    unanswered(&mut pending, "b", 30);
    assert_eq!(pending.check_silence(at(41), Some(at(9)), None), None, "the link itself received nothing");
    let change = pending.check_silence(at(41), Some(at(35)), None);
    assert_eq!(
        change,
        Some(SilenceChange::Started(
            "2 consecutive commands unanswered while the connection is alive".into()
        ))
    );
    assert_eq!(pending.check_silence(at(42), Some(at(35)), None), None, "reported once");
    let over = "the device responds again after 1 min of silence";
    assert_eq!(pending.on_device_message(at(101)), Some(SilenceChange::Ended(over.into())));
    assert_eq!(pending.on_device_message(at(102)), None);
}

#[test]
fn an_answer_in_between_or_a_drop_resets_the_count() {
    let mut pending = PendingCommands::new(1.0);
    pending.on_connected(at(0));
    unanswered(&mut pending, "a", 10);
    pending.on_device_message(at(25));
    unanswered(&mut pending, "b", 30);
    assert_eq!(pending.check_silence(at(41), Some(at(41)), None), None);
    for (id, secs) in [("c", 50), ("d", 51)] {
        track(&mut pending, id, secs);
        observe(&mut pending, id, CommandState::Sent, secs);
    }
    assert_eq!(pending.on_disconnected(), None);
    pending.on_connected(at(55));
    assert_eq!(pending.take_overdue(at(70)).len(), 2);
    assert_eq!(
        pending.check_silence(at(70), Some(at(70)), None),
        None,
        "their answers may be lost with the session"
    );
}

#[test]
fn a_command_with_an_uncertain_answer_does_not_count() {
    let mut pending = PendingCommands::new(1.0);
    pending.on_connected(at(0));
    for (id, secs) in [("a", 10), ("b", 30), ("c", 50)] {
        let uncertain = ExpectedAnswer { is_certain: false, ..CERTAIN };
        assert_eq!(pending.track(id, "tariff", "me", uncertain, at(secs)), None);
        observe(&mut pending, id, CommandState::Sent, secs);
        assert_eq!(pending.take_overdue(at(secs + 10)).len(), 1, "it still counts as unanswered");
    }
    assert_eq!(pending.check_silence(at(61), Some(at(60)), None), None);
}

#[test]
fn a_device_with_a_silence_limit_is_silent_without_a_command() {
    let mut pending = PendingCommands::new(60.0);
    let limit = Some(Duration::from_secs(600));
    assert_eq!(pending.check_silence(at(100), Some(at(100)), limit), None, "not connected");
    pending.on_connected(at(100));
    assert_eq!(pending.check_silence(at(109), Some(at(109)), limit), None);
    let change = pending.check_silence(at(110), Some(at(110)), limit);
    assert!(
        matches!(change, Some(SilenceChange::Started(words)) if words.starts_with("nothing from the device for 10 min"))
    );
    assert!(matches!(pending.on_disconnected(), Some(SilenceChange::Ended(_))));
}

#[test]
fn the_oldest_command_is_evicted() {
    let mut pending = PendingCommands::new(1.0);
    for number in 0..MAX_PENDING {
        track(&mut pending, &number.to_string(), 0);
    }
    let oldest = pending.track("x", "status", "me", CERTAIN, at(1)).expect("the oldest");
    assert_eq!((oldest.correlation_id.as_str(), oldest.state), ("0", CommandState::Unanswered));
    assert_eq!(pending.outstanding(), MAX_PENDING);
}
