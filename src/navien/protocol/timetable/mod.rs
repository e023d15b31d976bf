//! What is in a device's timetables, and what may be written into them?

mod entry;
mod list;
mod when;

pub use entry::{RecirculationPeriod, Reservation, TariffPeriod, price};
pub use list::{Entry, MOST_WRITTEN, Timetable};
pub use when::{Season, Week};
