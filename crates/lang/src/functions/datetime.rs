//! Time.

use super::*;
use jiff::SignedDuration;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use std::fmt::Write;

/// The calendar repeats itself after so many years. (jiff has no year beyond 9999.)
const CYCLE: i16 = 400;

library![timestamp, plantimestamp, timeadd, timecmp, formatdate];

/// The current time in UTC, as in RFC 3339; it is unknown in a plan.
#[function(result = Type::String, example = "timestamp()")]
fn timestamp(cx: &mut CallCx<'_>) -> FnResult {
    Ok(text_of(cx.scope.world().timestamp()))
}

/// The time of the plan in UTC, as in RFC 3339.
#[function(result = Type::String, example = "plantimestamp()")]
fn plantimestamp(cx: &mut CallCx<'_>) -> FnResult {
    Ok(text_of(cx.scope.world().plan_timestamp()))
}

/// A time with a duration such as 1h30m added to it.
#[function(result = Type::String, example = r#"timeadd("2017-11-22T00:00:00Z", "10m")"#, gives = r#""2017-11-22T00:10:00Z""#)]
fn timeadd(timestamp: &str, duration: &str) -> FnResult {
    let (time, offset) = parse_time(timestamp, 0)?;
    let duration = parse_duration(duration).map_err(|m| FnError::arg(1, m))?;
    let earlier = time.with().year(time.year() - CYCLE).build();
    let civil = earlier
        .and_then(|time| time.checked_add(duration))
        .map_err(|_| FnError::new("the result is out of range"))?;
    let year = civil.year() + CYCLE;
    let mut text = if year < 0 { format!("-{:04}", -year) } else { format!("{year:04}") };
    text.push_str(&civil.strftime("-%m-%dT%H:%M:%S").to_string());
    push_offset(&mut text, offset, ":", "Z");
    Ok(Value::string(text))
}

/// -1, 0 or 1: whether the first time is before, at or after the second.
#[function(example = r#"timecmp("2017-11-22T00:00:00Z", "2017-11-22T00:00:00Z")"#, gives = "0")]
fn timecmp(timestamp_a: &str, timestamp_b: &str) -> Result<Number, FnError> {
    let order = moment(parse_loosely(timestamp_a, 0)?).cmp(&moment(parse_loosely(timestamp_b, 1)?));
    Ok(Number::from(order as i64))
}

/// A time in another format, made of YYYY, MM, DD, hh, mm, ss and the like.
#[function(result = Type::String, example = r#"formatdate("DD MMM YYYY hh:mm ZZZ", "2018-01-02T23:12:01Z")"#, gives = r#""02 Jan 2018 23:12 UTC""#)]
fn formatdate(format: &str, time: &str) -> FnResult {
    let (time, offset) = parse_time(time, 1)?;
    format_date(format, time, offset).map(Value::string)
}

fn text_of(time: Option<crate::Str>) -> Value {
    time.map_or_else(|| Value::unknown_not_null(Type::String), Value::string)
}

/// The time since 1970 in UTC. (A `Timestamp` ends a day before the year 9999 does.)
fn moment((time, offset): (DateTime, Offset)) -> SignedDuration {
    time.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)) - offset.duration_since(Offset::UTC)
}

/// A time as RFC 3339 writes it, strictly: what clocks show, and their offset.
fn parse_time(text: &str, i: usize) -> Result<(DateTime, Offset), FnError> {
    parse_time_within(text, i, (23, 59))
}

/// A time as Go reads it, which puts up with an hour of one digit, a comma before fractions of a second, and offsets of up
/// to `24:60`.
fn parse_loosely(text: &str, i: usize) -> Result<(DateTime, Offset), FnError> {
    let mut text = text.to_owned();
    if text.as_bytes().get(12) == Some(&b':') && text.is_char_boundary(11) {
        text.insert(11, '0');
    }
    if text.as_bytes().get(19) == Some(&b',') {
        text.replace_range(19..20, ".");
    }
    parse_time_within(&text, i, (24, 60))
}

