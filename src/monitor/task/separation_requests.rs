//! Requests that start or end the test that separates two causes, and requests that such a test affects.

use super::Monitor;
use crate::classify::SeparationTest;
use crate::diagnostics::clean;
use crate::monitor::separation::{FinishedTest, TestEnd};
use crate::mqtt::Publish;
use crate::state::NoticeKind;

impl Monitor {
    /// Begins a test to which the user agreed; another one ends.
    pub(super) fn run_separation(&mut self, test: SeparationTest) {
        if let Some(obstacle) = self.separation.obstacle(&test, self.link.status().activity) {
            return self.notice(NoticeKind::Bad, format!("the test did not start: {obstacle}"));
        }
        self.end_separation(TestEnd::User);
        let title = test.title();
        let started = self.separation.begin(test, &self.link);
        self.observe_now(started);
        self.separation.apply(&mut self.link);
        self.notice(NoticeKind::Good, format!("the test runs: {title}"));
    }

    /// Ends the test that runs, if one does, and undoes its changes.
    pub(super) fn end_separation(&mut self, end: TestEnd) {
        let Some(finished) = self.record_test_end(end) else { return };
        finished.undo(&mut self.link);
        if let Some(text) = finished.notice() {
            let kind = if finished.is_failure() { NoticeKind::Bad } else { NoticeKind::Info };
            self.notice(kind, text);
        }
    }

    /// Records that the test that runs has ended, and leaves the link as it is.
    pub(super) fn record_test_end(&mut self, end: TestEnd) -> Option<FinishedTest> {
        let (event, finished) = self.separation.finish(end)?;
        self.observe_now(event);
        Some(finished)
    }

    /// Ends the test that runs, or begins the one that the verdict names.
    pub(super) fn toggle_separation(&mut self) {
        if self.separation.running().is_some() {
            return self.end_separation(TestEnd::User);
        }
        let verdict = self.pipeline.fold().verdict();
        let Some(test) = verdict.and_then(|verdict| verdict.diagnosis.separation.clone()) else {
            let text = "the verdict names no test now: waiting decides";
            return self.notice(NoticeKind::Info, text.to_owned());
        };
        match self.separation.reason_to_ask(&test) {
            Some(reason) => self.notice(NoticeKind::Bad, format!("the test did not start: {reason}")),
            None => self.run_separation(test),
        }
    }

    /// Changes the keep-alive; a test with another one has ended by that.
    pub(super) fn set_keep_alive(&mut self, secs: u16) {
        if self.separation.is_ended_by_keep_alive(secs) {
            self.end_separation(TestEnd::KeepAliveChanged);
        }
        self.link.set_keep_alive(secs);
    }

    /// Sends a message, unless the test that runs withholds it.
    pub(super) fn publish(&mut self, publish: Publish) {
        if self.link.is_withheld(&publish.topic) {
            let name = clean::clean(&publish.name).into_owned();
            self.notice(NoticeKind::Bad, format!("not sent: {name} is withheld by an experiment"));
        }
        // The link records its loss.
        self.link.publish(publish);
    }
}
