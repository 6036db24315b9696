//! The files that AWS's own tools share
//! (<https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html>).

use crate::{Account, World};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a profile says.
pub(crate) struct Profile {
    pub(crate) name: String,
    settings: BTreeMap<String, String>,
}

impl Profile {
    /// The one that is named, or else the default one.
    pub(crate) fn of(account: &Account, world: &dyn World) -> Profile {
        let named = account.profile.clone().or_else(|| world.variable("AWS_PROFILE"));
        let name = named.unwrap_or_else(|| "default".to_owned());
        let files = |given: &[PathBuf], variable: &str, usual: &str| -> Vec<PathBuf> {
            if !given.is_empty() {
                return given.iter().map(|path| resolved(path, world)).collect();
            }
            let usual = || world.home().map(|home| home.join(".aws").join(usual));
            world.variable(variable).map(PathBuf::from).or_else(usual).into_iter().collect()
        };
        let mut settings = BTreeMap::new();
        for path in files(&account.config_files, "AWS_CONFIG_FILE", "config") {
            read(&path, &[&format!("profile {name}"), &name], &mut settings);
        }
        for path in files(&account.credentials_files, "AWS_SHARED_CREDENTIALS_FILE", "credentials") {
            read(&path, &[&name], &mut settings);
        }
        Profile { name, settings }
    }

    pub(crate) fn get(&self, name: &str) -> Option<String> {
        self.settings.get(name).cloned().filter(|value| !value.is_empty())
    }
}

/// The path, with the home directory for a leading `~`.
fn resolved(path: &Path, world: &dyn World) -> PathBuf {
    match (path.strip_prefix("~"), world.home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_path_buf(),
    }
}

/// Adds what sections of these names say; later files win. What cannot be read says nothing.
fn read(path: &Path, sections: &[&str], settings: &mut BTreeMap<String, String>) {
    if let Ok(text) = std::fs::read_to_string(path) {
        parse(&text, sections, settings);
    }
}

fn parse(text: &str, sections: &[&str], settings: &mut BTreeMap<String, String>) {
    let mut within = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(header) = trimmed.strip_prefix('[') {
            within = sections.contains(&header.split(']').next().unwrap_or_default().trim());
        } else if within
            // Lines that are indented belong to a setting of several values.
            && !line.starts_with([' ', '\t', '#', ';'])
            && let Some((name, value)) = trimmed.split_once('=')
        {
            settings.insert(name.trim().to_owned(), value.trim().to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_by_profile() {
        let text = "# all\n[default]\naws_access_key_id = A\n[profile b]\nregion=eu-west-1\nnested =\n  region = no\n[ c ]\n\
                    aws_access_key_id = C\n";
        let check = |sections: &[&str], key: &str, expected: Option<&str>| {
            let mut settings = BTreeMap::new();
            parse(text, sections, &mut settings);
            assert_eq!(settings.get(key).map(String::as_str), expected, "{sections:?} {key}");
        };
        check(&["default"], "aws_access_key_id", Some("A"));
        check(&["profile b", "b"], "region", Some("eu-west-1"));
        check(&["c"], "aws_access_key_id", Some("C"));
        check(&["b"], "region", None);
        check(&["none"], "region", None);
    }
}
