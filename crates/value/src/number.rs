//! Numbers: whole or fractional, with 154 significant decimal digits.
//!
//! go-cty's numbers are binary floating-point numbers that each carry their own precision: 512 bits if they were
//! read from text, 64 if they were made from a machine integer, 53 if from a double. The precision shows in how a
//! number prints (`pow(2, 62)` is `4611686018427388000`) and in quotients (`length(a) / length(b)` has 20 digits),
//! so it is kept here too.
//!
//! As there, two of them are infinite, and there is a negative zero: it equals zero, but prints as `-0`. What math/big
//! gives no number for, such as `0 / 0`, is an error.

use crate::double;
use crate::float::{Decimal, Float, MAX_BITS};
use dashu_base::BitTest;
use dashu_int::UBig;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

/// Precision of numbers read from text.
const TEXT: u16 = 512;
/// Precision of numbers made from machine integers.
const INTEGER: u16 = 64;
/// Precision of numbers made from doubles.
const DOUBLE: u16 = 53;
/// Greatest power of two that math/big works with: what is greater is infinite.
const MAX_EXPONENT: i64 = i32::MAX as i64;

/// An exact integer or a binary floating-point number of up to 512 bits.
///
/// As in the language, two integers are equal if they are exactly, two fractions if they print alike, whatever their
/// precision; order and hash agree with that.
#[derive(Clone)]
pub struct Number(Repr);

#[derive(Clone)]
enum Repr {
    /// Every integer that fits, unless its precision is too low for it to print exactly.
    Int {
        value: i64,
        precision: u16,
    },
    /// `-0`, and its precision.
    MinusZero(u16),
    /// More than every other number, or less, and the precision that it lends to what is made of it.
    Infinite {
        negative: bool,
        precision: u16,
    },
    Big(Arc<Float>),
}

/// Why a text is no number, or why an operation gives none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// Not in decimal notation.
    Syntax,
    /// More than some 1,200,000 digits before or after the point.
    OutOfRange,
    /// Nobody can say what it would be, as for `0 / 0` and for the difference of two infinities.
    Undefined,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NumberError::Syntax => "not a number in decimal notation, such as 42, -1.5 or 1e6",
            NumberError::OutOfRange => "a number with too many digits: at most about 1,200,000 are supported",
            NumberError::Undefined => "not a number",
        })
    }
}

impl std::error::Error for NumberError {}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Number(Repr::Int { value, precision: INTEGER })
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        match i64::try_from(value) {
            Ok(value) => Number::from(value),
            Err(_) => Number::new(Float::round(false, value.into(), 0, false, INTEGER), INTEGER),
        }
    }
}

macro_rules! from {
    ($($ty:ty => $wide:ty),*) => {
        $(impl From<$ty> for Number { fn from(value: $ty) -> Self { Number::from(value as $wide) } })*
    };
}

from!(i32 => i64, u32 => i64, usize => u64);

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Number::parse(text)
    }
}

impl Number {
    /// Zero.
    pub const ZERO: Number = Number(Repr::Int { value: 0, precision: INTEGER });

    fn new(float: Option<Float>, precision: u16) -> Number {
        let Some(float) = float else { return Number(Repr::Int { value: 0, precision }) };
        if float.is_integer()
            && float.top() <= 63
            && (precision >= INTEGER || float.top() <= precision.into())
        {
            // At most 63 bits, so neither the cast nor the negation overflows.
            let magnitude = u64::try_from(float.integer_part()).unwrap_or_default() as i64;
            return Number(Repr::Int {
                value: if float.negative { -magnitude } else { magnitude },
                precision,
            });
        }
        if precision >= INTEGER && float.negative && float.exponent == 63 && float.magnitude == UBig::ONE {
            return Number(Repr::Int { value: i64::MIN, precision });
        }
        Number(Repr::Big(Arc::new(float)))
    }

    /// As [`Number::new`], for what may have become too large or too small.
    fn checked(float: Option<Float>, precision: u16) -> Result<Number, NumberError> {
        match float {
            Some(float) if float.top().abs() > MAX_BITS => Err(NumberError::OutOfRange),
            float => Ok(Number::new(float, precision)),
        }
    }

