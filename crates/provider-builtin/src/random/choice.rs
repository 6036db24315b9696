//! `random_integer`, `random_pet` and `random_shuffle`.

use super::dice::Dice;
use super::{Keepers, drawn, malformed, words};
use crate::values::at_least;
use formwork_provider::{CallError, Computed, Problem, Resource};
use formwork_value::{Path, Value};

/// Draws a whole number from a range.
#[derive(Clone, Resource)]
#[resource(name = "random_integer")]
pub(super) struct Integer {
    /// Arbitrary values; when one changes, a new result is drawn.
    #[attr(replace)]
    keepers: Option<Keepers>,
    /// The smallest possible result.
    #[attr(replace)]
    min: i64,
    /// The largest possible result.
    #[attr(replace)]
    max: i64,
    /// Makes the result repeatable.
    #[attr(replace)]
    seed: Option<String>,
    /// The number.
    result: Computed<i64>,
    /// The number as text.
    id: Computed<String>,
}

fn range(config: &Value) -> Vec<Problem> {
    let number = |name| config.get(name).and_then(Value::as_number);
    match (number("min"), number("max")) {
        (Some(min), Some(max)) if min > max => {
            let detail = format!("min ({min}) must not be greater than max ({max}).");
            vec![Problem::error(Path::root().attr("min"), "Value out of range", detail)]
        }
        _ => Vec::new(),
    }
}

drawn!(Integer, |planned| {
    let Ok(last) = u64::try_from(i128::from(planned.max) - i128::from(planned.min)) else {
        let detail = format!("min ({}) must not be greater than max ({}).", planned.min, planned.max);
        return Err(CallError::new("Value out of range", detail).on(Path::root().attr("min")));
    };
    let drawn = Dice::new(planned.seed.as_deref()).up_to(last);
    // Wraps around exactly where the range does, so that it always lies in the range.
    let result = planned.min.wrapping_add_unsigned(drawn);
    Ok(Integer { result: result.into(), id: result.to_string().into(), ..planned.clone() })
},
validate: range,
import: |id| {
    let wrong = || malformed(id, "RESULT,MIN,MAX or RESULT,MIN,MAX,SEED");
    let parts: Vec<&str> = id.split(',').collect();
    let number = |i: usize| parts.get(i).and_then(|p| p.parse::<i64>().ok()).ok_or_else(wrong);
    let (result, min, max) = (number(0)?, number(1)?, number(2)?);
    if parts.len() > 4 {
        return Err(wrong());
    }
    let seed = parts.get(3).map(|s| (*s).to_owned());
    Ok(Integer { keepers: None, min, max, seed, result: result.into(), id: result.to_string().into() })
});

/// Makes up a name of words, such as `gladly-brave-otter`.
#[derive(Clone, Resource)]
#[resource(name = "random_pet")]
pub(super) struct Pet {
    /// Arbitrary values; when one changes, a new result is drawn.
    #[attr(replace)]
    keepers: Option<Keepers>,
    /// Number of words.
    #[attr(replace, default = 2)]
    length: i64,
    /// Text to put before the name, with the separator.
    #[attr(replace)]
    prefix: Option<String>,
    /// What stands between the words.
    #[attr(replace, default = "-")]
    separator: String,
    /// The name.
    id: Computed<String>,
}

drawn!(Pet, |planned| {
    let count = usize::try_from(planned.length).unwrap_or_default().clamp(1, 1000);
    let name = words::name(count, &planned.separator);
    let id = match planned.prefix.as_deref().filter(|p| !p.is_empty()) {
        Some(prefix) => format!("{prefix}{}{name}", planned.separator),
        None => name,
    };
    Ok(Pet { id: id.into(), ..planned.clone() })
},
import: |id| {
    Err(CallError::new("Import is not possible", format!("A random_pet cannot be imported (id \"{id}\").")))
});

/// Puts a list of strings into a random order.
#[derive(Clone, Resource)]
#[resource(name = "random_shuffle")]
pub(super) struct Shuffle {
    /// Arbitrary values; when one changes, a new result is drawn.
    #[attr(replace)]
    keepers: Option<Keepers>,
    /// Makes the result repeatable.
    #[attr(replace)]
    seed: Option<String>,
    /// The strings.
    #[attr(replace)]
    input: Vec<Option<String>>,
    /// How many strings to return, if not as many as there are: fewer, or more by repeating them.
    #[attr(replace)]
    result_count: Option<i64>,
    /// The strings in random order.
    result: Computed<Vec<Option<String>>>,
    /// Always `-`.
    id: Computed<String>,
}

drawn!(Shuffle, |planned| {
    let wanted = planned.result_count.filter(|n| *n != 0).unwrap_or(planned.input.len() as i64);
    let wanted = usize::try_from(wanted).unwrap_or_default();
    let mut dice = Dice::new(planned.seed.as_deref());
    let mut result = Vec::new();
    while result.len() < wanted && !planned.input.is_empty() {
        let mut round = planned.input.clone();
        dice.shuffle(&mut round);
        round.truncate(wanted - result.len());
        result.append(&mut round);
    }
    Ok(Shuffle { result: result.into(), id: "-".into(), ..planned.clone() })
},
validate: |config: &Value| at_least(config, "result_count", 0).into_iter().collect::<Vec<Problem>>(),
import: |id| {
    Err(CallError::new("Import is not possible", format!("A random_shuffle cannot be imported (id \"{id}\").")))
});
