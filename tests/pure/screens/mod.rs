//! Every screen drawn into a test terminal: snapshots of the text, the colors that carry meaning, and no
//! panic at any size.

#![expect(clippy::expect_used, reason = "a test may fail")]

mod any_input;
mod devices;
mod heater;
mod replays;
mod sample;
mod verdicts;

use std::sync::Arc;
use std::time::Duration;

use dropscope::state::{LiveState, Notice, NoticeKind};
use dropscope::tui::keymap::Keymap;
use dropscope::tui::model::{
    ClickTarget, DropDetailView, FrozenView, InputPopup, InputPurpose, Model, Popup, Screen, Zoom,
};
use dropscope::tui::text::LineEdit;
use dropscope::tui::theme::{Glyphs, Theme};
use dropscope::tui::view::{self, ViewContext, ViewState};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

/// A state, a model and a theme to draw.
struct ScreenFixture {
    published: LiveState,
    model: Model,
    theme: Theme,
    glyphs: Glyphs,
}

impl ScreenFixture {
    fn new(published: LiveState) -> Self {
        let (theme, glyphs) = (Theme::default_dark(), Glyphs::unicode());
        Self { published, model: Model::default(), theme, glyphs }
    }

    fn with(mut self, change: impl FnOnce(&mut Model)) -> Self {
        change(&mut self.model);
        self
    }

    fn plain(mut self) -> Self {
        (self.theme, self.glyphs) = (Theme::plain(), Glyphs::ascii());
        self
    }

    fn terminal(&self, width: u16, height: u16) -> Terminal<TestBackend> {
        self.draw(width, height).0
    }

    fn draw(&self, width: u16, height: u16) -> (Terminal<TestBackend>, ViewState) {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a test terminal");
        let frozen = self.model.frozen.as_ref();
        let device = self.published.runtime.device.as_ref();
        let commands = device.map(|device| Arc::clone(&device.commands)).unwrap_or_default();
        let keymap = Keymap::default().with_commands_where_free(&commands);
        let context = ViewContext {
            published: frozen.map_or(&self.published, |frozen| &frozen.published),
            live: &self.published,
            model: &self.model,
            theme: &self.theme,
            glyphs: &self.glyphs,
            now: frozen.map_or(self.published.snapshot.at, |frozen| frozen.at),
            live_now: self.published.snapshot.at,
            clock_now: self.published.snapshot.at,
            offset: sample::zone(),
            keymap: &keymap,
        };
        let mut state = ViewState::default();
        terminal.draw(|frame| view::render(frame, &context, &mut state)).expect("a frame");
        (terminal, state)
    }

    fn buffer(&self, width: u16, height: u16) -> Buffer {
        self.terminal(width, height).backend().buffer().clone()
    }

    fn text(&self, width: u16, height: u16) -> String {
        let buffer = self.buffer(width, height);
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>();
        (0..height).map(row).map(|row| row.trim_end().to_owned() + "\n").collect()
    }
}

/// With `DROPSCOPE_PICTURES=DIR`, every scene is also written as a picture for review.
fn picture(name: &str, buffer: &Buffer) {
    if let Some(directory) = std::env::var_os("DROPSCOPE_PICTURES") {
        let file = std::path::Path::new(&directory).join(format!("{name}.svg"));
        std::fs::write(file, dropscope::tui::picture::buffer_to_svg(buffer)).expect("a picture");
    }
}

/// Snapshots of a scene at the two reference sizes.
fn snap(name: &str, scene: &ScreenFixture) {
    picture(&format!("{name}-200x60"), &scene.buffer(200, 60));
    for (width, height) in [(80, 24), (120, 40)] {
        picture(&format!("{name}-{width}x{height}"), &scene.buffer(width, height));
        insta::assert_snapshot!(format!("{name}-{width}x{height}"), scene.text(width, height));
    }
}

fn detail(number: u64) -> impl FnOnce(&mut Model) {
    move |model| {
        model.screen = Screen::Drops;
        model.detail = Some(DropDetailView { number, scroll: 0 });
    }
}

#[test]
fn empty() {
    snap("empty", &ScreenFixture::new(sample::empty()));
}

#[test]
fn connecting() {
    snap("connecting", &ScreenFixture::new(sample::connecting()));
}

#[test]
fn connected_and_quiet() {
    snap("quiet", &ScreenFixture::new(sample::quiet()));
}

#[test]
fn connected_after_drops() {
    snap("after-drops", &ScreenFixture::new(sample::after_drops()));
}

#[test]
fn reconnecting() {
    snap("reconnecting", &ScreenFixture::new(sample::reconnecting()));
}

