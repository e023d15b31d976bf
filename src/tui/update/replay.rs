//! Replay: keys that move through a recording, and notices for keys that need a connection.

use std::time::Duration;

use crate::diagnostics::Stamp;
use crate::state::{LiveState, MonitorRequest, NoticeKind, PlaybackAction};

use super::super::keymap::Action;
use super::super::model::Model;
use super::Effect;

/// One scrub moves by this fraction of the timeline's span.
const SCRUB_DIVISOR: u32 = 100;

/// The effects of an action in a replay; `None` if the action has no special meaning there.
pub(super) fn act(model: &mut Model, action: Action, live: &LiveState, now: Stamp) -> Option<Vec<Effect>> {
    live.runtime.replay.as_ref()?;
    if action.needs_connection() {
        let text = match action {
            Action::Note => "this is a replay: a note can be added to a live run only",
            _ => "a replay has no connection to control",
        };
        model.notify(now, NoticeKind::Info, text);
        return Some(Vec::new());
    }
    let playback = match action {
        Action::PlayPause => PlaybackAction::Toggle,
        Action::PreviousDrop => PlaybackAction::PreviousDrop,
        Action::NextDrop => PlaybackAction::NextDrop,
        Action::Slower => PlaybackAction::Slower,
        Action::Faster => PlaybackAction::Faster,
        Action::ScrubBack => PlaybackAction::Back(scrub_step(model, live)),
        Action::ScrubForward => PlaybackAction::Forward(scrub_step(model, live)),
        Action::Beginning => PlaybackAction::Beginning,
        Action::End => PlaybackAction::End,
        _ => return None,
    };
    Some(vec![Effect::Request(MonitorRequest::Play(playback))])
}

fn scrub_step(model: &Model, live: &LiveState) -> Duration {
    model.zoom_for(&model.displayed_state(live).snapshot).span() / SCRUB_DIVISOR
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::state::ReplayStatus;
    use crate::tui::message::UiMessage;
    use crate::tui::model::{Popup, Zoom};
    use crate::tui::sample::run_with_drops;
    use crate::tui::update::update;

    fn replay_state() -> Arc<LiveState> {
        let mut live = run_with_drops(3);
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

    fn apply(model: &mut Model, live: &Arc<LiveState>, action: Action) -> Vec<Effect> {
        update(model, UiMessage::Action(action), live, live.snapshot.at)
    }

    #[test]
    fn each_key_sends_its_playback_action() {
        let live = replay_state();
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
        for (action, expected) in cases {
            assert_eq!(
                apply(&mut model, &live, action),
                [Effect::Request(MonitorRequest::Play(expected))],
                "{action:?}"
            );
        }
    }

    #[test]
    fn connection_actions_show_a_notice_in_a_replay() {
        let live = replay_state();
        let actions = Action::ALL.iter().filter(|action| action.needs_connection());
        for action in actions {
            let mut model = Model::default();
            assert_eq!(apply(&mut model, &live, *action), [], "{action:?}");
            let mentions_replay = model.notices.last().map(|notice| notice.text.contains("replay"));
            assert_eq!((mentions_replay, model.popup), (Some(true), None), "{action:?}");
        }
    }

    #[test]
    fn playback_keys_do_nothing_on_a_live_connection() {
        let live = run_with_drops(3);
        for action in [Action::PlayPause, Action::NextDrop, Action::End] {
            assert_eq!(apply(&mut Model::default(), &live, action), []);
        }
    }

    #[test]
    fn export_works_in_a_replay_and_quit_shows_no_export_notice() {
        let live = replay_state();
        let mut model = Model::default();
        assert_eq!(apply(&mut model, &live, Action::Export), [Effect::Request(MonitorRequest::Export)]);
        assert_eq!(apply(&mut model, &live, Action::Quit), [Effect::Request(MonitorRequest::Shutdown)]);
        assert!(model.notices.is_empty(), "{:?}", model.notices);
    }

    #[test]
    fn home_and_end_scroll_the_open_help() {
        let live = replay_state();
        let mut model = Model { popup: Some(Popup::Help { scroll: 0 }), ..Model::default() };
        model.scroll_limits.max_scroll = 9;
        assert_eq!(apply(&mut model, &live, Action::End), []);
        assert_eq!(model.popup, Some(Popup::Help { scroll: 9 }));
        assert_eq!(apply(&mut model, &live, Action::Beginning), []);
        assert_eq!(model.popup, Some(Popup::Help { scroll: 0 }));
    }

    #[test]
    fn freeze_uses_the_replay_time() {
        let live = replay_state();
        let mut model = Model::default();
        let late = live.snapshot.at.plus(Duration::from_secs(1_000_000));
        let _ = update(&mut model, UiMessage::Action(Action::Freeze), &live, late);
        assert_eq!(model.frozen.map(|frozen| frozen.at), Some(live.snapshot.at));
    }
}