/// A time whose offset has no more hours and minutes than these.
fn parse_time_within(text: &str, i: usize, most: (i32, i32)) -> Result<(DateTime, Offset), FnError> {
    let wrong = |why: &str| FnError::arg(i, format!("it is not a time as in 2006-01-02T15:04:05Z: {why}"));
    let bytes = text.as_bytes();
    let field = |from: usize, to: usize| -> Option<i64> {
        let digits = bytes.get(from..to)?;
        digits.iter().all(u8::is_ascii_digit).then(|| text[from..to].parse().ok()).flatten()
    };
    let byte = |at: usize, wanted: u8| bytes.get(at) == Some(&wanted);
    let date = (field(0, 4), field(5, 7), field(8, 10));
    let (Some(year), Some(month), Some(day)) = date else {
        return Err(wrong("it must start with year, month and day"));
    };
    if !(byte(4, b'-') && byte(7, b'-')) {
        return Err(wrong("year, month and day must be separated by -"));
    }
    if !byte(10, b'T') {
        return Err(wrong("a T must follow the date"));
    }
    let clock = (field(11, 13), field(14, 16), field(17, 19));
    let (Some(hour), Some(minute), Some(second)) = clock else {
        return Err(wrong("hour, minute and second must follow the T"));
    };
    if !(byte(13, b':') && byte(16, b':')) {
        return Err(wrong("hour, minute and second must be separated by :"));
    }
    let mut rest = text.get(19..).ok_or_else(|| wrong("its end cannot be read"))?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = fraction.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return Err(wrong("digits must follow the point"));
        }
        nanos = format!("{:0<9.9}", &fraction[..length]).parse::<i32>().unwrap_or(0);
        rest = &fraction[length..];
    }
    let offset =
        parse_offset(rest, most).ok_or_else(|| wrong("it must end in Z or an offset such as +01:00"))?;
    let civil =
        DateTime::new(year as i16, month as i8, day as i8, hour as i8, minute as i8, second as i8, nanos)
            .map_err(|_| wrong("there is no such day or time"))?;
    Ok((civil, offset))
}

fn parse_offset(text: &str, (most_hours, most_minutes): (i32, i32)) -> Option<Offset> {
    if text == "Z" {
        return Some(Offset::UTC);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let two_digits = |text: &str| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    if !two_digits(hours) || !two_digits(minutes) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    if hours > most_hours || minutes > most_minutes {
        return None;
    }
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()
}

/// A duration such as `-1h30m0.5s`.
fn parse_duration(text: &str) -> Result<SignedDuration, String> {
    let wrong = |why: &str| format!("it is not a duration such as 1h30m: {why}");
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(SignedDuration::ZERO);
    }
    if rest.is_empty() {
        return Err(wrong("it is empty"));
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let length = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let (number, after) = rest.split_at(length);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if (whole.is_empty() && fraction.is_empty()) || fraction.contains('.') {
            return Err(wrong("a number must come before each unit"));
        }
        let unit_length = after.bytes().take_while(|b| !b.is_ascii_digit() && *b != b'.').count();
        let (unit, after) = after.split_at(unit_length);
        let nanos: i128 = match unit {
            "ns" => 1,
            "us" | "µs" | "μs" => 1_000,
            "ms" => 1_000_000,
            "s" => 1_000_000_000,
            "m" => 60_000_000_000,
            "h" => 3_600_000_000_000,
            "" => return Err(wrong("a unit must follow each number")),
            _ => return Err(wrong("the units are h, m, s, ms, us and ns")),
        };
        let too_long = || wrong("it is too long");
        let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| too_long())? };
        let fraction = &fraction[..fraction.len().min(18)];
        let part: i128 = if fraction.is_empty() { 0 } else { fraction.parse().map_err(|_| too_long())? };
        let part = part * nanos / 10i128.pow(fraction.len() as u32);
        total = whole
            .checked_mul(nanos)
            .and_then(|n| n.checked_add(part)?.checked_add(total))
            .ok_or_else(too_long)?;
        rest = after;
    }
    let total = i64::try_from(if negative { -total } else { total }).map_err(|_| wrong("it is too long"))?;
    Ok(SignedDuration::from_nanos(total))
}

