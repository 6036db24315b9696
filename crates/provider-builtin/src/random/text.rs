//! `random_password` and `random_string`.

use super::{Keepers, drawn};
use crate::values::{at_least, is_set, with};
use formwork_provider::{CallError, Computed, Problem, Resource};
use formwork_value::{Number, Path, Value};
use serde_json::json;

/// Draws a string, to be treated as a secret. `result` and `bcrypt_hash` are never shown.
#[derive(Clone, Resource)]
#[resource(name = "random_password", version = 3)]
pub(super) struct Password {
    /// Arbitrary values; when one changes, a new result is drawn.
    #[attr(replace)]
    keepers: Option<Keepers>,
    /// Number of characters: at least 1, and at least the sum of the minima.
    #[attr(replace)]
    length: i64,
    /// Whether there are special characters.
    #[attr(replace, default = true)]
    special: bool,
    /// Whether there are upper-case letters.
    #[attr(replace, default = true)]
    upper: bool,
    /// Whether there are lower-case letters.
    #[attr(replace, default = true)]
    lower: bool,
    /// Whether there are digits.
    #[attr(replace, optional, deprecated = "Use numeric instead.")]
    number: Computed<bool>,
    /// Whether there are digits.
    #[attr(replace, optional)]
    numeric: Computed<bool>,
    /// At least so many digits.
    #[attr(replace, default = 0)]
    min_numeric: i64,
    /// At least so many upper-case letters.
    #[attr(replace, default = 0)]
    min_upper: i64,
    /// At least so many lower-case letters.
    #[attr(replace, default = 0)]
    min_lower: i64,
    /// At least so many special characters.
    #[attr(replace, default = 0)]
    min_special: i64,
    /// The special characters to draw from, instead of `!@#$%&*()-_=+[]{}<>:?`.
    #[attr(replace)]
    override_special: Option<String>,
    /// The string.
    #[attr(sensitive)]
    result: Computed<String>,
    /// A bcrypt hash of the string, of which bcrypt counts the first 72 bytes.
    #[attr(sensitive)]
    bcrypt_hash: Computed<String>,
    /// Always `none`.
    id: Computed<String>,
}

/// Draws a string. Use `random_password` for secrets: the result of this one is shown.
#[derive(Clone, Resource)]
#[resource(name = "random_string", version = 2)]
pub(super) struct Text {
    /// Arbitrary values; when one changes, a new result is drawn.
    #[attr(replace)]
    keepers: Option<Keepers>,
    /// Number of characters: at least 1, and at least the sum of the minima.
    #[attr(replace)]
    length: i64,
    /// Whether there are special characters.
    #[attr(replace, default = true)]
    special: bool,
    /// Whether there are upper-case letters.
    #[attr(replace, default = true)]
    upper: bool,
    /// Whether there are lower-case letters.
    #[attr(replace, default = true)]
    lower: bool,
    /// Whether there are digits.
    #[attr(replace, optional, deprecated = "Use numeric instead.")]
    number: Computed<bool>,
    /// Whether there are digits.
    #[attr(replace, optional)]
    numeric: Computed<bool>,
    /// At least so many digits.
    #[attr(replace, default = 0)]
    min_numeric: i64,
    /// At least so many upper-case letters.
    #[attr(replace, default = 0)]
    min_upper: i64,
    /// At least so many lower-case letters.
    #[attr(replace, default = 0)]
    min_lower: i64,
    /// At least so many special characters.
    #[attr(replace, default = 0)]
    min_special: i64,
    /// The special characters to draw from, instead of `!@#$%&*()-_=+[]{}<>:?`.
    #[attr(replace)]
    override_special: Option<String>,
    /// The string.
    result: Computed<String>,
    /// The string.
    id: Computed<String>,
}

const DIGITS: &str = "0123456789";
const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const SPECIAL: &str = "!@#$%&*()-_=+[]{}<>:?";

const MINIMA: [&str; 4] = ["min_upper", "min_lower", "min_numeric", "min_special"];

/// A class of characters: the characters, whether to draw from it freely, and how many at least.
type Class<'a> = (&'a str, bool, i64);

