//! The example recording.
