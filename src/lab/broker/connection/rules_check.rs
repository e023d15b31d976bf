//! The check of a packet against the rules of AWS IoT Core, before it is handled.

use super::{ClientConnection, MAX_IN_FLIGHT};
use crate::lab::aws::AwsDecision;
use crate::lab::packet::{ClientPacket, PROTOCOL_ERROR, put_codes};

const TOPIC_ALIAS_INVALID: u8 = 0x94;

impl ClientConnection {
    /// Replaces the topic alias by its topic, then checks the rules. `Ok(None)`: the packet is ignored.
    ///
    /// # Errors
    /// The reason code that ends the connection; a SUBACK to be sent before is in the outbox of the pipe.
    pub(super) fn check_rules(&mut self, mut packet: ClientPacket) -> Result<Option<ClientPacket>, u8> {
        self.resolve_alias(&mut packet)?;
        let Some(rules) = self.state.options().aws.as_ref() else { return Ok(Some(packet)) };
        match rules.check_packet(self.connect.version, &packet, &mut self.rules_state) {
            AwsDecision::Pass => Ok(Some(packet)),
            AwsDecision::Ignore => Ok(None),
            AwsDecision::Close { reason, suback } => {
                if let ClientPacket::Subscribe { packet_id, .. } = packet
                    && !suback.is_empty()
                {
                    put_codes(self.connect.version, 0x90, packet_id, &suback, &mut self.pipe.write_buffer);
                }
                Err(reason)
            }
        }
    }

    /// The number of unacknowledged QoS 1 messages allowed for this client.
    pub(super) fn max_in_flight(&self) -> usize {
        let rules = self.state.options().aws.as_ref();
        rules.map_or(MAX_IN_FLIGHT, |rules| usize::from(rules.limits().receive_maximum))
    }

    /// Resolves a topic alias (MQTT 5 §3.3.2.3.4). Without rules no aliases are announced, so none may be used.
    fn resolve_alias(&mut self, packet: &mut ClientPacket) -> Result<(), u8> {
        let ClientPacket::Publish { message, alias, .. } = packet else { return Ok(()) };
        let Some(alias) = *alias else { return Ok(()) };
        let max_alias = self.state.options().aws.as_ref().map_or(0, |rules| rules.limits().topic_aliases);
        if !(1..=max_alias).contains(&alias) {
            return Err(TOPIC_ALIAS_INVALID);
        }
        if message.topic.is_empty() {
            message.topic.clone_from(self.aliases.get(&alias).ok_or(PROTOCOL_ERROR)?);
        } else {
            self.aliases.insert(alias, message.topic.clone());
        }
        Ok(())
    }
}
