//! Tests of the key bindings, the footer and the help.

use crossterm::event::{KeyCode, KeyEventState, KeyModifiers};

use proptest::prelude::*;

use super::*;
use crate::tui::model::{DropDetailView, InputPopup, InputPurpose};
use crate::tui::text::LineEdit;

fn press(code: KeyCode, modifiers: KeyModifiers) -> KeyEvent {
    KeyEvent::new(code, modifiers)
}

fn overridden(pairs: &[(&str, &str)]) -> Result<Keymap, String> {
    Keymap::with_overrides(
        &pairs.iter().map(|(name, keys)| ((*name).to_owned(), (*keys).to_owned())).collect(),
    )
}

#[test]
fn the_default_table_is_complete_and_without_duplicates() {
    let keymap = Keymap::default();
    assert_eq!(keymap.check_conflicts(), Ok(()));
    let expected: usize = include_str!("table.rs").lines().filter(|line| line.contains("[\"")).count();
    assert_eq!(keymap.bindings().len(), expected, "one binding per row");
    for action in Action::ALL {
        assert!(!keymap.keys_of(*action).is_empty(), "{action:?} has no key, or one that does not parse");
        let named = Action::ALL.iter().filter(|other| other.name() == action.name()).count();
        assert_eq!(named, 1, "{}", action.name());
    }
}

#[test]
fn every_key_name_parses_back_to_the_same_key() {
    for binding in Keymap::default().bindings() {
        for key in &binding.keys {
            assert_eq!(key.to_string().parse(), Ok(*key));
        }
    }
}

#[test]
fn key_modifiers_are_normalized_across_terminals() {
    let keymap = Keymap::default();
    let (none, shift, ctrl) = (KeyModifiers::NONE, KeyModifiers::SHIFT, KeyModifiers::CONTROL);
    let cases = [
        (press(KeyCode::Char('K'), shift), Some(Action::KeepAliveType)),
        (press(KeyCode::Char('K'), none), Some(Action::KeepAliveType)),
        (press(KeyCode::Char('k'), none), Some(Action::Up)),
        (press(KeyCode::Char('='), none), Some(Action::KeepAliveUp)),
        (press(KeyCode::Char('+'), shift), Some(Action::KeepAliveUp)),
        (press(KeyCode::Tab, shift), Some(Action::PreviousScreen)),
        (press(KeyCode::BackTab, shift), Some(Action::PreviousScreen)),
        (press(KeyCode::Char('c'), ctrl), Some(Action::Quit)),
        (press(KeyCode::Char('C'), ctrl | shift), Some(Action::Quit)),
        (press(KeyCode::Char('z'), ctrl), Some(Action::Suspend)),
        (press(KeyCode::Char(' '), none), Some(Action::Freeze)),
        (press(KeyCode::Char('ß'), none), None),
    ];
    for (event, action) in cases {
        assert_eq!(keymap.action(&event, Screen::Overview, KeymapMode::LIVE), action, "{event:?}");
    }
}

#[test]
fn releases_do_nothing_and_repeats_do() {
    let keymap = Keymap::default();
    let event = |kind| KeyEvent {
        code: KeyCode::Down,
        modifiers: KeyModifiers::NONE,
        kind,
        state: KeyEventState::NONE,
    };
    assert_eq!(keymap.action(&event(KeyEventKind::Release), Screen::Drops, KeymapMode::LIVE), None);
    assert_eq!(
        keymap.action(&event(KeyEventKind::Repeat), Screen::Drops, KeymapMode::LIVE),
        Some(Action::Down)
    );
}

#[test]
fn a_key_works_only_on_its_screen() {
    let keymap = Keymap::default();
    let sort = press(KeyCode::Char('s'), KeyModifiers::NONE);
    assert_eq!(keymap.action(&sort, Screen::Drops, KeymapMode::LIVE), Some(Action::Sort));
    assert_eq!(keymap.action(&sort, Screen::Overview, KeymapMode::LIVE), None);
}