#[test]
fn off_on_purpose() {
    snap("off", &ScreenFixture::new(sample::off()));
}

#[test]
fn reconnect_attempts_exhausted() {
    let scene = ScreenFixture::new(sample::given_up());
    snap("given-up", &scene);
    let header = scene.text(80, 24);
    assert!(header.starts_with(" dropscope  wss:"), "a long sign leaves room for the endpoint: {header}");
}

#[test]
fn unanswered_ping() {
    snap("unanswered-ping", &ScreenFixture::new(sample::unanswered_ping()));
}

#[test]
fn a_thousand_drops() {
    snap("thousand-drops", &ScreenFixture::new(sample::thousand_drops()));
    let table = ScreenFixture::new(sample::thousand_drops()).with(|model| {
        model.screen = Screen::Drops;
        model.filter = "timeout".into();
    });
    snap("thousand-drops-table", &table);
}

#[test]
fn long_names() {
    snap("long-names", &ScreenFixture::new(sample::long_names()));
    snap("long-names-detail", &ScreenFixture::new(sample::long_names()).with(detail(1)));
}

#[test]
fn hostile_text() {
    snap("hostile", &ScreenFixture::new(sample::hostile()));
    snap("hostile-detail", &ScreenFixture::new(sample::hostile()).with(detail(1)));
}

#[test]
fn drops_table() {
    snap("drops", &ScreenFixture::new(sample::after_drops()).with(|model| model.screen = Screen::Drops));
}

#[test]
fn drop_detail() {
    snap("drop-detail", &ScreenFixture::new(sample::after_drops()).with(detail(3)));
}

#[test]
fn help() {
    let help = |model: &mut Model| model.popup = Some(Popup::Help { scroll: 0 });
    snap("help", &ScreenFixture::new(sample::after_drops()).with(help));
}

#[test]
fn typing() {
    let typing = |model: &mut Model| {
        model.popup = Some(Popup::Input(InputPopup {
            purpose: InputPurpose::KeepAlive,
            line: LineEdit::new("70000"),
            error: Some("the keep-alive must be 0 to 65535 seconds".into()),
            previous: String::new(),
        }));
    };
    snap("typing", &ScreenFixture::new(sample::quiet()).with(typing));
}

#[test]
fn fault_selection() {
    let mut published = sample::after_drops();
    published.runtime.simulation =
        Some(sample::simulation("simulated, 1 s = 1 min", "NAT forgets after 350 s of silence"));
    let scene = ScreenFixture::new(published).with(|model| model.popup = Some(Popup::Inject { selected: 1 }));
    snap("inject", &scene);
}

#[test]
fn frozen() {
    let scene = ScreenFixture::new(sample::reconnecting());
    let published = Arc::new(sample::after_drops());
    let at = published.snapshot.at;
    snap("frozen", &scene.with(|model| model.frozen = Some(FrozenView { published, at })));
}

#[test]
fn recorder_failing() {
    snap("recorder-failing", &ScreenFixture::new(sample::recorder_failing()));
}

#[test]
fn zoomed_and_scrolled_with_a_message() {
    let scene = ScreenFixture::new(sample::after_drops());
    let at = scene.published.snapshot.at;
    let scene = scene.with(|model| {
        model.zoom = Some(Zoom::SixHours);
        model.scroll = Duration::from_secs(3 * 3_600);
        let text = "exported to diagnostics_20261120_130322.json".into();
        model.notices.push(Notice { at, kind: NoticeKind::Good, text });
    });
    snap("zoomed", &scene);
}

#[test]
fn ascii_without_color() {
    let scene = ScreenFixture::new(sample::reconnecting()).plain();
    snap("ascii", &scene);
    let buffer = scene.buffer(120, 40);
    for cell in buffer.content() {
        assert!(cell.symbol().is_ascii(), "{:?}", cell.symbol());
        assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{:?}", cell.symbol());
    }
}

#[test]
fn small_screens_keep_the_state() {
    for (width, height) in [(39, 10), (20, 5), (80, 14), (60, 18), (100, 12)] {
        let text = ScreenFixture::new(sample::reconnecting()).text(width, height);
        assert!(text.contains("DOWN"), "{width}x{height}\n{text}");
        insta::assert_snapshot!(format!("small-{width}x{height}"), text);
    }
}

