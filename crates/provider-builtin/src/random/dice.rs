//! Random numbers: the system's, or repeatable ones from a seed.

use sha2::{Digest, Sha256};

/// A source of random numbers.
pub(super) enum Dice {
    /// Cryptographic randomness.
    Random,
    /// SHA-256 over the seed and a counter.
    Seeded { seed: String, counter: u64 },
}

impl Dice {
    /// Seeded, unless the seed is absent or empty.
    pub(super) fn new(seed: Option<&str>) -> Self {
        match seed.filter(|s| !s.is_empty()) {
            Some(seed) => Dice::Seeded { seed: seed.to_owned(), counter: 0 },
            None => Dice::Random,
        }
    }

    /// A number from 0 up to and including `last`, each as likely as the others.
    pub(super) fn up_to(&mut self, last: u64) -> u64 {
        match self {
            Dice::Random => rand::random_range(0..=last),
            Dice::Seeded { .. } if last == u64::MAX => self.next(),
            Dice::Seeded { .. } => {
                let sides = last + 1;
                // Numbers above the last whole multiple would favour the small ones: draw again.
                let limit = u64::MAX - u64::MAX % sides;
                loop {
                    let drawn = self.next();
                    if drawn < limit {
                        return drawn % sides;
                    }
                }
            }
        }
    }

    fn next(&mut self) -> u64 {
        match self {
            Dice::Random => rand::random(),
            Dice::Seeded { seed, counter } => {
                let digest = Sha256::new()
                    .chain_update(seed.as_bytes())
                    .chain_update(counter.to_be_bytes())
                    .finalize();
                *counter += 1;
                digest.iter().take(8).fold(0, |n, byte| (n << 8) | u64::from(*byte))
            }
        }
    }

    /// Puts items into a random order.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            let j = self.up_to(i as u64) as usize;
            items.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_stays_in_range() {
        let draw = |seed| {
            let mut dice = Dice::new(Some(seed));
            (0..100).map(|_| dice.up_to(9)).collect::<Vec<_>>()
        };
        assert_eq!(draw("a"), draw("a"));
        assert_ne!(draw("a"), draw("b"));
        let drawn = draw("a");
        assert!((0..=9).all(|n| drawn.contains(&n)) && drawn.iter().all(|n| *n <= 9));
    }
}
