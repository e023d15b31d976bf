//! Tests of the update by pressed keys, clicks and actions.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

use super::*;
use crate::tui::keymap::{Keymap, KeymapMode, Scope};
use crate::tui::message::{Edit, translate_event};
use crate::tui::model::ScrollLimits;
use crate::tui::sample::run_with_drops;
use crate::tui::view::ViewState;

mod any_input;

/// A model, its live state and the effects of the pressed keys.
struct UserSession {
    model: Model,
    live: Arc<LiveState>,
    now: Stamp,
    effects: Vec<Effect>,
}

impl UserSession {
    fn new(drops: u64) -> Self {
        let live = run_with_drops(drops);
        let model = Model { scroll_limits: ScrollLimits { rows: 5, max_scroll: 9 }, ..Model::default() };
        Self { now: live.snapshot.at, live, model, effects: Vec::new() }
    }

    /// Presses keys, given by name and separated by blanks.
    fn press_keys(&mut self, keys: &str) -> &mut Self {
        for key in keys.split_whitespace() {
            let event = Event::Key(key_event(key));
            if let Some(message) = translate_event(
                &event,
                &self.model,
                KeymapMode::LIVE,
                &Keymap::default(),
                &ViewState::default(),
            ) {
                self.send(message);
            }
        }
        self
    }

    fn send(&mut self, message: UiMessage) -> &mut Self {
        self.effects.extend(update(&mut self.model, message, &self.live, self.now));
        self
    }

    fn requests(&mut self) -> Vec<MonitorRequest> {
        let effects = std::mem::take(&mut self.effects);
        effects
            .into_iter()
            .map(|effect| match effect {
                Effect::Request(request) => request,
                other => panic!("{other:?} is not a request"),
            })
            .collect()
    }

    fn shown_drops(&self) -> Vec<u64> {
        self.model.listed_drops(&self.live.snapshot).iter().map(|drop| drop.number).collect()
    }
}

fn key_event(text: &str) -> KeyEvent {
    let (modifiers, text) = match text.strip_prefix("Ctrl-") {
        Some(rest) => (KeyModifiers::CONTROL, rest),
        None => (KeyModifiers::NONE, text),
    };
    let code = match text {
        "Enter" => KeyCode::Enter,
        "Esc" => KeyCode::Esc,
        "Tab" => KeyCode::Tab,
        "BackTab" => KeyCode::BackTab,
        "Space" => KeyCode::Char(' '),
        "Backspace" => KeyCode::Backspace,
        "Up" => KeyCode::Up,
        "Down" => KeyCode::Down,
        "Left" => KeyCode::Left,
        "Right" => KeyCode::Right,
        "PgUp" => KeyCode::PageUp,
        "PgDn" => KeyCode::PageDown,
        "Home" => KeyCode::Home,
        "End" => KeyCode::End,
        other => KeyCode::Char(other.chars().next().unwrap()),
    };
    KeyEvent::new(code, modifiers)
}

#[test]
fn keys_send_monitor_requests() {
    let cases = [
        ("e", MonitorRequest::Export),
        ("E", MonitorRequest::Report),
        ("r", MonitorRequest::Reconnect),
        ("R", MonitorRequest::DeepReconnect),
        ("x", MonitorRequest::ToggleConnection),
        ("-", MonitorRequest::SetKeepAlive(30)),
        ("+", MonitorRequest::SetKeepAlive(120)),
        ("=", MonitorRequest::SetKeepAlive(120)),
        ("K 9 0 Enter", MonitorRequest::SetKeepAlive(90)),
        ("K 4 5 Space s Enter", MonitorRequest::SetKeepAlive(45)),
        ("K 0 Enter", MonitorRequest::SetKeepAlive(0)),
        ("n o k Enter", MonitorRequest::Note("ok".to_owned())),
        ("q", MonitorRequest::Shutdown),
        ("Ctrl-c", MonitorRequest::Shutdown),
        ("n x Ctrl-c", MonitorRequest::Shutdown),
    ];
    for (keys, request) in cases {
        let mut session = UserSession::new(3);
        assert_eq!(session.press_keys(keys).requests(), [request], "{keys}");
    }
}

