//! A point in time as a clock on some wall shows it.

use jiff::civil::DateTime;
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::tz::Offset;
use jiff::{Span, Timestamp};

/// Seconds precision is all that is written; what a configuration gives beyond it is kept in calculations.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Moment {
    pub(crate) civil: DateTime,
    offset: Offset,
}

impl Moment {
    /// The beginning of Unix time.
    pub(crate) const EPOCH: Moment =
        Moment { civil: jiff::civil::datetime(1970, 1, 1, 0, 0, 0, 0), offset: Offset::UTC };

    /// Now, in UTC, of a clock that counts nanoseconds since the Unix epoch.
    pub(crate) fn now(nanoseconds: i128) -> Option<Self> {
        let stamp = Timestamp::from_nanosecond(nanoseconds).ok()?;
        Some(Moment { civil: Offset::UTC.to_datetime(stamp), offset: Offset::UTC })
    }

    /// Reads RFC 3339.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        // What jiff takes beyond RFC 3339: other separators, annotations, lower precision.
        let shape =
            text.len() >= 20 && text.as_bytes()[10].eq_ignore_ascii_case(&b'T') && !text.contains('[');
        let pieces = Pieces::parse(text).ok().filter(|_| shape)?;
        let offset = match pieces.offset()? {
            PiecesOffset::Numeric(numeric) => numeric.offset(),
            _ => Offset::UTC,
        };
        Some(Moment { civil: DateTime::from_parts(pieces.date(), pieces.time()?), offset })
    }

    /// Seconds since the Unix epoch.
    pub(crate) fn unix(self) -> i64 {
        self.offset.to_timestamp(self.civil).map_or(0, Timestamp::as_second)
    }

    /// Whether it lies after another.
    pub(crate) fn is_after(self, other: Moment) -> bool {
        self.offset.to_timestamp(self.civil).ok() > other.offset.to_timestamp(other.civil).ok()
    }

    /// Later by years, months and days as Go counts them: a day that a month does not have runs into the next one.
    pub(crate) fn plus_date(self, years: i64, months: i64, days: i64) -> Option<Self> {
        let date = self.civil.date();
        let month = i64::from(date.month()).checked_sub(1)?.checked_add(months)?;
        let year = i64::from(date.year()).checked_add(years)?.checked_add(month.div_euclid(12))?;
        let first =
            jiff::civil::Date::new(i16::try_from(year).ok()?, month.rem_euclid(12) as i8 + 1, 1).ok()?;
        let days = days.checked_add(i64::from(date.day()) - 1)?;
        let date = first.checked_add(Span::new().try_days(days).ok()?).ok()?;
        Some(Moment { civil: DateTime::from_parts(date, self.civil.time()), ..self })
    }

    /// Later by hours, minutes and seconds.
    pub(crate) fn plus_time(self, hours: i64, minutes: i64, seconds: i64) -> Option<Self> {
        let span = Span::new().try_hours(hours).ok()?.try_minutes(minutes).ok()?.try_seconds(seconds).ok()?;
        Some(Moment { civil: self.civil.checked_add(span).ok()?, ..self })
    }

    /// As RFC 3339 with whole seconds.
    pub(crate) fn rfc3339(self) -> String {
        let text = self.civil.strftime("%Y-%m-%dT%H:%M:%S");
        let seconds = self.offset.seconds();
        if seconds == 0 {
            return format!("{text}Z");
        }
        let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.unsigned_abs() / 60);
        format!("{text}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_gos() {
        let check = |from: &str, date: [i64; 3], time: [i64; 3], expected: &str| {
            let moment = Moment::parse(from).unwrap();
            let moment = moment.plus_date(date[0], date[1], date[2]).unwrap();
            let moment = moment.plus_time(time[0], time[1], time[2]).unwrap();
            assert_eq!(moment.rfc3339(), expected);
        };
        check("2020-01-31T00:00:00Z", [0, 1, 0], [0, 0, 0], "2020-03-02T00:00:00Z");
        check("2020-02-29T10:00:00Z", [1, 0, 0], [0, 0, 0], "2021-03-01T10:00:00Z");
        check("2020-12-31T23:59:59+02:00", [0, 0, 0], [0, 0, 1], "2021-01-01T00:00:00+02:00");
        check("2020-01-15T00:00:00Z", [0, -1, -15], [-1, 0, 0], "2019-11-29T23:00:00Z");
        assert_eq!(Moment::parse("2020-01-01T01:00:00+01:00").unwrap().unix(), 1_577_836_800);
        for wrong in ["2020-01-01", "2020-01-01 00:00:00Z", "yesterday", "2020-01-01T00:00:00", ""] {
            assert_eq!(Moment::parse(wrong), None, "{wrong}");
        }
    }
}
