//! Runs the test that separates two causes, and records it as an `experiment` event.
//!
//! One test at a time. `started` precedes the change of the link, `finished` precedes its undoing, so that a reader of
//! the recording knows which configuration each session had.

use std::time::Duration;

use crate::classify::SeparationTest;
use crate::diagnostics::event::{Event, Initiator, Phase};
use crate::diagnostics::{LinkActivity, NameMask, RunningExperiment};
use crate::mqtt::settings::LinkSettings;
use crate::mqtt::{Link, ReconnectKind, WithheldTopic};

/// What precedes the random digits of a fresh client id where the user chose the present one.
const CLIENT_ID_PREFIX: &str = "dropscope-";

/// The test that runs, and how to undo it.
#[derive(Debug)]
struct RunningTest {
    test: SeparationTest,
    /// Keep-alive before the test, in seconds.
    keep_alive_before: u16,
    /// Client id of the test; only with a fresh one.
    client_id: Option<String>,
    /// Whether the broker has accepted a session since it began.
    is_accepted: bool,
}

/// Why a test ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TestEnd {
    /// The user ends it, or starts another one.
    User,
    /// It was a single act, which is done.
    Done,
    /// The keep-alive was changed by hand.
    KeepAliveChanged,
    /// The broker does not accept the fresh client id.
    ClientIdRefused,
    /// The run ends.
    RunEnded,
}

impl TestEnd {
    /// The word in the recording.
    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Done => "done",
            Self::KeepAliveChanged => "keep_alive_changed",
            Self::ClientIdRefused => "client_id_refused",
            Self::RunEnded => "run_ended",
        }
    }
}

/// Starts and ends tests.
#[derive(Debug)]
pub(super) struct SeparationRunner {
    client_id: String,
    client_id_prefix: Option<String>,
    time_scale: f64,
    name_mask: NameMask,
    running: Option<RunningTest>,
}

impl SeparationRunner {
    pub(super) fn new(link: &LinkSettings, name_mask: NameMask) -> Self {
        Self {
            client_id: link.client_id.clone(),
            client_id_prefix: link.client_id_prefix.clone(),
            time_scale: link.time_scale,
            name_mask,
            running: None,
        }
    }

    /// The test that runs.
    pub(super) fn running(&self) -> Option<&SeparationTest> {
        self.running.as_ref().map(|running| &running.test)
    }

    /// Why this test cannot begin now, in one sentence.
    pub(super) fn obstacle(&self, test: &SeparationTest, activity: LinkActivity) -> Option<&'static str> {
        let is_off = matches!(activity, LinkActivity::Off | LinkActivity::GivenUp);
        match test {
            _ if is_off => Some("the connection is off; connect first"),
            SeparationTest::ReconnectNow if activity != LinkActivity::Connected => {
                Some("there is no session to renew; wait until it is connected")
            }
            SeparationTest::PingHalfway { limit_secs } if self.ping_interval(*limit_secs).is_none() => {
                Some("the limit is not known")
            }
            SeparationTest::KeepAlive { secs } if u16::try_from(*secs).map_or(true, |secs| secs == 0) => {
                Some("a keep-alive has 1 to 65,535 seconds")
            }
            _ => None,
        }
    }

    /// Why this test needs the consent of a person, in one sentence.
    pub(super) fn reason_to_ask(&self, test: &SeparationTest) -> Option<&'static str> {
        let is_chosen = *test == SeparationTest::FreshClientId && self.client_id_prefix.is_none();
        is_chosen.then_some(
            "the client id was chosen with --client-id, and the broker or its policy may accept no other; start \
             without --client-id instead",
        )
    }

    /// Half of a limit on this computer's clocks.
    fn ping_interval(&self, limit_secs: f64) -> Option<Duration> {
        let interval = Duration::try_from_secs_f64(limit_secs / 2.0 / self.time_scale).ok()?;
        (!interval.is_zero()).then_some(interval)
    }

    /// Begins a test; the event that records it, which must precede [`SeparationRunner::apply`]. Another test must
    /// have ended.
    pub(super) fn begin(&mut self, test: SeparationTest, link: &Link) -> Event {
        let client_id = (test == SeparationTest::FreshClientId).then(|| {
            let prefix = self.client_id_prefix.as_deref().unwrap_or(CLIENT_ID_PREFIX);
            format!("{prefix}{:08x}", rand::random::<u32>())
        });
        let running =
            RunningTest { test, keep_alive_before: link.keep_alive_secs(), client_id, is_accepted: false };
        let event = running.event("started", None);
        self.running = Some(running);
        event
    }

    /// Changes the link as the test that runs requires.
    pub(super) fn apply(&self, link: &mut Link) {
        let Some(running) = &self.running else { return };
        match &running.test {
            SeparationTest::PingHalfway { limit_secs } => {
                link.set_ping_interval(self.ping_interval(*limit_secs));
            }
            SeparationTest::FreshClientId => {
                link.set_client_id(running.client_id.as_deref().unwrap_or(&self.client_id));
            }
            SeparationTest::WithholdTopic { topic } => {
                let (recorded, name_mask) = (topic.clone(), self.name_mask.clone());
                link.set_withheld_topic(Some(WithheldTopic { recorded, name_mask }));
            }
            SeparationTest::KeepAlive { secs } => {
                link.set_keep_alive(u16::try_from(*secs).unwrap_or(u16::MAX));
            }
            // New credentials too: their expiry may be one of the two causes.
            SeparationTest::ReconnectNow => link.reconnect(ReconnectKind::Deep, Initiator::Experiment),
        }
    }

    /// Ends the test that runs; the event that records it, which must precede [`undo`].
    pub(super) fn finish(&mut self, end: TestEnd) -> Option<(Event, FinishedTest)> {
        let running = self.running.take()?;
        let event = running.event("finished", Some(end));
        let finished = FinishedTest { client_id: self.client_id.clone(), running, end };
        Some((event, finished))
    }

    /// Takes an observed event; why the test that runs ends with it, if it does.
    pub(super) fn on_event(&mut self, event: &Event) -> Option<TestEnd> {
        let running = self.running.as_mut()?;
        match event {
            Event::Connected(_) => {
                running.is_accepted = true;
                (running.test == SeparationTest::ReconnectNow).then_some(TestEnd::Done)
            }
            // A policy that binds the id answers CONNECT with a refusal, or closes the connection.
            Event::ConnectFailed(failed) => {
                (running.client_id.is_some() && !running.is_accepted && failed.phase == Some(Phase::Connack))
                    .then_some(TestEnd::ClientIdRefused)
            }
            _ => None,
        }
    }

    /// Whether a keep-alive chosen by hand ends the test that runs.
    pub(super) fn is_ended_by_keep_alive(&self, secs: u16) -> bool {
        matches!(self.running(), Some(SeparationTest::KeepAlive { secs: of_test }) if *of_test != u32::from(secs))
    }
}

