//! Many that depend on many: what is shared is looked at once.

use crate::cloud::{Cloud, Entry, MemProvider};
use crate::world::setup_of;
use formwork_engine::{PlanOptions, Setup, apply, plan};
use formwork_plan::{Plan, Reason};
use formwork_state::{Backend, LocalBackend};
use std::sync::Arc;

const MODULE: &str = r#"
resource "mem_thing" "x" {
  count = 2
  name  = "x"
}
"#;

fn setup(cloud: &Arc<Cloud>, size: u32) -> Setup {
    let root = format!(
        r#"
module "m" {{
  source = "./m"
  count  = 100
}}

resource "mem_thing" "a" {{
  count      = 200
  name       = "a"
  depends_on = [module.m]
}}

resource "mem_thing" "b" {{
  count = 200
  name  = "b"

  lifecycle {{
    replace_triggered_by = [mem_thing.z, mem_thing.z[count.index].name]
  }}
}}

resource "mem_thing" "z" {{
  count = 200
  name  = "z"
  size  = count.index == 7 ? {size} : 0
}}
"#
    );
    setup_of(&[("main.tf", &root), ("m/main.tf", MODULE)], Arc::new(MemProvider::new(cloud.clone())))
}

/// For how many other steps all steps wait, together.
fn edges(plan: &Plan) -> usize {
    plan.steps.iter().map(|step| step.after.len()).sum()
}

#[tokio::test]
async fn many_that_depend_on_many_share_what_they_wait_for() {
    let cloud = Arc::new(Cloud::default());
    let dir = tempfile::tempdir().unwrap();
    let backend = LocalBackend::new(dir.path().join("terraform.tfstate"));
    let mut session = backend.open(&super::open_options()).unwrap();

    let first = setup(&cloud, 1);
    let planned = plan(&first, session.state(), &PlanOptions::default()).await;
    assert!(!planned.plan.errored, "{:?}", planned.diagnostics);
    assert_eq!(planned.plan.counts(), (800, 0, 0));
    // One for each, to each, would be 80,000.
    assert!(edges(&planned.plan) < 4_000, "{}", edges(&planned.plan));

    let applied = apply(&first, &planned.plan, planned.refreshed, &mut *session).await;
    assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);
    let made: Vec<String> = cloud
        .log()
        .into_iter()
        .filter_map(|entry| match entry {
            Entry::Created { name, .. } => Some(name),
            _ => None,
        })
        .collect();
    let last = |of: &str| made.iter().rposition(|name| name == of);
    let first_of = |of: &str| made.iter().position(|name| name == of);
    assert!(last("x") < first_of("a") && last("z") < first_of("b"), "{made:?}");

    // One of those named as a whole changes: all are replaced.
    let second = setup(&cloud, 2);
    let planned = plan(&second, session.state(), &PlanOptions::default()).await;
    assert_eq!(planned.plan.counts(), (200, 1, 200));
    let triggered = planned.plan.changes.iter().filter(|c| c.reason == Some(Reason::ReplaceByTriggers));
    assert_eq!(triggered.count(), 200);
}
