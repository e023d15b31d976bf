//! What AWS IoT Core asks of a client before MQTT begins: the signature on the WebSocket's URL.
//!
//! Both ends use it: the link to sign, the lab to check.
//!
//! *Must not know* any other room, a socket or a clock: keys and times come in, text goes out.

mod sigv4;

pub use sigv4::{Credentials, PresignedUrl, SignatureError, SigningTarget, presign};
