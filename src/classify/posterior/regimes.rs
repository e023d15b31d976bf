//! Regimes: the cause may change while the recording goes on.
