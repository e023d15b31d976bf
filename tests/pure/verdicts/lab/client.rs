//! Faults on the side of clients, and between clients.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use dropscope::diagnostics::{Event, Transport, VersionChoice};
use dropscope::lab::{Direction, DropManner, PathFault, TakeoverTime};
use dropscope::mqtt::Link;
use dropscope::mqtt::settings::{BackoffSettings, BrokerAddress, LinkSettings};

use super::dice::Dice;
use super::path::drops;
use super::recipe::CaseRecipe;
use super::traffic::{STATUS, Traffic};
use super::world::{ClientCommand, LineCut, World, scripted_action};

fn manner(dice: &mut Dice) -> DropManner {
    dice.pick(&[DropManner::Fin, DropManner::Fin, DropManner::Reset, DropManner::Disconnect(0x97)])
}

/// A server with a message limit per connection.
pub(crate) fn message_count(dice: &mut Dice) -> CaseRecipe {
    let count = dice.pick(&[20_u64, 25, 50, 64, 100, 128, 200, 37, 81]);
    #[expect(clippy::cast_precision_loss, reason = "some hundred")]
    let messages = count as f64;
    let every = dice.log(5.0, 120.0);
    let most = (4_000.0 / messages).clamp(5.0, 40.0);
    let mut recipe = CaseRecipe::new(every * messages, drops(dice, most));
    let direction = dice.pick(&[Direction::ToServer, Direction::ToServer, Direction::Both]);
    recipe.faults.push(PathFault::AfterMessages { count, direction, manner: manner(dice) });
    recipe.keep_alives = vec![0, 60, 120, 300, 600, 1200];
    let traffic = match dice.whole(0, 3) {
        0 => {
            recipe.also.push("fixed_lifetime");
            Traffic::Status { every, jitter: every * 0.02, qos: 0 }
        }
        1 => Traffic::Bursts { every: every * 3.5, most: 6 },
        _ => Traffic::Status { every, jitter: every * 0.9, qos: dice.pick(&[0, 1]) },
    };
    recipe.traffic = Some(traffic);
    recipe
}

/// A server with a rate limit, and a client with bursts of all sizes.
pub(crate) fn message_rate(dice: &mut Dice) -> CaseRecipe {
    let allowed = dice.pick(&[8_u32, 12, 20, 20, 30, 50]);
    let window_secs = dice.pick(&[1.0, 1.0, 2.0, 5.0]);
    let direction = Direction::ToServer;
    let share = dice.between(0.15, 0.6);
    let every = dice.log(120.0, 1200.0);
    let mut recipe = CaseRecipe::new(every / share, drops(dice, 25.0));
    recipe.scale = Some(1.0);
    recipe.faults.push(PathFault::AfterRate {
        messages: allowed,
        window_secs,
        direction,
        manner: manner(dice),
    });
    recipe.traffic = Some(Traffic::None);
    let gap = window_secs / f64::from(allowed) * dice.between(0.2, 0.7);
    recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
        loop {
            world.wait(dice.wait(every)).await;
            let allowed = u64::from(allowed);
            let size = if dice.chance(share) {
                dice.whole(allowed + 2, allowed * 3)
            } else {
                dice.whole(2, allowed - 1)
            };
            for _ in 0..size {
                world.publish(STATUS, 0, 64);
                world.wait(gap).await;
            }
        }
    }));
    recipe
}

