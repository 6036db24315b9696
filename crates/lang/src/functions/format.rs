//! `format` and `formatlist`.
//!
//! A verb is `%`, flags of `#0-+ `, a width, a precision after a dot, the number of an argument in brackets, and
//! one letter.

use super::graphemes::graphemes;
use super::*;
use crate::eval::a_type;
use formwork_value::{Refinement, json};

/// Widths and precisions beyond this are refused: they would only fill the memory.
const MAX_WIDTH: usize = 10_000;

library![format, formatlist];

/// A string made of other values as a format says, with verbs such as %s, %d and %.2f.
#[function(result = Type::String, example = r#"format("Hello, %s!", "Ander")"#, gives = r#""Hello, Ander!""#)]
fn format(format: &str, #[arg(rest, null, unknown)] args: &[Value]) -> FnResult {
    let verbs = parse(format).map_err(FnError::quoting)?;
    if args.iter().any(|v| !v.is_wholly_known()) {
        let prefix = match verbs.first() {
            Some(Piece::Text(text)) => Some(text.as_str().into()),
            _ => None,
        };
        let refinement = Refinement { not_null: true, prefix, ..Refinement::default() };
        return Ok(Value::unknown_refined(Type::String, refinement));
    }
    check_count(&verbs, args.len()).map_err(FnError::quoting)?;
    Ok(Value::string(render(&verbs, args)?))
}

/// A list of strings: one for each element of the lists among the arguments.
#[function(result = Type::list(Type::String), example = r#"formatlist("Hello, %s!", ["Valentina", "Ander"])"#, gives = "tolist([\n  \"Hello, Valentina!\",\n  \"Hello, Ander!\",\n])")]
fn formatlist(format: &str, #[arg(rest, null, unknown)] args: &[Value]) -> FnResult {
    let mut length: Option<(usize, usize)> = None;
    let mut unknown = false;
    for (i, arg) in args.iter().enumerate() {
        if let Some(u) = arg.as_unknown() {
            unknown = unknown || !u.ty.is_primitive();
        }
        let Some(items) = arg.as_slice() else { continue };
        if !arg.has_certain_length() {
            unknown = true;
            continue;
        }
        match length {
            Some((n, first)) if n != items.len() => {
                let message = format!(
                    "it has {} elements, but argument {} has {n}; lists must be of one length",
                    items.len(),
                    first + 2
                );
                return Err(FnError::arg(i + 1, message));
            }
            _ => length = Some((items.len(), i)),
        }
    }
    // Nobody asks about the format, then.
    if length.is_some_and(|(n, _)| n == 0) {
        return Ok(Value::list(Type::String, Vec::new()));
    }
    let verbs = parse(format).map_err(FnError::quoting)?;
    check_count(&verbs, args.len()).map_err(FnError::quoting)?;
    if unknown {
        return Ok(Value::unknown_not_null(Type::list(Type::String)));
    }
    let mut lines = Vec::new();
    for n in 0..length.map_or(1, |(n, _)| n) {
        let row: Vec<Value> =
            args.iter().map(|a| a.as_slice().and_then(|items| items.get(n)).unwrap_or(a).clone()).collect();
        if row.iter().all(Value::is_wholly_known) {
            let line = render(&verbs, &row).map_err(|mut e| {
                if length.is_some() {
                    e.message = format!("for element {n}: {}", e.message);
                }
                e
            })?;
            lines.push(Value::string(line));
        } else {
            lines.push(Value::unknown_not_null(Type::String));
        }
    }
    Ok(Value::list(Type::String, lines))
}

enum Piece {
    Text(String),
    Verb(Verb),
}

struct Verb {
    /// As it was written.
    source: String,
    letter: char,
    /// Position of its argument, from 0.
    arg: usize,
    sharp: bool,
    zero: bool,
    minus: bool,
    plus: bool,
    space: bool,
    width: usize,
    precision: Option<usize>,
}

