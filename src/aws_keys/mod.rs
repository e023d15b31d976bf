//! With which keys does this user sign for AWS, and for which region?
//!
//! Where they are looked for is what users know from AWS's own tools: the environment, then the profile
//! files. The files are read again for every deep attempt, so that rotated keys are picked up.
//!
//! *Must not know* the monitor, the screens, the configuration.

mod profile;
mod signer;
mod source;

pub use signer::KeySigner;
pub use source::{EnvLookup, ExpiringCredentials, KeyError, KeySource, region_of};
