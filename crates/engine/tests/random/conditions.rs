//! What does not hold is said once, however often something had to be waited for.

use crate::cloud::{Cloud, MemProvider};
use crate::world::setup_with;
use async_trait::async_trait;
use formwork_diag::Diagnostic;
use formwork_engine::{PlanOptions, Setup, apply, plan};
use formwork_plan::{CheckResult, Mode};
use formwork_provider::{Attribute, Block, Call, CallError, DataSource, Schema};
use formwork_state::{Backend, LocalBackend};
use formwork_value::{Str, Type, Value};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A data source whose answers take a while; it knows how many were asked for at once.
struct Note {
    schema: Schema,
    under_way: AtomicUsize,
    most: AtomicUsize,
}

impl Note {
    fn new() -> Self {
        let name = Attribute { required: true, ..Attribute::new(Type::String) };
        let schema = Schema {
            version: 0,
            block: Block { attributes: [(Str::from("name"), name)].into(), ..Block::default() },
        };
        Note { schema, under_way: AtomicUsize::new(0), most: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl DataSource for Note {
    fn type_name(&self) -> &str {
        "mem_note"
    }

    fn schema(&self) -> &Schema {
        &self.schema
    }

    async fn read(&self, _: &Call<'_>, config: &Value) -> Result<Value, CallError> {
        let under_way = self.under_way.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(under_way, Ordering::SeqCst);
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        Ok(config.clone())
    }
}

fn setup(text: &str, cloud: &Arc<Cloud>, note: &Arc<Note>) -> Setup {
    setup_with(text, Arc::new(MemProvider { data: vec![note.clone()], ..MemProvider::new(cloud.clone()) }))
}

fn count(diags: &[Diagnostic], summary: &str) -> usize {
    diags.iter().filter(|d| d.summary == summary).count()
}

fn problems<'a>(checks: &'a [CheckResult], address: &str) -> Vec<&'a str> {
    let of_it = checks.iter().filter(|c| c.address == address);
    of_it.flat_map(|c| c.problems.iter().map(String::as_str)).collect()
}

const CHECKS: &str = r#"
resource "mem_thing" "a" {
  name = "a"
  size = 1
}

check "a" {
  assert {
    condition     = mem_thing.a.size == 2
    error_message = "It is not two."
  }
}

check "b" {
  data "mem_note" "b" {
    name = "b"
  }

  assert {
    condition     = data.mem_note.b.name == "b"
    error_message = "It is not b."
  }
}

check "c" {
  data "mem_note" "c" {
    name = "c"
  }

  assert {
    condition     = data.mem_note.c.name == "c"
    error_message = "It is not c."
  }
}
"#;

#[tokio::test]
async fn checks_are_judged_once_and_what_they_need_is_read_together() {
    let note = Arc::new(Note::new());
    let setup = setup(CHECKS, &Arc::default(), &note);
    let dir = tempfile::tempdir().unwrap();
    let backend = LocalBackend::new(dir.path().join("terraform.tfstate"));
    let mut session = backend.open(&super::open_options()).unwrap();

    let planned = plan(&setup, session.state(), &PlanOptions::default()).await;
    assert!(!planned.plan.errored, "{:?}", planned.diagnostics);
    assert_eq!(count(&planned.diagnostics, "Check block assertion failed"), 1);
    assert_eq!(problems(&planned.plan.checks, "check.a"), ["It is not two."]);
    assert_eq!(note.most.load(Ordering::SeqCst), 2);

    let applied = apply(&setup, &planned.plan, planned.refreshed, &mut *session).await;
    assert_eq!(count(&applied.diagnostics, "Check block assertion failed"), 1);
    let results = applied.state.check_results.expect("there are results");
    assert_eq!(results.matches("It is not two.").count(), 1, "{results}");
}

fn conditions(n: u32) -> String {
    format!(
        r#"
locals {{
  n = {n}
}}

resource "mem_thing" "a" {{
  name = "a"

  lifecycle {{
    precondition {{
      condition     = local.n == 1
      error_message = "It is not one."
    }}

    postcondition {{
      condition     = mem_thing.b.size == 1
      error_message = "Nor is that."
    }}
  }}
}}

resource "mem_thing" "b" {{
  name = "b"
  size = 1
}}
"#
    )
}

#[tokio::test]
async fn a_precondition_is_told_once_although_the_postcondition_had_to_wait() {
    let (cloud, note) = (Arc::new(Cloud::default()), Arc::new(Note::new()));
    let dir = tempfile::tempdir().unwrap();
    let backend = LocalBackend::new(dir.path().join("terraform.tfstate"));
    let mut session = backend.open(&super::open_options()).unwrap();

    let holds = setup(&conditions(1), &cloud, &note);
    let planned = plan(&holds, session.state(), &PlanOptions::default()).await;
    let applied = apply(&holds, &planned.plan, planned.refreshed, &mut *session).await;
    assert!(applied.diagnostics.is_empty(), "{:?}", applied.diagnostics);

    let fails = setup(&conditions(2), &cloud, &note);
    let options = PlanOptions { mode: Mode::RefreshOnly, ..PlanOptions::default() };
    let planned = plan(&fails, session.state(), &options).await;
    assert!(!planned.plan.errored, "{:?}", planned.diagnostics);
    assert_eq!(count(&planned.diagnostics, "Resource precondition failed"), 1);
    assert_eq!(problems(&planned.plan.checks, "mem_thing.a"), ["It is not one."]);
}
