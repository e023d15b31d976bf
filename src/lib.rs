//! dropscope: a terminal scope for MQTT connection drops.
//!
//! It watches one connection for days, records every drop, and says why the drops happen, with evidence and a
//! probability. This page describes the architecture; the documentation of each module says what it must not use.
//!
//! # Where to start
//!
//! * [`Event`](diagnostics::Event): everything that happens is one of these, with a [`Stamp`](diagnostics::Stamp) on two clocks.
//! * [`Snapshot`](diagnostics::Snapshot): what the events add up to; every screen, export and report reads it.
//! * [`Verdict`](classify::Verdict): which pattern the drops follow, its causes, and what to do.
//!
//! [`Link`](mqtt::Link) produces the events, [`Diagnostics`](diagnostics::Diagnostics) and
//! [`Classifier`](classify::Classifier) fold them, [`LiveState`](state::LiveState) is what the render loop draws.
//!
//! # Data flow
//!
//! ```text
//!  keys ─► Action ─► update(&mut Model) ──Effect──► MonitorRequest (bounded channel, try_send)
//!                                                         │
//!         ┌─ mqtt: wire + protocol ─┐   Event     ┌───────▼───────┐  Arc<LiveState>  ┌─ tui: view(&Model, &LiveState)
//!  broker ┤ DNS TCP TLS WS   MQTT   ├───────────► │    monitor    ├───── watch ─────►├─ headless: lines, summary
//!         └─────────────────────────┘             │ record, fold  ├─ broadcast ─────►┘
//!                         clock ──── Event ─────► │               ├─ blocking pool ──► export: JSON, Markdown
//!                                                 └───────┬───────┘
//!                                                         ▼ bounded channel
//!                                        recorder thread: recording (JSON Lines) ──► the same fold, later
//! ```
//!
//! One fold, [`Diagnostics::apply`](diagnostics::Diagnostics::apply), turns events into state, live, in a replay and in
//! an analysis. So a recording from the field is a regression test, and a screen drawn from a recording is the screen
//! that the user saw.
//!
//! # Modules
//!
//! Each module may use the modules of the third column, and no other; `tests/pure/architecture` compares this table with
//! the sources.
//!
//! | module | what it does | may use |
//! |---|---|---|
//! | [`diagnostics`] | what happened and what it adds up to: events, recording format, fold, metrics, snapshot; pure | – |
//! | [`classify`] | which pattern the drops follow, what causes it, how sure that is; pure | `diagnostics` |
//! | [`aws`] | what AWS IoT Core requires of a client before MQTT begins: request signatures; pure | – |
//! | [`device`] | commands of the device behind the broker and what it answers; pure | `diagnostics` |
//! | [`state`] | the read model of a run: the two folds, live state, requests, notices; pure | `classify`, `device`, `diagnostics` |
//! | [`aws_keys`] | AWS keys of this user: environment, profile files | `aws`, `diagnostics`, `mqtt` |
//! | [`keyring`] | the operating system's password store | `diagnostics` |
//! | [`mqtt`] | the connection: wire, protocol, reconnect, and how each session ended; with `lab` the only module that uses `rumqttc` | `diagnostics` |
//! | [`navien`] | account, protocol and water heater of the first device cloud | `aws`, `clock`, `device`, `diagnostics`, `export`, `mqtt` |
//! | [`export`] | recordings, exports, reports, redaction, and their files | `classify`, `diagnostics` |
//! | [`lab`] | broker, fault gateway, scenarios, AWS rules, simulated cloud and device | `aws`, `diagnostics` |
//! | [`analysis`] | recordings and exports read together | `classify`, `diagnostics`, `export`, `state` |
//! | [`collector`] | the diagnostics as a library for other programs' MQTT clients | `classify`, `clock`, `diagnostics`, `export`, `state` |
//! | [`report_writer`] | exports and reports written beside a run, without holding it up | `diagnostics`, `export`, `state` |
//! | [`monitor`] | the one async task of a run: link → record → fold → live state | `classify`, `device`, `diagnostics`, `export`, `mqtt`, `report_writer`, `state` |
//! | [`replay`] | a recording played as if it were live, at any moment of it | `classify`, `diagnostics`, `report_writer`, `state` |
//! | [`tui`] | the screen: model, update, views | `classify`, `device`, `diagnostics`, `state` |
//! | [`headless`] | the same without a terminal: lines and a summary | `classify`, `diagnostics`, `state` |
//! | [`config`] | settings from flags, environment and file, resolved once | `device`, `diagnostics`, `exit`, `logging`, `mqtt` |
//! | [`cli`] | the command line | `config`, `diagnostics`, `exit`, `logging`, `mqtt` |
//! | [`exit`] | exit codes | `diagnostics` |
//! | [`signals`] | signals of the operating system | `state` |
//! | [`logging`] | the program's own log | – |
//! | [`clock`] | the clocks of the operating system | `diagnostics` |
//! | [`program`] | what each command puts together | every module |
//!
//! # Rules
//!
//! * Time is an argument. Only [`clock`] reads a clock; durations come from the boot clock. A scaled lab run records what
//!   the clocks showed, and the fold converts it to field time ([`diagnostics::TimeScale`]).
//! * The link never waits for a disk, a screen or a reader. Every queue is bounded, and what it loses is counted and shown.
//! * The pure core (`aws`, `classify`, `device`, `diagnostics`, `state`) does no I/O and cannot fail; a failure of the connection is data.
//! * Nothing is drawn under a lock: a view gets a snapshot that nobody changes.
//! * Text from outside passes [`diagnostics::clean`] before it can reach a terminal, and [`export::redact`] before it
//!   reaches an export.
//! * A type name stands for one thing in the whole crate.
//!
//! # Glossary
//!
//! The terms of MQTT, TCP and TLS mean what their specifications say. These are the crate's own:
//!
//! | term | meaning |
//! |---|---|
//! | drop | the unrequested end of an established session; one per outage, however many connects fail after it |
//! | death window | the time in which a session can have died: from the last byte received to the detection |
//! | detection lag | time from the last byte received to the detection of the drop |
//! | silence | time without a packet in either direction; survived when a packet from the peer ends it |
//! | anchor | what a mechanism counts from: the connect, the last packet, a time of day, a publish, a system event |
//! | pattern | what the times of the drops follow: idle timeout, fixed lifetime, schedule, random loss, … |
//! | cause | what makes such a pattern in the field: a home router, a load balancer, a policy, …; an entry of the catalogue |
//! | opportunity | a moment at which a mechanism could have ended the session, whether it did or not |
//! | statement | what a drop says of its cause by itself: a reason code, an own limit, another own address afterwards |
//! | regime | a part of a recording with one cause; the verdict is that of the present one |
//! | separating test | one harmless act of this client that tells two causes apart, run on request and recorded as an experiment |
//! | exposure | connected time in one configuration |
//! | arm of an experiment | one configuration (a keep-alive value) with its own exposure and drops |
//! | layer, manner | where a drop was noticed (DNS, TCP, TLS, WebSocket, MQTT), and how (FIN, RST, alert, ping timeout, …) |
//! | field time | the time a scaled lab run stands for; equal to real time everywhere else |
//! | fold | a state that events are applied to, one after the other |
//! | read model | the immutable values that screens, exports and reports are made of |
//! | scenario, fault | a named network or broker behavior of the lab; the single misbehavior in it |

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
