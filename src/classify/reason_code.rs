//! The MQTT 5 reason codes that name a cause by themselves.

/// Not authorized.
pub(super) const NOT_AUTHORIZED: u8 = 0x87;
/// Keep-alive timeout.
pub(super) const KEEP_ALIVE_TIMEOUT: u8 = 0x8D;
/// Session taken over.
pub(super) const SESSION_TAKEN_OVER: u8 = 0x8E;
