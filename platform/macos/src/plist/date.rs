//! Dates: seconds since 2001-01-01T00:00:00Z in the binary format, RFC 3339 elsewhere.
//!
//! A fraction of a second is kept to the nanosecond. Only UTC is known, as in a property
//! list itself, and only the years that RFC 3339 can write.

/// A moment: seconds since the beginning of 2001 and nanoseconds after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    seconds: i64,
    nanoseconds: u32,
}

const DAY: i64 = 86_400;
const SECOND: u32 = 1_000_000_000;
/// Days from 0000-03-01 to 2001-01-01.
const EPOCH: i64 = 730_791;

impl Moment {
    /// None where the year would not be one of 0000 to 9999.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "both casts are of whole numbers within the bounds that are checked"
    )]
    pub(super) fn from_seconds(seconds: f64) -> Option<Self> {
        let whole = seconds.floor();
        // False for what is no number, too.
        let within = whole.abs() < 1e12;
        within.then_some(())?;
        let mut moment = Self {
            seconds: whole as i64,
            nanoseconds: ((seconds - whole) * f64::from(SECOND)).round() as u32,
        };
        if moment.nanoseconds >= SECOND {
            moment.seconds += 1;
            moment.nanoseconds = 0;
        }
        let (year, ..) = moment.civil();
        (0..=9999).contains(&year).then_some(moment)
    }

    #[allow(
        clippy::cast_precision_loss,
        reason = "seconds of 10000 years are exact; a fraction is rounded as it always is"
    )]
    pub(super) fn to_seconds(self) -> f64 {
        self.seconds as f64 + f64::from(self.nanoseconds) / f64::from(SECOND)
    }

    /// The date, and the seconds of the day.
    fn civil(self) -> (i64, i64, i64, i64) {
        let days = self.seconds.div_euclid(DAY) + EPOCH;
        // Years begin with March, so that a leap day is the last; 146 097 days are 400
        // of them.
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 {
            march_month + 3
        } else {
            march_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (year, month, day, self.seconds.rem_euclid(DAY))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
        let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
        let (time, fraction) = match time.split_once('.') {
            Some((time, fraction)) => (time, nanoseconds(fraction)?),
            None => (time, 0),
        };
        let [hour, minute, second] = numbers(time, ':', [2, 2, 2])?;
        let within = hour < 24 && minute < 60 && second < 60 && (1..=12).contains(&month);
        within.then_some(())?;
        let shifted = year - i64::from(month <= 2);
        let era = shifted.div_euclid(400);
        let year_of_era = shifted.rem_euclid(400);
        let march_month = if month > 2 { month - 3 } else { month + 9 };
        let of_year = (153 * march_month + 2) / 5 + day - 1;
        let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
        let days = era * 146_097 + of_era - EPOCH;
        let moment = Self {
            seconds: days * DAY + hour * 3600 + minute * 60 + second,
            nanoseconds: fraction,
        };
        // A day that the month does not have comes out as one of the next month.
        let (_, as_month, as_day, _) = moment.civil();
        (as_month == month && as_day == day).then_some(moment)
    }

    pub(super) fn print(self) -> String {
        let (year, month, day, of_day) = self.civil();
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
        let fraction = match self.nanoseconds {
            0 => String::new(),
            some => format!(".{some:09}").trim_end_matches('0').to_owned(),
        };
        format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z")
    }
}

/// Numbers of so many digits each, with `between` between them.
fn numbers(text: &str, between: char, digits: [usize; 3]) -> Option<[i64; 3]> {
    let mut parts = text.split(between);
    let mut numbers = [0; 3];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits)?;
        // A sign is no digit.
        let plain = part.bytes().all(|byte| byte.is_ascii_digit());
        *number = plain.then(|| part.parse().ok())??;
    }
    parts.next().is_none().then_some(numbers)
}

fn nanoseconds(fraction: &str) -> Option<u32> {
    let plain = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let fits = plain && (1..=9).contains(&fraction.len());
    fits.then(|| format!("{fraction:0<9}").parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn well_known_days_are_where_they_are() {
        for (seconds, text) in [
            (0.0, "2001-01-01T00:00:00Z"),
            (0.5, "2001-01-01T00:00:00.5Z"),
            (-978_307_200.0, "1970-01-01T00:00:00Z"),
            (-26_611_200.0, "2000-02-28T00:00:00Z"),
            (-26_524_800.0, "2000-02-29T00:00:00Z"),
            (-26_438_400.0, "2000-03-01T00:00:00Z"),
            (5_097_600.0, "2001-03-01T00:00:00Z"),
            // No leap year.
            (3_129_235_200.0, "2100-03-01T00:00:00Z"),
            (94_608_000.0, "2004-01-01T00:00:00Z"),
            (99_705_599.0, "2004-02-28T23:59:59Z"),
            (99_705_600.0, "2004-02-29T00:00:00Z"),
            // What NSDate calls the distant past and the distant future.
            (-63_114_076_800.0, "0000-12-30T00:00:00Z"),
            (63_113_904_000.0, "4001-01-01T00:00:00Z"),
        ] {
            let moment = Moment::from_seconds(seconds).expect(text);
            assert_eq!(moment.print(), text);
            assert_eq!(Moment::parse(text), Some(moment));
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2001-01-01",
            "2001-01-01T00:00:00",
            "2001-02-29T00:00:00Z",
            "2001-04-31T00:00:00Z",
            "2001-13-01T00:00:00Z",
            "2001-00-01T00:00:00Z",
            "2001-01-00T00:00:00Z",
            "2001-01-01T24:00:00Z",
            "2001-01-01T00:00:60Z",
            "2001-01-01T00:00:00.Z",
            "2001-01-01T00:00:00.0000000001Z",
            "2001-01-01T00:00:00+01:00",
            "+001-01-01T00:00:00Z",
            "2001-01-01T00:00:00:00Z",
        ] {
            assert_eq!(Moment::parse(text), None, "{text}");
        }
        for seconds in [f64::NAN, f64::INFINITY, -1e11, 1e12, 1e300] {
            assert_eq!(Moment::from_seconds(seconds), None, "{seconds}");
        }
    }

    proptest! {
        #[test]
        fn seconds_survive(seconds in -63_000_000_000_i64..252_000_000_000) {
            #[allow(clippy::cast_precision_loss)]
            let seconds = seconds as f64;
            let moment = Moment::from_seconds(seconds).unwrap();
            prop_assert_eq!(Moment::parse(&moment.print()), Some(moment));
            prop_assert_eq!(moment.to_seconds().to_bits(), seconds.to_bits());
        }

        #[test]
        fn any_number_and_any_text_is_read_or_refused(seconds: f64, text in "[0-9TZ:.+-]*") {
            if let Some(moment) = Moment::from_seconds(seconds) {
                prop_assert_eq!(Moment::parse(&moment.print()), Some(moment));
            }
            let _ = Moment::parse(&text);
        }
    }
}
