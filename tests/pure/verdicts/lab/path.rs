//! Faults of the path and of the server.

use std::f64::consts::TAU;

use dropscope::diagnostics::event::SystemSource;
use dropscope::lab::{DropManner, PathFault};

use super::dice::Dice;
use super::net::{NatSettings, PathState};
use super::recipe::CaseRecipe;
use super::traffic::Traffic;
use super::world::{LineCut, World, scripted_action};

/// Between 3 and `most` drops, few more often than many.
pub(crate) fn drops(dice: &mut Dice, most: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some hundred")]
    let drops = dice.log(3.0, most).round() as u64;
    drops
}

fn manner(dice: &mut Dice) -> DropManner {
    dice.pick(&[
        DropManner::Fin,
        DropManner::Fin,
        DropManner::Reset,
        DropManner::Disconnect(0x8B),
        DropManner::SilentBlackHole,
    ])
}

pub(crate) fn fixed_lifetime(dice: &mut Dice) -> CaseRecipe {
    let secs = if dice.chance(0.6) {
        dice.pick(&[600.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 86_400.0])
    } else {
        dice.log(400.0, 90_000.0).round()
    };
    let most = if secs > 40_000.0 { 15.0 } else { 80.0 };
    let mut recipe = CaseRecipe::new(secs, drops(dice, most));
    let jitter_secs = dice.pick(&[0.02, 0.3, 2.0, 0.002 * secs, 0.01 * secs]);
    let manner = manner(dice);
    recipe.faults.push(PathFault::SessionLifetime { secs, jitter_secs, manner });
    if manner != DropManner::SilentBlackHole && dice.chance(0.1) {
        recipe.keep_alives = vec![0];
    }
    recipe
}

/// A job at fixed times of the local clock: a router that restarts, a provider that disconnects.
pub(crate) fn scheduled(dice: &mut Dice) -> CaseRecipe {
    let period = dice.pick(&[1800.0, 3600.0, 7200.0, 21_600.0, 43_200.0, 86_400.0, 86_400.0, 5_400.0]);
    let most = if period > 40_000.0 { 14.0 } else { 40.0 };
    let sigma = dice.pick(&[0.1, 1.0, 5.0, 30.0]);
    let phase = dice.between(0.0, period).round();
    let dark = if dice.chance(0.4) { dice.log(5.0, 90.0) } else { 0.0 };
    let cut = dice.pick(&[LineCut::Fin, LineCut::Reset, LineCut::BlackHole]);
    let sure = dice.between(0.75, 1.0);
    let summer = dice.chance(0.15);
    let mut recipe = CaseRecipe::new(period, drops(dice, most));
    recipe.may_suspend = false;
    let is_logged = dice.chance(0.15);
    if is_logged {
        recipe.also.push("system_event");
    }
    let half = period * 0.5 * 10.0;
    recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
        let mut last = f64::NEG_INFINITY;
        loop {
            let now = world.elapsed();
            let epoch = world.date(now).timestamp_millis() as f64 / 1000.0;
            let shift = if summer && now > half && period > 7000.0 { 3600.0 } else { 0.0 };
            let mut wait = (phase + shift - epoch).rem_euclid(period);
            if now + wait - last < period * 0.4 {
                wait += period;
            }
            last = now + wait;
            world.wait(wait + dice.between(0.0, sigma) + dice.deviation(sigma * 0.3).abs()).await;
            if is_logged {
                world.system(SystemSource::Cron, "CRON[4711]: (root) CMD (/usr/local/bin/renew-wan)");
                world.wait(dice.between(0.2, 1.5)).await;
            }
            if dice.chance(sure) {
                world.cut(cut);
                if dark > 0.0 {
                    world.net.set_path(PathState::Down);
                    world.wait(dark).await;
                    world.net.set_path(PathState::Open);
                }
            }
        }
    }));
    recipe
}

