//! Binary floating point of a chosen precision, rounded to nearest even: the arithmetic under [`crate::Number`].

use dashu_base::{BitTest, DivRem};
use dashu_int::UBig;
use std::cmp::Ordering;

/// Greatest number of bits before or after the binary point; what would need more is an error, so that no expression can
/// eat the memory when it is written out.
pub(crate) const MAX_BITS: i64 = 1 << 22;

/// `± magnitude · 2^exponent`, never zero, `magnitude` odd and of at most `precision` bits.
#[derive(Clone, Debug)]
pub(crate) struct Float {
    pub negative: bool,
    pub magnitude: UBig,
    pub exponent: i64,
    pub precision: u16,
}

impl Float {
    /// Rounds `± magnitude · 2^exponent` (plus a little, if `sticky`) to `precision`; `None` for zero.
    pub fn round(
        negative: bool,
        magnitude: UBig,
        exponent: i64,
        sticky: bool,
        precision: u16,
    ) -> Option<Float> {
        let (mut magnitude, mut exponent) = (magnitude, exponent);
        let excess = magnitude.bit_len().saturating_sub(usize::from(precision));
        if excess > 0 {
            let half = magnitude.bit(excess - 1);
            let below = sticky || magnitude.trailing_zeros().is_some_and(|zeros| zeros < excess - 1);
            magnitude >>= excess;
            exponent += excess as i64;
            if half && (below || magnitude.bit(0)) {
                magnitude += 1u8;
            }
        }
        let zeros = magnitude.trailing_zeros()?;
        magnitude >>= zeros;
        exponent += zeros as i64;
        Some(Float { negative, magnitude, exponent, precision })
    }

    /// Position of the highest bit: the number is in `[2^(top-1), 2^top)`.
    pub fn top(&self) -> i64 {
        self.exponent + self.magnitude.bit_len() as i64
    }

    pub fn is_integer(&self) -> bool {
        self.exponent >= 0
    }

    /// Without what comes after the point.
    pub fn integer_part(&self) -> UBig {
        if self.exponent >= 0 {
            &self.magnitude << self.exponent as usize
        } else if self.top() <= 0 {
            UBig::ZERO
        } else {
            &self.magnitude >> self.exponent.unsigned_abs() as usize
        }
    }

    /// The exact sum, rounded to `precision`.
    pub fn add(&self, other: &Float, precision: u16) -> Option<Float> {
        let exponent = self.exponent.min(other.exponent);
        let a = &self.magnitude << (self.exponent - exponent) as usize;
        let b = &other.magnitude << (other.exponent - exponent) as usize;
        let (negative, magnitude) = if self.negative == other.negative {
            (self.negative, a + b)
        } else if a >= b {
            (self.negative, a - b)
        } else {
            (other.negative, b - a)
        };
        Float::round(negative, magnitude, exponent, false, precision)
    }

    /// The exact product, rounded to `precision`.
    pub fn mul(&self, other: &Float, precision: u16) -> Option<Float> {
        Float::round(
            self.negative != other.negative,
            &self.magnitude * &other.magnitude,
            self.exponent + other.exponent,
            false,
            precision,
        )
    }

    /// The quotient, rounded to `precision`.
    pub fn div(&self, other: &Float, precision: u16) -> Option<Float> {
        let wanted = usize::from(precision) + 2 + other.magnitude.bit_len();
        let shift = wanted.saturating_sub(self.magnitude.bit_len());
        let (quotient, rest) = (&self.magnitude << shift).div_rem(&other.magnitude);
        Float::round(
            self.negative != other.negative,
            quotient,
            self.exponent - other.exponent - shift as i64,
            !rest.is_zero(),
            precision,
        )
    }

