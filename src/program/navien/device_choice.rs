//! The choice of the device and its settings.

use crate::cli::{self, UnitPreference};
use crate::config::HumanDuration;
use crate::diagnostics::Clock;
use crate::navien::account::Device;
use crate::navien::heater::{Heater, HeaterSettings};
use crate::navien::protocol::TemperatureUnit;
use crate::navien::protocol::topic::{self, BadName, Client};

/// Allowed polling intervals in seconds.
const STATUS_INTERVAL_SECS: std::ops::RangeInclusive<u64> = 10..=86_400;

/// The arguments that concern the device and the password of the account.
pub(super) struct DeviceChoice {
    /// Address or name of the device.
    pub(super) name: Option<String>,
    /// Store the password in the keyring.
    pub(super) should_store_password: bool,
    heater: HeaterSettings,
}

impl DeviceChoice {
    /// The choice of the command line, or the mistake in it.
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
                return Err("--status-every: give 10s to 24h, or --quiet-link to disable polling.");
            }
            heater.status_every = every;
        }
        let should_store_password = args.remember_password == Some(true);
        Ok(Self { name: args.device.clone(), should_store_password, heater })
    }

    /// The device behind the connection, under a session id of its own.
    pub(super) fn build_heater(
        self,
        device: &Device,
        client_id: &str,
        clock: &dyn Clock,
    ) -> Result<Heater, BadName> {
        let Device { device_type, mac_address, additional_value, name, .. } = device;
        let address = topic::Device::new(*device_type, mac_address, additional_value)?;
        let client = Client::new(client_id, &format!("{:032x}", rand::random::<u128>()))?;
        Ok(Heater::new(name, address, client, self.heater, clock.now().wall))
    }
}
