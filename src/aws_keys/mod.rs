//! The AWS keys and the region of this user.
//!
//! They are searched in the order of AWS's own tools: the environment, then the profile files. The files are
//! read again for every deep attempt, so that rotated keys are picked up.
//!
//! *Must not depend on* the monitor, the screens, or the configuration.

mod profile;
mod signer;
mod source;

pub use signer::KeySigner;
pub use source::{EnvLookup, ExpiringCredentials, KeyError, KeySource, region_of};
