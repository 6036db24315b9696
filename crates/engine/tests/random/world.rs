//! A world without files, and a setup around it.

use crate::cloud::{Cloud, MemProvider};
use formwork_config::{MemoryFiles, load};
use formwork_engine::{Cancel, Registry, Setup};
use formwork_lang::World;
use formwork_provider::Provider;
use std::path::{Path, PathBuf};
use std::sync::Arc;

struct Empty;

impl World for Empty {
    fn read(&self, _: &Path) -> Result<Vec<u8>, String> {
        Err("there are no files".into())
    }

    fn exists(&self, _: &Path) -> Result<bool, String> {
        Ok(false)
    }

    fn walk(&self, _: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(Vec::new())
    }

    fn timestamp(&self) -> Option<formwork_lang::Str> {
        None
    }

    fn plan_timestamp(&self) -> Option<formwork_lang::Str> {
        None
    }

    fn uuid(&self) -> Option<formwork_lang::Str> {
        None
    }

    fn cwd(&self) -> PathBuf {
        "/".into()
    }

    fn home(&self) -> Option<PathBuf> {
        None
    }
}

pub fn setup(text: &str, cloud: Arc<Cloud>) -> Setup {
    setup_with(text, Arc::new(MemProvider::new(cloud)))
}

pub fn setup_with(text: &str, provider: Arc<dyn Provider>) -> Setup {
    setup_of(&[("main.tf", text)], provider)
}

pub fn setup_of(files: &[(&str, &str)], provider: Arc<dyn Provider>) -> Setup {
    let held = files.iter().map(|(name, text)| (PathBuf::from(name), text.as_bytes().to_vec()));
    let loaded = load(Path::new(""), &MemoryFiles(held.collect()));
    assert!(loaded.diagnostics.is_empty(), "{:?}\n{files:?}", loaded.diagnostics);
    Setup {
        config: Arc::new(loaded.config.expect("the configuration is sound")),
        registry: Arc::new(Registry::new([provider])),
        variables: Default::default(),
        unfit: Default::default(),
        workspace: "default".into(),
        world: Arc::new(Empty),
        clock: Arc::new(|| 0),
        events: Arc::new(|_| {}),
        parallelism: 4,
        cancel: Cancel::default(),
        probe: Arc::new(()),
        unmade: Default::default(),
        settle_here: false,
    }
}
