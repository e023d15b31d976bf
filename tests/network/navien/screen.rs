//! Screens drawn from a state.

use dropscope::diagnostics::recording::RecordingReader;
use dropscope::diagnostics::{LinkActivity, LinkState};
use dropscope::state::{EventFold, LiveState, RuntimeStatus};
use dropscope::tui::keymap::Keymap;
use dropscope::tui::model::{DropDetailView, Model, Screen as Shown};
use dropscope::tui::theme::{Glyphs, Theme};
use dropscope::tui::view::{self, ViewContext, ViewState};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

/// The two tested sizes.
pub(crate) const SIZES: [(u16, u16); 2] = [(80, 24), (120, 40)];

/// A drawn screen, cell by cell.
pub(crate) struct Screen(Vec<Vec<String>>);

impl Screen {
    /// The Overview.
    pub(crate) fn overview(published: &LiveState, size: (u16, u16)) -> Self {
        Self::draw(published, &Model::default(), size)
    }

    /// The Device screen.
    pub(crate) fn device(published: &LiveState, size: (u16, u16)) -> Self {
        Self::draw(published, &Model { screen: Shown::Device, ..Model::default() }, size)
    }

    /// A drop in detail, in a terminal high enough for it.
    pub(crate) fn drop(published: &LiveState, number: u64) -> Self {
        let detail = Some(DropDetailView { number, scroll: 0 });
        Self::draw(published, &Model { screen: Shown::Drops, detail, ..Model::default() }, (80, 100))
    }

    fn draw(published: &LiveState, model: &Model, (width, height): (u16, u16)) -> Self {
        let now = published.snapshot.at;
        let context = ViewContext {
            published,
            live: published,
            model,
            theme: &Theme::plain(),
            glyphs: &Glyphs::unicode(),
            now,
            live_now: now,
            clock_now: now,
            offset: chrono::FixedOffset::east_opt(0).unwrap(),
            keymap: &Keymap::default(),
        };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| view::render(frame, &context, &mut ViewState::default())).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol().to_owned()).collect();
        Self((0..height).map(row).collect())
    }

    pub(crate) fn text(&self) -> String {
        self.0.iter().map(|row| row.concat().trim_end().to_owned() + "\n").collect()
    }

    /// The text inside the panel whose title starts with this, as one line.
    pub(crate) fn panel(&self, title: &str) -> String {
        let begins = |row: &Vec<String>| {
            (0..row.len()).find(|x| row[*x] == "╭" && row[x + 1..].concat().trim_start().starts_with(title))
        };
        let found = self.0.iter().enumerate().find_map(|(y, row)| Some((y, begins(row)?)));
        let Some((top, left)) = found else { panic!("no panel {title}:\n{}", self.text()) };
        let right = left + self.0[top][left..].iter().position(|cell| cell == "╮").unwrap();
        let inside = self.0[top + 1..].iter().take_while(|row| row[left] != "╰");
        let lines: Vec<String> = inside.map(|row| row[left + 1..right].concat()).collect();
        lines.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// The state after the lines of a recording, as a running program would publish it.
pub(crate) fn state_after(lines: &str) -> LiveState {
    let (mut folds, mut at) = (EventFold::new(1_000), None);
    for observed in RecordingReader::new(lines.as_bytes()) {
        let observed = observed.unwrap();
        folds.apply(observed.at, &observed.event);
        at = Some(observed.at);
    }
    let snapshot = folds.snapshot(at.unwrap());
    let activity = match snapshot.link {
        LinkState::Connected { .. } => LinkActivity::Connected,
        LinkState::Idle | LinkState::Off { .. } => LinkActivity::Off,
        _ => LinkActivity::Waiting { until: snapshot.at, attempt: 1 },
    };
    let runtime = RuntimeStatus { activity, ..RuntimeStatus::default() };
    LiveState { verdict: folds.verdict(), snapshot, runtime }
}
