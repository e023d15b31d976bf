//! Options of the fault gateway.

/// Time scale and random seed of a gateway.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GatewayOptions {
    /// Two gateways with the same seed and faults inject at the same times.
    pub seed: u64,
    /// Field seconds per real second; a value that is not positive counts as 1.
    pub scale: f64,
    /// The wall clock at the start of the gateway, in field seconds since the Unix epoch; for
    /// [`PathFault::Schedule`](super::PathFault::Schedule).
    pub wall_secs: f64,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self { seed: 0, scale: 1.0, wall_secs: 0.0 }
    }
}
