//! How a client reaches its broker: the transport and the protocol version.

use serde::{Deserialize, Serialize};

use super::recorded_word::Word;

/// How bytes reach the broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Plain TCP.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket over TCP.
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// Whether TLS is used.
    pub fn is_tls(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// Whether WebSocket is used.
    pub fn is_websocket(self) -> bool {
        matches!(self, Self::Ws | Self::Wss)
    }

    /// The word used in recordings: `tcp`, `tls`, `ws`, `wss`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The URL scheme that dropscope writes: `mqtt`, `mqtts`, `ws`, `wss`.
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Tcp => "mqtt",
            Self::Tls => "mqtts",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The transport of a URL scheme in lower case; `tcp`, `ssl` and `tls` are in use as well.
    pub fn from_scheme(scheme: &str) -> Option<Self> {
        match scheme {
            "mqtt" | "tcp" => Some(Self::Tcp),
            "mqtts" | "ssl" | "tls" => Some(Self::Tls),
            "ws" => Some(Self::Ws),
            "wss" => Some(Self::Wss),
            _ => None,
        }
    }
}

impl Word for Transport {
    const ALL: &'static [Self] = &[Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    fn name(self) -> &'static str {
        self.name()
    }
}

/// The protocol version of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum MqttVersion {
    /// MQTT 3.1.1 (protocol level 4).
    #[serde(rename = "3.1.1")]
    V311,
    /// MQTT 5 (protocol level 5).
    #[serde(rename = "5")]
    V5,
}

impl MqttVersion {
    /// The word used in recordings: `3.1.1`, `5`.
    pub fn name(self) -> &'static str {
        match self {
            Self::V311 => "3.1.1",
            Self::V5 => "5",
        }
    }
}

impl Word for MqttVersion {
    const ALL: &'static [Self] = &[Self::V311, Self::V5];

    fn name(self) -> &'static str {
        self.name()
    }
}

/// The protocol version a client requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum VersionChoice {
    /// 5 first, 3.1.1 if the broker does not know it; what worked is remembered.
    #[serde(rename = "auto")]
    Auto,
    /// MQTT 3.1.1 only.
    #[serde(rename = "3.1.1")]
    V311,
    /// MQTT 5 only.
    #[serde(rename = "5")]
    V5,
}

impl VersionChoice {
    /// The word used in recordings and in the configuration: `auto`, `3.1.1`, `5`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::V311 => MqttVersion::V311.name(),
            Self::V5 => MqttVersion::V5.name(),
        }
    }
}

impl From<MqttVersion> for VersionChoice {
    fn from(version: MqttVersion) -> Self {
        match version {
            MqttVersion::V311 => Self::V311,
            MqttVersion::V5 => Self::V5,
        }
    }
}

impl Word for VersionChoice {
    const ALL: &'static [Self] = &[Self::Auto, Self::V311, Self::V5];

    fn name(self) -> &'static str {
        self.name()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scheme_that_is_written_is_read_back() {
        for transport in Transport::ALL {
            assert_eq!(Transport::from_scheme(transport.scheme()), Some(*transport));
            assert_eq!(Transport::from_scheme(transport.name()), Some(*transport));
        }
        assert_eq!(Transport::from_scheme("https"), None);
    }

    #[test]
    fn a_version_choice_is_written_in_recording_and_configuration_alike() {
        for choice in VersionChoice::ALL {
            let text = serde_json::to_string(choice).expect("JSON");
            assert_eq!(text, format!("\"{}\"", choice.name()));
        }
        assert_eq!(VersionChoice::from(MqttVersion::V5), VersionChoice::V5);
    }
}