/// Color and modifiers of the first cell of `text_to_find` on the screen.
fn color_of(scene: &ScreenFixture, text_to_find: &str) -> (Color, Modifier) {
    let (width, height) = (120, 40);
    let buffer = scene.buffer(width, height);
    for y in 0..height {
        let cells: Vec<_> = (0..width).map(|x| &buffer[(x, y)]).collect();
        for start in 0..cells.len() {
            let text: String =
                cells[start..].iter().take(text_to_find.chars().count()).map(|cell| cell.symbol()).collect();
            if text == text_to_find {
                return (cells[start].fg, cells[start].modifier);
            }
        }
    }
    panic!("{text_to_find:?} is not on the screen:\n{}", scene.text(width, height));
}

#[test]
fn clicks_hit_the_drawn_areas() {
    let scene = ScreenFixture::new(sample::after_drops());
    let (_, state) = scene.draw(120, 40);
    let text = scene.text(120, 40);
    let row_of = |needle: &str| {
        let row = text.lines().position(|line| line.contains(needle)).expect("on the screen");
        u16::try_from(row).expect("a row")
    };
    assert_eq!(state.target_at(60, row_of("06:22:34")), Some(ClickTarget::Drop(5)));
    assert_eq!(state.target_at(60, row_of("01:11:17")), Some(ClickTarget::Drop(3)));
    assert_eq!(state.target_at(60, row_of("link  ")), Some(ClickTarget::Timeline));
    assert_eq!(state.target_at(3, 39), Some(ClickTarget::Screen(Screen::Overview)));
    assert_eq!(state.target_at(17, 39), Some(ClickTarget::Screen(Screen::Drops)));
    let help = scene.with(|model| model.popup = Some(Popup::Help { scroll: 0 }));
    assert_eq!(help.draw(120, 40).1.target_at(60, 20), Some(ClickTarget::Popup), "the popup is on top");
}

#[test]
fn picture_shows_the_same_text_as_the_screen() {
    let svg =
        dropscope::tui::picture::buffer_to_svg(&ScreenFixture::new(sample::after_drops()).buffer(80, 24));
    for needle in ["CONNECTED", "Timeline", "UNEXPECTED_HANGUP", "help"] {
        assert!(svg.contains(needle), "{needle}");
    }
    assert!(!svg.contains("<script") && svg.len() < 60_000, "{} bytes", svg.len());
}

#[test]
fn view_state_reports_rows_and_maximum_scroll() {
    let (_, table) =
        ScreenFixture::new(sample::thousand_drops()).with(|model| model.screen = Screen::Drops).draw(80, 24);
    assert_eq!(table.scroll_limits.rows, 15, "24 rows without header, link, border, heading and footer");
    let (_, page) = ScreenFixture::new(sample::after_drops()).with(detail(3)).draw(80, 24);
    assert!(page.scroll_limits.max_scroll > 0 && page.scroll_limits.rows == 16, "{page:?}");
}

#[test]
fn the_selected_row_stays_in_view() {
    let text = ScreenFixture::new(sample::thousand_drops())
        .with(|model| {
            model.screen = Screen::Drops;
            model.selected = Some(700);
        })
        .text(80, 24);
    assert!(text.lines().any(|line| line.contains("▶")), "{text}");
    assert!(text.contains("of 1000 ↑↓"), "{text}");
}

#[test]
fn state_colors() {
    let up = ScreenFixture::new(sample::after_drops());
    assert_eq!(color_of(&up, "● CONNECTED").0, Color::Green);
    assert_eq!(color_of(&up, "╳").0, Color::Red);
    assert_eq!(color_of(&up, "━").0, Color::Green);
    assert_eq!(color_of(&ScreenFixture::new(sample::reconnecting()), "✖ DOWN").0, Color::Red);
    assert_eq!(color_of(&ScreenFixture::new(sample::connecting()), "◌ CONNECTING").0, Color::Yellow);
    assert_eq!(color_of(&ScreenFixture::new(sample::unanswered_ping()), "● CONNECTED?").0, Color::Yellow);
    assert_eq!(color_of(&ScreenFixture::new(sample::recorder_failing()), "REC ✗ FAILING").0, Color::Red);
    assert!(color_of(&up, "▶").1.contains(Modifier::REVERSED), "the selected row is shown without color");
}

#[test]
fn no_escape_sequence_is_drawn() {
    let scenes = [
        ScreenFixture::new(sample::hostile()),
        ScreenFixture::new(sample::hostile()).with(detail(1)),
        ScreenFixture::new(sample::hostile()).with(|model| model.screen = Screen::Drops),
    ];
    for scene in scenes {
        for cell in scene.buffer(200, 60).content() {
            let reorders = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}');
            let bad = |c: char| c.is_control() || reorders(c);
            assert!(!cell.symbol().chars().any(bad), "{:?}", cell.symbol());
        }
    }
}