/// A NAT drops idle mappings; traffic refreshes them.
pub(crate) fn idle_timeout(dice: &mut Dice) -> CaseRecipe {
    let limit = dice.pick(&[60.0, 65.0, 120.0, 180.0, 240.0, 300.0, 300.0, 350.0, 600.0, 900.0]);
    let share = dice.between(0.03, 0.3);
    let (inbound, inbound_refreshes) = (dice.chance(0.35), dice.chance(0.8));
    let nat = NatSettings {
        limit,
        pressure: limit * dice.pick(&[0.0, 0.005, 0.02, 0.1]),
        inbound_refreshes,
        resets: dice.chance(0.4),
    };
    let every = limit * 0.75;
    let gap = if inbound && !inbound_refreshes { limit * 3.0 } else { every * 0.8 / share * 1.4 };
    let mut recipe = CaseRecipe::new(gap, drops(dice, 60.0));
    recipe.keep_alives =
        [120, 180, 300, 600, 1200, 1200].into_iter().filter(|secs| f64::from(*secs) > limit).collect();
    recipe.traffic = Some(Traffic::Pauses { every, share, pause: limit * 5.0, inbound });
    recipe.nat = Some(nat);
    recipe
}

/// Several unrelated sources of loss, each with its own parameters.
pub(crate) fn random(dice: &mut Dice) -> CaseRecipe {
    let gap = dice.log(1200.0, 30_000.0);
    let mut recipe = CaseRecipe::new(gap, drops(dice, 120.0));
    recipe.may_stray = false;
    let sources = dice.whole(2, 4);
    for _ in 0..sources {
        let cuts =
            [LineCut::Fin, LineCut::Reset, LineCut::BlackHole, LineCut::BlackHole, LineCut::Disconnect(0x8B)];
        let (cut, other) = (dice.pick(&cuts), dice.pick(&cuts));
        #[expect(clippy::cast_precision_loss, reason = "at most 4")]
        let mean = gap * sources as f64;
        let (swing, darkness) = (dice.between(0.0, 0.6), dice.between(0.0, 1.0));
        recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
            // Begins in the middle, as a recording does.
            let first = dice.between(0.0, 1.0) * dice.wait(mean);
            world.wait(first).await;
            loop {
                let this = if dice.chance(0.8) { cut } else { other };
                cut_path(&world, &mut dice, this, darkness).await;
                let day = (world.elapsed() / 86_400.0 * TAU).sin();
                let secs = dice.exponential(mean) * swing.mul_add(day, 1.0);
                world.wait(secs).await;
            }
        }));
    }
    recipe
}

/// One loss. Where a connection falls silent, often the whole path does for a while.
async fn cut_path(world: &World, dice: &mut Dice, cut: LineCut, darkness: f64) {
    world.cut(cut);
    if cut == LineCut::BlackHole && dice.chance(darkness) {
        world.net.set_path(PathState::Down);
        world.wait(dice.log(10.0, 110.0)).await;
        world.net.set_path(PathState::Open);
    }
}

/// Wi-Fi that is stable for hours and then flaps for minutes.
pub(crate) fn bursty(dice: &mut Dice) -> CaseRecipe {
    let per_burst = dice.between(3.0, 10.0);
    let quiet = dice.log(3_600.0, 40_000.0);
    let mut recipe = CaseRecipe::new(quiet / per_burst, drops(dice, 100.0).max(6));
    recipe.keep_alives = vec![10, 20, 30, 60];
    recipe.ping_timeout = Some(dice.pick(&[3.0, 5.0, 10.0]));
    let (dark, light) = (dice.log(15.0, 90.0), dice.log(20.0, 200.0));
    let resets = dice.between(0.0, 0.5);
    recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
        loop {
            world.wait(dice.wait(quiet)).await;
            let until = world.elapsed() + per_burst * (dark + light) * dice.between(0.5, 1.5);
            while world.elapsed() < until {
                world.net.set_path(PathState::Down);
                world.wait(dice.wait(dark)).await;
                world.net.set_path(PathState::Open);
                if dice.chance(resets) {
                    world.cut(LineCut::Reset);
                }
                world.wait(dice.wait(light)).await;
            }
        }
    }));
    recipe
}

