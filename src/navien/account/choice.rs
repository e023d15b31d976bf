//! Which of the account's devices is meant?

use super::Device;

/// The device to watch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The device.
    pub device: Device,
    /// Others would have done as well; the user should be told.
    pub is_ambiguous: bool,
}

/// Why there is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoChoice {
    /// The account has no device.
    #[error("there is no device in this account")]
    NoDevice,
    /// Nothing in the account is called that.
    #[error("no device of this account has that address or name")]
    Unknown,
    /// More than one is.
    #[error("more than one device of this account has that name; give the address of one")]
    Several,
}

/// The device with that address (with or without separators) or name (in any case); without `wanted` the
/// only one, or the first that is online, or the first.
///
/// # Errors
/// When nothing or too much fits.
pub fn choose(devices: &[Device], wanted: Option<&str>) -> Result<Choice, NoChoice> {
    let Some(wanted) = wanted else {
        let online = devices.iter().find(|device| device.is_online == Some(true));
        let device = online.or(devices.first()).cloned().ok_or(NoChoice::NoDevice)?;
        return Ok(Choice { device, is_ambiguous: devices.len() > 1 });
    };
    let address = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let by_address = devices.iter().find(|device| address(&device.mac_address) == address(wanted));
    let named = |device: &&Device| device.name.trim().to_lowercase() == wanted.trim().to_lowercase();
    if let Some(device) = by_address {
        return Ok(Choice { device: device.clone(), is_ambiguous: false });
    }
    let mut by_name = devices.iter().filter(named);
    let device = by_name.next().ok_or(NoChoice::Unknown)?;
    if by_name.next().is_some() {
        return Err(NoChoice::Several);
    }
    Ok(Choice { device: device.clone(), is_ambiguous: false })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(mac_address: &str, name: &str, is_online: bool) -> Device {
        Device {
            mac_address: mac_address.into(),
            additional_value: String::new(),
            device_type: 52,
            name: name.into(),
            is_online: Some(is_online),
            install_type: None,
        }
    }

    #[test]
    fn by_address_by_name_or_by_being_there() {
        let devices = [
            device("aabbccddee01", "Cellar", false),
            device("aabbccddee02", "Attic", true),
            device("aabbccddee03", "Garage", true),
            device("aabbccddee04", "garage", false),
        ];
        let chosen = |wanted| choose(&devices, wanted).map(|choice| choice.device.mac_address);
        for (wanted, expected) in [
            (None, Ok("aabbccddee02")),
            (Some("AA:BB:CC:DD:EE:01"), Ok("aabbccddee01")),
            (Some("aabbccddee04"), Ok("aabbccddee04")),
            (Some(" attic "), Ok("aabbccddee02")),
            (Some("Garage"), Err(NoChoice::Several)),
            (Some("nowhere"), Err(NoChoice::Unknown)),
            (Some(""), Err(NoChoice::Unknown)),
        ] {
            assert_eq!(chosen(wanted), expected.map(str::to_owned), "{wanted:?}");
        }
        assert!(choose(&devices, None).unwrap().is_ambiguous);
        assert!(!choose(&devices[..1], None).unwrap().is_ambiguous, "the only one, though offline");
        assert_eq!(choose(&devices[..1], None).unwrap().device, devices[0]);
        assert_eq!(choose(&[], None), Err(NoChoice::NoDevice));
    }
}
