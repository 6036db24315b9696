//! Provisioners: `local-exec`, `remote-exec`, `file`.

mod local_exec;
mod machine;
mod process;
mod remote;
mod upload;

use formwork_provider::{Attribute, Block, Provisioner};
use formwork_value::{Type, Value};
use std::sync::Arc;

pub(crate) fn provisioners() -> Vec<Arc<dyn Provisioner>> {
    vec![
        Arc::new(local_exec::LocalExec::new()),
        Arc::new(remote::RemoteExec::new()),
        Arc::new(remote::File::new()),
    ]
}

fn block(attributes: &[(&str, Type, bool, &str)]) -> Block {
    let attributes = attributes.iter().map(|(name, ty, required, description)| {
        let description = (*description).into();
        let attribute =
            Attribute { required: *required, optional: !required, description, ..Attribute::new(ty.clone()) };
        ((*name).into(), attribute)
    });
    Block { attributes: attributes.collect(), ..Block::default() }
}

fn text<'a>(config: &'a Value, name: &str) -> Option<&'a str> {
    config.get(name).and_then(Value::as_str).filter(|s| !s.is_empty())
}

fn texts(config: &Value, name: &str) -> Vec<String> {
    let list = config.get(name).and_then(Value::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn flag(config: &Value, name: &str) -> Option<bool> {
    config.get(name).and_then(Value::as_bool)
}

#[cfg(test)]
mod tests;
