//! The water tank: two layers of water and their temperatures.

/// 65 US gallons.
const LITERS: f64 = 246.0;
/// Heat capacity of one liter per kelvin.
const WH_PER_LITER_KELVIN: f64 = 1.163;
const WH_PER_KELVIN: f64 = LITERS * WH_PER_LITER_KELVIN;
/// Heat lost to the ambient air, in watts per kelvin: about 0.25 K an hour at 60 °C.
const LOSS_W_PER_KELVIN: f64 = 2.0;
/// Heat exchange from the warm half to the cool one, in watts per kelvin.
const EXCHANGE_W_PER_KELVIN: f64 = 4.0;
/// Temperature from which water counts as usable, in °C.
const USABLE_C: f64 = 40.5;

/// Two layers of equal volume, the warm one above.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Tank {
    /// °C.
    pub(super) upper: f64,
    /// °C.
    pub(super) lower: f64,
}

impl Tank {
    /// Takes hot water from the top; cold water of `inlet` °C follows at the bottom.
    pub(super) fn draw(&mut self, liters: f64, inlet: f64) {
        // Small portions, so that the layers can mix within one draw.
        let mut left = liters.max(0.0);
        while left > 0.0 {
            let share = left.min(5.0) / (LITERS / 2.0);
            self.upper += (self.lower - self.upper) * share;
            self.lower += (inlet - self.lower) * share;
            left -= 5.0;
        }
        self.mix_layers();
    }

    /// Heat from the coil around the lower half or the lower element.
    pub(super) fn heat_lower(&mut self, wh: f64) {
        self.lower += wh / (WH_PER_KELVIN / 2.0);
        self.mix_layers();
    }

    /// Heat from the upper element.
    pub(super) fn heat_upper(&mut self, wh: f64) {
        self.upper += wh / (WH_PER_KELVIN / 2.0);
    }

    /// Loses heat to air of `ambient` °C and exchanges heat between the layers.
    pub(super) fn cool(&mut self, hours: f64, ambient: f64) {
        let half = WH_PER_KELVIN / 2.0;
        let exchange = (self.upper - self.lower) * EXCHANGE_W_PER_KELVIN * hours / half;
        self.upper -= exchange + (self.upper - ambient) * LOSS_W_PER_KELVIN / 2.0 * hours / half;
        self.lower += exchange - (self.lower - ambient) * LOSS_W_PER_KELVIN / 2.0 * hours / half;
    }

    /// Energy from the coldest usable water to the setpoint, in Wh.
    pub(super) fn capacity_wh(setpoint: f64) -> f64 {
        ((setpoint - USABLE_C) * WH_PER_KELVIN).max(0.0)
    }

    /// Energy still missing to the setpoint, in Wh.
    pub(super) fn missing_wh(&self, setpoint: f64) -> f64 {
        let missing = |layer: f64| (setpoint - layer).max(0.0) * WH_PER_KELVIN / 2.0;
        (missing(self.upper) + missing(self.lower)).min(Self::capacity_wh(setpoint))
    }

    /// Mixes the layers if the lower one is warmer.
    fn mix_layers(&mut self) {
        if self.lower > self.upper {
            let mean = f64::midpoint(self.lower, self.upper);
            (self.upper, self.lower) = (mean, mean);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hot() -> Tank {
        Tank { upper: 60.0, lower: 60.0 }
    }

    #[test]
    fn an_idle_tank_cools_slowly_and_never_below_the_ambient_temperature() {
        let mut tank = hot();
        (0..3600).for_each(|_| tank.cool(1.0 / 360.0, 20.0));
        let lost = 60.0 - tank.upper;
        assert!((2.0..4.0).contains(&lost), "ten hours cost {lost} K");
        (0..100_000).for_each(|_| tank.cool(0.1, 20.0));
        assert!((tank.upper - 20.0).abs() < 0.1 && (tank.lower - 20.0).abs() < 0.1, "{tank:?}");
    }

    #[test]
    fn a_draw_cools_the_bottom_first() {
        let mut tank = hot();
        tank.draw(60.0, 12.0);
        assert!(tank.upper > 52.0 && tank.lower < 42.0 && tank.lower > 12.0, "{tank:?}");
        let missing = tank.missing_wh(60.0);
        // 60 liters heated by at most 48 K.
        let carried = 60.0 * 48.0 * WH_PER_LITER_KELVIN;
        assert!(missing > carried * 0.8 && missing <= carried, "{missing} of {carried}");
        tank.draw(10_000.0, 12.0);
        assert!(tank.upper < 12.5, "{tank:?}");
    }

    #[test]
    fn heat_rises() {
        let mut tank = Tank { upper: 50.0, lower: 30.0 };
        tank.heat_upper(1000.0);
        assert!(tank.upper > 56.0 && (tank.lower - 30.0).abs() < f64::EPSILON);
        tank.heat_lower(WH_PER_KELVIN * 20.0);
        assert!((tank.upper - tank.lower).abs() < 1e-9, "{tank:?}");
    }
}
