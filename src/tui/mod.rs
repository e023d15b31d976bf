//! The screens: draws the newest published state and turns keys into requests.
//!
//! *Must not know* the link, sockets, files or where events come from: it reads
//! [`Published`](crate::monitor::Published) and sends [`Request`](crate::monitor::Request)s.

pub mod format;
pub mod keymap;
pub mod model;
pub mod picture;
pub mod text;
pub mod theme;
pub mod view;