#[test]
fn quick_keep_alive_steps_continue_from_the_pending_request() {
    let mut session = UserSession::new(0);
    let expected = [120, 240, 300, 240].map(MonitorRequest::SetKeepAlive);
    assert_eq!(session.press_keys("+ + + -").requests(), expected, "60 s stays in force");
    session.now = session.now.plus(KEEP_ALIVE_REQUEST_TIMEOUT);
    assert_eq!(
        session.press_keys("+").requests(),
        [MonitorRequest::SetKeepAlive(120)],
        "the request was lost"
    );
}

#[test]
fn keep_alive_steps_stop_at_both_ends_and_off_is_the_longest() {
    let mut session = UserSession::new(0);
    session.press_keys("- - - - - -");
    let expected = [30, 15, 10].map(MonitorRequest::SetKeepAlive);
    assert_eq!(session.requests(), expected);
    assert!(session.model.notices.last().unwrap().text.contains("shortest"));
    assert_eq!(session.press_keys("K 0 Enter - +").requests()[1..], [MonitorRequest::SetKeepAlive(1200)]);
}

#[test]
fn invalid_keep_alive_is_rejected_and_can_be_corrected() {
    for wrong in ["K Enter", "K 7 0 0 0 0 Enter", "K - 1 Enter", "K s Enter"] {
        let mut session = UserSession::new(0);
        assert_eq!(session.press_keys(wrong).requests(), [], "{wrong}");
        let Some(Popup::Input(input)) = &session.model.popup else { panic!("{wrong}: the popup is gone") };
        assert!(input.error.as_deref().unwrap().contains("from 0 (off) to 65535"));
        assert_eq!(session.press_keys("Ctrl-u 5 Enter").requests(), [MonitorRequest::SetKeepAlive(5)]);
        assert_eq!(session.model.popup, None);
    }
}

#[test]
fn empty_note_is_rejected() {
    let mut session = UserSession::new(0);
    assert_eq!(session.press_keys("n Space Enter").requests(), []);
    assert!(matches!(&session.model.popup, Some(Popup::Input(input)) if input.error.is_some()));
    session.press_keys("Esc");
    assert_eq!(session.model.popup, None);
}

#[test]
fn pasted_text_becomes_one_line_without_escape_sequences() {
    let mut session = UserSession::new(0);
    session.press_keys("n").send(UiMessage::Edit(Edit::Insert("router\nrestarted\u{1b}[31m".to_owned())));
    assert_eq!(
        session.press_keys("Enter").requests(),
        [MonitorRequest::Note("router restarted[31m".to_owned())]
    );
}

#[test]
fn second_quit_does_not_wait() {
    let mut session = UserSession::new(0);
    session.press_keys("q q");
    assert_eq!(session.effects, [Effect::Request(MonitorRequest::Shutdown), Effect::Leave]);
}

#[test]
fn ctrl_z_suspends_even_while_typing() {
    let mut session = UserSession::new(0);
    session.press_keys("Ctrl-z n Ctrl-z");
    assert_eq!(session.effects, [Effect::Suspend, Effect::Suspend]);
}

#[test]
fn screen_keys_switch_screens() {
    let mut session = UserSession::new(1);
    for (keys, screen) in [
        ("2", Screen::Drops),
        ("1", Screen::Overview),
        ("Tab", Screen::Drops),
        ("Tab", Screen::Overview),
        ("BackTab", Screen::Drops),
    ] {
        assert_eq!(session.press_keys(keys).model.screen, screen);
    }
}

