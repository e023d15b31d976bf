//! What has the device told so far?

use std::collections::BTreeSet;

use crate::navien::protocol::timetable::{RecirculationPeriod, Reservation, TariffPeriod, Timetable};
use crate::navien::protocol::{DisplayUnits, EnergyReport, Feature, Status, TemperatureUnit};

/// Other clients of the device that are told apart.
const MAX_OTHER_CLIENTS: usize = 16;

/// What the device has told so far.
#[derive(Debug, Default)]
pub(super) struct HeaterState {
    pub(super) status: Option<Box<Status>>,
    pub(super) feature: Option<Box<Feature>>,
    pub(super) energy: Option<EnergyReport>,
    pub(super) reservations: Option<Timetable<Reservation>>,
    pub(super) weekly: Option<Timetable<Reservation>>,
    pub(super) recirculation: Option<Timetable<RecirculationPeriod>>,
    pub(super) tariff: Option<Timetable<TariffPeriod>>,
    /// Answers that were no JSON object.
    pub(super) unreadable: u64,
    /// Other clients that were heard to speak with the device.
    pub(super) other_clients: BTreeSet<String>,
    /// Somebody else uses this connection's client id.
    pub(super) has_duplicate_client: bool,
}

impl HeaterState {
    /// How to show what it told: in the unit chosen, or else in its own.
    pub(super) fn view(&self, chosen: Option<TemperatureUnit>) -> DisplayUnits {
        match (&self.status, &self.feature) {
            (Some(status), _) => status.view(chosen),
            (None, Some(feature)) => feature.view(chosen),
            (None, None) => DisplayUnits::of(chosen.unwrap_or_default()),
        }
    }

    /// Another client spoke with the device.
    pub(super) fn add_client(&mut self, client_id: &str) {
        if self.other_clients.len() < MAX_OTHER_CLIENTS {
            self.other_clients.insert(client_id.to_owned());
        }
    }
}