    /// `None` for zeros and infinities.
    fn float(&self) -> Option<Float> {
        match &self.0 {
            Repr::Int { value, precision } => {
                Float::round(*value < 0, value.unsigned_abs().into(), 0, false, (*precision).max(INTEGER))
                    .map(|float| Float { precision: *precision, ..float })
            }
            Repr::MinusZero(_) | Repr::Infinite { .. } => None,
            Repr::Big(float) => Some(Float::clone(float)),
        }
    }

    /// Whether it has a minus sign, which zero may have too.
    pub(crate) fn is_negative(&self) -> bool {
        match &self.0 {
            Repr::Int { value, .. } => *value < 0,
            Repr::MinusZero(_) => true,
            Repr::Infinite { negative, .. } => *negative,
            Repr::Big(float) => float.negative,
        }
    }

    /// Whether it is zero with a minus sign.
    pub(crate) fn is_minus_zero(&self) -> bool {
        matches!(self.0, Repr::MinusZero(_))
    }

    /// Whether it is one of the two infinities.
    pub fn is_infinite(&self) -> bool {
        self.infinite().is_some()
    }

    /// Whether it is the negative infinity; `None` if it is finite.
    fn infinite(&self) -> Option<bool> {
        match &self.0 {
            Repr::Infinite { negative, .. } => Some(*negative),
            _ => None,
        }
    }

    /// Zero with or without a sign.
    fn zero(negative: bool, precision: u16) -> Number {
        Number(if negative { Repr::MinusZero(precision) } else { Repr::Int { value: 0, precision } })
    }

    fn infinity(negative: bool, precision: u16) -> Number {
        Number(Repr::Infinite { negative, precision })
    }

    fn precision(&self) -> u16 {
        match &self.0 {
            Repr::Int { precision, .. } | Repr::MinusZero(precision) | Repr::Infinite { precision, .. } => {
                *precision
            }
            Repr::Big(float) => float.precision,
        }
    }

    /// From a double; `None` for NaN.
    pub fn from_f64(value: f64) -> Option<Number> {
        if value.is_nan() {
            return None;
        }
        if value.is_infinite() {
            return Some(Number::infinity(value.is_sign_negative(), DOUBLE));
        }
        if value == 0.0 {
            return Some(Number::zero(value.is_sign_negative(), DOUBLE));
        }
        let bits = value.to_bits();
        let (field, fraction) = ((bits >> 52 & 0x7ff) as i64, bits & ((1 << 52) - 1));
        let (magnitude, exponent) =
            if field == 0 { (fraction, -1074) } else { (fraction | 1 << 52, field - 1075) };
        Some(Number::new(Float::round(bits >> 63 == 1, magnitude.into(), exponent, false, DOUBLE), DOUBLE))
    }

