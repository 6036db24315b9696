//! What must not be shown.
//!
//! Values come without their marks, so nobody knows here which variable is secret: the value of every variable is
//! replaced by the variable's name wherever Ansible repeats it.

use crate::playbook::Playbook;
use std::collections::BTreeMap;

/// Shorter values are in too many words to be told apart from them.
const SHORTEST: usize = 4;

/// Texts to be replaced, longest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// Those of a playbook's arguments.
    pub fn of(playbook: &Playbook) -> Self {
        let mut out = Secrets::default();
        out.variables(playbook.extra_vars.as_ref());
        for host in &playbook.hosts {
            out.variables(host.vars.as_ref());
        }
        if let Some(key) = &playbook.ssh_private_key {
            out.add(key, "(ssh_private_key)");
        }
        out.0.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
        out.0.dedup();
        out
    }

    fn variables(&mut self, variables: Option<&BTreeMap<String, String>>) {
        for (name, value) in variables.into_iter().flatten().filter(|(name, _)| may_be_secret(name)) {
            let shown = format!("{{{{ {name} }}}}");
            match structured(value) {
                Some(inner) => self.leaves(&inner, &shown),
                None => self.add(value, &shown),
            }
        }
    }

    fn leaves(&mut self, value: &serde_json::Value, shown: &str) {
        match value {
            serde_json::Value::String(text) => self.add(text, shown),
            serde_json::Value::Array(items) => items.iter().for_each(|v| self.leaves(v, shown)),
            serde_json::Value::Object(map) => map.values().for_each(|v| self.leaves(v, shown)),
            serde_json::Value::Number(n) => self.add(&n.to_string(), shown),
            serde_json::Value::Bool(_) | serde_json::Value::Null => {}
        }
    }

    fn add(&mut self, value: &str, shown: &str) {
        let quoted = serde_json::Value::from(value).to_string();
        let escaped = quoted.trim_matches('"').to_owned();
        let lines = value.lines().map(|line| line.trim().to_owned());
        for text in lines.chain([value.to_owned(), escaped]) {
            if text.len() >= SHORTEST && !["true", "false", "True", "False", "null"].contains(&&*text) {
                self.0.push((text, shown.to_owned()));
            }
        }
    }

    /// The text without them.
    pub fn hide(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        // One pass, so that what was put in is not looked at again.
        'next: while let Some(c) = rest.chars().next() {
            for (secret, shown) in &self.0 {
                if let Some(after) = rest.strip_prefix(secret.as_str()) {
                    out.push_str(shown);
                    rest = after;
                    continue 'next;
                }
            }
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
        out
    }
}

/// Ansible's own settings (interpreter, connection) are no secrets, save passwords.
fn may_be_secret(name: &str) -> bool {
    !name.starts_with("ansible_") || ["pass", "secret", "token"].iter().any(|word| name.contains(word))
}

/// The list or object that a value writes as JSON.
pub(crate) fn structured(value: &str) -> Option<serde_json::Value> {
    if !value.trim_start().starts_with(['[', '{']) {
        return None;
    }
    serde_json::from_str(value).ok().filter(|v: &serde_json::Value| v.is_array() || v.is_object())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_variables_are_named_not_shown() {
        let vars = |pairs: &[(&str, &str)]| {
            let vars: BTreeMap<_, _> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            let mut secrets = Secrets::default();
            secrets.variables(Some(&vars));
            secrets.0.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then_with(|| a.cmp(b)));
            secrets
        };
        let check = |pairs: &[(&str, &str)], text: &str, expected: &str| {
            assert_eq!(vars(pairs).hide(text), expected);
        };
        check(&[("pw", "hunter22")], "login with hunter22 failed", "login with {{ pw }} failed");
        check(&[("pw", "a\"b\nline two")], r#"{"pw": "a\"b\nline two"}"#, r#"{"pw": "{{ pw }}"}"#);
        check(&[("pw", "line one\nline two")], "at line two", "at {{ pw }}");
        check(&[("users", r#"[{"pw":"s3cret"}]"#)], "s3cret!", "{{ users }}!");
        check(&[("on", "true"), ("n", "12")], "true 12", "true 12");
        check(&[("ansible_user", "root")], "root", "root");
        check(&[("ansible_password", "root")], "root", "{{ ansible_password }}");
        check(&[("a", "word"), ("b", "wordy")], "wordy word", "{{ b }} {{ a }}");
    }
}
