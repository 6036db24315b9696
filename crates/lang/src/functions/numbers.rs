//! Numbers.

use super::*;
use dashu_int::UBig;
use formwork_value::NumberError;

/// A string of more digits is no number for `parseint`.
const MAX_DIGITS: usize = 300_000;

library![abs, ceil, floor, log, pow, signum, max, min, parseint, sum];

/// The absolute value of a number.
#[function(example = "abs(-12.4)", gives = "12.4")]
fn abs(num: &Number) -> Number {
    num.abs()
}

/// The closest whole number that is not smaller.
#[function(example = "ceil(5.1)", gives = "6")]
fn ceil(num: &Number) -> Number {
    num.ceil()
}

/// The closest whole number that is not greater.
#[function(example = "floor(4.9)", gives = "4")]
fn floor(num: &Number) -> Number {
    num.floor()
}

/// The logarithm of a number in a base; of 0 it is infinite.
#[function(example = "log(16, 2)", gives = "4")]
fn log(num: &Number, base: &Number) -> Result<Number, FnError> {
    num.log(base).map_err(|error| no_double(error, "there is no logarithm of this number in this base"))
}

/// A number raised to a power; infinite where that is greater than 10 to the power 308.
#[function(example = "pow(3, 2)", gives = "9")]
fn pow(num: &Number, power: &Number) -> Result<Number, FnError> {
    num.pow(power).map_err(|error| no_double(error, "there is no such power of this number"))
}

/// -1, 0 or 1: the sign of a whole number.
#[function(example = "signum(-13)", gives = "-1")]
fn signum(num: i64) -> Number {
    num.signum().into()
}

/// The greatest of the numbers.
#[function(result = Type::Number, example = "max(12, 54, 3)", gives = "54")]
fn max(#[arg(rest, ty = Type::Number)] numbers: &[Value]) -> FnResult {
    extreme(numbers, true)
}

/// The smallest of the numbers.
#[function(result = Type::Number, example = "min(12, 54, 3)", gives = "3")]
fn min(#[arg(rest, ty = Type::Number)] numbers: &[Value]) -> FnResult {
    extreme(numbers, false)
}

/// The whole number that a string stands for in a base from 2 to 62.
#[function(result = Type::Number, check = check_parseint, example = r#"parseint("FF", 16)"#, gives = "255")]
fn parseint(number: &Value, base: &Number) -> FnResult {
    let Some(text) = number.as_str() else {
        return Err(not_text(number));
    };
    let base = match base.to_i64() {
        Some(base @ 2..=62) => base as u32,
        _ => return Err(FnError::arg(1, "the base must be a whole number from 2 to 62")),
    };
    parse_int(text, base)
        .map(Value::from)
        .ok_or_else(|| FnError::arg(0, format!("it is not a whole number in base {base}")))
}

/// The sum of the numbers in a list or set.
#[function(result = Type::Number, check = check_sum, example = "sum([10, 13, 6, 4.5])", gives = "33.5")]
fn sum(list: &Value) -> FnResult {
    let items = list.as_slice().ok_or_else(not_numbers)?;
    if items.is_empty() {
        return Err(FnError::arg(0, "it is empty, and there is no sum of nothing"));
    }
    let mut total = Number::from(0i64);
    for item in items {
        let n = convert_value(item, &Type::Number)
            .ok()
            .filter(|n| !n.is_null())
            .ok_or_else(|| FnError::arg(0, "all its elements must be numbers"))?;
        if let Some(n) = n.as_number() {
            total = total.add(n).map_err(|error| {
                FnError::arg(
                    0,
                    match error {
                        NumberError::OutOfRange => "the sum has more digits than numbers can have here",
                        _ => "infinities with opposite signs have no sum",
                    },
                )
            })?;
        }
    }
    Ok(total.into())
}

/// Why an operation on doubles has no result: `undefined`, unless a number is too large for one.
fn no_double(error: NumberError, undefined: &str) -> FnError {
    FnError::new(match error {
        NumberError::OutOfRange => "it takes only numbers of less than about 10 to the power 308",
        _ => undefined,
    })
}

fn not_text(value: &Value) -> FnError {
    FnError::arg(0, format!("it must be a string, not {}", crate::eval::a_type(&value.ty())))
}

fn check_parseint(args: &[Value]) -> Result<(), FnError> {
    if matches!(args[0].ty(), Type::String | Type::Dynamic) { Ok(()) } else { Err(not_text(&args[0])) }
}

fn not_numbers() -> FnError {
    FnError::arg(0, "it must be a list, set or tuple of numbers")
}

fn check_sum(args: &[Value]) -> Result<(), FnError> {
    if args[0].is_known() && args[0].as_slice().is_none() { Err(not_numbers()) } else { Ok(()) }
}

/// The first of those that no other exceeds.
fn extreme(args: &[Value], greatest: bool) -> Result<Value, FnError> {
    let numbers = args.iter().filter_map(Value::as_number);
    let found = numbers.reduce(|best, n| if (n > best) == greatest && n != best { n } else { best });
    found.cloned().map(Value::from).ok_or_else(|| FnError::new("it needs at least one number"))
}

fn parse_int(text: &str, base: u32) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() {
        return None;
    }
    // No number that is worked with has more.
    if digits.len() > MAX_DIGITS {
        return None;
    }
    let mut total = UBig::ZERO;
    // As many digits at once as a machine word holds.
    let (mut chunk, mut scale) = (0u64, 1u64);
    for c in digits.chars() {
        let digit = match c {
            '0'..='9' => c as u32 - '0' as u32,
            'a'..='z' => c as u32 - 'a' as u32 + 10,
            // Up to base 36 the case of a letter does not matter.
            'A'..='Z' if base <= 36 => c as u32 - 'A' as u32 + 10,
            'A'..='Z' => c as u32 - 'A' as u32 + 36,
            _ => return None,
        };
        if digit >= base {
            return None;
        }
        (chunk, scale) = (chunk * u64::from(base) + u64::from(digit), scale * u64::from(base));
        if scale > u64::MAX / 64 / 64 {
            total = total * scale + chunk;
            (chunk, scale) = (0, 1);
        }
    }
    total = total * scale + chunk;
    // There is no negative zero among whole numbers.
    Number::parse_whole(&format!("{}{total}", if negative { "-" } else { "" }))
}
