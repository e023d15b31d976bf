//! The link under AWS's rules for signed URLs, over real sockets and with verified signatures.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up must fail")]

#[cfg(unix)]
mod certificate;
#[cfg(unix)]
mod command;
mod fixture;
mod link;
