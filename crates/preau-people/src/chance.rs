//! Chance that comes out the same for the same seed.
//!
//! A permuted congruential generator (PCG-XSH-RR, O'Neill 2014). It keeps no secret.

/// Dice.
#[derive(Debug, Clone)]
pub struct Dice {
    state: u64,
}

impl Dice {
    /// Dice that fall the same way for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Dice {
        let mut dice = Dice { state: seed.wrapping_add(0x1405_7b7e_f767_814f) };
        dice.roll();
        dice.roll();
        dice
    }

    /// 32 bits.
    pub fn roll(&mut self) -> u32 {
        let old = self.state;
        self.state = old.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mixed = (((old >> 18) ^ old) >> 27) as u32;
        mixed.rotate_right((old >> 59) as u32)
    }

    /// Dice of one's own, for somebody who has just come.
    #[must_use]
    pub fn another(&mut self) -> Dice {
        Dice::new(u64::from(self.roll()) << 32 | u64::from(self.roll()))
    }

    /// Evenly from 0 to below 1.
    pub fn even(&mut self) -> f64 {
        f64::from(self.roll()) / 4_294_967_296.0
    }

    /// Evenly between two numbers.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.even()
    }

    /// Whether something that happens in this share of cases happens now.
    pub fn yes(&mut self, share: f64) -> bool {
        self.even() < share
    }

    /// A span until something that happens every `mean` (exponential).
    pub fn pause(&mut self, mean: f64) -> f64 {
        -(1.0 - self.even()).ln() * mean
    }

    /// One of so many, counted from 0; 0 when there is none.
    pub fn pick(&mut self, of: usize) -> usize {
        ((self.even() * of as f64) as usize).min(of.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_their_mean_and_seeds_their_own_dice() {
        let mut dice = Dice::new(3);
        let mean = (0..20_000).map(|_| dice.pause(2.0)).sum::<f64>() / 20_000.0;
        assert!((1.9..2.1).contains(&mean), "{mean}");
        assert_ne!(Dice::new(1).roll(), Dice::new(2).roll());
        assert_eq!(dice.clone().another().roll(), dice.another().roll());
        assert!((0..1_000).all(|_| dice.pick(3) < 3));
    }
}
