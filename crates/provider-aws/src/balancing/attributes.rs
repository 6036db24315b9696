//! Attributes: settings that balancers and target groups have as texts by key. A table says which argument each is.

use crate::tags::Tags;

/// An argument that is an attribute.
pub(super) struct Setting<T> {
    /// AWS's key.
    pub key: &'static str,
    /// Of which kinds of balancer, or protocols of target group, it is one; of all, if none is named.
    pub kinds: &'static [&'static str],
    /// What an object has that nobody has set it for.
    pub usual: Option<&'static str>,
    /// Gives the argument as a text.
    pub get: fn(&T) -> Option<String>,
    /// Takes it from one.
    pub set: fn(&mut T, &str),
}

impl<T> Setting<T> {
    fn applies(&self, kind: &str) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }
}

/// What has to be set for a new object of a kind.
pub(super) fn initial<T>(settings: &[Setting<T>], kind: &str, wanted: &T) -> Tags {
    let applying = settings.iter().filter(|setting| setting.applies(kind));
    let value = |setting: &Setting<T>| {
        let value = (setting.get)(wanted)?;
        (Some(&*value) != setting.usual).then(|| (setting.key.to_owned(), value))
    };
    applying.filter_map(value).collect()
}

/// What has to be set to come from one object to another.
pub(super) fn changed<T>(settings: &[Setting<T>], kind: &str, before: &T, after: &T) -> Tags {
    let applying = settings.iter().filter(|setting| setting.applies(kind));
    let value = |setting: &Setting<T>| {
        let value = (setting.get)(after)?;
        ((setting.get)(before).as_ref() != Some(&value)).then(|| (setting.key.to_owned(), value))
    };
    applying.filter_map(value).collect()
}

/// Puts in what was found. An argument of another kind, and one that is not told, stays.
pub(super) fn filled<T>(settings: &[Setting<T>], kind: &str, object: &mut T, found: &Tags) {
    for setting in settings.iter().filter(|setting| setting.applies(kind)) {
        if let Some(value) = found.get(setting.key).map(String::as_str).or(setting.usual) {
            (setting.set)(object, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Thing {
        timeout: i64,
        zones: bool,
    }

    const SETTINGS: [Setting<Thing>; 2] = [
        Setting {
            key: "timeout",
            kinds: &["application"],
            usual: Some("60"),
            get: |thing| Some(thing.timeout.to_string()),
            set: |thing, text| thing.timeout = text.parse().unwrap_or_default(),
        },
        Setting {
            key: "zones",
            kinds: &["network"],
            usual: Some("false"),
            get: |thing| Some(thing.zones.to_string()),
            set: |thing, text| thing.zones = text == "true",
        },
    ];

    fn pairs(pairs: &[(&str, &str)]) -> Tags {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_what_differs_and_applies_is_set() {
        let check = |kind, thing: Thing, wanted: &[(&str, &str)]| {
            assert_eq!(initial(&SETTINGS, kind, &thing), pairs(wanted), "{kind}");
        };
        check("application", Thing { timeout: 60, zones: true }, &[]);
        check("application", Thing { timeout: 30, zones: true }, &[("timeout", "30")]);
        check("network", Thing { timeout: 30, zones: true }, &[("zones", "true")]);
        let (before, after) = (Thing { timeout: 30, zones: true }, Thing { timeout: 60, zones: true });
        assert_eq!(changed(&SETTINGS, "application", &before, &after), pairs(&[("timeout", "60")]));
        assert_eq!(changed(&SETTINGS, "network", &before, &after), pairs(&[]));
    }

    #[test]
    fn what_is_found_counts_if_it_applies() {
        let mut thing = Thing { timeout: 30, zones: false };
        filled(&SETTINGS, "network", &mut thing, &pairs(&[("timeout", "10"), ("zones", "true")]));
        assert_eq!((thing.timeout, thing.zones), (30, true));
        filled(&SETTINGS, "application", &mut thing, &pairs(&[]));
        assert_eq!(thing.timeout, 60, "not told: as usual");
    }
}
