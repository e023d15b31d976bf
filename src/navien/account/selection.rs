//! Selection of one device of the account.

use super::AccountDevice;

/// The selected device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedDevice {
    /// The device.
    pub device: AccountDevice,
    /// Other devices matched as well; the user should be informed.
    pub is_ambiguous: bool,
}

/// Why no device was selected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectionError {
    /// The account has no device.
    #[error("this account has no device")]
    NoDevice,
    /// No device of the account has this address or name.
    #[error("no device of this account has this address or name")]
    Unknown,
    /// Several devices match.
    #[error("several devices of this account have this name; give the address of one")]
    Ambiguous,
}

/// The device with this address (with or without separators) or name (case-insensitive). Without `name_or_address`
/// the only device, the first that is online, or the first.
///
/// # Errors
/// When no device or more than one matches.
pub fn select_device(
    devices: &[AccountDevice],
    name_or_address: Option<&str>,
) -> Result<SelectedDevice, SelectionError> {
    let Some(name_or_address) = name_or_address else {
        let online = devices.iter().find(|device| device.is_online == Some(true));
        let device = online.or(devices.first()).cloned().ok_or(SelectionError::NoDevice)?;
        return Ok(SelectedDevice { device, is_ambiguous: devices.len() > 1 });
    };
    let address = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let by_address = devices.iter().find(|device| address(&device.mac_address) == address(name_or_address));
    let named =
        |device: &&AccountDevice| device.name.trim().to_lowercase() == name_or_address.trim().to_lowercase();
    if let Some(device) = by_address {
        return Ok(SelectedDevice { device: device.clone(), is_ambiguous: false });
    }
    let mut by_name = devices.iter().filter(named);
    let device = by_name.next().ok_or(SelectionError::Unknown)?;
    if by_name.next().is_some() {
        return Err(SelectionError::Ambiguous);
    }
    Ok(SelectedDevice { device: device.clone(), is_ambiguous: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(mac_address: &str, name: &str, is_online: bool) -> AccountDevice {
        AccountDevice {
            mac_address: mac_address.into(),
            additional_value: String::new(),
            device_type: 52,
            name: name.into(),
            is_online: Some(is_online),
            install_type: None,
        }
    }

    #[test]
    fn a_device_is_selected_by_address_name_or_state() {
        let devices = [
            device("aabbccddee01", "Cellar", false),
            device("aabbccddee02", "Attic", true),
            device("aabbccddee03", "Garage", true),
            device("aabbccddee04", "garage", false),
        ];
        let selected_address = |name_or_address| {
            select_device(&devices, name_or_address).map(|selected| selected.device.mac_address)
        };
        for (name_or_address, expected) in [
            (None, Ok("aabbccddee02")),
            (Some("AA:BB:CC:DD:EE:01"), Ok("aabbccddee01")),
            (Some("aabbccddee04"), Ok("aabbccddee04")),
            (Some(" attic "), Ok("aabbccddee02")),
            (Some("Garage"), Err(SelectionError::Ambiguous)),
            (Some("nowhere"), Err(SelectionError::Unknown)),
            (Some(""), Err(SelectionError::Unknown)),
        ] {
            assert_eq!(selected_address(name_or_address), expected.map(str::to_owned), "{name_or_address:?}");
        }
        assert!(select_device(&devices, None).unwrap().is_ambiguous);
        assert!(
            !select_device(&devices[..1], None).unwrap().is_ambiguous,
            "the only device is selected although it is offline"
        );
        assert_eq!(select_device(&devices[..1], None).unwrap().device, devices[0]);
        assert_eq!(select_device(&[], None), Err(SelectionError::NoDevice));
    }
}
