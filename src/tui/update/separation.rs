//! Starting and ending the test that separates two causes.

use crate::diagnostics::Stamp;
use crate::state::{LiveState, MonitorRequest, NoticeKind};

use super::super::keymap::Action;
use super::super::model::{Model, Popup};
use super::Effect;

/// Ends the test that runs, or starts the one that the verdict names; one that reconnects is confirmed first.
pub(super) fn toggle(model: &mut Model, live: &LiveState, now: Stamp) -> Vec<Effect> {
    if live.snapshot.experiment.is_some() {
        return vec![Effect::Request(MonitorRequest::EndSeparation)];
    }
    let test = live.verdict.as_ref().and_then(|verdict| verdict.diagnosis.separation.clone());
    match test {
        None => {
            let why = "no test is named: the verdict names one when a test separates two causes sooner than waiting";
            model.notify(now, NoticeKind::Info, why);
            Vec::new()
        }
        Some(test) if test.reconnects() => {
            model.popup = Some(Popup::Separate(test));
            Vec::new()
        }
        Some(test) => vec![Effect::Request(MonitorRequest::RunSeparation(test))],
    }
}

/// Applies a key while the question is open.
pub(super) fn act(model: &mut Model, action: Action) -> Vec<Effect> {
    match (action, model.popup.take()) {
        (Action::Open, Some(Popup::Separate(test))) => {
            vec![Effect::Request(MonitorRequest::RunSeparation(test))]
        }
        (Action::Close | Action::Separate, _) => Vec::new(),
        (_, popup) => {
            model.popup = popup;
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::classify::{SeparationTest, Verdict};
    use crate::diagnostics::RunningExperiment;
    use crate::tui::message::UiMessage;
    use crate::tui::sample::run_with_drops;
    use crate::tui::update::update;

    fn state(test: Option<SeparationTest>, is_running: bool) -> Arc<LiveState> {
        let mut live = run_with_drops(3);
        let state = Arc::make_mut(&mut live);
        let since = state.snapshot.at;
        let mut verdict = Verdict::undetermined(since);
        verdict.diagnosis.separation = test;
        state.verdict = Some(Arc::new(verdict));
        let running = RunningExperiment { id: "separation".to_owned(), since, details: [].into() };
        state.snapshot.experiment = is_running.then(|| Arc::new(running));
        live
    }

    fn run_actions(live: &Arc<LiveState>, actions: &[Action]) -> (Model, Vec<Effect>) {
        let (mut model, now) = (Model::default(), live.snapshot.at);
        let effects =
            actions.iter().flat_map(|action| update(&mut model, UiMessage::Action(*action), live, now));
        let effects = effects.collect();
        (model, effects)
    }

    #[test]
    fn a_test_that_reconnects_is_confirmed_and_another_one_starts_at_once() {
        use Action::{Close, Export, Open, Separate, Why};
        let ping = SeparationTest::PingHalfway { limit_secs: 50.0 };
        let fresh = SeparationTest::FreshClientId;
        let cases: [(&SeparationTest, &[Action], bool); 6] = [
            (&ping, &[Separate], true),
            (&ping, &[Why, Separate, Close], true),
            (&fresh, &[Separate, Export, Open], true),
            (&fresh, &[Why, Separate, Open], true),
            (&fresh, &[Separate, Close], false),
            (&fresh, &[Separate, Separate], false),
        ];
        for (test, actions, is_started) in cases {
            let live = state(Some(test.clone()), false);
            let (model, effects) = run_actions(&live, actions);
            let request = || Effect::Request(MonitorRequest::RunSeparation(test.clone()));
            let expected: Vec<_> = is_started.then(request).into_iter().collect();
            assert_eq!((effects, model.popup), (expected, None), "{actions:?}");
        }
    }

    #[test]
    fn the_key_ends_a_running_test_whatever_the_verdict_names_now() {
        for test in [None, Some(SeparationTest::FreshClientId)] {
            let (model, effects) = run_actions(&state(test, true), &[Action::Separate]);
            assert_eq!(effects, [Effect::Request(MonitorRequest::EndSeparation)]);
            assert_eq!(model.popup, None);
        }
    }

    #[test]
    fn without_a_test_the_key_says_so() {
        let (model, effects) = run_actions(&state(None, false), &[Action::Separate, Action::Open]);
        assert!(effects.is_empty());
        assert!(model.notices.last().is_some_and(|notice| notice.text.starts_with("no test is named")));
    }
}
