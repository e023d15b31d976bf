//! State of the screens: the open screen, selection, filter, popup and notices. No connection state.

use std::sync::Arc;
use std::time::Duration;

use crate::classify::SeparationTest;
use crate::diagnostics::{DropRecord, Snapshot, Stamp, words};
use crate::state::{LiveState, Notice, NoticeKind, RuntimeStatus};

use super::text::LineEdit;

mod command_popup;

pub use command_popup::CommandPopup;

/// The screens. A new screen gets its variant, its number key and its tab together with its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Screen {
    /// Everything at a glance.
    #[default]
    Overview,
    /// Every drop, and one in detail.
    Drops,
    /// The device and its commands; exists only with a device or sent commands.
    Device,
}

impl Screen {
    /// All screens in tab order.
    pub const ALL: [Self; 3] = [Self::Overview, Self::Drops, Self::Device];

    /// The word on the tab.
    pub fn title(self) -> &'static str {
        match self {
            Self::Overview => "Overview",
            Self::Drops => "Drops",
            Self::Device => "Device",
        }
    }
}

/// The time span of the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Zoom {
    /// Two minutes: the first moments of a run, and demos.
    TwoMinutes,
    /// Five minutes.
    FiveMinutes,
    /// 15 minutes.
    FifteenMinutes,
    /// One hour.
    Hour,
    /// Six hours.
    SixHours,
    /// 24 hours.
    Day,
    /// Three days.
    ThreeDays,
    /// Seven days.
    Week,
}

impl Zoom {
    /// All levels, closest first.
    pub const ALL: [Self; 8] = [
        Self::TwoMinutes,
        Self::FiveMinutes,
        Self::FifteenMinutes,
        Self::Hour,
        Self::SixHours,
        Self::Day,
        Self::ThreeDays,
        Self::Week,
    ];

    /// The time from the left to the right edge.
    pub fn span(self) -> Duration {
        let minutes = match self {
            Self::TwoMinutes => 2,
            Self::FiveMinutes => 5,
            Self::FifteenMinutes => 15,
            Self::Hour => 60,
            Self::SixHours => 6 * 60,
            Self::Day => 24 * 60,
            Self::ThreeDays => 3 * 24 * 60,
            Self::Week => 7 * 24 * 60,
        };
        Duration::from_secs(minutes * 60)
    }

    /// For the panel title: `15 min`, `1 h`, `3 d`…
    pub fn label(self) -> &'static str {
        match self {
            Self::TwoMinutes => "2 min",
            Self::FiveMinutes => "5 min",
            Self::FifteenMinutes => "15 min",
            Self::Hour => "1 h",
            Self::SixHours => "6 h",
            Self::Day => "24 h",
            Self::ThreeDays => "3 d",
            Self::Week => "7 d",
        }
    }

    /// The closest level that shows a run of this length whole, else the widest.
    pub fn fitting(observed: Duration) -> Self {
        Self::ALL.into_iter().find(|zoom| zoom.span() >= observed).unwrap_or(Self::Week)
    }
}

/// The order of the drops table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DropSort {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// Longest session first.
    Session,
    /// Longest idle time before the drop first.
    Silence,
    /// Slowest recovery first; drops without recovery come before all.
    Recovery,
    /// By error name.
    Error,
}

impl DropSort {
    /// All orders, as the sort key steps through them.
    pub const ALL: [Self; 6] =
        [Self::Newest, Self::Oldest, Self::Session, Self::Silence, Self::Recovery, Self::Error];

    /// For the panel title: `newest first`…
    pub fn label(self) -> &'static str {
        match self {
            Self::Newest => "newest first",
            Self::Oldest => "oldest first",
            Self::Session => "longest session",
            Self::Silence => "longest idle",
            Self::Recovery => "slowest recovery",
            Self::Error => "by error",
        }
    }
}

/// The drop opened in detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropDetailView {
    /// [`DropRecord::number`] of the drop.
    pub number: u64,
    /// First line shown.
    pub scroll: usize,
}

