//! A run dies after an object was recorded half made. Objects of this type have no ids, only names, and go on changing by
//! themselves: what is found later is the same object all the same.

use crate::cloud::MemProvider;
use crate::world::setup_with;
use async_trait::async_trait;
use formwork_engine::{PlanOptions, apply, plan, recover};
use formwork_provider::{
    Attribute, Block, Call, CallError, Interrupted, ManagedResource, Object, Recovered, Schema,
};
use formwork_state::{Backend, LocalBackend, Status};
use formwork_value::{Str, Type, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What there is: phases by name.
type Named = Arc<Mutex<BTreeMap<String, String>>>;

struct Growing(Schema);

impl Growing {
    fn new() -> Self {
        let name = Attribute { required: true, replace: true, ..Attribute::new(Type::String) };
        let phase = Attribute { computed: true, ..Attribute::new(Type::String) };
        let attributes = [(Str::from("name"), name), (Str::from("phase"), phase)].into();
        Growing(Schema { version: 0, block: Block { attributes, ..Block::default() } })
    }
}

fn there<'a>(call: &'a Call<'_>) -> &'a Named {
    call.client.downcast_ref().expect("the client is what there is")
}

fn name(value: &Value) -> &str {
    value.get("name").and_then(Value::as_str).expect("it has a name")
}

fn object(name: &str, phase: &str) -> Object {
    Object::new(Value::object([("name", Value::string(name)), ("phase", Value::string(phase))]))
}

#[async_trait]
impl ManagedResource for Growing {
    fn type_name(&self) -> &str {
        "mem_growing"
    }

    fn schema(&self) -> &Schema {
        &self.0
    }

    async fn read(&self, call: &Call<'_>, prior: &Object) -> Result<Option<Object>, CallError> {
        let name = name(&prior.value);
        Ok(there(call).lock().unwrap().get(name).map(|phase| object(name, phase)))
    }

    /// Never comes to an end.
    async fn create(&self, call: &Call<'_>, planned: &Value, _: &[u8]) -> Result<Object, CallError> {
        let name = name(planned);
        there(call).lock().unwrap().insert(name.into(), "begun".into());
        call.recorder.created(&object(name, "begun")).await?;
        there(call).lock().unwrap().insert(name.into(), "growing".into());
        std::future::pending().await
    }

    async fn update(&self, _: &Call<'_>, prior: &Object, _: &Value, _: &[u8]) -> Result<Object, CallError> {
        Ok(prior.clone())
    }

    async fn delete(&self, call: &Call<'_>, prior: &Object) -> Result<(), CallError> {
        there(call).lock().unwrap().remove(name(&prior.value));
        Ok(())
    }

    async fn recover(&self, call: &Call<'_>, interrupted: &Interrupted) -> Result<Recovered, CallError> {
        let name = name(&interrupted.arguments);
        Ok(match there(call).lock().unwrap().get(name) {
            Some(phase) => Recovered::Found { object: object(name, phase), complete: true },
            None => Recovered::Absent,
        })
    }
}

#[tokio::test]
async fn what_was_recorded_half_made_is_not_another_object() {
    let named = Named::default();
    let provider = Arc::new(MemProvider::of(Arc::new(Growing::new()), Arc::new(named)));
    let setup = setup_with("resource \"mem_growing\" \"a\" {\n  name = \"a\"\n}\n", provider);
    let dir = tempfile::tempdir().unwrap();
    let backend = LocalBackend::new(dir.path().join("terraform.tfstate"));

    let mut session = backend.open(&super::open_options()).unwrap();
    let planned = plan(&setup, session.state(), &PlanOptions::default()).await;
    let applying = apply(&setup, &planned.plan, planned.refreshed, &mut *session);
    assert!(tokio::time::timeout(Duration::from_millis(300), applying).await.is_err(), "it never ends");
    drop(session);

    let mut session = backend.open(&super::open_options()).unwrap();
    assert_eq!(session.pending().len(), 1);
    assert!(session.pending()[0].partial.is_some());
    let diags = recover(&setup, &mut *session).await;
    assert!(diags.is_empty(), "{diags:?}");
    let instance = session.state().instance(&"mem_growing.a".parse().unwrap()).unwrap();
    assert!(instance.deposed.is_empty(), "{instance:?}");
    let current = instance.current.as_ref().unwrap();
    assert_eq!(current.status, Status::Ready);
    assert!(current.attributes.contains("growing"), "{}", current.attributes);
}
