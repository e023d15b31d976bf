//! The devices of the account, as the cloud describes them.

use serde_json::{Value, json};

use crate::lab::heater::{HeaterControl, HeaterIdentity};

/// Home of the account.
const HOME_NUMBER: u32 = 25_004;

/// Whether a device is connected.
#[derive(Clone)]
pub enum Presence {
    /// As the simulated heater is now.
    Heater(HeaterControl),
    /// Never.
    Offline,
}

/// A device in the account's list.
#[derive(Clone)]
pub struct ListedDevice {
    /// Its identity.
    pub identity: HeaterIdentity,
    /// The name given by the owner.
    pub name: String,
    /// Whether it is connected.
    pub presence: Presence,
    /// Whether the owner has entered its location; otherwise `location` is empty.
    pub has_location: bool,
}

impl ListedDevice {
    /// The device of the simulated heater.
    pub fn heater(control: HeaterControl) -> Self {
        Self {
            identity: control.identity().clone(),
            name: "NWP500".to_owned(),
            presence: Presence::Heater(control),
            has_location: true,
        }
    }

    /// A device that does not exist, to fill the list; each `number` (0–65535) is another device.
    pub fn offline(number: u16) -> Self {
        let mac_address = format!("aabbcc00{number:04x}");
        let identity = HeaterIdentity {
            mac_address,
            additional_value: format!("{number:04}"),
            ..HeaterIdentity::default()
        };
        Self { identity, name: format!("Heater {number}"), presence: Presence::Offline, has_location: false }
    }

    /// An element of the device list, or the answer about one device.
    pub(super) fn describe(&self) -> Value {
        let is_connected = match &self.presence {
            Presence::Heater(heater) => heater.is_online(),
            Presence::Offline => false,
        };
        let location = if self.has_location {
            json!({
                "state": "California",
                "city": "Anytown",
                "address": "123 Main Street",
                "latitude": null,
                "longitude": null,
                "altitude": null,
            })
        } else {
            json!({})
        };
        json!({
            "deviceInfo": {
                "homeSeq": HOME_NUMBER,
                "macAddress": self.identity.mac_address,
                "additionalValue": self.identity.additional_value,
                "deviceType": self.identity.device_type,
                "deviceName": self.name,
                "connected": if is_connected { 2 } else { 1 },
                "installType": "R",
            },
            "location": location,
        })
    }
}
