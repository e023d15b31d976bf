//! What does the link make of AWS's rules about signed URLs? Real sockets, signatures checked for real.

#![expect(clippy::unwrap_used, reason = "a test that cannot set its scene must fail")]

#[cfg(unix)]
mod certificate;
#[cfg(unix)]
mod command;
mod fixture;
mod link;