fn push_offset(out: &mut String, offset: Offset, separator: &str, utc: &str) {
    let seconds = offset.seconds();
    if seconds == 0 && !utc.is_empty() {
        out.push_str(utc);
        return;
    }
    let (sign, all) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
    // Writing to a String cannot fail.
    let _ = write!(out, "{sign}{:02}{separator}{:02}", all / 60, all % 60);
}

fn format_date(format: &str, time: DateTime, offset: Offset) -> Result<String, FnError> {
    let mut out = String::new();
    let mut rest = format;
    while let Some(first) = rest.chars().next() {
        if first == '\'' {
            rest = quoted(&rest[1..], &mut out)?;
            continue;
        }
        if !first.is_ascii_alphabetic() {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let length = rest.chars().take_while(|c| *c == first).count();
        let (verb, after) = rest.split_at(length);
        date_verb(verb, time, offset, &mut out)?;
        rest = after;
    }
    Ok(out)
}

/// Text up to a closing quote, two quotes being one; gives what follows.
fn quoted<'a>(text: &'a str, out: &mut String) -> Result<&'a str, FnError> {
    // Two quotes with nothing between them are one, and nothing is quoted.
    if let Some(rest) = text.strip_prefix('\'') {
        out.push('\'');
        return Ok(rest);
    }
    let mut rest = text;
    loop {
        let Some(end) = rest.find('\'') else {
            return Err(FnError::arg(0, "a quote in it is never closed"));
        };
        out.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('\'') {
            Some(after) => {
                out.push('\'');
                if after.is_empty() {
                    // As Terraform does, two quotes at the very end count as the closing one, too.
                    return Ok(after);
                }
                rest = after;
            }
            None => return Ok(rest),
        }
    }
}

fn date_verb(verb: &str, time: DateTime, offset: Offset, out: &mut String) -> Result<(), FnError> {
    let twelve = match time.hour() % 12 {
        0 => 12,
        h => h,
    };
    let morning = time.hour() < 12;
    let text = match verb {
        "YYYY" => format!("{:04}", time.year()),
        "YY" => format!("{:02}", time.year() % 100),
        "MMMM" => time.strftime("%B").to_string(),
        "MMM" => time.strftime("%b").to_string(),
        "MM" => format!("{:02}", time.month()),
        "M" => time.month().to_string(),
        "DD" => format!("{:02}", time.day()),
        "D" => time.day().to_string(),
        "EEEE" => time.strftime("%A").to_string(),
        "EEE" => time.strftime("%a").to_string(),
        "hh" => format!("{:02}", time.hour()),
        "h" => time.hour().to_string(),
        "HH" => format!("{twelve:02}"),
        "H" => twelve.to_string(),
        "AA" => if morning { "AM" } else { "PM" }.to_string(),
        "aa" => if morning { "am" } else { "pm" }.to_string(),
        "mm" => format!("{:02}", time.minute()),
        "m" => time.minute().to_string(),
        "ss" => format!("{:02}", time.second()),
        "s" => time.second().to_string(),
        "ZZZZZ" => zone(offset, ":", ""),
        "ZZZZ" => zone(offset, "", ""),
        "ZZZ" => zone(offset, "", "UTC"),
        "Z" => zone(offset, ":", "Z"),
        _ => {
            let known = match verb.as_bytes()[0] {
                b'Y' => "a year is YY or YYYY",
                b'M' => "a month is M, MM, MMM or MMMM",
                b'D' => "a day is D or DD",
                b'E' => "a day of the week is EEE or EEEE",
                b'h' => "an hour of 24 is h or hh",
                b'H' => "an hour of 12 is H or HH",
                b'm' => "a minute is m or mm",
                b's' => "a second is s or ss",
                b'a' | b'A' => "half of the day is aa or AA",
                b'Z' => "an offset is Z, ZZZ, ZZZZ or ZZZZZ",
                _ => "letters that are to stand as they are go between single quotes",
            };
            return Err(FnError::arg(0, format!("{verb:?} in it means nothing; {known}")).quoting());
        }
    };
    out.push_str(&text);
    Ok(())
}

fn zone(offset: Offset, separator: &str, utc: &str) -> String {
    let mut text = String::new();
    push_offset(&mut text, offset, separator, utc);
    text
}
