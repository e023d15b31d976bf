//! The table of key bindings: every action with its keys, its scope and its help text.

use super::{Binding, Scope};

/// An action of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Leave the program.
    Quit,
    /// Stop the program and give the terminal back to the shell (`fg` continues).
    Suspend,
    /// Show or hide the help popup.
    Help,
    /// Close the topmost of popup, detail, filter, frozen view, scroll.
    Close,
    /// Show the Overview.
    Overview,
    /// Show the Drops screen.
    Drops,
    /// Show the Device screen.
    Device,
    /// Choose a command of the device.
    Command,
    /// Request the state of the device.
    RequestStatus,
    /// Show or hide every reported value of the device.
    Details,
    /// Next screen.
    NextScreen,
    /// Previous screen.
    PreviousScreen,
    /// One row up.
    Up,
    /// One row down.
    Down,
    /// One page up.
    PageUp,
    /// One page down.
    PageDown,
    /// To the first row.
    First,
    /// To the last row.
    Last,
    /// Timeline: back in time. Detail: the row above in the list.
    Left,
    /// Timeline: towards now. Detail: the row below in the list.
    Right,
    /// Show or hide the verdict in full.
    Why,
    /// Open the selected drop.
    Open,
    /// The next shorter keep-alive of the fixed steps.
    KeepAliveDown,
    /// The next longer keep-alive of the fixed steps.
    KeepAliveUp,
    /// Type a keep-alive.
    KeepAliveType,
    /// Run the test that separates two causes, or end it.
    Separate,
    /// Close and connect again.
    Reconnect,
    /// Rebuild everything and connect again.
    DeepReconnect,
    /// Disconnect, or connect.
    ToggleConnection,
    /// Write the JSON export.
    Export,
    /// Write the Markdown report.
    Report,
    /// Record a note.
    Note,
    /// In a simulation: choose a fault to inject now.
    Inject,
    /// Timeline: show less time.
    ZoomIn,
    /// Timeline: show more time.
    ZoomOut,
    /// Freeze or unfreeze the view.
    Freeze,
    /// Copy a summary to the clipboard.
    Copy,
    /// Filter the drops table.
    Filter,
    /// Next order of the drops table.
    Sort,
    /// Replay: pause or resume.
    PlayPause,
    /// Replay: to the previous drop.
    PreviousDrop,
    /// Replay: to the next drop.
    NextDrop,
    /// Replay: the next lower speed.
    Slower,
    /// Replay: the next higher speed.
    Faster,
    /// Replay: a little back.
    ScrubBack,
    /// Replay: a little forward.
    ScrubForward,
    /// Replay: to the first event.
    Beginning,
    /// Replay: to the last event.
    End,
}

impl Action {
    /// Whether it acts on the connection or its recording; such actions do nothing in a replay.
    pub fn needs_connection(self) -> bool {
        matches!(
            self,
            Self::KeepAliveDown
                | Self::KeepAliveUp
                | Self::KeepAliveType
                | Self::Separate
                | Self::Note
                | Self::Reconnect
                | Self::DeepReconnect
                | Self::ToggleConnection
                | Self::Inject
                | Self::Command
                | Self::RequestStatus
        )
    }

    /// Whether it requires a device or sent commands.
    pub(super) fn needs_device(self) -> bool {
        matches!(self, Self::Device | Self::Command | Self::RequestStatus | Self::Details)
    }

    /// The help text in a replay, where it differs.
    pub(super) fn help_in_replay(self) -> Option<&'static str> {
        match self {
            Self::Freeze => Some("freeze or unfreeze the view; the replay continues"),
            Self::Export => Some("write the JSON export as of this moment"),
            Self::Report => Some("write the Markdown report as of this moment"),
            Self::Suspend => Some("suspend to the shell; fg returns"),
            Self::Quit => Some("quit the replay"),
            _ => None,
        }
    }
}

macro_rules! table {
    ($($action:ident $name:literal [$($key:literal)*] $scope:ident $label:expr, $help:literal;)*) => {
        impl Action {
            /// Every action.
            pub const ALL: &[Self] = &[$(Self::$action),*];

            /// The name used in the configuration.
            pub fn name(self) -> &'static str {
                match self { $(Self::$action => $name),* }
            }
        }

        /// The default bindings. The order is that of footer and help.
        pub(super) fn defaults() -> Vec<Binding> {
            vec![$(Binding {
                action: Action::$action,
                keys: [$($key),*].into_iter().filter_map(|key: &str| key.parse().ok()).collect(),
                scope: Scope::$scope,
                help: $help,
                label: $label,
            }),*]
        }
    };
}