#[test]
fn the_configuration_changes_keys() {
    let keymap = overridden(&[("export", "X ctrl-e"), ("sort", ""), ("quit", "Q")]).unwrap();
    assert_eq!(keymap.key_text(Action::Export), "X");
    let chord = press(KeyCode::Char('e'), KeyModifiers::CONTROL);
    assert_eq!(keymap.action(&chord, Screen::Overview, KeymapMode::LIVE), Some(Action::Export));
    assert_eq!(
        keymap.action(&press(KeyCode::Char('e'), KeyModifiers::NONE), Screen::Overview, KeymapMode::LIVE),
        None
    );
    assert_eq!(keymap.key_text(Action::Sort), "");
    assert!(!keymap.markdown().contains("next order"), "an action without a key is not listed");
    let interrupt = press(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(
        keymap.action(&interrupt, Screen::Drops, KeymapMode::LIVE),
        Some(Action::Quit),
        "Ctrl-C always quits"
    );
}

#[test]
fn invalid_key_overrides_give_one_sentence_errors() {
    let cases = [
        ([("exprot", "x")], "keys.exprot: there is no such action; the actions are overview, drops,"),
        (
            [("export", "Hyper-x")],
            "keys.export: \"Hyper-x\" is not a key; write a character, F1 to F12, or one of",
        ),
        ([("export", "F13")], "keys.export: \"F13\" is not a key"),
        ([("export", "n")], "the key n is bound to both export and note; keep one of them"),
        ([("export", "s")], "the key s is bound to both sort and export; keep one of them"),
        ([("export", "ctrl-c")], "the key Ctrl-c is bound to both export and quit; keep one of them"),
    ];
    for (pairs, start) in cases {
        let error = overridden(&pairs).unwrap_err();
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn bindings_of_different_screens_may_share_a_key() {
    assert!(overridden(&[("sort", "z")]).is_ok());
}

#[test]
fn help_and_readme_list_every_binding() {
    let keymap = Keymap::default();
    let rows = rows(KeymapMode { device: true, ..KeymapMode::LIVE });
    let readme = keymap.markdown();
    let live = keymap.bindings().iter().filter(|binding| binding.scope != Scope::Replay);
    assert_eq!(rows.len(), live.clone().count());
    for binding in live {
        let keys: Vec<_> = binding.keys.iter().map(Key::to_string).collect();
        assert!(rows.contains(&(keys.join(" "), binding.help)));
    }
    for binding in keymap.bindings() {
        assert!(readme.contains(binding.help) && readme.contains(binding.action.name()));
    }
    assert!(readme.lines().all(|line| line.starts_with("| ") || line.starts_with("|-")), "{readme}");
    assert!(readme.contains("\n| `e` | Everywhere | write the JSON export | `export` |\n"), "{readme}");
}

fn rows(mode: KeymapMode) -> Vec<(String, &'static str)> {
    Keymap::default().help(mode).into_iter().flat_map(|section| section.rows).collect()
}

#[test]
fn replay_overrides_keys_and_hides_connection_actions() {
    let keymap = Keymap::default();
    let pressed = |code, mode| keymap.action(&press(code, KeyModifiers::NONE), Screen::Drops, mode);
    for (code, live, replay) in [
        (KeyCode::Char(' '), Some(Action::Freeze), Action::PlayPause),
        (KeyCode::Home, Some(Action::First), Action::Beginning),
        (KeyCode::End, Some(Action::Last), Action::End),
        (KeyCode::Char('['), None, Action::PreviousDrop),
        (KeyCode::Char('f'), Some(Action::Freeze), Action::Freeze),
        (KeyCode::Char('G'), Some(Action::Last), Action::Last),
        (KeyCode::Char('r'), Some(Action::Reconnect), Action::Reconnect),
    ] {
        assert_eq!(
            (pressed(code, KeymapMode::LIVE), pressed(code, KeymapMode::REPLAY)),
            (live, Some(replay)),
            "{code}"
        );
    }
    let shift_left = press(KeyCode::Left, KeyModifiers::SHIFT);
    assert_eq!(keymap.action(&shift_left, Screen::Overview, KeymapMode::REPLAY), Some(Action::ScrubBack));
    let rows = rows(KeymapMode::REPLAY);
    let keys = |start: &str| rows.iter().find(|row| row.1.starts_with(start)).map(|row| row.0.as_str());
    assert_eq!(keys("freeze or unfreeze the view"), Some("f"), "the replay overrides Space");
    assert_eq!((keys("to the first row"), keys("to the first event")), (Some("g"), Some("Home")));
    assert_eq!((keys("close the connection"), keys("add a note")), (None, None));
    assert_eq!(keys("quit the replay"), Some("q Ctrl-c"));
    assert_eq!(
        footer_in(&Model::default(), KeymapMode::REPLAY),
        "1 Overview  2 Drops  w why  Space play/pause  [ ] drop  < > speed  { } scrub  e export  z Z zoom  f freeze  y copy  ? help  q quit"
    );
}

fn footer(model: &Model) -> String {
    footer_in(model, KeymapMode::LIVE)
}

fn footer_in(model: &Model, mode: KeymapMode) -> String {
    let entries = Keymap::default().footer(model, mode);
    entries.iter().map(|entry| format!("{} {}", entry.keys, entry.label)).collect::<Vec<_>>().join("  ")
}

#[test]
fn footer_lists_the_active_keys() {
    let mut model = Model::default();
    assert_eq!(
        footer(&model),
        "1 Overview  2 Drops  w why  - + keep-alive  e export  n note  r reconnect  z Z zoom  f freeze  y copy  ? help  q quit"
    );
    model.screen = Screen::Drops;
    assert!(footer(&model).contains("/ filter  s sort"));
    model.detail = Some(DropDetailView { number: 1, scroll: 0 });
    assert_eq!(footer(&model), "Esc close  Left Right other drop  Up Down scroll  y copy  ? help  q quit");
    model.popup = Some(Popup::Help { scroll: 0 });
    assert_eq!(footer(&model), "Esc close  Up Down scroll  q quit");
    let (purpose, line) = (InputPurpose::Note, LineEdit::default());
    model.popup = Some(Popup::Input(InputPopup { purpose, line, error: None, previous: String::new() }));
    assert_eq!(footer(&model), "Enter accept  Esc cancel");
}

proptest! {
    #[test]
    fn any_overrides_are_rejected_or_give_a_valid_keymap(
        overrides in prop::collection::btree_map(
            prop_oneof![prop::sample::select(Action::ALL).prop_map(|action| action.name().to_owned()), any::<String>()],
            "(ctrl-|alt-|Shift-)?([a-z?/]|F[0-9]{1,2}|enter|\\PC)( [A-Z])?",
            0..4,
        )
    ) {
        match Keymap::with_overrides(&overrides) {
            Ok(keymap) => {
                prop_assert_eq!(keymap.check_conflicts(), Ok(()));
                prop_assert!(keymap.keys_of(Action::Quit).contains(&Key::interrupt()));
            }
            Err(error) => prop_assert!(!error.is_empty()),
        }
    }
}
