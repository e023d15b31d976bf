//! What is in a device's timetables, and what may be written into them?

mod calendar;
mod entry;
mod list;

pub use calendar::{Season, Week};
pub use entry::{RecirculationPeriod, Reservation, TariffPeriod, price};
pub use list::{MAX_WRITTEN_ENTRIES, Timetable, TimetableEntry};
