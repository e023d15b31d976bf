//! The timetables of the device: reservations, tariff and recirculation.

mod calendar;
mod entry;
mod list;

pub use calendar::{Season, Week};
pub use entry::{RecirculationPeriod, Reservation, TariffPeriod, price};
pub use list::{MAX_WRITTEN_ENTRIES, Timetable, TimetableEntry};