    /// Reads decimal notation: an optional sign, then `Inf` or `inf`, or digits with an optional point and an optional
    /// exponent of 10 (after `e`) or of 2 (after `p`). Rounds to 512 bits, to nearest even.
    ///
    /// What has more than 2^31 binary digits before the point is infinite, or zero where they come after it.
    pub fn parse(text: &str) -> Result<Number, NumberError> {
        let (negative, rest) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if (1..=18).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit()) {
            let value = rest.bytes().fold(0, |n, b| n * 10 + i64::from(b - b'0'));
            if value == 0 {
                return Ok(Number::zero(negative, TEXT));
            }
            return Ok(Number(Repr::Int { value: if negative { -value } else { value }, precision: TEXT }));
        }
        if matches!(rest, "Inf" | "inf") {
            return Ok(Number::infinity(negative, TEXT));
        }
        let (mantissa, tens, twos) = match rest.find(['e', 'E', 'p', 'P']) {
            Some(at) => {
                let exponent = parse_exponent(&rest[at + 1..])?;
                let of_two = matches!(rest.as_bytes()[at], b'p' | b'P');
                if of_two { (&rest[..at], 0, exponent) } else { (&rest[..at], exponent, 0) }
            }
            None => (rest, 0, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = || whole.bytes().chain(fraction.bytes());
        if whole.len() + fraction.len() == 0 || !digits().all(|b| b.is_ascii_digit()) {
            return Err(NumberError::Syntax);
        }
        let significant: String = digits().skip_while(|b| *b == b'0').map(char::from).collect();
        if significant.is_empty() {
            return Ok(Number::zero(negative, TEXT));
        }
        let scale = tens.saturating_sub(fraction.len() as i64);
        let exponent = scale.saturating_add(twos);
        let own = binary_logarithm(&significant);
        // Without the powers of five, whatever they would make of it.
        let top = exponent.saturating_add(own as i64 + 1);
        if !(-MAX_EXPONENT - 1..=MAX_EXPONENT).contains(&top) {
            return Err(NumberError::OutOfRange);
        }
        let size = own + scale as f64 * std::f64::consts::LOG2_10 + twos as f64;
        if size >= MAX_EXPONENT as f64 {
            return Ok(Number::infinity(negative, TEXT));
        }
        if size < (-MAX_EXPONENT - 2) as f64 {
            return Ok(Number::zero(negative, TEXT));
        }
        // MAX_BITS / log2(10), a little less.
        let limit = MAX_BITS * 3 / 10;
        if significant.len() as i64 > limit || scale.abs() > limit || size.abs() >= (MAX_BITS - 1) as f64 {
            return Err(NumberError::OutOfRange);
        }
        let magnitude = UBig::from_str_radix(&significant, 10).map_err(|_| NumberError::Syntax)?;
        let power = UBig::from(5u8).pow(scale.unsigned_abs() as usize);
        let float = if scale >= 0 {
            Float::round(negative, magnitude * power, exponent, false, TEXT)
        } else {
            let dividend = Float { negative, magnitude, exponent, precision: TEXT };
            dividend.div(&Float { negative: false, magnitude: power, exponent: 0, precision: TEXT }, TEXT)
        };
        Number::checked(float, TEXT)
    }

    /// Reads the decimal digits of a whole number, with an optional minus sign, at the precision that it needs: all of
    /// them count. `None` for other text, and for too many of them.
    pub fn parse_whole(text: &str) -> Option<Number> {
        let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
        let magnitude = UBig::from_str_radix(digits, 10).ok().filter(|_| !digits.starts_with('+'))?;
        let bits = magnitude.bit_len();
        let precision = u16::try_from(bits).unwrap_or(u16::MAX).max(INTEGER);
        (bits as i64 <= MAX_BITS)
            .then(|| Number::new(Float::round(negative, magnitude, 0, false, precision), precision))
    }

    /// The number as an `i64`, if it is one exactly.
    pub fn to_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Int { value, .. } => Some(*value),
            Repr::MinusZero(_) => Some(0),
            Repr::Infinite { .. } => None,
            Repr::Big(float) if float.is_integer() && float.top() <= 63 => {
                let magnitude = i64::try_from(float.integer_part()).ok()?;
                Some(if float.negative { -magnitude } else { magnitude })
            }
            Repr::Big(float) => {
                let lowest = float.negative && float.exponent == 63 && float.magnitude == UBig::ONE;
                lowest.then_some(i64::MIN)
            }
        }
    }

    /// The number as a `u64`, if it is one exactly.
    pub fn to_u64(&self) -> Option<u64> {
        match &self.0 {
            Repr::Int { value, .. } => u64::try_from(*value).ok(),
            Repr::MinusZero(_) => Some(0),
            Repr::Big(float) if float.is_integer() && !float.negative && float.top() <= 64 => {
                u64::try_from(float.integer_part()).ok()
            }
            Repr::Infinite { .. } | Repr::Big(_) => None,
        }
    }

    /// The nearest double; infinite when too large for one.
    pub fn to_f64(&self) -> f64 {
        match &self.0 {
            Repr::Int { value, .. } => *value as f64,
            Repr::MinusZero(_) => -0.0,
            Repr::Infinite { negative: true, .. } => f64::NEG_INFINITY,
            Repr::Infinite { negative: false, .. } => f64::INFINITY,
            Repr::Big(float) => float.to_f64(),
        }
    }

    /// Whether nothing comes after the point; infinities are no integers.
    pub fn is_integer(&self) -> bool {
        match &self.0 {
            Repr::Int { .. } | Repr::MinusZero(_) => true,
            Repr::Infinite { .. } => false,
            Repr::Big(float) => float.is_integer(),
        }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        matches!(self.0, Repr::Int { value: 0, .. } | Repr::MinusZero(_))
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> i64 {
        match &self.0 {
            Repr::Int { value, .. } => value.signum(),
            Repr::MinusZero(_) => 0,
            Repr::Infinite { .. } | Repr::Big(_) if self.is_negative() => -1,
            Repr::Infinite { .. } | Repr::Big(_) => 1,
        }
    }

    /// The opposite.
    #[must_use]
    pub fn neg(&self) -> Number {
        match &self.0 {
            Repr::Int { value: 0, precision } => Number::zero(true, *precision),
            Repr::MinusZero(precision) => Number::zero(false, *precision),
            Repr::Infinite { negative, precision } => Number::infinity(!negative, *precision),
            Repr::Int { value, precision } if *value != i64::MIN => {
                Number(Repr::Int { value: -value, precision: *precision })
            }
            _ => self.with_float(|float| Float { negative: !float.negative, ..float }),
        }
    }

    /// The distance from zero.
    #[must_use]
    pub fn abs(&self) -> Number {
        if self.is_negative() { self.neg() } else { self.clone() }
    }

    fn with_float(&self, f: impl FnOnce(Float) -> Float) -> Number {
        Number::new(self.float().map(f), self.precision())
    }

    /// Result of a machine operation, if it is exact at this precision.
    fn small(value: Option<i64>, precision: u16) -> Option<Number> {
        let value = value?;
        let exact = precision >= INTEGER || value.unsigned_abs().bit_len() <= usize::from(precision);
        exact.then_some(Number(Repr::Int { value, precision }))
    }

    /// The sum, at the greater precision.
    pub fn add(&self, other: &Number) -> Result<Number, NumberError> {
        let precision = self.precision().max(other.precision());
        if let (Repr::Int { value: a, .. }, Repr::Int { value: b, .. }) = (&self.0, &other.0)
            && let Some(sum) = Number::small(a.checked_add(*b), precision)
        {
            return Ok(sum);
        }
        match (self.infinite(), other.infinite()) {
            (Some(a), Some(b)) if a != b => return Err(NumberError::Undefined),
            (Some(negative), _) | (_, Some(negative)) => return Ok(Number::infinity(negative, precision)),
            (None, None) => {}
        }
        if self.is_minus_zero() && other.is_minus_zero() {
            return Ok(Number::zero(true, precision));
        }
        match (self.float(), other.float()) {
            (Some(a), Some(b)) => Number::checked(a.add(&b, precision), precision),
            (a, b) => Ok(Number::new(a.or(b).map(|float| Float { precision, ..float }), precision)),
        }
    }

    /// The difference, at the greater precision.
    pub fn sub(&self, other: &Number) -> Result<Number, NumberError> {
        let precision = self.precision().max(other.precision());
        if let (Repr::Int { value: a, .. }, Repr::Int { value: b, .. }) = (&self.0, &other.0)
            && let Some(difference) = Number::small(a.checked_sub(*b), precision)
        {
            return Ok(difference);
        }
        self.add(&other.neg())
    }

    /// The product: computed with 512 bits, then kept at as many as either factor has or the result needs.
    pub fn mul(&self, other: &Number) -> Result<Number, NumberError> {
        let precision = self.precision().max(other.precision());
        let negative = self.is_negative() != other.is_negative();
        match (self.is_infinite() || other.is_infinite(), self.is_zero() || other.is_zero()) {
            (true, true) => return Err(NumberError::Undefined),
            (true, false) => return Ok(Number::infinity(negative, precision)),
            (false, true) => return Ok(Number::zero(negative, precision)),
            (false, false) => {}
        }
        if let (Repr::Int { value: a, .. }, Repr::Int { value: b, .. }) = (&self.0, &other.0)
            && let Some(product) = Number::small(a.checked_mul(*b), precision)
        {
            return Ok(product);
        }
        let product = match (self.float(), other.float()) {
            (Some(a), Some(b)) => a.mul(&b, TEXT),
            _ => None,
        };
        let precision = match &product {
            Some(float) => precision.max(float.magnitude.bit_len() as u16),
            None => precision,
        };
        Number::checked(product.map(|float| Float { precision, ..float }), precision)
    }

    /// The quotient, at the greater precision: infinite when dividing by zero.
    pub fn div(&self, other: &Number) -> Result<Number, NumberError> {
        let precision = self.precision().max(other.precision());
        let negative = self.is_negative() != other.is_negative();
        match (self.is_infinite(), other.is_infinite()) {
            (true, true) => return Err(NumberError::Undefined),
            (true, false) => return Ok(Number::infinity(negative, precision)),
            (false, true) => return Ok(Number::zero(negative, precision)),
            (false, false) => {}
        }
        match (self.float(), other.float()) {
            (None, None) => Err(NumberError::Undefined),
            (Some(_), None) => Ok(Number::infinity(negative, precision)),
            (None, Some(_)) => Ok(Number::zero(negative, precision)),
            (Some(dividend), Some(divisor)) => Number::checked(dividend.div(&divisor, precision), precision),
        }
    }

    /// What remains of a division that rounds towards zero: it has the sign of `self`. By zero it is `self`, as in
    /// Terraform; infinities leave no remainder otherwise.
    pub fn rem(&self, other: &Number) -> Result<Number, NumberError> {
        if other.is_zero() {
            return Ok(self.clone());
        }
        if self.is_infinite() || other.is_infinite() {
            return Err(NumberError::Undefined);
        }
        if let (Repr::Int { value: a, precision: p }, Repr::Int { value: b, precision: q }) =
            (&self.0, &other.0)
            && let Some(rest) = Number::small(a.checked_rem(*b), *p.max(q))
        {
            return Ok(rest);
        }
        self.sub(&other.mul(&self.div(other)?.trunc())?)
    }

    /// Without what comes after the point.
    #[must_use]
    pub fn trunc(&self) -> Number {
        match &self.0 {
            Repr::Int { .. } | Repr::Infinite { .. } => self.clone(),
            Repr::MinusZero(precision) => Number::zero(false, *precision),
            Repr::Big(float) => {
                let (negative, precision) = (float.negative, float.precision);
                Number::new(Float::round(negative, float.integer_part(), 0, false, precision), precision)
            }
        }
    }

    /// The greatest integer that is not greater; infinities stay what they are.
    #[must_use]
    pub fn floor(&self) -> Number {
        self.rounded(self.signum() < 0, -1)
    }

    /// The least integer that is not less; infinities stay what they are.
    #[must_use]
    pub fn ceil(&self) -> Number {
        self.rounded(self.signum() > 0, 1)
    }

    /// Without what comes after the point, and `step` further if there was something and `away` says so.
    fn rounded(&self, away: bool, step: i64) -> Number {
        let whole = self.trunc();
        if !away || self.is_integer() || self.is_infinite() {
            return whole;
        }
        // A fraction is far below the limit, and so is its neighbour.
        whole.add(&Number::from(step)).unwrap_or(whole)
    }

    /// `self` to this power, computed with doubles as Terraform does.
    pub fn pow(&self, power: &Number) -> Result<Number, NumberError> {
        let result = double::power(self.double()?, power.double()?);
        Number::from_f64(result).ok_or(NumberError::Undefined)
    }

    /// The logarithm to this base, computed with doubles as Terraform does.
    pub fn log(&self, base: &Number) -> Result<Number, NumberError> {
        let result = double::ln(self.double()?) / double::ln(base.double()?);
        Number::from_f64(result).ok_or(NumberError::Undefined)
    }

    /// The nearest double, if there is one: only an infinity may become infinite.
    fn double(&self) -> Result<f64, NumberError> {
        let double = self.to_f64();
        if double.is_finite() || self.is_infinite() { Ok(double) } else { Err(NumberError::OutOfRange) }
    }

    /// The digits of the whole part in this radix, from 2 to 36, without a sign: exactly.
    pub fn whole_digits(&self, radix: u8) -> String {
        let whole = match &self.0 {
            Repr::Int { value, .. } => UBig::from(value.unsigned_abs()),
            Repr::MinusZero(_) | Repr::Infinite { .. } => UBig::ZERO,
            Repr::Big(float) => float.integer_part(),
        };
        whole.in_radix(radix).to_string()
    }

    /// About how many characters it takes to write it.
    pub(crate) fn length(&self) -> u64 {
        match &self.0 {
            Repr::Big(float) => float.top().unsigned_abs().max(float.exponent.unsigned_abs()) * 3 / 10,
            _ => 0,
        }
    }

    /// The absolute value of a finite number as decimal digits `0.d₁d₂d₃… · 10^point`, exactly, with neither leading nor
    /// trailing zeros.
    pub fn exact_digits(&self) -> (Vec<u8>, i64) {
        let decimal = match &self.0 {
            Repr::Big(float) => Decimal::exact(float.negative, &float.magnitude, float.exponent),
            _ => self.decimal(),
        };
        (decimal.digits, decimal.point)
    }

    /// With at most ten digits and an exponent where that is shorter: Go's `Text('g', 10)`.
    pub(crate) fn to_ten_digits(&self) -> String {
        const DIGITS: i64 = 10;
        let mut decimal = match &self.0 {
            Repr::Int { value, .. } if value.unsigned_abs() < 10_000_000_000 => return value.to_string(),
            Repr::Int { .. } => self.decimal(),
            Repr::MinusZero(_) | Repr::Infinite { .. } => return self.to_string(),
            Repr::Big(float) => Decimal::exact(float.negative, &float.magnitude, float.exponent),
        };
        decimal.round(DIGITS as usize);
        let exponent = decimal.point - 1;
        let count = decimal.digits.len() as i64;
        let limit = if DIGITS > count && count >= decimal.point { count } else { DIGITS };
        if (-4..limit).contains(&exponent) {
            return decimal.to_text();
        }
        decimal.point = 1;
        let sign = if exponent < 0 { '-' } else { '+' };
        format!("{}e{sign}{:02}", decimal.to_text(), exponent.unsigned_abs())
    }

    /// Position of the highest bit.
    fn top(&self) -> i64 {
        match &self.0 {
            Repr::Int { value, .. } => value.unsigned_abs().bit_len() as i64,
            Repr::MinusZero(_) => 0,
            Repr::Infinite { .. } => i64::MAX,
            Repr::Big(float) => float.top(),
        }
    }

    /// What decides equality and order: integers exactly, fractions as they print.
    fn decimal(&self) -> Decimal {
        match &self.0 {
            Repr::Int { value, .. } => Decimal::exact(*value < 0, &value.unsigned_abs().into(), 0),
            Repr::MinusZero(_) => Decimal::exact(false, &UBig::ZERO, 0),
            // Further from zero than anything else.
            Repr::Infinite { negative, .. } => {
                Decimal { negative: *negative, digits: vec![1], point: i64::MAX }
            }
            Repr::Big(float) if float.is_integer() => {
                Decimal::exact(float.negative, &float.magnitude, float.exponent)
            }
            Repr::Big(float) => float.shortest(),
        }
    }
}

