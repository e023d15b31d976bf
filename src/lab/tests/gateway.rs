//! The gateway seen from a client's side.

mod scene;
mod sessions;
