//! What AWS IoT Core requires of a client before MQTT begins: the signature on the WebSocket's URL.
//!
//! Both ends use it: the link to sign, the lab to verify.
//!
//! *Must not depend on* any other module, a socket or a clock: keys and times come in, text goes out.

mod sigv4;

pub use sigv4::{Credentials, PresignedUrl, SignatureError, SigningTarget, presign};
