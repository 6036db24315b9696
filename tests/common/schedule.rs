//! Which events a program is killed at.

use formwork_testkit::PHASES;

/// How often each phase is met by a run that nothing kills.
pub type Counts = [usize; PHASES.len()];

/// One kill: which of the runs, which phase, and at the how-many-th event of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kill {
    /// Index of the run.
    pub run: usize,
    /// Index of the phase.
    pub phase: usize,
    /// Number of the event, from 1.
    pub n: usize,
}

/// What `cargo xtask crash` orders: how many kills, and the seed that they are drawn with.
#[derive(Clone, Copy, Debug)]
pub struct Order {
    /// How many kills.
    pub rounds: usize,
    /// The seed.
    pub seed: u64,
}

impl Order {
    /// The order in `FORMWORK_CRASH_ROUNDS` and `FORMWORK_CRASH_SEED`, if there is one.
    pub fn get() -> Option<Order> {
        let number = |name: &str| {
            let text = std::env::var(name).ok()?;
            Some(text.parse::<u64>().unwrap_or_else(|_| panic!("{name}: {text:?} is no number")))
        };
        let rounds = number("FORMWORK_CRASH_ROUNDS")? as usize;
        Some(Order { rounds, seed: number("FORMWORK_CRASH_SEED").unwrap_or(1) })
    }

    /// Each phase must be hit so often.
    pub fn at_least(&self) -> usize {
        self.rounds / 10
    }

    /// Draws the kills: all phases in turn; runs and events at random, a run that meets a phase often no more often than
    /// one that meets it seldom.
    pub fn draw(&self, counts: &[Counts]) -> Vec<Kill> {
        let mut random = self.seed;
        let mut below = |n: usize| {
            // SplitMix64.
            random = random.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = random;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ((z ^ (z >> 31)) % n as u64) as usize
        };
        let mut kills = Vec::new();
        for i in 0..self.rounds {
            let phase = i % PHASES.len();
            let with: Vec<usize> = (0..counts.len()).filter(|run| counts[*run][phase] > 0).collect();
            assert!(!with.is_empty(), "no run meets the phase {}", PHASES[phase]);
            let run = with[below(with.len())];
            kills.push(Kill { run, phase, n: 1 + below(counts[run][phase]) });
        }
        kills
    }
}

/// Every event of every run, once.
pub fn every(counts: &[Counts]) -> Vec<Kill> {
    let mut kills = Vec::new();
    for (run, counts) in counts.iter().enumerate() {
        for (phase, count) in counts.iter().enumerate() {
            kills.extend((1..=*count).map(|n| Kill { run, phase, n }));
        }
    }
    kills
}

/// Prints one line a run and one for all; the sums.
pub fn table(title: &str, rows: &[(&str, Counts)]) -> Counts {
    println!("| {title:28}{}", PHASES.map(|p| format!("{p:>16}")).concat());
    let mut all = [0; PHASES.len()];
    for (name, counts) in rows {
        println!("| {name:28}{}", counts.map(|c| format!("{c:>16}")).concat());
        (0..PHASES.len()).for_each(|p| all[p] += counts[p]);
    }
    println!("| {:28}{}", "all", all.map(|c| format!("{c:>16}")).concat());
    all
}

/// How often each run is killed in each phase.
pub fn hits(kills: &[Kill], runs: usize) -> Vec<Counts> {
    let mut hits = vec![[0; PHASES.len()]; runs];
    kills.iter().for_each(|k| hits[k.run][k.phase] += 1);
    hits
}

#[test]
fn kills_are_spread_over_phases_and_repeat_with_the_seed() {
    let counts = [[3, 0, 1, 1, 2, 9], [0, 4, 0, 0, 0, 9]];
    let order = Order { rounds: 120, seed: 7 };
    let kills = order.draw(&counts);
    assert_eq!(kills, order.draw(&counts));
    assert_ne!(kills, Order { seed: 8, ..order }.draw(&counts));
    let sums = hits(&kills, 2);
    assert!((0..PHASES.len()).all(|p| sums[0][p] + sums[1][p] == 20 && 20 >= order.at_least()));
    assert!(kills.iter().all(|k| (1..=counts[k.run][k.phase]).contains(&k.n)));
    assert_eq!(every(&counts).len(), 29);
}
