//! Choosing a fault of the simulation to inject.

use crate::diagnostics::Stamp;
use crate::state::{LiveState, MonitorRequest, NoticeKind};

use super::super::keymap::Action;
use super::super::model::{Model, Popup};
use super::{Effect, clamped_move, row_delta};

/// Opens the list of faults, or shows a notice outside a simulation.
pub(super) fn open(model: &mut Model, live: &LiveState, now: Stamp) {
    match &live.runtime.simulation {
        Some(simulation) if !simulation.faults.is_empty() => {
            model.popup = Some(Popup::Inject { selected: 0 });
        }
        _ => {
            let text = "only a simulation can inject faults: run dropscope demo";
            model.notify(now, NoticeKind::Info, text);
        }
    }
}

/// Applies a key while the list is open.
pub(super) fn act(model: &mut Model, action: Action, live: &LiveState) -> Vec<Effect> {
    let Some(Popup::Inject { selected }) = model.popup else { return Vec::new() };
    let faults = live.runtime.simulation.as_ref().map_or(0, |simulation| simulation.faults.len());
    match action {
        Action::Open => {
            model.popup = None;
            return vec![Effect::Request(MonitorRequest::Inject(selected))];
        }
        Action::Close | Action::Inject => model.popup = None,
        Action::Up | Action::Down | Action::PageUp | Action::PageDown | Action::First | Action::Last => {
            let selected = clamped_move(selected, row_delta(model, action), faults.saturating_sub(1));
            model.popup = Some(Popup::Inject { selected });
        }
        _ => {}
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::state::Simulation;
    use crate::tui::message::UiMessage;
    use crate::tui::sample::run_with_drops;
    use crate::tui::update::update;

    fn run_actions(simulation: Option<Simulation>, actions: &[Action]) -> (Model, Vec<Effect>) {
        let mut live = run_with_drops(1);
        Arc::make_mut(&mut live).runtime.simulation = simulation;
        let (mut model, now) = (Model::default(), live.snapshot.at);
        let effects =
            actions.iter().flat_map(|action| update(&mut model, UiMessage::Action(*action), &live, now));
        let effects = effects.collect();
        (model, effects)
    }

    fn simulation() -> Simulation {
        Simulation { faults: ["fin", "rst", "hole"].map(Arc::from).into(), ..Simulation::default() }
    }

    #[test]
    fn selected_fault_is_requested_once() {
        use Action::{Close, Down, Export, Inject, Last, Open, Up};
        let cases: [(&[Action], Option<usize>); 5] = [
            (&[Inject, Open], Some(0)),
            (&[Inject, Down, Down, Down, Up, Open], Some(1)),
            (&[Inject, Last, Open], Some(2)),
            (&[Inject, Down, Close], None),
            (&[Inject, Export, Inject], None),
        ];
        for (actions, chosen) in cases {
            let (model, effects) = run_actions(Some(simulation()), actions);
            let expected: Vec<_> =
                chosen.map(|index| Effect::Request(MonitorRequest::Inject(index))).into_iter().collect();
            assert_eq!((effects, model.popup), (expected, None), "{actions:?}");
        }
    }

    #[test]
    fn without_a_simulation_the_key_shows_a_notice() {
        let (model, effects) = run_actions(None, &[Action::Inject, Action::Open]);
        assert!(effects.is_empty() && model.popup.is_none());
        assert!(model.notices.last().is_some_and(|notice| notice.text.contains("dropscope demo")));
    }
}