table! {
    Overview         "overview"          ["1"]                  Everywhere Some("Overview"), "Overview: everything at a glance";
    Drops            "drops"             ["2"]                  Everywhere Some("Drops"), "Drops: every drop, and each in detail";
    Device           "device"            ["4"]                  Everywhere Some("Device"), "Device: state, commands and command history";
    Why              "why"               ["w"]                  Everywhere Some("why"), "cause of the drops in full: every pattern with its probability, for and against";
    Open             "open"              ["Enter"]              Everywhere None, "open the selected drop; on the Device screen: send the selected command";
    Filter           "filter"            ["/"]                  Drops      Some("filter"), "show only drops that contain a text";
    Sort             "sort"              ["s"]                  Drops      Some("sort"), "next order: newest, oldest, session, idle, recovery, error";
    RequestStatus    "request-status"    ["s"]                  Device     Some("status"), "request the state of the device";
    Details          "details"           ["d"]                  Device     Some("details"), "device details: every reported value, and unreadable messages";
    Command          "command"           [":"]                  Everywhere Some("command"), "find and send a device command by typing a part of its name";
    PlayPause        "play"              ["Space"]              Replay     Some("play/pause"), "pause or resume; at the end: play again";
    PreviousDrop     "previous-drop"     ["["]                  Replay     Some("drop"), "to the previous drop, and pause";
    NextDrop         "next-drop"         ["]"]                  Replay     Some("drop"), "to the next drop, and pause";
    Slower           "slower"            ["<" ","]              Replay     Some("speed"), "slower (1x 10x 60x 600x 3600x, and the whole recording in one minute)";
    Faster           "faster"            [">" "."]              Replay     Some("speed"), "faster";
    ScrubBack        "scrub-back"        ["{" "Shift-Left"]     Replay     Some("scrub"), "back by 1/100 of the timeline";
    ScrubForward     "scrub-forward"     ["}" "Shift-Right"]    Replay     Some("scrub"), "forward by 1/100 of the timeline";
    Beginning        "beginning"         ["Home"]               Replay     None, "to the first event";
    End              "end"               ["End"]                Replay     None, "to the last event";
    KeepAliveDown    "keep-alive-down"   ["-"]                  Everywhere Some("keep-alive"), "shorter keep-alive (10 15 30 60 120 240 300 600 1200 s); reconnects, not counted as a drop";
    KeepAliveUp      "keep-alive-up"     ["+" "="]              Everywhere Some("keep-alive"), "longer keep-alive";
    KeepAliveType    "keep-alive"        ["K"]                  Everywhere None, "type a keep-alive in seconds (0 = off)";
    Separate         "separate"          ["T"]                  Everywhere None, "run the test that the verdict names to separate two causes; again: end it";
    Export           "export"            ["e"]                  Everywhere Some("export"), "write the JSON export";
    Report           "report"            ["E"]                  Everywhere None, "write the Markdown report";
    Note             "note"              ["n"]                  Everywhere Some("note"), "add a note to the recording, such as: restarted the router";
    Reconnect        "reconnect"         ["r"]                  Everywhere Some("reconnect"), "close the connection and connect again";
    DeepReconnect    "deep-reconnect"    ["R"]                  Everywhere None, "rebuild everything (addresses, credentials, protocol state) and connect again";
    ToggleConnection "toggle-connection" ["x"]                  Everywhere None, "disconnect, or connect again";
    Inject           "inject"            ["!"]                  Everywhere None, "demo only: choose a fault to inject now";
    ZoomIn           "zoom-in"           ["z"]                  Overview   Some("zoom"), "timeline: show less time (2 min is the closest)";
    ZoomOut          "zoom-out"          ["Z"]                  Overview   Some("zoom"), "timeline: show more time (7 d is the widest)";
    Left             "left"              ["Left" "h"]           Everywhere None, "timeline: back in time; drop detail: the drop above in the list";
    Right            "right"             ["Right" "l"]          Everywhere None, "timeline: towards now; drop detail: the drop below in the list";
    Freeze           "freeze"            ["f" "Space"]          Everywhere Some("freeze"), "freeze or unfreeze the view; watching and recording continue";
    Copy             "copy"              ["y"]                  Everywhere Some("copy"), "copy a summary to the clipboard (the terminal must support OSC 52)";
    Up               "up"                ["Up" "k"]             Everywhere None, "one row up";
    Down             "down"              ["Down" "j"]           Everywhere None, "one row down";
    PageUp           "page-up"           ["PgUp" "Ctrl-u"]      Everywhere None, "one page up";
    PageDown         "page-down"         ["PgDn" "Ctrl-d"]      Everywhere None, "one page down";
    First            "first"             ["Home" "g"]           Everywhere None, "to the first row";
    Last             "last"              ["End" "G"]            Everywhere None, "to the last row";
    NextScreen       "next-screen"       ["Tab"]                Everywhere None, "next screen";
    PreviousScreen   "previous-screen"   ["BackTab"]            Everywhere None, "previous screen";
    Close            "close"             ["Esc"]                Everywhere None, "close the topmost of popup, detail, filter, frozen view, scroll";
    Help             "help"              ["?"]                  Everywhere Some("help"), "show or hide this help";
    Suspend          "suspend"           ["Ctrl-z"]             Everywhere None, "suspend to the shell; fg returns (watching stops meanwhile)";
    Quit             "quit"              ["q" "Ctrl-c"]         Everywhere Some("quit"), "disconnect, write the last export and quit";
}
