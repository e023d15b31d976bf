//! dropscope: a terminal scope for MQTT connection drops.
//!
//! It watches one connection for days, shows every drop, and says how it died. This page is the
//! architecture document; every room (folder) says in its own documentation what it must not know.
//!
//! # Bird's-eye view
//!
//! ```text
//!  keys ─► Action ─► update(&mut Model) ──Effect──► Request (bounded mpsc, try_send)
//!                                                         │
//!         ┌─ mqtt: wire + protocol ─┐   Event     ┌───────▼───────┐  Arc<Published>  ┌─ tui: view(&Model, &Published)
//!  broker ┤ DNS TCP TLS WS   MQTT   ├───────────► │    monitor    ├───── watch ─────►├─ headless: lines, summary
//!         └─────────────────────────┘             │ record, fold  ├─ broadcast ─────►┘
//!                         clock ──── Event ─────► │               ├─ blocking pool ──► export: JSON, Markdown
//!                                                 └───────┬───────┘
//!                                                         ▼ bounded channel
//!                                        recorder thread: recording (JSON Lines) ──► the same fold, later
//! ```
//!
//! Everything that happens is an [`Event`](diagnostics::Event) stamped on two clocks where it was observed.
//! One fold, [`Diagnostics::apply`](diagnostics::Diagnostics::apply), turns events into state; everything
//! shown or written is read from one immutable [`Snapshot`](diagnostics::Snapshot). So what a user
//! recorded in the field is a regression test, and a screen drawn from a recording is the screen they saw.
//!
//! # Code map
//!
//! | room | question it answers |
//! |---|---|
//! | [`diagnostics`] | what happened, and what does it add up to? Pure: no I/O, no clock, no other room |
//! | [`classify`] | which pattern do the drops follow, what causes it, how sure is that? Pure as well |
//! | [`aws`] | what AWS IoT Core asks of a client before MQTT begins. Pure as well |
//! | [`aws_keys`] | with which keys this user signs for AWS: environment, profile files |
//! | [`keyring`] | where does the operating system keep passwords? |
//! | [`device`] | what the device behind the broker can be told, and what it answers. Pure as well |
//! | [`mqtt`] | how is the connection held, and how exactly did it end? The only room but the lab that names `rumqttc` |
//! | [`navien`] | who is the account of the first device cloud, and what does its water heater say? |
//! | [`export`] | how do recordings, exports and reports reach a file? |
//! | [`lab`] | a broker, a gateway that ails, the scenarios they play, AWS's rules, a cloud and a device |
//! | [`analysis`] | what do recordings and exports, read together, say? |
//! | [`collector`] | the diagnostics as a library for other programs' clients |
//! | [`state`] | the read model: the folds put together, the live state, requests and notices. Pure as well |
//! | [`report_writer`] | exports and reports written one after another, off the task |
//! | [`monitor`] | the one async task: link → record → fold → publish |
//! | [`replay`] | a recording as if it were live: file → fold → publish, at any moment of it |
//! | [`tui`] | the screen: model, update, views. Never names `mqtt` |
//! | [`headless`] | the same without a terminal |
//! | [`config`], [`cli`] | what was the program told? Read by [`program`] only |
//! | [`exit`], [`signals`], [`logging`], [`clock`] | the edges to the operating system |
//! | [`program`] | what each command puts together |
//!
//! # Invariants
//!
//! * Rooms depend in one direction: `{aws, diagnostics ← {classify, device, keyring} ← state} ← {mqtt, export, lab} ← {aws_keys, navien, report_writer} ←
//!   {monitor, replay, tui, headless} ← program ← main`. `tests/architecture.rs` enforces it.
//! * Time is passed in. Only [`clock`] reads a clock; durations come from the boot clock. A scaled lab run
//!   records what the clocks said, and the fold turns it into the field's time ([`diagnostics::TimeScale`]).
//! * The link never waits for a disk, a screen or a reader. Every queue is bounded, and what it loses is
//!   counted and shown.
//! * The core does no I/O and cannot fail; failure on the connection is data.
//! * Nothing is drawn under a lock: a view gets a snapshot that nobody changes.
//! * Text from outside passes [`diagnostics::clean`] before it can reach a terminal, and
//!   [`export::redact`] before it reaches an export.

pub mod analysis;
#[cfg(feature = "link")]
pub mod aws;
#[cfg(feature = "link")]
pub mod aws_keys;
pub mod classify;
#[cfg(feature = "program")]
pub mod cli;
pub mod clock;
pub mod collector;
#[cfg(feature = "program")]
pub mod config;
pub mod device;
pub mod diagnostics;
#[cfg(feature = "program")]
pub mod exit;
pub mod export;
#[cfg(feature = "program")]
pub mod headless;
#[cfg(feature = "program")]
pub mod keyring;
#[cfg(feature = "lab")]
pub mod lab;
#[cfg(feature = "program")]
pub mod logging;
#[cfg(feature = "link")]
pub mod monitor;
#[cfg(feature = "link")]
pub mod mqtt;
#[cfg(feature = "program")]
pub mod navien;
#[cfg(feature = "program")]
pub mod program;
#[cfg(feature = "link")]
pub mod replay;
#[cfg(feature = "link")]
pub mod report_writer;
#[cfg(feature = "program")]
pub mod signals;
pub mod state;
#[cfg(feature = "program")]
pub mod tui;