impl RunningTest {
    fn event(&self, what: &str, end: Option<TestEnd>) -> Event {
        let mut details = std::collections::BTreeMap::new();
        // Every number of a test that was started is finite.
        let test = serde_json::to_value(&self.test).unwrap_or_default();
        details.insert(SeparationTest::DETAIL.to_owned(), test);
        details.insert(RunningExperiment::TITLE.to_owned(), self.test.title().into());
        if let Some(id) = &self.client_id {
            details.insert("client_id".to_owned(), id.as_str().into());
        }
        if let Some(end) = end {
            details.insert("by".to_owned(), end.word().into());
        }
        Event::Experiment { id: SeparationTest::EXPERIMENT_ID.to_owned(), what: what.to_owned(), details }
    }
}

/// A test that has ended, whose changes are still in force.
#[derive(Debug)]
pub(super) struct FinishedTest {
    client_id: String,
    running: RunningTest,
    end: TestEnd,
}

impl FinishedTest {
    /// Puts the link back as it was before the test.
    pub(super) fn undo(&self, link: &mut Link) {
        match self.running.test {
            SeparationTest::PingHalfway { .. } => link.set_ping_interval(None),
            SeparationTest::FreshClientId => {
                link.set_client_id(&self.client_id);
                // A refusal may have been the last attempt.
                if self.end == TestEnd::ClientIdRefused {
                    link.connect();
                }
            }
            SeparationTest::WithholdTopic { .. } => link.set_withheld_topic(None),
            SeparationTest::KeepAlive { .. } if self.end != TestEnd::KeepAliveChanged => {
                link.set_keep_alive(self.running.keep_alive_before);
            }
            SeparationTest::KeepAlive { .. } | SeparationTest::ReconnectNow => {}
        }
    }

    /// What the user must know, in one sentence.
    pub(super) fn notice(&self) -> Option<String> {
        let ended = format!("the test has ended ({})", self.running.test.title());
        match (self.end, &self.running.test) {
            (TestEnd::RunEnded | TestEnd::Done, _) => None,
            (TestEnd::ClientIdRefused, _) => {
                Some("the broker does not accept a fresh client id; the client id is as before".to_owned())
            }
            (TestEnd::User, SeparationTest::FreshClientId) => {
                Some(format!("{ended}; the client id is as before"))
            }
            (TestEnd::User, SeparationTest::KeepAlive { .. }) => {
                Some(format!("{ended}; the keep-alive is as before: {} s", self.running.keep_alive_before))
            }
            (TestEnd::KeepAliveChanged | TestEnd::User, _) => Some(ended),
        }
    }

    /// Whether the end is a failure.
    pub(super) fn is_failure(&self) -> bool {
        self.end == TestEnd::ClientIdRefused
    }
}
