//! Property tests: any sequence of inputs keeps the model valid.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::tui::keymap::Key;
use crate::tui::model::InputPurpose;
use crate::tui::sample::at;

static RUNS: LazyLock<Vec<Arc<LiveState>>> = LazyLock::new(|| (0..20).map(run_with_drops).collect());

fn any_message() -> impl Strategy<Value = UiMessage> {
    let action = prop::sample::select(Action::ALL.to_vec());
    let edit = prop_oneof![
        any::<String>().prop_map(Edit::Insert),
        Just(Edit::Backspace),
        Just(Edit::Left),
        Just(Edit::Delete),
        Just(Edit::Submit),
        Just(Edit::Cancel),
    ];
    let target = prop_oneof![
        (0_u64..30).prop_map(ClickTarget::Drop),
        Just(ClickTarget::Timeline),
        Just(ClickTarget::Popup),
        Just(ClickTarget::Screen(Screen::Drops)),
    ];
    prop_oneof![
        4 => action.prop_map(UiMessage::Action),
        2 => edit.prop_map(UiMessage::Edit),
        1 => prop::option::of(target).prop_map(UiMessage::Click),
        1 => any::<isize>().prop_map(UiMessage::Wheel),
    ]
}

proptest! {
    #[test]
    fn any_input_keeps_the_model_valid(
        steps in prop::collection::vec((any_message(), 0_u64..20, 0_usize..30), 0..60)
    ) {
        let mut model = Model::default();
        for (second, (message, drops, rows)) in (0_u64..).zip(steps) {
            let live = &RUNS[usize::try_from(drops).unwrap()];
            model.scroll_limits = ScrollLimits { rows, max_scroll: rows };
            update(&mut model, message, live, at(second));
            let shown = &model.displayed_state(live).snapshot;
            let listed = model.listed_drops(shown);
            prop_assert!(listed.is_empty() || model.selected_row(&listed) < listed.len());
            prop_assert!(model.scroll <= Duration::from_secs(20 * 600));
            prop_assert!(model.notices.len() <= 8);
            if let Some(Popup::Input(input)) = &model.popup {
                prop_assert!(input.line.text().chars().all(|c| !c.is_control()));
                prop_assert!(input.purpose != InputPurpose::Filter || model.screen == Screen::Drops);
            }
        }
    }

    #[test]
    fn any_key_is_handled_without_panic(text in "\\PC{1,3}") {
        let mut session = UserSession::new(3);
        if let Ok(key) = text.parse::<Key>() {
            prop_assert_eq!(key.to_string().parse(), Ok(key));
        }
        session.press_keys(&text);
    }
}