/// The host changes its access point or its address, and reports it.
pub(crate) fn system_event(dice: &mut Dice) -> CaseRecipe {
    let gap = dice.log(1800.0, 30_000.0);
    let mut recipe = CaseRecipe::new(gap, drops(dice, 40.0));
    if dice.chance(0.15) {
        return suspending(recipe, gap, dice);
    }
    let sure = dice.between(0.55, 1.0);
    let cut = dice.pick(&[LineCut::Reset, LineCut::BlackHole, LineCut::BlackHole, LineCut::Fin]);
    let (source, message) = dice.pick(&[
        (SystemSource::Network, "wlan0: roamed to 3c:84:6a:12:9f:"),
        (SystemSource::Dhcp, "dhclient: bound to 192.168.1."),
        (SystemSource::Network, "NetworkManager: device eth0: carrier lost "),
        (SystemSource::Service, "wg-quick: interface wg0 restarted "),
    ]);
    let delay = dice.pick(&[0.05, 0.3, 1.0, 3.0]);
    let late = dice.chance(0.2);
    recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
        loop {
            world.wait(dice.wait(gap * sure)).await;
            let line = format!("{message}{:02}", dice.whole(10, 99));
            if !late {
                world.system(source, line.as_str());
            }
            if dice.chance(sure) {
                world.wait(delay * dice.between(0.6, 1.4)).await;
                world.cut(cut);
            }
            if late {
                world.wait(dice.between(0.0, 0.4)).await;
                world.system(source, line.as_str());
            }
        }
    }));
    if dice.chance(0.6) {
        let chatty = gap * dice.pick(&[0.2, 0.5, 1.0]);
        recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
            loop {
                world.wait(dice.wait(chatty)).await;
                world.system(SystemSource::Network, "wlan0: scan finished");
            }
        }));
    }
    recipe
}

/// A laptop: after a suspend longer than the timeout of the server the connection is closed.
fn suspending(mut recipe: CaseRecipe, gap: f64, dice: &mut Dice) -> CaseRecipe {
    recipe.keep_alives = vec![30, 60, 120, 300];
    recipe.may_suspend = false;
    // A suspended client sends nothing, and the server times out.
    recipe.also.push("keep_alive_timeout");
    let cut = dice.pick(&[LineCut::Fin, LineCut::BlackHole, LineCut::Reset]);
    recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
        loop {
            world.wait(dice.wait(gap * 0.8)).await;
            let secs = dice.log(15.0, 12_000.0);
            world.suspend(secs, true, (secs > 450.0 || dice.chance(0.4)).then_some(cut));
        }
    }));
    recipe
}

/// The server or the path to it is down for long.
pub(crate) fn outage(dice: &mut Dice) -> CaseRecipe {
    let gap = dice.log(10_000.0, 80_000.0);
    let mut recipe = CaseRecipe::new(gap, drops(dice, 20.0));
    let kinds = dice.pick(&[
        &[PathState::RefusesConnects][..],
        &[PathState::Down],
        &[PathState::NoDns],
        &[PathState::Down, PathState::RefusesConnects],
    ]);
    let (least, most) = (dice.log(130.0, 600.0), dice.log(900.0, 15_000.0));
    recipe.actions.push(scripted_action(move |world: World, mut dice: Dice| async move {
        loop {
            world.wait(dice.wait(gap)).await;
            let path = dice.pick(kinds);
            world.net.set_path(path);
            match path {
                PathState::RefusesConnects => world.cut(LineCut::Fin),
                PathState::NoDns => world.cut(LineCut::Reset),
                PathState::Down | PathState::Open => false,
            };
            world.wait(dice.log(least, most)).await;
            world.net.set_path(PathState::Open);
        }
    }));
    recipe
}