    /// The nearest double; infinite when too large.
    pub fn to_f64(&self) -> f64 {
        let lowest = self.top() - 1;
        if lowest > 1023 {
            return if self.negative { f64::NEG_INFINITY } else { f64::INFINITY };
        }
        // Below 2^-1022 a double has fewer than 53 bits.
        let bits = 53 - (-1022 - lowest).max(0);
        let rounded = if bits >= 1 {
            Float::round(self.negative, self.magnitude.clone(), self.exponent, false, bits as u16)
        } else if bits == 0 && self.magnitude != UBig::ONE {
            // More than half of the least double.
            Some(Float { negative: self.negative, magnitude: UBig::ONE, exponent: -1074, precision: 1 })
        } else {
            None
        };
        let Some(rounded) = rounded else { return 0.0 };
        let mantissa = u64::try_from(rounded.magnitude).unwrap_or(u64::MAX) as f64;
        let exponent = rounded.exponent as i32;
        // Two exact steps: 2^exponent by itself may not be a double.
        let value = mantissa * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2);
        if self.negative { -value } else { value }
    }

    /// The shortest decimal that, rounded to this precision, gives this number again: Go's `Text('f', -1)`.
    pub fn shortest(&self) -> Decimal {
        let mut decimal = Decimal::exact(self.negative, &self.magnitude, self.exponent);
        // Half a unit in the last place, as a power of two, and the number counted in it.
        let half = self.top() - i64::from(self.precision) - 1;
        let count = &self.magnitude << (self.exponent - half) as usize;
        let lower = Decimal::exact(false, &(&count - 1u8), half);
        let upper = Decimal::exact(false, &(&count + 1u8), half);
        // The ends of the interval round to this number only if its last bit is even.
        let inclusive = !count.bit(1);
        for i in 0..decimal.digits.len() {
            let (digit, low, high) = (decimal.digits[i], lower.digit(i), upper.digit(i));
            let down = low != digit || inclusive && i + 1 == lower.digits.len();
            let up = high != digit && (inclusive || digit + 1 < high || i + 1 < upper.digits.len());
            match (down, up) {
                (true, true) => decimal.round(i + 1),
                (true, false) => decimal.truncate(i + 1),
                (false, true) => decimal.round_up(i + 1),
                (false, false) => continue,
            }
            break;
        }
        decimal
    }
}

/// `± 0.d₁d₂d₃… · 10^point`, with neither leading nor trailing zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    pub negative: bool,
    pub digits: Vec<u8>,
    pub point: i64,
}

impl Decimal {
    /// `± magnitude · 2^exponent`, exactly.
    pub fn exact(negative: bool, magnitude: &UBig, exponent: i64) -> Decimal {
        let (text, point) = if exponent >= 0 {
            ((magnitude << exponent as usize).to_string(), 0)
        } else {
            let places = exponent.unsigned_abs() as usize;
            ((magnitude * UBig::from(5u8).pow(places)).to_string(), exponent)
        };
        let digits: Vec<u8> = text.bytes().map(|b| b - b'0').collect();
        let mut decimal = Decimal { negative, point: digits.len() as i64 + point, digits };
        decimal.trim();
        decimal
    }

    fn trim(&mut self) {
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
    }

    fn digit(&self, i: usize) -> u8 {
        self.digits.get(i).copied().unwrap_or(0)
    }

    fn truncate(&mut self, n: usize) {
        self.digits.truncate(n);
        self.trim();
    }

    fn round_up(&mut self, n: usize) {
        self.digits.truncate(n);
        while self.digits.last() == Some(&9) {
            self.digits.pop();
        }
        match self.digits.last_mut() {
            Some(last) => *last += 1,
            None => {
                self.digits.push(1);
                self.point += 1;
            }
        }
    }

    /// To the nearest of `n` digits, to even if it is half-way.
    pub fn round(&mut self, n: usize) {
        if n >= self.digits.len() {
            return;
        }
        let up = match self.digits[n] {
            5 if n + 1 == self.digits.len() => n > 0 && self.digits[n - 1] % 2 == 1,
            digit => digit >= 5,
        };
        if up { self.round_up(n) } else { self.truncate(n) }
    }

    /// Without an exponent.
    pub fn to_text(&self) -> String {
        let mut out = String::with_capacity(self.digits.len() + 4);
        if self.negative {
            out.push('-');
        }
        let digits = || self.digits.iter().map(|d| char::from(d + b'0'));
        if self.point <= 0 {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', self.point.unsigned_abs() as usize));
            out.extend(digits());
            return out;
        }
        let whole = self.point as usize;
        out.extend(digits().take(whole));
        if self.digits.len() > whole {
            out.push('.');
            out.extend(digits().skip(whole));
        } else {
            out.extend(std::iter::repeat_n('0', whole - self.digits.len()));
        }
        out
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |a: &Decimal, b: &Decimal| a.point.cmp(&b.point).then_with(|| a.digits.cmp(&b.digits));
        match (self.negative, other.negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
