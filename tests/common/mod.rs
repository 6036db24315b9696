//! What the end-to-end tests share.

#[allow(dead_code)]
pub mod schedule;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The program with the toy cloud in it.
#[allow(dead_code)]
pub fn program() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_formwork")).with_file_name("examples").join("formwork-toy");
    assert!(path.is_file(), "{} is missing: `cargo build --examples` makes it", path.display());
    path
}

/// A folder of this repository.
#[allow(dead_code)]
pub fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Whether expectations are to be written anew.
#[allow(dead_code)]
pub fn updating() -> bool {
    std::env::var_os("UPDATE_EXPECT").is_some_and(|v| v == "1")
}

/// Does something with each item on `threads` threads; results come in the order of the items.
#[allow(dead_code)]
pub fn parallel<T: Sync, R: Send>(threads: usize, items: &[T], f: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let mut results: Vec<(usize, R)> = std::thread::scope(|scope| {
        let work = || {
            let mut mine = Vec::new();
            while let Some((i, item)) = {
                let i = next.fetch_add(1, Ordering::Relaxed);
                items.get(i).map(|item| (i, item))
            } {
                mine.push((i, f(item)));
            }
            mine
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        running.into_iter().flat_map(|t| t.join().expect("a thread of the test panicked")).collect()
    });
    results.sort_by_key(|(i, _)| *i);
    results.into_iter().map(|(_, r)| r).collect()
}