fn parse(format: &str) -> Result<Vec<Piece>, FnError> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = format.chars().peekable();
    let mut next_arg = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            text.push('%');
            continue;
        }
        let mut verb = Verb {
            source: "%".into(),
            letter: 'v',
            arg: next_arg,
            sharp: false,
            zero: false,
            minus: false,
            plus: false,
            space: false,
            width: 0,
            precision: None,
        };
        let digits = |chars: &mut std::iter::Peekable<std::str::Chars<'_>>, source: &mut String| {
            let mut digits = String::new();
            while let Some(d) = chars.next_if(char::is_ascii_digit) {
                digits.push(d);
            }
            source.push_str(&digits);
            if digits.is_empty() {
                return Ok(None);
            }
            match digits.parse::<usize>() {
                Ok(n) if n <= MAX_WIDTH => Ok(Some(n)),
                _ => Err(FnError::arg(0, format!("{digits} is too large a number in the verb {source:?}"))),
            }
        };
        while let Some(flag) = chars.next_if(|c| matches!(c, '#' | '0' | '-' | '+' | ' ')) {
            verb.source.push(flag);
            match flag {
                '#' => verb.sharp = true,
                '0' => verb.zero = true,
                '-' => verb.minus = true,
                '+' => verb.plus = true,
                _ => verb.space = true,
            }
        }
        verb.width = digits(&mut chars, &mut verb.source)?.unwrap_or(0);
        if chars.next_if_eq(&'.').is_some() {
            verb.source.push('.');
            verb.precision = Some(digits(&mut chars, &mut verb.source)?.unwrap_or(0));
        }
        if chars.next_if_eq(&'[').is_some() {
            verb.source.push('[');
            let number = digits(&mut chars, &mut verb.source)?.filter(|n| *n > 0);
            if chars.next_if_eq(&']').is_none() {
                return Err(FnError::arg(
                    0,
                    format!("the bracket in the verb {:?} is not closed", verb.source),
                ));
            }
            verb.source.push(']');
            let number = number.ok_or_else(|| {
                FnError::arg(0, format!("the verb {:?} must name an argument, counted from 1", verb.source))
            })?;
            verb.arg = number - 1;
        }
        let Some(letter) = chars.next() else {
            let message =
                format!("the verb {:?} at its end has no letter; write %% for a percent sign", verb.source);
            return Err(FnError::arg(0, message));
        };
        verb.source.push(letter);
        if !"vtbdoxXeEfgGsq".contains(letter) {
            let message = format!("there is no verb {:?}; write %% for a percent sign", verb.source);
            return Err(FnError::arg(0, message));
        }
        verb.letter = letter;
        next_arg = verb.arg + 1;
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(Piece::Verb(verb));
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    Ok(pieces)
}

fn check_count(pieces: &[Piece], given: usize) -> Result<(), FnError> {
    let verbs = || pieces.iter().filter_map(|p| if let Piece::Verb(v) = p { Some(v) } else { None });
    if let Some(verb) = verbs().find(|v| v.arg >= given) {
        let message = format!(
            "the verb {:?} needs {} values after the format, and {given} were given",
            verb.source,
            verb.arg + 1
        );
        return Err(FnError::new(message));
    }
    let used = verbs().map(|v| v.arg + 1).max().unwrap_or(0);
    if used < given {
        let message = format!("the format uses only {used} of the {given} values after it");
        return Err(FnError::arg(used + 1, message));
    }
    Ok(())
}

fn render(pieces: &[Piece], args: &[Value]) -> Result<String, FnError> {
    let mut out = String::new();
    for piece in pieces {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Verb(verb) => {
                let arg = args.get(verb.arg).unwrap_or(&Value::NULL);
                let text = verb.format(arg).map_err(|problem| {
                    FnError::arg(verb.arg + 1, format!("the verb {:?} {problem}", verb.source)).quoting()
                })?;
                out.push_str(&text);
            }
        }
    }
    Ok(out)
}

impl Verb {
    fn format(&self, arg: &Value) -> Result<String, String> {
        match self.letter {
            'v' => self.natural(arg),
            _ if arg.is_null() => Err("cannot show null".into()),
            't' => {
                let b = self.as_type(arg, &Type::Bool)?.as_bool().unwrap_or_default();
                Ok(b.to_string())
            }
            's' => Ok(self.pad(&self.cut(self.as_type(arg, &Type::String)?.as_str().unwrap_or_default()))),
            'q' => {
                let text = self.as_type(arg, &Type::String)?;
                let text = self.cut(text.as_str().unwrap_or_default());
                Ok(self.pad(&json::to_string(&Value::string(text))?))
            }
            'd' | 'b' | 'o' | 'x' | 'X' => {
                let value = self.as_type(arg, &Type::Number)?;
                let n = value.as_number().filter(|n| n.is_integer()).ok_or("needs a whole number")?;
                Ok(self.integer(n))
            }
            _ => {
                let value = self.as_type(arg, &Type::Number)?;
                Ok(value.as_number().map(|n| self.real(n, self.letter)).unwrap_or_default())
            }
        }
    }

