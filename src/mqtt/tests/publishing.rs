use bytes::Bytes;

use super::*;
use crate::mqtt::Publish;

/// A message of `bytes` zeroes.
pub(super) fn publish(topic: &str, qos: u8, bytes: usize) -> Publish {
    Publish {
        topic: topic.to_owned(),
        payload: Bytes::from(vec![0; bytes]),
        qos,
        retain: false,
        name: topic.to_owned(),
        correlation_id: None,
    }
}
