//! The devices of the account, read from the cloud's answers.
//!
//! The `location` in the answers is not read: nothing here needs it.

use std::fmt;

use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};

use super::fields;

/// Device type of the NWP500, used where the cloud reports none.
const DEFAULT_DEVICE_TYPE: u16 = 52;
/// Values of `connected` for a device that is online and for one that is offline.
const ONLINE: i64 = 2;
const OFFLINE: i64 = 1;

/// A device of the account. `Debug` does not show its address.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountDevice {
    /// 12 hex digits as the cloud writes them; part of the device's topics.
    pub mac_address: String,
    /// The cloud requires it in requests about the device.
    pub additional_value: String,
    /// 52 for the NWP500; part of the device's topics.
    pub device_type: u16,
    /// The name given by the owner. Not safe to print raw.
    pub name: String,
    /// Whether the device is connected to the cloud; `None` for an unknown value.
    pub is_online: Option<bool>,
    /// "R" residential, "C" commercial.
    pub install_type: Option<String>,
}

impl fmt::Debug for AccountDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountDevice")
            .field("device_type", &self.device_type)
            .field("is_online", &self.is_online)
            .finish_non_exhaustive()
    }
}

/// One page of the list: the valid devices and the number of elements.
#[derive(Debug, Default)]
pub(super) struct DevicePage {
    pub(super) devices: Vec<AccountDevice>,
    pub(super) length: usize,
}

/// A device as the cloud describes it; `None` if there is no address in it.
pub(super) struct DeviceInfoResponse(pub(super) Option<AccountDevice>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceElement {
    #[serde(default)]
    device_info: Option<DeviceInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct DeviceInfo {
    #[serde(default, deserialize_with = "fields::text")]
    mac_address: Option<String>,
    #[serde(default, deserialize_with = "fields::text")]
    additional_value: Option<String>,
    #[serde(default, deserialize_with = "fields::integer")]
    device_type: Option<i64>,
    #[serde(default, deserialize_with = "fields::text")]
    device_name: Option<String>,
    #[serde(default, deserialize_with = "fields::integer")]
    connected: Option<i64>,
    #[serde(default, deserialize_with = "fields::text")]
    install_type: Option<String>,
}

impl DeviceElement {
    /// An address becomes part of topics, so it may contain ASCII letters and digits only.
    fn device(self) -> Option<AccountDevice> {
        let info = self.device_info?;
        let mac_address = info.mac_address?;
        let is_address =
            !mac_address.is_empty() && mac_address.bytes().all(|byte| byte.is_ascii_alphanumeric());
        is_address.then(|| AccountDevice {
            mac_address,
            additional_value: info.additional_value.unwrap_or_default(),
            device_type: info
                .device_type
                .and_then(|kind| kind.try_into().ok())
                .unwrap_or(DEFAULT_DEVICE_TYPE),
            name: info.device_name.unwrap_or_default(),
            is_online: match info.connected {
                Some(ONLINE) => Some(true),
                Some(OFFLINE) => Some(false),
                _ => None,
            },
            install_type: info.install_type,
        })
    }
}

impl<'de> Deserialize<'de> for DeviceInfoResponse {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        DeviceElement::deserialize(from).map(|element| Self(element.device()))
    }
}

impl<'de> Deserialize<'de> for DevicePage {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(DevicePageVisitor)
    }
}

struct DevicePageVisitor;

/// A valid element, or anything else in its place.
#[derive(Deserialize)]
#[serde(untagged)]
enum PageElement {
    Device(DeviceElement),
    Other(IgnoredAny),
}

impl<'de> Visitor<'de> for DevicePageVisitor {
    type Value = DevicePage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of devices")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<DevicePage, A::Error> {
        let mut page = DevicePage::default();
        while let Some(item) = items.next_element::<PageElement>()? {
            page.length += 1;
            if let PageElement::Device(element) = item {
                page.devices.extend(element.device());
            }
        }
        Ok(page)
    }

    fn visit_unit<E>(self) -> Result<DevicePage, E> {
        Ok(DevicePage::default())
    }
}

/// Requests a part of the list.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeviceListRequest<'a> {
    pub(super) offset: usize,
    pub(super) count: usize,
    pub(super) user_id: &'a str,
}

/// Requests one device.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeviceInfoRequest<'a> {
    pub(super) mac_address: &'a str,
    pub(super) additional_value: &'a str,
    pub(super) user_id: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_invalid_element_affects_no_other() {
        let list = r#"[
            {"deviceInfo": {"macAddress": "aabbccddeeff", "additionalValue": 5322, "deviceType": "52",
                            "deviceName": "NWP500", "connected": 2, "installType": "R"}, "location": {}},
            {"deviceInfo": {"macAddress": "aabbccddee00", "connected": 7}},
            {"deviceInfo": {"macAddress": "aabb/#/+"}}, {"deviceInfo": null}, {"deviceInfo": {}}, {}, null, 7, "x",
            {"deviceInfo": {"macAddress": "aabbccddee01", "deviceName": null, "connected": "1"}, "location": 3}
        ]"#;
        let page: DevicePage = serde_json::from_str(list).unwrap();
        let parsed: Vec<_> = page
            .devices
            .iter()
            .map(|device| {
                (device.mac_address.as_str(), device.name.as_str(), device.device_type, device.is_online)
            })
            .collect();
        assert_eq!(page.length, 10);
        assert_eq!(
            parsed,
            [
                ("aabbccddeeff", "NWP500", 52, Some(true)),
                ("aabbccddee00", "", 52, None),
                ("aabbccddee01", "", 52, Some(false))
            ]
        );
        assert_eq!(page.devices[0].additional_value, "5322");
        assert!(!format!("{page:?}").contains("aabb"));
        assert_eq!(serde_json::from_str::<DevicePage>("null").unwrap().length, 0);
        assert!(serde_json::from_str::<DevicePage>("{}").is_err());
    }
}
