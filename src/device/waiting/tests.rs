//! From sent to answered, overdue or torn; and when that makes a device silent.

use std::sync::Arc;

use chrono::DateTime;

use super::*;
use crate::device::{BuildError, CommandSpec, Digest, Fact, Order, Value};

/// Answers with the id of the command, or with anything at all.
#[derive(Debug)]
struct Echo {
    knows_ids: bool,
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
    fn listens_to(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn answers_on(&self, _: &str) -> Vec<String> {
        Vec::new()
    }
    fn build(&self, name: &str, _: &[Value], _: &Occasion<'_>) -> Result<Order, BuildError> {
        Err(BuildError::Unknown(name.to_owned()))
    }
    fn is_answer(&self, _: &str, occasion: &Occasion<'_>, message: &Incoming<'_>) -> bool {
        !self.knows_ids || message.payload == occasion.correlation_id.as_bytes()
    }
    fn digest(&mut self, _: &Incoming<'_>) -> Digest {
        Digest::default()
    }
    fn facts(&self) -> Vec<Fact> {
        Vec::new()
    }
}

const CERTAIN: Expected = Expected { within: Duration::from_secs(10), is_certain: true };

fn at(secs: u64) -> Stamp {
    Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs(secs))
}

fn ask(waiting: &mut Waiting, id: &str, secs: u64) {
    assert_eq!(waiting.expect(id, "status", "me", CERTAIN, at(secs)), None);
}

fn step(waiting: &mut Waiting, id: &str, state: CommandState, secs: u64) {
    let command = CommandUpdate { correlation_id: id.into(), name: "status".into(), state, ms: None };
    waiting.observe(&command, at(secs));
}

/// Whose answer it is, in a language without ids.
fn vague(waiting: &mut Waiting, secs: u64) -> Option<String> {
    let message = Incoming { at: at(secs), topic: "t", payload: b"well", retained: false };
    waiting.answered(&Echo { knows_ids: false }, &message).map(|command| command.correlation_id)
}

fn answer(waiting: &mut Waiting, id: &str, secs: u64) -> Option<CommandUpdate> {
    let message = Incoming { at: at(secs), topic: "t", payload: id.as_bytes(), retained: false };
    waiting.answered(&Echo { knows_ids: true }, &message)
}

#[test]
fn an_answer_ends_the_wait_and_only_once() {
    let mut waiting = Waiting::new(1.0);
    ask(&mut waiting, "a", 0);
    assert_eq!(answer(&mut waiting, "a", 1), None, "nobody answers what was not sent");
    step(&mut waiting, "a", CommandState::Sent, 2);
    assert_eq!(waiting.next_deadline(), Some(at(12)));
    step(&mut waiting, "a", CommandState::Acknowledged, 3);
    let told = answer(&mut waiting, "a", 4).expect("an answer");
    assert_eq!((told.state, told.ms), (CommandState::Answered, Some(4_000.0)));
    assert_eq!((answer(&mut waiting, "a", 5), waiting.outstanding()), (None, 0));
}

#[test]
fn waiting_ends_with_the_deadline_counted_from_the_last_sending() {
    let mut waiting = Waiting::new(1.0);
    ask(&mut waiting, "a", 0);
    step(&mut waiting, "a", CommandState::Sent, 0);
    step(&mut waiting, "a", CommandState::Queued, 5);
    assert!(waiting.overdue(at(100)).is_empty(), "it is not out");
    step(&mut waiting, "a", CommandState::Sent, 100);
    assert!(waiting.overdue(at(109)).is_empty());
    let overdue = waiting.overdue(at(110));
    assert_eq!(overdue.iter().map(|command| command.state).collect::<Vec<_>>(), [CommandState::Unanswered]);
    for end in [CommandState::Expired, CommandState::Lost, CommandState::DroppedFull] {
        ask(&mut waiting, "b", 200);
        step(&mut waiting, "b", end, 201);
        assert_eq!(waiting.outstanding(), 0, "{end:?}");
    }
}

fn unanswered(waiting: &mut Waiting, id: &str, secs: u64) {
    ask(waiting, id, secs);
    step(waiting, id, CommandState::Sent, secs);
    assert_eq!(waiting.overdue(at(secs + 10)).len(), 1);
}

