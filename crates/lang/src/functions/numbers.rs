//! Numbers.

use super::*;

pub(super) fn all() -> Vec<Function> {
    vec![
        Function::new(
            "abs",
            [number("num")],
            to_number,
            "The absolute value of a number.",
            "abs(-12.4)",
            |_, a| Ok(number_arg(a, 0)?.abs().into()),
        ),
        Function::new(
            "ceil",
            [number("num")],
            to_number,
            "The closest whole number that is not smaller.",
            "ceil(5.1)",
            |_, a| Ok(number_arg(a, 0)?.ceil().into()),
        ),
        Function::new(
            "floor",
            [number("num")],
            to_number,
            "The closest whole number that is not greater.",
            "floor(4.9)",
            |_, a| Ok(number_arg(a, 0)?.floor().into()),
        ),
        Function::new(
            "log",
            [number("num"), number("base")],
            to_number,
            "The logarithm of a number in a base.",
            "log(16, 2)",
            |_, a| {
                let (n, base) = (number_arg(a, 0)?.to_f64(), number_arg(a, 1)?.to_f64());
                finite(n.ln() / base.ln(), "the logarithm of this number in this base is not a finite number")
            },
        ),
        Function::new(
            "pow",
            [number("num"), number("power")],
            to_number,
            "A number raised to a power.",
            "pow(3, 2)",
            |_, a| {
                let (n, power) = (number_arg(a, 0)?.to_f64(), number_arg(a, 1)?.to_f64());
                finite(n.powf(power), "the result is not a finite number")
            },
        ),
        Function::new(
            "signum",
            [number("num")],
            to_number,
            "-1, 0 or 1: the sign of a whole number.",
            "signum(-13)",
            |_, a| Ok(whole_arg(a, 0)?.signum().into()),
        ),
        Function::new("max", [], to_number, "The greatest of the numbers.", "max(12, 54, 3)", |_, a| {
            extreme(a, true)
        })
        .variadic(number("numbers")),
        Function::new("min", [], to_number, "The smallest of the numbers.", "min(12, 54, 3)", |_, a| {
            extreme(a, false)
        })
        .variadic(number("numbers")),
        Function::new(
            "parseint",
            [any("number"), number("base")],
            to_number,
            "The whole number that a string stands for in a base from 2 to 62.",
            "parseint(\"FF\", 16)",
            |_, a| {
                let Some(text) = a[0].as_str() else {
                    let found = crate::eval::a_type(&a[0].ty());
                    return Err(FnError::arg(0, format!("it must be a string, not {found}")));
                };
                let base = match number_arg(a, 1)?.to_i64() {
                    Some(base @ 2..=62) => base,
                    _ => return Err(FnError::arg(1, "the base must be a whole number from 2 to 62")),
                };
                parse_int(text, base)
                    .map(Value::from)
                    .ok_or_else(|| FnError::arg(0, format!("it is not a whole number in base {base}")))
            },
        ),
        Function::new(
            "sum",
            [any("list")],
            to_number,
            "The sum of the numbers in a list or set.",
            "sum([10, 13, 6, 4.5])",
            |_, a| {
                let items = a[0]
                    .as_slice()
                    .ok_or_else(|| FnError::arg(0, "it must be a list, set or tuple of numbers"))?;
                if items.is_empty() {
                    return Err(FnError::arg(0, "it is empty, and there is no sum of nothing"));
                }
                let mut total = Number::from(0i64);
                for item in items {
                    let n = convert_value(item, &Type::Number)
                        .ok()
                        .filter(|n| !n.is_null())
                        .ok_or_else(|| FnError::arg(0, "all its elements must be numbers"))?;
                    total = n.as_number().map(|n| total.add(n)).unwrap_or(total);
                }
                Ok(total.into())
            },
        ),
    ]
}

fn finite(result: f64, problem: &str) -> Result<Value, FnError> {
    Number::from_f64(result).map(Value::from).ok_or_else(|| FnError::new(problem))
}

fn extreme(args: &[Value], greatest: bool) -> Result<Value, FnError> {
    let numbers = args.iter().filter_map(Value::as_number);
    let found = if greatest { numbers.max() } else { numbers.min() };
    found.cloned().map(Value::from).ok_or_else(|| FnError::new("it needs at least one number"))
}

fn parse_int(text: &str, base: i64) -> Option<Number> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if digits.is_empty() {
        return None;
    }
    let (mut total, big) = (Number::from(0i64), Number::from(base));
    for c in digits.chars() {
        let digit = match c {
            '0'..='9' => c as i64 - '0' as i64,
            'a'..='z' => c as i64 - 'a' as i64 + 10,
            // Up to base 36 the case of a letter does not matter.
            'A'..='Z' if base <= 36 => c as i64 - 'A' as i64 + 10,
            'A'..='Z' => c as i64 - 'A' as i64 + 36,
            _ => return None,
        };
        if digit >= base {
            return None;
        }
        total = total.mul(&big).add(&Number::from(digit));
    }
    Some(if negative { total.neg() } else { total })
}
