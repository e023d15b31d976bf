//! The subscriptions of one session: SUBSCRIBE packets that wait for their SUBACK, and what was granted.

use std::collections::VecDeque;

use super::engine::{FIRST_SUBSCRIBE_ID, OutboundPacket, violation};
use super::failure::Failure;
use crate::diagnostics::event::Event;

/// Most topic filters in one SUBSCRIBE (AWS IoT allows 8).
const FILTERS_PER_SUBSCRIBE: usize = 8;

/// SUBSCRIBE→SUBACK of one session.
#[derive(Debug, Default)]
pub(super) struct Subscriptions {
    unacknowledged: VecDeque<(u16, Vec<String>)>,
    active: u32,
}

impl Subscriptions {
    /// The SUBSCRIBE packets for `filters` (each with its maximum QoS).
    pub(super) fn subscribe(&mut self, filters: &[(String, u8)]) -> Vec<OutboundPacket> {
        let chunks = (FIRST_SUBSCRIBE_ID..).zip(filters.chunks(FILTERS_PER_SUBSCRIBE));
        chunks
            .map(|(pkid, filters)| {
                let names = filters.iter().map(|(filter, _)| filter.clone()).collect();
                self.unacknowledged.push_back((pkid, names));
                OutboundPacket::Subscribe { pkid, filters: filters.to_vec() }
            })
            .collect()
    }

    /// A SUBACK arrived; the event that records it.
    pub(super) fn on_suback(&mut self, pkid: u16, codes: Vec<u8>) -> Result<Event, Failure> {
        let Some(index) = self.unacknowledged.iter().position(|(id, _)| *id == pkid) else {
            return Err(violation("the broker sent an unexpected SUBACK"));
        };
        let (_, filters) = self.unacknowledged.remove(index).unwrap_or_default();
        if filters.len() != codes.len() {
            return Err(violation("the broker sent a SUBACK with the wrong number of codes"));
        }
        let granted = codes.iter().filter(|code| **code < 0x80).count();
        self.active += u32::try_from(granted).unwrap_or(u32::MAX);
        Ok(Event::Subscribed { filters, return_codes: codes })
    }

    /// Number of filters the broker granted.
    pub(super) fn active(&self) -> u32 {
        self.active
    }
}