fn parse_exponent(text: &str) -> Result<i64, NumberError> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NumberError::Syntax);
    }
    let size: i64 = digits.parse().map_err(|_| NumberError::OutOfRange)?;
    Ok(if negative { -size } else { size })
}

/// The logarithm to base 2 of a whole number, given by its digits without leading zeros.
fn binary_logarithm(digits: &str) -> f64 {
    let first = digits.bytes().take(17).fold(0.0_f64, |n, b| n * 10.0 + f64::from(b - b'0'));
    first.log2() + digits.len().saturating_sub(17) as f64 * std::f64::consts::LOG2_10
}

impl fmt::Display for Number {
    /// Without an exponent, and no more digits than tell it from its neighbours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Int { value, .. } => write!(f, "{value}"),
            Repr::MinusZero(_) => f.write_str("-0"),
            Repr::Infinite { negative, .. } => f.write_str(if *negative { "-Inf" } else { "+Inf" }),
            Repr::Big(float) => f.write_str(&float.shortest().to_text()),
        }
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (Repr::Int { value: a, .. }, Repr::Int { value: b, .. }) => a.cmp(b),
            (Repr::Big(a), Repr::Big(b))
                if (a.is_integer() || a.precision == b.precision)
                    && (a.negative, a.exponent, &a.magnitude) == (b.negative, b.exponent, &b.magnitude) =>
            {
                Ordering::Equal
            }
            _ => {
                let (sign, tops) = (self.signum(), (self.top(), other.top()));
                sign.cmp(&other.signum()).then_with(|| match tops {
                    // So far apart that they need not be written out.
                    (a, b) if a.abs_diff(b) > 1 && sign < 0 => b.cmp(&a),
                    (a, b) if a.abs_diff(b) > 1 => a.cmp(&b),
                    _ => self.decimal().cmp(&other.decimal()),
                })
            }
        }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Number {}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self.to_i64() {
            Some(value) => value.hash(state),
            None => {
                let decimal = self.decimal();
                (decimal.negative, decimal.digits, decimal.point).hash(state);
            }
        }
    }
}
