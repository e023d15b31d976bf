//! The read model: everything that screens, lines, pictures and reports read, and what they can request.
//!
//! Pure, like [`diagnostics`](crate::diagnostics) and [`classify`](crate::classify): no I/O, no tasks, no channels. The
//! monitor and the replay fill it, [`tui`](crate::tui) and [`headless`](crate::headless) read it, so that neither side
//! imports the other.
//!
//! * [`EventFold`] is the only place that puts the two folds (state and verdict) together and converts recorded time to
//!   field time.
//! * [`LiveState`] is one immutable value: [`Snapshot`](crate::diagnostics::Snapshot), verdict and [`RuntimeStatus`].
//! * [`MonitorRequest`] is a request to the monitor or the replay, [`Notice`] its short answer.
//!
//! [`LinkActivity`](crate::diagnostics::LinkActivity) and
//! [`RecorderState`](crate::diagnostics::recording::RecorderState) are parts of the read model too. They are defined in
//! [`diagnostics`](crate::diagnostics), because the link and the recorder report them and must not depend on the
//! classifier or the device.
//!
//! *Must not depend on* the monitor, the replay, screens, files, sockets or a clock.

mod event_fold;
mod live_state;
mod notice;
mod request;
mod runtime_status;

pub use event_fold::{DiagnosticState, EventFold};
pub use live_state::LiveState;
pub use notice::{Notice, NoticeKind, NoticeLog};
pub use request::{MonitorRequest, PlaybackAction};
pub use runtime_status::{ReplayStatus, RuntimeStatus, Simulation};
