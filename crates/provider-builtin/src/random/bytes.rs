//! `random_bytes`, `random_id` and `random_uuid`.

use super::{Keepers, drawn, malformed};
use crate::values::{at_least, hex};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use formwork_provider::{CallError, Computed, Problem, Resource};
use formwork_value::Path;
use std::str::FromStr;
use uuid::Uuid;

/// Generates random bytes for use as a secret, such as a key.
#[derive(Clone, Resource)]
#[resource(name = "random_bytes")]
pub(super) struct Bytes {
    /// Arbitrary values; when one changes, a new result is drawn.
    #[attr(replace)]
    keepers: Option<Keepers>,
    /// Number of bytes, at least 1.
    #[attr(replace)]
    length: i64,
    /// The bytes in base64.
    #[attr(sensitive)]
    base64: Computed<String>,
    /// The bytes in lower-case hexadecimal digits.
    #[attr(sensitive)]
    hex: Computed<String>,
}

drawn!(Bytes, |planned| {
    let bytes = draw(planned.length)?;
    let (base64, hex) = (STANDARD.encode(&bytes).into(), hex(&bytes).into());
    Ok(Bytes { base64, hex, ..planned.clone() })
},
validate: |config| at_least(config, "length", 1).into_iter().collect::<Vec<Problem>>(),
import: |id| {
    let bytes = STANDARD.decode(id).map_err(|_| {
            // The id is the secret itself: it is not shown.
            CallError::new("Malformed import id", "The id must be the bytes in base64.")
        })?;
    let (base64, hex) = (id.into(), hex(&bytes).into());
    Ok(Bytes { keepers: None, length: bytes.len() as i64, base64, hex })
});

/// Generates random numbers that are meant as unique identifiers of other resources.
#[derive(Clone, Resource)]
#[resource(name = "random_id")]
pub(super) struct Id {
    /// Arbitrary values; when one changes, a new result is drawn.
    #[attr(replace)]
    keepers: Option<Keepers>,
    /// Number of random bytes, at least 1.
    #[attr(replace)]
    byte_length: i64,
    /// Text to put before the results, as it is.
    #[attr(replace)]
    prefix: Option<String>,
    /// The prefix and the number in base64 with `-` and `_`, without padding.
    b64_url: Computed<String>,
    /// The prefix and the number in base64.
    b64_std: Computed<String>,
    /// The prefix and the number in hexadecimal digits, twice as many as there are bytes.
    hex: Computed<String>,
    /// The prefix and the number in decimal digits, not padded.
    dec: Computed<String>,
    /// The number in base64 with `-` and `_`, without padding and without the prefix.
    id: Computed<String>,
}

impl Id {
    fn of(keepers: Option<Keepers>, prefix: Option<String>, bytes: &[u8]) -> Self {
        let id = URL_SAFE_NO_PAD.encode(bytes);
        let text =
            |encoded: &str| Computed::Known(format!("{}{encoded}", prefix.as_deref().unwrap_or_default()));
        Id {
            keepers,
            byte_length: bytes.len() as i64,
            b64_url: text(&id),
            b64_std: text(&STANDARD.encode(bytes)),
            hex: text(&hex(bytes)),
            dec: text(&decimal(bytes)),
            id: id.into(),
            prefix,
        }
    }
}

drawn!(Id, |planned| {
    let bytes = draw(planned.byte_length)?;
    Ok(Id::of(planned.keepers.clone(), planned.prefix.clone(), &bytes))
},
validate: |config| at_least(config, "byte_length", 1).into_iter().collect::<Vec<Problem>>(),
import: |id| {
    let (prefix, text) = match id.rsplit_once(',') {
        Some((prefix, text)) => (Some(prefix.to_owned()).filter(|p| !p.is_empty()), text),
        None => (None, id),
    };
    let form = "ID or PREFIX,ID where ID is in base64 with - and _, without padding";
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| malformed(id, form))?;
    Ok(Id::of(None, prefix, &bytes))
});

/// Generates a random UUID (version 4).
#[derive(Clone, Resource)]
#[resource(name = "random_uuid")]
pub(super) struct RandomUuid {
    /// Arbitrary values; when one changes, a new result is drawn.
    #[attr(replace)]
    keepers: Option<Keepers>,
    /// The UUID.
    result: Computed<String>,
    /// The UUID.
    id: Computed<String>,
}

drawn!(RandomUuid, |planned| {
    let uuid = Uuid::new_v4().to_string();
    Ok(RandomUuid { keepers: planned.keepers.clone(), result: uuid.as_str().into(), id: uuid.into() })
},
import: |id| {
    let uuid = Uuid::from_str(id).map_err(|_| malformed(id, "of a UUID"))?.to_string();
    Ok(RandomUuid { keepers: None, result: uuid.as_str().into(), id: uuid.into() })
});

/// Random bytes. The limit keeps a slip of the pen from filling the state.
fn draw(length: i64) -> Result<Vec<u8>, CallError> {
    const MOST: usize = 1 << 20;
    let length = usize::try_from(length).ok().filter(|n| (1..=MOST).contains(n)).ok_or_else(|| {
        let detail = format!("The number of random bytes must lie between 1 and {MOST}; it is {length}.");
        CallError::new("Value out of range", detail).on(Path::root())
    })?;
    Ok((0..length).map(|_| rand::random()).collect())
}

/// A number of many bytes in decimal digits.
fn decimal(bytes: &[u8]) -> String {
    // Least significant group first, nine digits each.
    let mut groups: Vec<u64> = vec![0];
    for byte in bytes {
        let mut carry = u64::from(*byte);
        for group in &mut groups {
            let value = *group * 256 + carry;
            (*group, carry) = (value % 1_000_000_000, value / 1_000_000_000);
        }
        if carry > 0 {
            groups.push(carry);
        }
    }
    let mut digits = groups.iter().rev();
    let first = digits.next().copied().unwrap_or_default();
    digits.fold(first.to_string(), |text, group| format!("{text}{group:09}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals() {
        for (bytes, expected) in [
            (&[0u8, 0][..], "0"),
            (&[1, 0], "256"),
            (&[0xff; 8], "18446744073709551615"),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 0], "18446744073709551616"),
        ] {
            assert_eq!(decimal(bytes), expected);
        }
    }
}
