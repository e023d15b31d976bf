//! Which device is wanted, and how is it to be treated?

use crate::cli::{self, UnitPreference};
use crate::config::HumanDuration;
use crate::diagnostics::Clock;
use crate::navien::account::AccountDevice;
use crate::navien::heater::{Heater, HeaterSettings};
use crate::navien::protocol::TemperatureUnit;
use crate::navien::protocol::topic::{self, ClientIdentity, InvalidTopicPart};

/// How often the state may be asked for, in seconds: more often is a load, less often is never.
const STATUS_INTERVAL_SECS: std::ops::RangeInclusive<u64> = 10..=86_400;

/// What was said about the device and the account's password.
pub(super) struct DeviceChoice {
    /// Address or name of the device.
    pub(super) name: Option<String>,
    /// Put the password into the keyring.
    pub(super) should_store_password: bool,
    heater: HeaterSettings,
}

impl DeviceChoice {
    /// What the command line says, or what is wrong with it.
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
                return Err("--status-every: give 10s to 24h, or --quiet-link to ask never.");
            }
            heater.status_interval = every;
        }
        let should_store_password = args.remember_password == Some(true);
        Ok(Self { name: args.device.clone(), should_store_password, heater })
    }

    /// The device behind the connection, under a session id of its own.
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
