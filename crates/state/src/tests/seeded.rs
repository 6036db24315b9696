//! Randomness that a seed repeats.

/// Small and good enough: SplitMix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Less than `n`, which is not 0.
    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// True once in `n` times.
    pub(super) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }
}

/// Runs `rounds` rounds with seeds that differ from run to run, on all cores, and fails with the seeds of those that
/// failed. `FORMWORK_SEED` runs that one round alone; then the answer is false, since one round proves nothing about all.
pub(super) fn rounds(rounds: u64, round: impl Fn(u64) -> Result<(), String> + Sync) -> bool {
    #[allow(clippy::disallowed_methods, reason = "tests may")]
    let seed = std::env::var("FORMWORK_SEED").ok();
    if let Some(seed) = seed {
        let seed = seed.parse().unwrap_or_else(|_| panic!("FORMWORK_SEED: {seed:?} is no number"));
        round(seed).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        return false;
    }
    let first = u64::from(uuid::Uuid::new_v4().as_fields().0) << 16;
    let next = std::sync::atomic::AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let failed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = first + next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= first + rounds {
                        break;
                    }
                    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| round(seed)));
                    let outcome = outcome.unwrap_or_else(|_| Err("it panicked, see above".into()));
                    if let Err(e) = outcome {
                        failed.lock().unwrap().push(format!("seed {seed}: {e}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "{} of {rounds} rounds failed (FORMWORK_SEED=<seed> repeats one):\n{}",
        failed.len(),
        failed.iter().take(5).map(String::as_str).collect::<Vec<_>>().join("\n")
    );
    true
}