    fn as_type(&self, arg: &Value, ty: &Type) -> Result<Value, String> {
        let wanted = a_type(ty);
        convert_value(arg, ty).map_err(|_| format!("needs {wanted}, not {}", a_type(&arg.ty())))
    }

    /// `%v`: whatever suits the value.
    fn natural(&self, arg: &Value) -> Result<String, String> {
        match arg.kind() {
            _ if self.sharp => Ok(self.pad(&json::to_string(arg)?)),
            Kind::Null(_) => Ok(self.pad("null")),
            Kind::String(s) => Ok(self.pad(s)),
            Kind::Bool(b) => Ok(self.pad(&b.to_string())),
            Kind::Number(n) if n.is_infinite() => Ok(self.pad(&n.to_string())),
            // All flags but the width count for nothing, and zeros that fill it come before the sign.
            Kind::Number(n) => {
                let sign = if n.signum() < 0 { "-" } else { "" };
                Ok(self.pad(&format!("{sign}{}", real_digits(&n.abs(), 'g', None))))
            }
            _ => Ok(self.pad(&json::to_string(arg)?)),
        }
    }

    fn integer(&self, n: &Number) -> String {
        let (base, prefix) = match self.letter {
            'b' => (2, "0b"),
            'o' => (8, "0"),
            'x' => (16, "0x"),
            'X' => (16, "0X"),
            _ => (10, ""),
        };
        let mut digits = n.whole_digits(base);
        if self.letter == 'X' {
            digits = digits.to_uppercase();
        }
        if let Some(precision) = self.precision {
            digits = match (precision, n.is_zero()) {
                (0, true) => String::new(),
                _ => format!("{}{digits}", "0".repeat(precision.saturating_sub(digits.len()))),
            };
        }
        if self.sharp {
            digits = format!("{prefix}{digits}");
        }
        // Zeros fill either the precision or the width.
        self.signed(n.signum() < 0, &digits, self.zero && self.precision.is_none())
    }

    fn real(&self, n: &Number, letter: char) -> String {
        if n.is_infinite() {
            // Never filled up with zeros, and with a plus sign unless a space was asked for.
            let sign = if n.signum() > 0 && !self.plus && !self.space { "+" } else { "" };
            return self.signed(n.signum() < 0, &format!("{sign}Inf"), false);
        }
        let text = real_digits(&n.abs(), letter, self.precision);
        self.signed(n.signum() < 0, &text, self.zero)
    }

    /// Adds the sign and fills up to the width.
    fn signed(&self, negative: bool, digits: &str, zeros: bool) -> String {
        let sign = match negative {
            true => "-",
            false if self.plus => "+",
            false if self.space => " ",
            false => "",
        };
        let missing = self.width.saturating_sub(sign.len() + digits.len());
        if self.minus {
            format!("{sign}{digits}{}", " ".repeat(missing))
        } else if zeros {
            format!("{sign}{}{digits}", "0".repeat(missing))
        } else {
            format!("{}{sign}{digits}", " ".repeat(missing))
        }
    }

    /// The first characters, as many as the precision says.
    fn cut(&self, text: &str) -> String {
        match self.precision {
            // A precision of 0 cuts nothing.
            Some(n) if n > 0 => graphemes(text).take(n).collect(),
            _ => text.to_string(),
        }
    }

    /// Fills up to the width.
    fn pad(&self, text: &str) -> String {
        let missing = self.width.saturating_sub(graphemes(text).count());
        match (self.minus, self.zero) {
            (true, _) => format!("{text}{}", " ".repeat(missing)),
            (false, true) => format!("{}{text}", "0".repeat(missing)),
            (false, false) => format!("{}{text}", " ".repeat(missing)),
        }
    }
}