/// A policy that denies one topic of several.
pub(crate) fn publish_triggered(dice: &mut Dice) -> CaseRecipe {
    let gap = dice.log(900.0, 20_000.0);
    let mut recipe = CaseRecipe::new(gap, drops(dice, 40.0));
    let delay_ms = dice.log(10.0, 400.0);
    let manner =
        dice.pick(&[DropManner::Fin, DropManner::Fin, DropManner::Reset, DropManner::Disconnect(0x87)]);
    let topic_filter = "cmd/+/ctrl/#".to_owned();
    recipe.faults.push(PathFault::AfterPublish { topic_filter, delay_ms, manner });
    recipe.keep_alives.push(0);
    let (together, numbered) = (dice.chance(0.5), dice.chance(0.5));
    let qos = dice.pick(&[0, 1]);
    recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
        let mut number = 1_000;
        loop {
            world.wait(dice.wait(gap)).await;
            if together {
                world.publish("cmd/heater/status/get", qos, 40);
                world.wait(dice.between(0.01, 0.4)).await;
            }
            number += 1;
            let tail =
                if numbered { format!("cmd/heater/ctrl/{number}") } else { "cmd/heater/ctrl/set".to_owned() };
            world.publish(&tail, qos, 90);
        }
    }));
    if together {
        recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
            loop {
                world.wait(dice.wait(gap * 0.4)).await;
                world.publish("cmd/heater/status/get", qos, 40);
            }
        }));
    }
    recipe
}

/// A token that ends the session it opened, even if it was renewed; or one without renewal.
pub(crate) fn credential_expiry(dice: &mut Dice) -> CaseRecipe {
    let ttl = dice.pick(&[900.0, 1800.0, 3600.0, 3600.0, 14_400.0, 43_200.0]);
    let mut recipe = CaseRecipe::new(ttl, drops(dice, 25.0));
    recipe.may_suspend = false;
    let is_renewed = dice.chance(0.5);
    let sweep = dice.pick(&[0.3, 2.0, 8.0, 20.0]);
    let cut = dice.pick(&[LineCut::Fin, LineCut::Fin, LineCut::Reset, LineCut::Disconnect(0x87)]);
    let renewed_at = dice.between(0.5, 0.95);
    if !is_renewed {
        // Signed in right before each connect: token and session have the same lifetime.
        recipe.also.push("fixed_lifetime");
    }
    recipe.actions.push(scripted_action(move |mut world: World, mut dice: Dice| async move {
        let mut newest = renew(&world, ttl);
        let mut expiry_at_connect: Option<(u64, f64)> = None;
        loop {
            let now = world.elapsed();
            let counts = *world.counts.borrow_and_update();
            if counts.is_up {
                if expiry_at_connect.is_none_or(|(session, _)| session != counts.sessions) {
                    expiry_at_connect = Some((counts.sessions, newest + dice.between(0.0, sweep)));
                }
            } else if (!is_renewed || newest < now + 5.0) && newest < now + ttl - 1.0 {
                newest = renew(&world, ttl);
            }
            if let Some((session, due)) = expiry_at_connect
                && counts.is_up
                && session == counts.sessions
                && now >= due - 0.01
            {
                if newest < now + 5.0 {
                    newest = renew(&world, ttl);
                }
                world.cut(cut);
                expiry_at_connect = Some((session, f64::INFINITY));
            }
            let renewal = if is_renewed { newest - ttl * (1.0 - renewed_at) } else { f64::INFINITY };
            if now >= renewal - 0.01 {
                newest = renew(&world, ttl);
            }
            let due = expiry_at_connect.map_or(f64::INFINITY, |(_, due)| due);
            let next = due.min(renewal.max(now + 1.0)).min(now + 3600.0);
            let wait = world.wall_duration((next - now).max(0.05));
            if let Ok(false) = tokio::time::timeout(wait, world.changed()).await {
                return;
            }
        }
    }));
    recipe
}

fn renew(world: &World, ttl: f64) -> f64 {
    let expiry = world.elapsed() + ttl;
    // The recorder writes the expiry of the provider: an instant of field time.
    let recorded = recorded(world, expiry);
    world.send_command(ClientCommand::Record(Event::Credentials { expires_at: recorded }));
    expiry
}

/// An instant of the run as the recording's clock will show it.
fn recorded(world: &World, elapsed: f64) -> DateTime<Utc> {
    world.start + chrono::TimeDelta::milliseconds((elapsed * 1000.0 / world.scale) as i64)
}

