//! Functions of doubles that round where Go's do, so that `ceil(log(8, 2))` is what it is in Terraform.

/// The natural logarithm by the method of the FreeBSD mathematics library (`e_log.c`): for
/// `x = 2^k · (1 + f)`, `ln(1 + f)` is `f - f²/2 + s·(f²/2 + R(s²))` with `s = f / (2 + f)` and a polynomial `R`.
pub(crate) fn ln(x: f64) -> f64 {
    const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
    const LN2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
    const ODD: [f64; 4] = [
        f64::from_bits(0x3fe5_5555_5555_5593),
        f64::from_bits(0x3fd2_4924_9422_9359),
        f64::from_bits(0x3fc7_4664_96cb_03de),
        f64::from_bits(0x3fc2_f112_df3e_5244),
    ];
    const EVEN: [f64; 3] = [
        f64::from_bits(0x3fd9_9999_9997_fa04),
        f64::from_bits(0x3fcc_71c5_1d8e_78af),
        f64::from_bits(0x3fc3_9a09_d078_c69f),
    ];
    if !x.is_finite() || x <= 0.0 {
        return x.ln();
    }
    let (mut fraction, mut exponent) = split(x);
    if fraction < std::f64::consts::FRAC_1_SQRT_2 {
        fraction *= 2.0;
        exponent -= 1;
    }
    let (f, k) = (fraction - 1.0, exponent as f64);
    let s = f / (2.0 + f);
    let (s2, s4) = (s * s, s * s * (s * s));
    let odd = s2 * (ODD[0] + s4 * (ODD[1] + s4 * (ODD[2] + s4 * ODD[3])));
    let even = s4 * (EVEN[0] + s4 * (EVEN[1] + s4 * EVEN[2]));
    let half = 0.5 * f * f;
    k * LN2_HIGH - ((half - (s * (half + (odd + even)) + k * LN2_LOW)) - f)
}

/// `e` to the power `x`, by the method of N. Shibata ("Efficient evaluation methods of elementary functions suitable for SIMD
/// computation", 2010), which Go's assembly for amd64 uses: with `x = k · ln 2 + 16 · r`, the Taylor series gives `e^r - 1`,
/// and `e^2r - 1` is `(e^r - 1) · (e^r + 1)`, four times over. Products and sums round once together, as on any processor of
/// the last ten years.
fn exp(x: f64) -> f64 {
    /// `ln 2` in two parts, of which the first has zeros at its end.
    const LN2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fefa_3000);
    const LN2_LOW: f64 = f64::from_bits(0x3d53_de6a_f278_ece6);
    /// The factorials from that of 8 down to that of 1, below which the powers of `r` stand.
    const FACTORIALS: [f64; 8] = [40320.0, 5040.0, 720.0, 120.0, 24.0, 6.0, 2.0, 1.0];
    if !x.is_finite() || x.abs() > 709.7 {
        return x.exp();
    }
    let k = (x * std::f64::consts::LOG2_E).round_ties_even();
    let r = (-k).mul_add(LN2_LOW, (-k).mul_add(LN2_HIGH, x)) / 16.0;
    let series = FACTORIALS[1..].iter().fold(1.0 / FACTORIALS[0], |sum, n| sum.mul_add(r, 1.0 / n));
    let mut less_one = r * series;
    for _ in 0..3 {
        less_one *= less_one + 2.0;
    }
    let k = k as i32;
    less_one.mul_add(less_one + 2.0, 1.0) * 2f64.powi(k / 2) * 2f64.powi(k - k / 2)
}

/// `x` to the power `y`, rounded at the same places as Go's `math.Pow`, whose last digit differs from the C library's:
/// whole powers by squaring, the rest by a logarithm.
pub(crate) fn power(x: f64, y: f64) -> f64 {
    let whole = y.abs().trunc();
    if x == 0.0 || !x.is_finite() || y == 0.0 || x < 0.0 && whole != y.abs() || whole >= 2f64.powi(63) {
        return x.powf(y);
    }
    if y == 0.5 {
        return x.sqrt();
    }
    if y == -0.5 {
        return 1.0 / x.sqrt();
    }
    let (mut whole, mut fraction) = (whole as i64, y.abs() - whole);
    let mut result = 1.0;
    if fraction != 0.0 {
        if fraction > 0.5 {
            fraction -= 1.0;
            whole += 1;
        }
        result = exp(fraction * ln(x));
    }
    // Fraction and exponent apart, so that squares do not overflow.
    let (mut square, mut square_exponent) = split(x);
    let mut exponent = 0i64;
    while whole != 0 {
        if square_exponent.abs() > 1 << 13 {
            // The result is out of range, whatever the rest.
            exponent += square_exponent;
            break;
        }
        if whole & 1 == 1 {
            result *= square;
            exponent += square_exponent;
        }
        square *= square;
        square_exponent *= 2;
        if square < 0.5 {
            square *= 2.0;
            square_exponent -= 1;
        }
        whole >>= 1;
    }
    if y < 0.0 {
        (result, exponent) = (1.0 / result, -exponent);
    }
    let (fraction, more) = split(result);
    // Out of the range of doubles on either side.
    let exponent = (exponent + more).clamp(-1200, 1200) as i32;
    fraction * 2f64.powi(exponent / 2) * 2f64.powi(exponent - exponent / 2)
}

/// `x = fraction · 2^exponent`, with the fraction from a half up to one.
fn split(x: f64) -> (f64, i64) {
    // Numbers too small to have all their bits are scaled up first.
    let (scaled, scale) = if x.abs() < f64::MIN_POSITIVE { (x * 2f64.powi(64), 64) } else { (x, 0) };
    let bits = scaled.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64 - 1022;
    (f64::from_bits(bits & !(0x7ff << 52) | 1022 << 52), exponent - scale)
}
