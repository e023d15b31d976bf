//! Tests of the broker, the gateway, the cloud and the heater through a client.

mod aws;
mod client;
mod cloud;
mod exactly_once;
mod faults;
mod gateway;
mod heater;
mod http;
mod lifecycle;
mod navien;
mod routing;
mod rumqttc_clients;
mod secure;
mod upgrade;
