//! The state of a water heater, as reported so far.

use std::collections::BTreeSet;

use crate::navien::protocol::timetable::{RecirculationPeriod, Reservation, TariffPeriod, Timetable};
use crate::navien::protocol::{DisplayUnits, EnergyReport, Feature, Status, TemperatureUnit};

/// Maximum number of other clients that are counted.
const MAX_OTHER_CLIENTS: usize = 16;

/// The latest message of each kind.
#[derive(Debug, Default)]
pub(super) struct HeaterState {
    pub(super) status: Option<Box<Status>>,
    pub(super) feature: Option<Box<Feature>>,
    pub(super) energy: Option<EnergyReport>,
    pub(super) reservations: Option<Timetable<Reservation>>,
    pub(super) weekly: Option<Timetable<Reservation>>,
    pub(super) recirculation: Option<Timetable<RecirculationPeriod>>,
    pub(super) tariff: Option<Timetable<TariffPeriod>>,
    /// Answers that were not a JSON object.
    pub(super) unreadable: u64,
    /// Other clients seen in requests to the device.
    pub(super) other_clients: BTreeSet<String>,
    /// Another program uses this connection's client id.
    pub(super) has_duplicate_client: bool,
}

impl HeaterState {
    /// Units to show values in: the chosen unit, or the device's own.
    pub(super) fn view(&self, chosen: Option<TemperatureUnit>) -> DisplayUnits {
        match (&self.status, &self.feature) {
            (Some(status), _) => status.view(chosen),
            (None, Some(feature)) => feature.view(chosen),
            (None, None) => DisplayUnits::of(chosen.unwrap_or_default()),
        }
    }

    /// Counts another client of the device.
    pub(super) fn add_client(&mut self, client_id: &str) {
        if self.other_clients.len() < MAX_OTHER_CLIENTS {
            self.other_clients.insert(client_id.to_owned());
        }
    }
}