#[test]
fn selection_follows_its_drop_and_the_first_row_follows_the_newest() {
    let mut session = UserSession::new(8);
    session.press_keys("2 j j");
    assert_eq!(session.model.selected, Some(6));
    session.live = run_with_drops(9);
    assert_eq!(session.model.selected_row(&session.model.listed_drops(&session.live.snapshot)), 3);
    assert_eq!(session.press_keys("End").model.selected, Some(1));
    assert_eq!(session.press_keys("PgUp").model.selected, Some(5));
    assert_eq!(session.press_keys("g").model.selected, None);
    session.live = run_with_drops(10);
    session.press_keys("Enter");
    assert_eq!(session.model.detail, Some(DropDetailView { number: 10, scroll: 0 }));
}

#[test]
fn drop_detail_opens_scrolls_and_closes() {
    let mut session = UserSession::new(4);
    session.press_keys("Down Enter");
    assert_eq!((session.model.screen, session.model.detail.unwrap().number), (Screen::Drops, 3));
    session.press_keys("Down PgDn");
    assert_eq!(session.model.detail.unwrap().scroll, 5);
    assert_eq!(session.press_keys("End").model.detail.unwrap().scroll, 9);
    assert_eq!(session.press_keys("Right").model.detail, Some(DropDetailView { number: 2, scroll: 0 }));
    assert_eq!(session.press_keys("Left Left").model.detail.unwrap().number, 4);
    assert_eq!(session.press_keys("Esc").model.detail, None);
    assert_eq!(session.model.screen, Screen::Drops);
}

#[test]
fn filter_applies_while_typing_and_escape_restores_the_previous_one() {
    let mut session = UserSession::new(6);
    session.press_keys("2 / s o c k");
    assert_eq!(session.shown_drops(), [6, 3], "while typing, case-insensitive");
    session.press_keys("Enter");
    assert_eq!(session.model.filter, "sock");
    session.press_keys("/ x x");
    assert_eq!(session.shown_drops(), Vec::<u64>::new());
    assert_eq!(session.press_keys("Esc").shown_drops(), [6, 3], "the previous filter is restored");
    assert_eq!(session.press_keys("Esc").shown_drops(), [6, 5, 4, 3, 2, 1], "and is removed");
    session.press_keys("/ r s t Esc");
    assert_eq!(session.shown_drops(), [6, 5, 4, 3, 2, 1]);
}

#[test]
fn sort_key_cycles_through_all_orders() {
    let mut session = UserSession::new(4);
    session.press_keys("2");
    for sort in [DropSort::Oldest, DropSort::Session, DropSort::Silence, DropSort::Recovery, DropSort::Error]
    {
        assert_eq!(session.press_keys("s").model.sort, sort);
        let mut numbers = session.shown_drops();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2, 3, 4], "{sort:?} loses nothing");
    }
    assert_eq!(session.shown_drops(), [4, 2, 1, 3], "hang-ups before the socket error, newest first");
    assert_eq!(session.press_keys("s").model.sort, DropSort::Newest);
}

#[test]
fn zoom_starts_at_the_fitted_level_and_stops_at_both_ends() {
    let mut session = UserSession::new(9);
    assert_eq!(session.model.zoom_for(&session.live.snapshot), Zoom::SixHours, "100 minutes fit");
    assert_eq!(session.press_keys("z").model.zoom, Some(Zoom::Hour));
    assert_eq!(session.press_keys("z z z z z").model.zoom, Some(Zoom::TwoMinutes));
    assert_eq!(session.press_keys("Z Z Z Z Z Z Z Z").model.zoom, Some(Zoom::Week));
}

#[test]
fn timeline_scrolls_within_the_run() {
    let mut session = UserSession::new(2);
    session.model.zoom = Some(Zoom::FifteenMinutes);
    let minutes = |n: u64| Duration::from_secs(n * 60);
    assert_eq!(session.press_keys("h").model.scroll, minutes(15) / 8);
    assert_eq!(session.press_keys("h h h h h h h h h h h h h h h h h h h").model.scroll, minutes(30));
    assert_eq!(session.press_keys("Right").model.scroll + minutes(15) / 8, minutes(30));
    assert_eq!(session.press_keys("Esc").model.scroll, Duration::ZERO);
}

