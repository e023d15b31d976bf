//! Which keys move through a recording, and what is said to those that would act on its connection?

use std::time::Duration;

use crate::diagnostics::Stamp;
use crate::state::{LiveState, MonitorRequest, NoticeKind, PlaybackAction};

use super::super::keymap::Action;
use super::super::model::Model;
use super::Effect;

/// One scrub moves by this part of the timeline's span.
const SCRUB_PART: u32 = 100;

/// What follows from an action in a replay; `None` if it means there what it means everywhere.
pub(super) fn act(model: &mut Model, action: Action, live: &LiveState, now: Stamp) -> Option<Vec<Effect>> {
    live.runtime.replay.as_ref()?;
    if action.needs_a_connection() {
        let text = match action {
            Action::Note => "this is a replay: a note can be added to a live run only",
            _ => "a replay has no connection to control",
        };
        model.notify(now, NoticeKind::Info, text);
        return Some(Vec::new());
    }
    let wanted = match action {
        Action::PlayPause => PlaybackAction::Toggle,
        Action::PreviousDrop => PlaybackAction::PreviousDrop,
        Action::NextDrop => PlaybackAction::NextDrop,
        Action::Slower => PlaybackAction::Slower,
        Action::Faster => PlaybackAction::Faster,
        Action::ScrubBack => PlaybackAction::Back(scrub(model, live)),
        Action::ScrubForward => PlaybackAction::Forward(scrub(model, live)),
        Action::Beginning => PlaybackAction::Beginning,
        Action::End => PlaybackAction::End,
        _ => return None,
    };
    Some(vec![Effect::Request(MonitorRequest::Play(wanted))])
}

fn scrub(model: &Model, live: &LiveState) -> Duration {
    model.zoom_for(&model.shown(live).snapshot).span() / SCRUB_PART
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::state::ReplayStatus;
    use crate::tui::message::Message;
    use crate::tui::model::{Popup, Zoom};
    use crate::tui::sample::run;
    use crate::tui::update::update;

    fn replayed() -> Arc<LiveState> {
        let mut live = run(3);
        let at = live.snapshot.at;
        Arc::make_mut(&mut live).runtime.replay = Some(ReplayStatus {
            at,
            position: Duration::from_secs(30),
            length: Duration::from_secs(90),
            speed: 60.0,
            paused: false,
            reading: None,
            unreadable: 0,
        });
        live
    }

    fn told(model: &mut Model, live: &Arc<LiveState>, action: Action) -> Vec<Effect> {
        update(model, Message::Act(action), live, live.snapshot.at)
    }

    #[test]
    fn each_key_asks_for_its_movement() {
        let live = replayed();
        let mut model = Model { zoom: Some(Zoom::Hour), ..Model::default() };
        let part = Duration::from_secs(36);
        let cases = [
            (Action::PlayPause, PlaybackAction::Toggle),
            (Action::PreviousDrop, PlaybackAction::PreviousDrop),
            (Action::NextDrop, PlaybackAction::NextDrop),
            (Action::Slower, PlaybackAction::Slower),
            (Action::Faster, PlaybackAction::Faster),
            (Action::ScrubBack, PlaybackAction::Back(part)),
            (Action::ScrubForward, PlaybackAction::Forward(part)),
            (Action::Beginning, PlaybackAction::Beginning),
            (Action::End, PlaybackAction::End),
        ];
        for (action, wanted) in cases {
            assert_eq!(
                told(&mut model, &live, action),
                [Effect::Request(MonitorRequest::Play(wanted))],
                "{action:?}"
            );
        }
    }

    #[test]
    fn what_needs_a_connection_says_that_this_is_a_recording() {
        let live = replayed();
        let actions = Action::ALL.iter().filter(|action| action.needs_a_connection());
        for action in actions {
            let mut model = Model::default();
            assert_eq!(told(&mut model, &live, *action), [], "{action:?}");
            let said = model.notices.last().map(|notice| notice.text.contains("replay"));
            assert_eq!((said, model.popup), (Some(true), None), "{action:?}");
        }
    }

    #[test]
    fn live_nothing_moves_in_time() {
        let live = run(3);
        for action in [Action::PlayPause, Action::NextDrop, Action::End] {
            assert_eq!(told(&mut Model::default(), &live, action), []);
        }
    }

    #[test]
    fn exports_are_asked_for_and_leaving_promises_none() {
        let live = replayed();
        let mut model = Model::default();
        assert_eq!(told(&mut model, &live, Action::Export), [Effect::Request(MonitorRequest::Export)]);
        assert_eq!(told(&mut model, &live, Action::Quit), [Effect::Request(MonitorRequest::Shutdown)]);
        assert!(model.notices.is_empty(), "{:?}", model.notices);
    }

    #[test]
    fn the_ends_scroll_the_help_while_it_is_open() {
        let live = replayed();
        let mut model = Model { popup: Some(Popup::Help { scroll: 0 }), ..Model::default() };
        model.page.max_scroll = 9;
        assert_eq!(told(&mut model, &live, Action::End), []);
        assert_eq!(model.popup, Some(Popup::Help { scroll: 9 }));
        assert_eq!(told(&mut model, &live, Action::Beginning), []);
        assert_eq!(model.popup, Some(Popup::Help { scroll: 0 }));
    }

    #[test]
    fn freezing_stands_still_at_the_moment_of_the_recording() {
        let live = replayed();
        let mut model = Model::default();
        let late = live.snapshot.at.plus(Duration::from_secs(1_000_000));
        let _ = update(&mut model, Message::Act(Action::Freeze), &live, late);
        assert_eq!(model.frozen.map(|frozen| frozen.at), Some(live.snapshot.at));
    }
}
