//! What a plan opens is closed, also where the plan is made anew on the way.

use crate::cloud::{Cloud, MemProvider};
use crate::world::setup_with;
use async_trait::async_trait;
use formwork_engine::{Console, PlanOptions, Setup, apply, plan};
use formwork_provider::{Call, CallError, EphemeralResource, Opened, Schema};
use formwork_state::{Backend, LocalBackend};
use formwork_value::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts how often it was opened and closed.
#[derive(Default)]
struct Lease {
    schema: Schema,
    opened: AtomicUsize,
    closed: AtomicUsize,
}

impl Lease {
    fn counts(&self) -> (usize, usize) {
        (self.opened.load(Ordering::SeqCst), self.closed.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl EphemeralResource for Lease {
    fn type_name(&self) -> &str {
        "mem_lease"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn open(&self, _: &Call<'_>, config: &Value) -> Result<Opened, CallError> {
        self.opened.fetch_add(1, Ordering::SeqCst);
        Ok(Opened::new(config.clone()))
    }

    async fn close(&self, _: &Call<'_>, _: &Opened) -> Result<(), CallError> {
        self.closed.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn setup(cloud: &Arc<Cloud>, lease: &Arc<Lease>, colour: &str) -> Setup {
    let text = format!(
        r#"
ephemeral "mem_lease" "l" {{}}

resource "mem_thing" "first" {{
  name   = "first"
  colour = "{colour}"
}}

resource "mem_thing" "below" {{
  name   = "below"
  colour = "{colour}"
}}

resource "mem_thing" "above" {{
  count = mem_thing.first.id == "none has this" ? 9 : 1
  name  = "above"
  needs = [mem_thing.below.id]
}}
"#
    );
    setup_with(
        &text,
        Arc::new(MemProvider { ephemeral: vec![lease.clone()], ..MemProvider::new(cloud.clone()) }),
    )
}

#[tokio::test]
async fn whatever_a_plan_opens_is_closed() {
    let (cloud, lease) = (Arc::new(Cloud::default()), Arc::new(Lease::default()));
    let dir = tempfile::tempdir().unwrap();
    let backend = LocalBackend::new(dir.path().join("terraform.tfstate"));
    let mut session = backend.open(&super::open_options()).unwrap();
    let options = PlanOptions::default();
    for _ in 0..2 {
        let setup = setup(&cloud, &lease, "red");
        let planned = plan(&setup, session.state(), &options).await;
        assert!(!planned.plan.errored, "{:?}", planned.diagnostics);
        let applied = apply(&setup, &planned.plan, planned.refreshed, &mut *session).await;
        assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
    }
    let (before, closed) = lease.counts();
    assert_eq!(before, closed);

    // What is below must not go while what is above has to wait: that is found out by a first plan, and heeded by a second.
    let setup = setup(&cloud, &lease, "blue");
    let planned = plan(&setup, session.state(), &options).await;
    let waiting: Vec<&str> = planned.plan.deferred.iter().map(|d| &*d.address).collect();
    assert_eq!(waiting, ["mem_thing.above", "mem_thing.below"]);
    let (opened, closed) = lease.counts();
    assert_eq!((opened, closed), (before + 2, before + 2));

    let (_, diags) = Console::of_plan(&setup, session.state(), &options).await;
    assert!(diags.is_empty(), "{diags:?}");
    let (opened, closed) = lease.counts();
    assert_eq!((opened, closed), (before + 3, before + 3));
}