/// A second client with the same id, which reconnects after each takeover until it pauses for hours.
pub(crate) fn client_id_takeover(dice: &mut Dice) -> CaseRecipe {
    let mut recipe = CaseRecipe::new(dice.log(10.0, 120.0), drops(dice, 80.0).max(4));
    let patience = dice.whole(4, 60);
    let quiet = dice.log(600.0, 15_000.0);
    let initial = dice.pick(&[0.5, 1.0, 2.0, 5.0]);
    let most = dice.pick(&[4.0, 16.0, 60.0]);
    let version = dice.pick(&[VersionChoice::V311, VersionChoice::V311, VersionChoice::V5]);
    recipe.version = Some(version);
    recipe.scale = Some(1.0);
    #[expect(clippy::cast_precision_loss, reason = "some hundred")]
    let rounds = (recipe.drops as f64 / patience as f64).ceil();
    recipe.gap += quiet * rounds * 1.5 / drops_f(recipe.drops);
    recipe.may_stray = dice.chance(0.3);
    if dice.chance(0.2) {
        return with_timed_mechanism(recipe, dice);
    }
    recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
        world.wait(dice.between(60.0, quiet)).await;
        loop {
            run_other_client(&world, &mut dice, patience, (initial, most), version).await;
            world.wait(dice.wait(quiet)).await;
        }
    }));
    recipe
}

/// A second client that connects by the clock, as a job does, and is taken over by the reconnect of the first.
fn with_timed_mechanism(mut recipe: CaseRecipe, dice: &mut Dice) -> CaseRecipe {
    recipe.gap = dice.log(200.0, 4_000.0).round();
    recipe.scale = None;
    recipe.faults.push(PathFault::Takeover { when: TakeoverTime::EverySecs(recipe.gap) });
    recipe.also.extend(["scheduled", "fixed_lifetime"]);
    recipe
}

#[expect(clippy::cast_precision_loss, reason = "some hundred")]
fn drops_f(drops: u64) -> f64 {
    drops as f64
}

/// The other client: a real link as well.
async fn run_other_client(
    world: &World,
    dice: &mut Dice,
    max_drops: u64,
    (initial, most): (f64, f64),
    version: VersionChoice,
) {
    let Some(ours) = world.broker.last_connect() else { return };
    let broker = BrokerAddress {
        transport: Transport::Tcp,
        host: "broker.example".to_owned(),
        port: 1883,
        path: "/mqtt".to_owned(),
    };
    let mut settings = LinkSettings::new(broker, ours.client_id);
    settings.time_scale = world.scale;
    settings.version = version;
    settings.backoff = BackoffSettings {
        initial: world.wall_duration(initial),
        max: world.wall_duration(most),
        min_connect_interval: world.wall_duration(1.0),
        stable_after: world.wall_duration(30.0),
        ..BackoffSettings::default()
    };
    let clock: Arc<dyn dropscope::diagnostics::Clock> =
        Arc::<crate::simulated::clock::SimClock>::clone(&world.clock);
    let connector = Arc::new(world.net.other_connector());
    let Ok(mut other) = Link::with_connector(settings, clock, connector, dice.seed()) else { return };
    other.connect();
    let mut lost = 0;
    while lost < dice.whole(max_drops / 2, max_drops) {
        if let Event::Dropped(_) = other.next().await.event {
            lost += 1;
        }
    }
    other.shutdown(Duration::from_millis(50)).await;
}

/// A program that is blocked for longer than the server waits.
pub(crate) fn keep_alive_timeout(dice: &mut Dice) -> CaseRecipe {
    let keep_alive = dice.pick(&[10_u16, 20, 30, 60, 60, 120, 300]);
    let secs = f64::from(keep_alive);
    let gap = secs * dice.log(15.0, 120.0);
    let mut recipe = CaseRecipe::new(gap, drops(dice, 40.0));
    recipe.keep_alives = vec![keep_alive];
    let share = dice.between(0.4, 1.0);
    let excess = dice.pick(&[0.3, 2.0, 10.0]);
    recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
        loop {
            world.wait(dice.wait(gap * share)).await;
            let stall = if dice.chance(share) {
                secs * (1.5 + dice.exponential(excess) + 0.01)
            } else {
                secs * dice.between(0.05, 0.45)
            };
            world.send_command(ClientCommand::Stall(stall));
            world.wait(stall).await;
        }
    }));
    recipe
}