#[test]
fn without_ids_an_answer_is_to_the_newest_question_and_the_lost_one_stays_lost() {
    let mut waiting = Waiting::new(1.0);
    for (id, secs) in [("lost", 0), ("heard", 5)] {
        ask(&mut waiting, id, secs);
        step(&mut waiting, id, CommandState::Sent, secs);
    }
    assert_eq!(vague(&mut waiting, 6).as_deref(), Some("heard"));
    let overdue: Vec<_> = waiting.overdue(at(10)).into_iter().map(|command| command.correlation_id).collect();
    assert_eq!(overdue, ["lost"]);

    // A slow device answers both.
    for (id, secs) in [("first", 20), ("second", 25)] {
        ask(&mut waiting, id, secs);
        step(&mut waiting, id, CommandState::Sent, secs);
    }
    let answered = [28, 29, 30].map(|secs| vague(&mut waiting, secs));
    assert_eq!(answered, [Some("second".to_owned()), Some("first".to_owned()), None]);
}

#[test]
fn two_in_a_row_on_a_living_connection_are_silence_and_a_word_ends_it() {
    let mut waiting = Waiting::new(1.0);
    waiting.connected(at(0));
    unanswered(&mut waiting, "a", 10);
    assert_eq!(waiting.judge(at(21), Some(at(20)), None), None);
    unanswered(&mut waiting, "b", 30);
    assert_eq!(
        waiting.judge(at(41), Some(at(9)), None),
        None,
        "the link is dead itself, as far as one can tell"
    );
    let verdict = waiting.judge(at(41), Some(at(35)), None);
    assert_eq!(
        verdict,
        Some(Turn::Silent("2 commands in a row without an answer, while the connection itself lives".into()))
    );
    assert_eq!(waiting.judge(at(42), Some(at(35)), None), None, "said once");
    let over = "the device is heard again, 1 min after it was found silent";
    assert_eq!(waiting.alive(at(101)), Some(Turn::Over(over.into())));
    assert_eq!(waiting.alive(at(102)), None);
}

#[test]
fn an_answer_in_between_and_a_drop_are_no_silence() {
    let mut waiting = Waiting::new(1.0);
    waiting.connected(at(0));
    unanswered(&mut waiting, "a", 10);
    waiting.alive(at(25));
    unanswered(&mut waiting, "b", 30);
    assert_eq!(waiting.judge(at(41), Some(at(41)), None), None);
    for (id, secs) in [("c", 50), ("d", 51)] {
        ask(&mut waiting, id, secs);
        step(&mut waiting, id, CommandState::Sent, secs);
    }
    assert_eq!(waiting.disconnected(), None);
    waiting.connected(at(55));
    assert_eq!(waiting.overdue(at(70)).len(), 2);
    assert_eq!(
        waiting.judge(at(70), Some(at(70)), None),
        None,
        "their answers may have died with the session"
    );
}

#[test]
fn a_command_that_need_not_be_answered_says_nothing_of_the_device() {
    let mut waiting = Waiting::new(1.0);
    waiting.connected(at(0));
    for (id, secs) in [("a", 10), ("b", 30), ("c", 50)] {
        let perhaps = Expected { is_certain: false, ..CERTAIN };
        assert_eq!(waiting.expect(id, "tariff", "me", perhaps, at(secs)), None);
        step(&mut waiting, id, CommandState::Sent, secs);
        assert_eq!(waiting.overdue(at(secs + 10)).len(), 1, "told as unanswered all the same");
    }
    assert_eq!(waiting.judge(at(61), Some(at(60)), None), None);
}

#[test]
fn a_device_that_promised_to_be_heard_is_silent_without_a_command() {
    let mut waiting = Waiting::new(60.0);
    let limit = Some(Duration::from_secs(600));
    assert_eq!(waiting.judge(at(100), Some(at(100)), limit), None, "not connected");
    waiting.connected(at(100));
    assert_eq!(waiting.judge(at(109), Some(at(109)), limit), None);
    let verdict = waiting.judge(at(110), Some(at(110)), limit);
    assert!(
        matches!(verdict, Some(Turn::Silent(words)) if words.starts_with("nothing from the device for 10 min"))
    );
    assert!(matches!(waiting.disconnected(), Some(Turn::Over(_))));
}

#[test]
fn the_oldest_gives_way() {
    let mut waiting = Waiting::new(1.0);
    for number in 0..MOST {
        ask(&mut waiting, &number.to_string(), 0);
    }
    let gone = waiting.expect("x", "status", "me", CERTAIN, at(1)).expect("the oldest");
    assert_eq!((gone.correlation_id.as_str(), gone.state), ("0", CommandState::Unanswered));
    assert_eq!(waiting.outstanding(), MOST);
}