fn draw(length: i64, classes: [Class<'_>; 4]) -> Result<String, CallError> {
    const MOST: i64 = 1 << 20;
    let wrong = |detail: String| CallError::new("Value out of range", detail).on(Path::root().attr("length"));
    let minimum = classes.iter().fold(0i64, |sum, (_, _, min)| sum.saturating_add(*min.max(&0)));
    let least = minimum.max(1);
    if !(least..=MOST).contains(&length) {
        return Err(wrong(format!("length must lie between {least} and {MOST}; it is {length}.")));
    }
    let pick = |set: &[char]| set[rand::random_range(0..set.len())];
    let mut out = Vec::new();
    let mut free = Vec::new();
    for (set, wanted, min) in classes {
        let set: Vec<char> = set.chars().collect();
        if min > 0 && set.is_empty() {
            return Err(wrong("There are no special characters to draw from.".to_owned()));
        }
        out.extend((0..min).map(|_| pick(&set)));
        if wanted {
            free.extend(set);
        }
    }
    let rest = length - minimum;
    if rest > 0 && free.is_empty() {
        let detail = "There are no characters to draw from: every class is switched off.";
        return Err(CallError::new("Nothing to draw from", detail));
    }
    out.extend((0..rest).map(|_| pick(&free)));
    super::dice::Dice::Random.shuffle(&mut out);
    Ok(out.into_iter().collect())
}

fn hash(password: &str) -> Result<String, CallError> {
    // bcrypt counts 72 bytes; Go's library, whose hashes these are, refuses more.
    let bytes = &password.as_bytes()[..password.len().min(72)];
    let parts = bcrypt::hash_with_result(bytes, 10)
        .map_err(|error| CallError::new("Hashing failed", format!("bcrypt: {error}.")))?;
    Ok(parts.format_for_version(bcrypt::Version::TwoA))
}

fn check(config: &Value) -> Vec<Problem> {
    let mut problems: Vec<Problem> = at_least(config, "length", 1).into_iter().collect();
    problems.extend(MINIMA.iter().filter_map(|name| at_least(config, name, 0)));
    let number = |name: &str| config.get(name).and_then(Value::as_number).cloned();
    let mut minima = MINIMA.iter().filter_map(|n| number(n));
    let sum = minima.try_fold(Number::from(0i64), |sum, n| sum.add(&n));
    if let (Some(length), Ok(sum)) = (number("length"), sum)
        && length < sum
    {
        let detail = format!("length ({length}) must not be less than the sum of the minima ({sum}).");
        problems.push(Problem::error(Path::root().attr("length"), "Value out of range", detail));
    }
    let flag = |name: &str| config.get(name).and_then(Value::as_bool);
    if let (Some(number), Some(numeric)) = (flag("number"), flag("numeric"))
        && number != numeric
    {
        let detail = "number and numeric mean the same, but are set differently. Keep numeric only.";
        problems.push(Problem::error(Path::root().attr("number"), "Conflicting arguments", detail));
    }
    let classes = ["upper", "lower", "number", "numeric", "special"];
    if classes.iter().all(|name| flag(name) == Some(false) || (*name).starts_with("num"))
        && (flag("number") == Some(false) || flag("numeric") == Some(false))
    {
        let detail = "upper, lower, numeric and special are all false: there are no characters to draw from.";
        problems.push(Problem::error(Path::root(), "Nothing to draw from", detail));
    }
    problems
}

/// The configuration with `number` and `numeric` made the same, which is true unless one says otherwise.
fn filled(config: &Value) -> Value {
    let chosen = ["numeric", "number"].into_iter().find(|name| is_set(config, name) != Some(false));
    let value = chosen.and_then(|name| config.get(name)).cloned().unwrap_or(Value::from(true));
    with(with(config.clone(), "number", value.clone()), "numeric", value)
}

/// Versions before had no `numeric`, and imported objects lacked whatever had a default.
fn lift(mut attributes: serde_json::Value) -> Result<serde_json::Value, String> {
    let map = attributes.as_object_mut().ok_or("the attributes are not an object")?;
    let result = map.get("result").and_then(|r| r.as_str()).unwrap_or_default().to_owned();
    let mut fill = |name: &str, value: serde_json::Value| {
        if map.get(name).is_none_or(serde_json::Value::is_null) {
            map.insert(name.into(), value);
        }
    };
    fill("length", json!(result.chars().count()));
    for name in MINIMA {
        fill(name, json!(0));
    }
    for name in ["special", "upper", "lower", "number"] {
        fill(name, json!(true));
    }
    let number = map.get("number").cloned().unwrap_or(json!(true));
    map.insert("numeric".into(), number);
    Ok(attributes)
}

fn lift_password(version: u64, attributes: serde_json::Value) -> Result<serde_json::Value, String> {
    let mut attributes = lift(attributes)?;
    let result = attributes.get("result").and_then(|r| r.as_str()).unwrap_or_default().to_owned();
    let old = attributes.get("bcrypt_hash").and_then(|h| h.as_str());
    // Version 2 had hashes that do not belong to the password.
    let good = old.is_some_and(|old| version == 1 || bcrypt::verify(result.as_bytes(), old).unwrap_or(false));
    if !good && let Some(map) = attributes.as_object_mut() {
        map.insert("bcrypt_hash".into(), json!(hash(&result).map_err(|error| error.detail)?));
    }
    Ok(attributes)
}

macro_rules! classes {
    ($planned:expr) => {
        [
            (UPPER, $planned.upper, $planned.min_upper),
            (LOWER, $planned.lower, $planned.min_lower),
            (DIGITS, $planned.numeric.get().is_none_or(|n| *n), $planned.min_numeric),
            (
                $planned.override_special.as_deref().filter(|s| !s.is_empty()).unwrap_or(SPECIAL),
                $planned.special,
                $planned.min_special,
            ),
        ]
    };
}

drawn!(Password, |planned| {
    let result = draw(planned.length, classes!(planned))?;
    let bcrypt_hash = hash(&result)?.into();
    Ok(Password { bcrypt_hash, id: "none".into(), result: result.into(), ..planned.clone() })
},
plan: |config| filled(config),
validate: check,
upgrade: lift_password,
import: |id| Ok(Password {
    keepers: None,
    length: id.chars().count() as i64,
    special: true,
    upper: true,
    lower: true,
    number: true.into(),
    numeric: true.into(),
    min_numeric: 0,
    min_upper: 0,
    min_lower: 0,
    min_special: 0,
    override_special: None,
    result: id.into(),
    bcrypt_hash: hash(id)?.into(),
    id: "none".into(),
}));

drawn!(Text, |planned| {
    let result = draw(planned.length, classes!(planned))?;
    Ok(Text { result: result.as_str().into(), id: result.into(), ..planned.clone() })
},
plan: |config| filled(config),
validate: check,
upgrade: |_, attributes| lift(attributes),
import: |id| Ok(Text {
    keepers: None,
    length: id.chars().count() as i64,
    special: true,
    upper: true,
    lower: true,
    number: true.into(),
    numeric: true.into(),
    min_numeric: 0,
    min_upper: 0,
    min_lower: 0,
    min_special: 0,
    override_special: None,
    result: id.into(),
    id: id.into(),
}));
