//! Data that a saved plan was made from, asked for again before the plan is applied.

use crate::Setup;
use crate::calls::{Caller, NoRecorder, data_source};
use crate::instance::{decode, marked};
use crate::prepare::hide;
use crate::provide::{ProviderHandle, TypeInfo, Worker};
use crate::recover::{Recovery, provider_key};
use formwork_addr::InstanceAddr;
use formwork_plan::How;
use formwork_provider::{Call, CallError, DataSource};
use formwork_state::State;
use formwork_value::{Type, Value, json};
use futures_util::future::join_all;
use std::collections::BTreeSet;
use std::sync::Arc;

/// What of the data at these addresses is not what it is in `state`, each as the end of a list's line. What is read from
/// files of this machine counts only with `files`: a plan can be taken to where they are not.
pub async fn changed_data(
    setup: &Setup,
    state: &State,
    addrs: &BTreeSet<InstanceAddr>,
    files: bool,
) -> Vec<String> {
    if addrs.is_empty() {
        return Vec::new();
    }
    let mut recovery = Recovery::with_unknowns(setup, state.clone());
    let mut found = Vec::new();
    for addr in addrs {
        found.extend(known(&mut recovery, state, addr).await);
    }
    let caller = Caller::new(setup.clone());
    let asked = found.iter().filter(|known| files || known.source.files(&known.config).is_empty());
    join_all(asked.map(|known| known.changes(&caller))).await.concat()
}

/// Data as the plan has it.
struct Known {
    addr: InstanceAddr,
    info: Arc<TypeInfo>,
    source: Arc<dyn DataSource>,
    provider: Arc<ProviderHandle>,
    /// The whole of it.
    before: Value,
    /// The same, with the marks of what is sensitive.
    marked: Value,
    /// What it is asked for with.
    config: Value,
}

/// Data in a state, and who can be asked for it.
async fn known(recovery: &mut Recovery, state: &State, addr: &InstanceAddr) -> Option<Known> {
    let info = recovery.ev.type_info(&addr.resource.resource)?;
    let Worker::Data(source) = info.worker.clone() else { return None };
    let stored = state.instance(addr)?.current.clone()?;
    let name = state.resources.get(&addr.resource)?.provider_of(&stored).clone();
    let key = provider_key(&recovery.ev.setup.config, &name)?;
    let cell = recovery.ev.provider_cell(key);
    recovery.fill(cell).await;
    let provider = recovery.ev.provider_of(cell).filter(|p| p.known)?;
    let before = decode(addr, &info, &stored).ok()?.value;
    let marked = marked(&info, &stored, &before);
    let given = info.schema.block.attributes.iter().filter(|(_, a)| !a.required && !a.optional);
    let config = given
        .fold(before.clone(), |config, (name, a)| config.with_attribute(name, Value::null(a.ty.clone())));
    Some(Known { addr: addr.clone(), info, source, provider, before, marked, config })
}

impl Known {
    /// What has become of it.
    async fn changes(&self, caller: &Caller) -> Vec<String> {
        let now = caller
            .with(&self.provider, "", &NoRecorder, async |call| {
                let about = data_source(&self.addr);
                self.source.read(&Call { about: &about, ..*call }, &self.config).await
            })
            .await;
        // What was stored has lost what a state does not keep: both are compared as a state has them.
        let now = now.and_then(|value| {
            json::encode(&value.unmark_deep().0, &self.info.ty)
                .and_then(|text| json::decode(&text, &self.info.ty))
                .map_err(|e| CallError::new("Provider returned an invalid object", format!("{e}.")))
        });
        match now {
            Ok(now) => differences(&self.before, &now)
                .iter()
                .map(|(what, how)| format!("{what} of {} {how}", self.addr))
                .collect(),
            Err(mut error) => {
                hide(&mut error, &self.marked);
                vec![format!("{} cannot be read again: {}", self.addr, error.detail)]
            }
        }
    }
}

/// The attributes in which two objects differ; of those that are objects themselves, which of theirs.
fn differences(before: &Value, now: &Value) -> Vec<(String, How)> {
    let Some(attributes) = before.as_map() else { return Vec::new() };
    let mut found = Vec::new();
    for (name, was) in attributes {
        let none = Value::null(Type::Dynamic);
        let is = now.get(name).unwrap_or(&none);
        let (Some(old), Some(new)) = (was.as_map(), is.as_map()) else {
            if was != is {
                found.push((name.to_string(), How::Changed));
            }
            continue;
        };
        let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for inner in names {
            let how = match (old.get(inner), new.get(inner)) {
                (Some(a), Some(b)) if a == b => continue,
                (Some(_), Some(_)) => How::Changed,
                (Some(_), None) => How::Gone,
                (None, _) => How::Appeared,
            };
            found.push((format!("{name}.{inner}"), how));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::differences;
    use formwork_plan::How;
    use formwork_value::json::decode_implied;

    #[test]
    fn what_differs_is_named_one_level_deep() {
        let check = |before: &str, now: &str, expected: &[(&str, How)]| {
            let found = differences(&decode_implied(before).unwrap(), &decode_implied(now).unwrap());
            let found: Vec<(&str, How)> = found.iter().map(|(name, how)| (&**name, *how)).collect();
            assert_eq!(found, expected, "{before} {now}");
        };
        let outputs = r#"{"backend": "http", "outputs": {"a": [1], "b": {"c": 1}}}"#;
        check(outputs, outputs, &[]);
        check(outputs, r#"{"outputs": {"b": {"c": 1}, "a": [1]}, "backend": "http"}"#, &[]);
        check(
            outputs,
            r#"{"backend": "http", "outputs": {"a": [2], "b": {"c": 1}, "n": null}}"#,
            &[("outputs.a", How::Changed), ("outputs.n", How::Appeared)],
        );
        check(outputs, r#"{"backend": "http", "outputs": {"a": [1]}}"#, &[("outputs.b", How::Gone)]);
        check(
            outputs,
            r#"{"backend": "s3", "outputs": {}}"#,
            &[("backend", How::Changed), ("outputs.a", How::Gone), ("outputs.b", How::Gone)],
        );
        check(outputs, r#"{"backend": "http", "outputs": null}"#, &[("outputs", How::Changed)]);
    }
}