/// The popup above the screen; it receives the keys.
#[derive(Debug, Clone, PartialEq)]
pub enum Popup {
    /// All keys, generated from the keymap; `scroll` is the first line shown.
    Help {
        /// First line shown.
        scroll: usize,
    },
    /// The verdict in full; `scroll` is the first line shown.
    Why {
        /// First line shown.
        scroll: usize,
    },
    /// Every reported value of the device; `scroll` is the first line shown.
    Details {
        /// First line shown.
        scroll: usize,
    },
    /// The faults of a simulation, to choose one to inject.
    Inject {
        /// Index of the selected fault.
        selected: usize,
    },
    /// The test that separates two causes, to be confirmed because it reconnects.
    Separate(SeparationTest),
    /// A line of text is being typed.
    Input(InputPopup),
    /// A command is being chosen.
    Palette {
        /// The search text.
        line: LineEdit,
        /// Index of the selected command among the matching ones.
        selected: usize,
    },
    /// A command is being filled in or confirmed.
    Command(CommandPopup),
}

/// A line of text being typed, and its purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputPopup {
    /// The purpose of the text.
    pub purpose: InputPurpose,
    /// The text and the cursor.
    pub line: LineEdit,
    /// Why the text is not accepted, in one sentence.
    pub error: Option<String>,
    /// The filter that `Esc` restores.
    pub previous: String,
}

/// The state that a frozen view shows.
#[derive(Debug, Clone)]
pub struct FrozenView {
    /// The live state at that moment.
    pub published: Arc<LiveState>,
    /// The moment of the freeze.
    pub at: Stamp,
}

/// A requested keep-alive that is not in force yet; the next step starts from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepAliveRequest {
    /// Requested seconds.
    pub secs: u16,
    /// Seconds in force at the time of the request.
    pub from: u32,
    /// Time of the request.
    pub at: Stamp,
}

/// Size of the list or text that the keys scroll, as drawn by the last frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ScrollLimits {
    /// Visible rows of the list or text.
    pub rows: usize,
    /// Largest useful scroll of the text.
    pub max_scroll: usize,
}

/// The purpose of a typed line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputPurpose {
    /// A new keep-alive in seconds.
    KeepAlive,
    /// A remark for the recording.
    Note,
    /// The filter of the drops table (takes effect while typing).
    Filter,
}

impl InputPurpose {
    /// The title of the popup.
    pub fn title(self) -> &'static str {
        match self {
            Self::KeepAlive => "Keep-alive in seconds (0 = off)",
            Self::Note => "Note for the recording",
            Self::Filter => "Show drops that contain",
        }
    }
}

/// Things on the screen that a click can hit; the views record where they are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClickTarget {
    /// The tab of a screen.
    Screen(Screen),
    /// The row of a drop, by [`DropRecord::number`]. The first click selects it, the second opens it.
    Drop(u64),
    /// The timeline: the wheel zooms here.
    Timeline,
    /// The inside of a popup: clicks outside close it.
    Popup,
}

/// State of the screens.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// The screen shown.
    pub screen: Screen,
    /// [`DropRecord::number`] of the selected drop. `None` = the first row (follows the newest drop).
    pub selected: Option<u64>,
    /// The drop opened on the Drops screen instead of the table.
    pub detail: Option<DropDetailView>,
    /// Index of the selected command in the list.
    pub command: usize,
    /// Zoom chosen by the user; `None` = fitted to the run. See [`Model::zoom_for`].
    pub zoom: Option<Zoom>,
    /// Time from the right edge of the timeline to now.
    pub scroll: Duration,
    /// Filter of the drops table; empty = all. Matched without regard to case.
    pub filter: String,
    /// Order of the drops table.
    pub sort: DropSort,
    /// Set while the view is frozen; watching and recording continue.
    pub frozen: Option<FrozenView>,
    /// The popup above the screen.
    pub popup: Option<Popup>,
    /// Scroll limits of the last frame; written by the render loop.
    pub scroll_limits: ScrollLimits,
    /// The newest requested keep-alive.
    pub keep_alive_request: Option<KeepAliveRequest>,
    /// The user quit; the run is ending.
    pub quitting: bool,
    /// Messages of the screen itself (request queue full, copied…), oldest first.
    pub notices: Vec<Notice>,
}

impl Model {
    /// How long a notice is shown.
    pub const NOTICE_DURATION: Duration = Duration::from_secs(6);

