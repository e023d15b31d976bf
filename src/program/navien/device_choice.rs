//! The device to watch and its settings, from the command line.

use crate::cli::{self, UnitPreference};
use crate::config::HumanDuration;
use crate::diagnostics::Clock;
use crate::navien::account::AccountDevice;
use crate::navien::heater::{Heater, HeaterSettings};
use crate::navien::protocol::TemperatureUnit;
use crate::navien::protocol::topic::{self, ClientIdentity, InvalidTopicPart};

/// Allowed interval of status requests, in seconds.
const STATUS_INTERVAL_SECS: std::ops::RangeInclusive<u64> = 10..=86_400;

/// The choice of the device, and whether to store the account's password.
pub(super) struct DeviceChoice {
    /// Address or name of the device.
    pub(super) name: Option<String>,
    /// Store the password in the keyring.
    pub(super) should_store_password: bool,
    heater: HeaterSettings,
}

impl DeviceChoice {
    /// Reads the command line, or explains what is wrong with it.
    pub(super) fn from_args(args: &cli::NavienArgs) -> Result<Self, &'static str> {
        let mut heater = HeaterSettings {
            unit: match args.unit {
                UnitPreference::Device => None,
                UnitPreference::Celsius => Some(TemperatureUnit::Celsius),
                UnitPreference::Fahrenheit => Some(TemperatureUnit::Fahrenheit),
            },
            allow_one_way: args.allow_one_way.unwrap_or(false),
            ..HeaterSettings::default()
        };
        if let Some(HumanDuration(every)) = args.status_every {
            if !STATUS_INTERVAL_SECS.contains(&every.as_secs()) {
                return Err("--status-every: give 10s to 24h, or --quiet-link for no requests.");
            }
            heater.status_interval = every;
        }
        let should_store_password = args.remember_password == Some(true);
        Ok(Self { name: args.device.clone(), should_store_password, heater })
    }

    /// The device behind the connection, with a new session id.
    pub(super) fn build_heater(
        self,
        device: &AccountDevice,
        client_id: &str,
        clock: &dyn Clock,
    ) -> Result<Heater, InvalidTopicPart> {
        let AccountDevice { device_type, mac_address, additional_value, name, .. } = device;
        let address = topic::DeviceAddress::new(*device_type, mac_address, additional_value)?;
        let client = ClientIdentity::new(client_id, &format!("{:032x}", rand::random::<u128>()))?;
        Ok(Heater::new(name, address, client, self.heater, clock.now().wall))
    }
}