#[test]
fn frozen_view_keeps_its_state_while_keys_work() {
    let mut session = UserSession::new(2);
    session.press_keys("2 f");
    session.live = run_with_drops(5);
    assert_eq!(session.model.displayed_state(&session.live).snapshot.drops.len(), 2);
    assert_eq!(session.press_keys("End").model.selected, Some(1));
    assert_eq!(
        session.press_keys("- e").requests(),
        [MonitorRequest::SetKeepAlive(30), MonitorRequest::Export]
    );
    session.press_keys("Space");
    assert_eq!(session.model.displayed_state(&session.live).snapshot.drops.len(), 5);
}

#[test]
fn copy_summarizes_the_run_or_the_open_drop() {
    let mut session = UserSession::new(3);
    session.press_keys("y Enter y");
    let [Effect::Copy(run), Effect::Copy(drop)] = session.effects.as_slice() else {
        panic!("{:?}", session.effects)
    };
    assert!(run.contains("drops 3") && run.contains("  2 x AWS_ERROR_MQTT_UNEXPECTED_HANGUP\n"), "{run}");
    assert!(drop.starts_with("dropscope: drop 3 at 2026-11-20 12:30:00 UTC\n"), "{drop}");
    assert!(
        drop.contains("\nAt 2026-11-20 12:30:00 UTC the broker, or a device on the path, reset"),
        "{drop}"
    );
}

#[test]
fn help_captures_keys_until_closed() {
    let mut session = UserSession::new(3);
    session.press_keys("? e r j j");
    assert_eq!((session.requests(), session.model.popup.clone()), (vec![], Some(Popup::Help { scroll: 2 })));
    assert_eq!(session.press_keys("?").model.popup, None);
}

#[test]
fn clicks_select_open_and_close() {
    let mut session = UserSession::new(3);
    session.send(UiMessage::Click(Some(ClickTarget::Drop(2))));
    assert_eq!((session.model.selected, session.model.detail), (Some(2), None));
    session.send(UiMessage::Click(Some(ClickTarget::Drop(2))));
    assert_eq!(session.model.detail.unwrap().number, 2);
    session.send(UiMessage::Click(Some(ClickTarget::Screen(Screen::Overview))));
    assert_eq!(session.model.screen, Screen::Overview);
    session.press_keys("?").send(UiMessage::Click(Some(ClickTarget::Popup)));
    assert!(session.model.popup.is_some());
    session.send(UiMessage::Click(Some(ClickTarget::Drop(1))));
    assert_eq!((session.model.popup.clone(), session.model.selected), (None, Some(2)));
}

#[test]
fn every_action_changes_the_model_or_has_an_effect() {
    let keymap = Keymap::default();
    let live = keymap.bindings().iter().filter(|binding| binding.scope != Scope::Replay);
    for action in live.map(|binding| binding.action) {
        let mut idle = true;
        for before in ["", "2", "2 End", "2 Home Enter", "2 s", "? ", "End h h"] {
            let mut session = UserSession::new(40);
            session.press_keys(before);
            let (model, effects) = (format!("{:?}", session.model), session.effects.len());
            session.send(UiMessage::Action(action));
            idle &= format!("{:?}", session.model) == model && session.effects.len() == effects;
        }
        assert!(!idle, "{action:?} never does anything");
    }
}

#[test]
fn why_popup_opens_on_any_screen_and_the_same_key_closes_it() {
    let mut session = UserSession::new(3);
    session.press_keys("2 w Down");
    assert_eq!(session.model.popup, Some(Popup::Why { scroll: 1 }));
    session.press_keys("?");
    assert_eq!(session.model.popup, Some(Popup::Help { scroll: 0 }), "one text replaces the other");
    session.press_keys("w w");
    assert_eq!((&session.model.popup, session.model.screen), (&None, Screen::Drops));
    assert_eq!(session.press_keys("w r Esc").requests(), [], "other keys do nothing while a popup is open");
}