    /// Most notices of the screen kept.
    const MAX_NOTICES: usize = 8;

    /// Adds a message of the screen itself.
    pub fn notify(&mut self, at: Stamp, kind: NoticeKind, text: impl Into<Arc<str>>) {
        if self.notices.len() >= Self::MAX_NOTICES {
            self.notices.remove(0);
        }
        self.notices.push(Notice { at, kind, text: text.into() });
    }

    /// The state to show: the one frozen at, or the newest.
    pub fn displayed_state<'a>(&'a self, live: &'a LiveState) -> &'a LiveState {
        self.frozen.as_ref().map_or(live, |frozen| &frozen.published)
    }

    /// The instant of the displayed state.
    pub fn displayed_at(&self, now: Stamp) -> Stamp {
        self.frozen.as_ref().map_or(now, |frozen| frozen.at)
    }

    /// Whether text is being typed.
    pub fn is_typing(&self) -> bool {
        matches!(self.popup, Some(Popup::Input(_) | Popup::Palette { .. } | Popup::Command(_)))
    }

    /// The zoom in force.
    pub fn zoom_for(&self, snapshot: &Snapshot) -> Zoom {
        self.zoom.unwrap_or_else(|| Zoom::fitting(snapshot.metrics.observed))
    }

    /// The drops in the order they are listed on the screen shown: the Overview lists all, newest
    /// first; the Drops screen applies filter and order.
    pub fn listed_drops<'a>(&self, snapshot: &'a Snapshot) -> Vec<&'a Arc<DropRecord>> {
        match self.screen {
            Screen::Overview | Screen::Device => snapshot.drops.iter().rev().collect(),
            Screen::Drops => filtered_and_sorted(snapshot, &self.filter, self.sort),
        }
    }

    /// Row of the selected drop in `listed`; 0 without a selection, or when it is not listed.
    pub fn selected_row(&self, listed: &[&Arc<DropRecord>]) -> usize {
        let position = |number| listed.iter().position(|drop| drop.number == number);
        self.selected.and_then(position).unwrap_or(0)
    }

    /// The notices to show now, oldest first: the monitor's and the screen's own.
    pub fn notices_shown<'a>(&'a self, live: &'a RuntimeStatus, now: Stamp) -> Vec<&'a Notice> {
        let mut shown: Vec<_> = live
            .notices
            .iter()
            .chain(&self.notices)
            .filter(|notice| now.since(notice.at) < Self::NOTICE_DURATION)
            .collect();
        shown.sort_by_key(|notice| notice.at);
        shown
    }
}

fn filtered_and_sorted<'a>(snapshot: &'a Snapshot, filter: &str, sort: DropSort) -> Vec<&'a Arc<DropRecord>> {
    let needle = filter.to_lowercase();
    let mut drops: Vec<_> =
        snapshot.drops.iter().rev().filter(|drop| matches_filter(drop, &needle)).collect();
    match sort {
        DropSort::Newest => {}
        DropSort::Oldest => drops.reverse(),
        DropSort::Session => drops.sort_by_key(|drop| std::cmp::Reverse(drop.session_age)),
        DropSort::Silence => drops.sort_by_key(|drop| std::cmp::Reverse(drop.idle_in)),
        DropSort::Recovery => drops.sort_by_key(|drop| {
            std::cmp::Reverse(drop.recovery.as_ref().map_or(Duration::MAX, |recovery| recovery.took))
        }),
        DropSort::Error => drops.sort_by(|one, other| one.event.error_name.cmp(&other.event.error_name)),
    }
    drops
}

/// Whether any displayed word of the drop contains `needle` (lower case).
fn matches_filter(drop: &DropRecord, needle: &str) -> bool {
    let event = &drop.event;
    let recorded = [event.error_name.as_deref(), event.error_message.as_deref()].into_iter().flatten();
    let labels = [words::drop_kind(event.how), words::drop_kind_short(event.how), words::layer(event.layer)];
    needle.is_empty()
        || recorded.chain(labels).any(|word| word.to_lowercase().contains(needle))
        || format!("{} s", drop.keep_alive_secs).contains(needle)
}
