//! The fold of `experiment` events: which experiment runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::push_mark;
use crate::diagnostics::{MarkKind, RunningExperiment, Snapshot, Stamp};

/// `what` of the event that ends an experiment.
const FINISHED: &str = "finished";

/// An experiment moved on. One whose end was not recorded ends with its run.
pub(super) fn on_experiment(
    state: &mut Snapshot,
    at: Stamp,
    (id, what): (&str, &str),
    details: &BTreeMap<String, serde_json::Value>,
) {
    let running = state.experiment.take();
    if what == FINISHED {
        // The end of another experiment does not end this one.
        state.experiment = running.filter(|running| running.id != id);
    } else {
        let since =
            running.filter(|running| running.id == id && what != "started").map_or(at, |one| one.since);
        state.experiment =
            Some(Arc::new(RunningExperiment { id: id.to_owned(), since, details: details.clone() }));
    }
    let title = details.get(RunningExperiment::TITLE).and_then(serde_json::Value::as_str).unwrap_or(id);
    push_mark(state, at, MarkKind::Experiment, &format!("test {what}: {title}"));
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::DateTime;
    use serde_json::json;

    use crate::diagnostics::event::StartedEvent;
    use crate::diagnostics::{Diagnostics, Event, MarkKind, Stamp};

    fn experiment(id: &str, what: &str) -> Event {
        let details = [("title".to_owned(), json!("a ping every 25 s \u{1b}[2J"))].into_iter().collect();
        Event::Experiment { id: id.to_owned(), what: what.to_owned(), details }
    }

    #[test]
    fn an_experiment_runs_from_its_start_to_its_end_or_the_end_of_the_run() {
        let at = |secs| Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO).plus(Duration::from_secs(secs));
        let mut fold = Diagnostics::new(10);
        let mut running_after = |secs, event: Event| {
            fold.apply(at(secs), &event);
            let snapshot = fold.snapshot(at(secs));
            let running = snapshot.experiment.map(|one| (one.id.clone(), one.since.since(at(0)).as_secs()));
            (running, snapshot.marks.iter().filter(|mark| mark.kind == MarkKind::Experiment).count())
        };
        let started = || Event::Started(StartedEvent::default());
        assert_eq!(running_after(0, started()), (None, 0));
        assert_eq!(running_after(1, experiment("a", "started")), (Some(("a".into(), 1)), 1));
        assert_eq!(running_after(2, experiment("a", "arm")), (Some(("a".into(), 1)), 2));
        assert_eq!(running_after(3, experiment("b", "finished")), (Some(("a".into(), 1)), 3));
        assert_eq!(running_after(4, experiment("a", "finished")), (None, 4));
        assert_eq!(running_after(5, experiment("a", "started")).0, Some(("a".into(), 5)));
        assert_eq!(running_after(6, Event::Stopped { by: None }).0, None);
        assert_eq!(running_after(7, experiment("a", "started")).0, Some(("a".into(), 7)));
        assert_eq!(running_after(8, started()).0, None);
    }

    #[test]
    fn the_title_is_free_of_control_characters() {
        let mut fold = Diagnostics::new(10);
        let at = Stamp::new(DateTime::UNIX_EPOCH, Duration::ZERO);
        fold.apply(at, &experiment("a", "started"));
        let snapshot = fold.snapshot(at);
        let running = snapshot.experiment.expect("an experiment");
        assert_eq!(running.title(), "a ping every 25 s \u{fffd}[2J");
        assert_eq!(
            snapshot.log.last().map(|entry| entry.text.to_string()).as_deref(),
            Some("Experiment started: a ping every 25 s \u{fffd}[2J")
        );
    }
}