/// A number that is not negative as significant digits without zeros at either end, and the position of the
/// decimal point relative to their start.
fn decimal(n: &Number) -> (Vec<u8>, i64) {
    let text = n.to_string();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((m, e)) => (m, e.parse().unwrap_or(0)),
        None => (text.as_str(), 0i64),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all: Vec<u8> =
        whole.bytes().chain(fraction.bytes()).filter(u8::is_ascii_digit).map(|b| b - b'0').collect();
    let zeros = all.iter().take_while(|d| **d == 0).count();
    let mut digits = all[zeros..].to_vec();
    while digits.last() == Some(&0) {
        digits.pop();
    }
    let point = whole.len() as i64 + exponent - zeros as i64;
    if digits.is_empty() { (digits, 0) } else { (digits, point) }
}

/// Rounds to so many digits, halves to even.
fn round(digits: &mut Vec<u8>, point: &mut i64, keep: i64) {
    if keep >= digits.len() as i64 {
        return;
    }
    if keep < 0 {
        digits.clear();
        *point = 0;
        return;
    }
    let keep = keep as usize;
    let rest = &digits[keep..];
    let up = match rest[0] {
        5 if rest.len() == 1 => keep > 0 && digits[keep - 1] % 2 == 1,
        d => d >= 5,
    };
    digits.truncate(keep);
    if up {
        let mut i = keep;
        loop {
            if i == 0 {
                digits.insert(0, 1);
                *point += 1;
                break;
            }
            i -= 1;
            if digits[i] < 9 {
                digits[i] += 1;
                break;
            }
            digits[i] = 0;
        }
    }
    while digits.last() == Some(&0) {
        digits.pop();
    }
    if digits.is_empty() {
        *point = 0;
    }
}

fn real_digits(n: &Number, letter: char, precision: Option<usize>) -> String {
    let (mut digits, mut point) = match (letter, precision) {
        ('g' | 'G', None) => decimal(n),
        _ => n.exact_digits(),
    };
    let text = match letter {
        'f' => {
            let precision = precision.unwrap_or(6);
            let keep = point + precision as i64;
            round(&mut digits, &mut point, keep);
            fixed(&digits, point, precision)
        }
        'e' | 'E' => {
            let precision = precision.unwrap_or(6);
            round(&mut digits, &mut point, precision as i64 + 1);
            scientific(&digits, point, precision)
        }
        _ => {
            let shortest = precision.is_none();
            if let Some(p) = precision {
                round(&mut digits, &mut point, p.max(1) as i64);
            }
            let limit = match precision {
                None => 6,
                Some(p) => {
                    let p = p.max(1) as i64;
                    if p > digits.len() as i64 && digits.len() as i64 >= point {
                        digits.len() as i64
                    } else {
                        p
                    }
                }
            };
            let exponent = point - 1;
            if !digits.is_empty()
                && (exponent < -4 || exponent >= if shortest { 6.max(limit) } else { limit })
            {
                scientific(&digits, point, digits.len() - 1)
            } else {
                fixed(&digits, point, (digits.len() as i64 - point).max(0) as usize)
            }
        }
    };
    if letter.is_ascii_uppercase() { text.to_uppercase() } else { text }
}

fn fixed(digits: &[u8], point: i64, precision: usize) -> String {
    let digit =
        |i: i64| usize::try_from(i).ok().and_then(|i| digits.get(i)).map_or('0', |d| char::from(b'0' + d));
    let mut text: String = (0..point.max(0)).map(digit).collect();
    if text.is_empty() {
        text.push('0');
    }
    if precision > 0 {
        text.push('.');
        text.extend((0..precision as i64).map(|i| digit(point + i)));
    }
    text
}

fn scientific(digits: &[u8], point: i64, precision: usize) -> String {
    let digit = |i: usize| digits.get(i).map_or('0', |d| char::from(b'0' + d));
    let mut text = String::from(digit(0));
    if precision > 0 {
        text.push('.');
        text.extend((1..=precision).map(digit));
    }
    let exponent = if digits.is_empty() { 0 } else { point - 1 };
    let sign = if exponent < 0 { '-' } else { '+' };
    text.push_str(&format!("e{sign}{:02}", exponent.abs()));
    text
}
