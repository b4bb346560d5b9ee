//! Dates, and the one form in which they are written.

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    NotADate,
    NoSuchDay,
    NoSuchTime,
    Fraction,
    NoZone,
    BadZone,
}

impl Refusal {
    /// What is wrong and how to mend it.
    pub(super) fn sentence(&self) -> String {
        let wrong = match self {
            Self::NotADate => "it is no ISO 8601 date with a time",
            Self::NoSuchDay => "it names a day that does not exist",
            Self::NoSuchTime => "it names a time that does not exist",
            Self::Fraction => "it has fractions of a second, which not every phone reads",
            Self::NoZone => "it has no time zone",
            Self::BadZone => "its time zone is neither Z nor like +01:00",
        };
        format!("{wrong}: write it like 2026-11-21T09:30:00+01:00")
    }
}

/// A date whose fractions of a second are cut; `None` for one without, and for what is no date.
pub(super) fn written(text: &str) -> Option<String> {
    let (before, fraction) = text.split_once(['.', ','])?;
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    let whole = format!("{before}{}", fraction.get(digits..)?);
    // Fractions follow whole seconds: 2026-11-21T09:30:00.5Z.
    let has_seconds = before.len() == "2026-11-21T09:30:00".len();
    (digits > 0 && has_seconds && parse(&whole).is_ok()).then_some(whole)
}

/// The W3C profile of ISO 8601 that Apple names: `YYYY-MM-DDThh:mm[:ss]` and `Z` or `±hh:mm`.
/// Gives Unix seconds.
pub(super) fn parse(text: &str) -> Result<i64, Refusal> {
    let (day, rest) = text.split_at_checked(10).ok_or(Refusal::NotADate)?;
    let [year, month, day] = numbers(day, '-', &[4, 2, 2]).ok_or(Refusal::NotADate)?;
    if !(1..=12).contains(&month) || !(1..=days_in(year, month)).contains(&day) {
        return Err(Refusal::NoSuchDay);
    }
    let time = rest.strip_prefix('T').ok_or(Refusal::NotADate)?;
    let (clock, after) = time.split_at_checked(5).ok_or(Refusal::NotADate)?;
    let [hour, minute] = numbers(clock, ':', &[2, 2]).ok_or(Refusal::NotADate)?;
    let (second, zone) = match after.strip_prefix(':') {
        Some(after) => {
            let (second, zone) = after.split_at_checked(2).ok_or(Refusal::NotADate)?;
            let [second] = numbers(second, ':', &[2]).ok_or(Refusal::NotADate)?;
            (second, zone)
        }
        None => (0, after),
    };
    if hour > 23 || minute > 59 || second > 59 {
        return Err(Refusal::NoSuchTime);
    }
    let local = days_since_1970(year, month, day) * 86_400 + i64::from(hour * 3_600 + minute * 60 + second);
    if let Some(fraction) = zone.strip_prefix(['.', ',']) {
        // Told only where nothing else is wrong: fractions are cut before a pass is judged.
        let zone = fraction.trim_start_matches(|digit: char| digit.is_ascii_digit());
        offset(zone)?;
        return Err(if zone == fraction {
            Refusal::NotADate
        } else {
            Refusal::Fraction
        });
    }
    Ok(local - offset(zone)?)
}

/// How far a zone is ahead of UTC, in seconds.
fn offset(zone: &str) -> Result<i64, Refusal> {
    match zone.chars().next() {
        None => Err(Refusal::NoZone),
        Some('Z') if zone.len() == 1 => Ok(0),
        Some(sign @ ('+' | '-')) => match numbers(&zone[1..], ':', &[2, 2]) {
            Some([hours, minutes]) if hours <= 14 && minutes <= 59 => {
                let ahead = i64::from(hours * 3_600 + minutes * 60);
                Ok(if sign == '+' { ahead } else { -ahead })
            }
            _ => Err(Refusal::BadZone),
        },
        Some(_) => Err(Refusal::BadZone),
    }
}

fn days_since_1970(year: u32, month: u32, day: u32) -> i64 {
    let leap_days = |year: i64| year / 4 - year / 100 + year / 400;
    let years = i64::from(year);
    let before_year = years * 365 + leap_days(years - 1) - (1970 * 365 + leap_days(1969));
    let before_month: u32 = (1..month).map(|month| days_in(year, month)).sum();
    before_year + i64::from(before_month + day) - 1
}

/// Exactly `N` numbers of the given widths, with `separator` between them.
fn numbers<const N: usize>(text: &str, separator: char, widths: &[usize; N]) -> Option<[u32; N]> {
    let mut found = [0; N];
    let mut parts = text.split(separator);
    for (number, width) in found.iter_mut().zip(widths) {
        let part = parts.next()?;
        if part.len() != *width || !part.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        *number = part.parse().ok()?;
    }
    parts.next().is_none().then_some(found)
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::{Refusal, parse, written};

    #[test]
    fn dates_that_wallet_reads() {
        for text in [
            "2026-11-21T09:30Z",
            "2026-11-21T09:30:00Z",
            "2026-11-21T09:30:59+01:00",
            "2024-02-29T00:00-08:00",
            "2000-02-29T23:59:59+14:00",
        ] {
            assert!(parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn dates_that_wallet_refuses() {
        for (text, refusal) in [
            ("", Refusal::NotADate),
            ("tomorrow", Refusal::NotADate),
            ("2026-11-21", Refusal::NotADate),
            ("2026-11-21 09:30:00Z", Refusal::NotADate),
            ("21.11.2026T09:30:00Z", Refusal::NotADate),
            ("20261121T093000Z", Refusal::NotADate),
            ("2026-11-21T9:30Z", Refusal::NotADate),
            ("2026-11-2１T09:30Z", Refusal::NotADate),
            ("2026-13-01T09:30Z", Refusal::NoSuchDay),
            ("2026-02-29T09:30Z", Refusal::NoSuchDay),
            ("1900-02-29T09:30Z", Refusal::NoSuchDay),
            ("2026-11-31T09:30Z", Refusal::NoSuchDay),
            ("2026-11-00T09:30Z", Refusal::NoSuchDay),
            ("2026-11-21T24:00:00Z", Refusal::NoSuchTime),
            ("2026-11-21T09:60:00Z", Refusal::NoSuchTime),
            ("2026-11-21T09:30:60Z", Refusal::NoSuchTime),
            ("2026-11-21T09:30:00.000Z", Refusal::Fraction),
            ("2026-11-21T09:30:00.000+0000", Refusal::BadZone),
            ("2026-11-21T09:30:00.5", Refusal::NoZone),
            ("2026-11-21T09:30:00.Z", Refusal::NotADate),
            ("2026-11-21T09:30:00.5.5Z", Refusal::BadZone),
            ("2026-11-21T09:30:00", Refusal::NoZone),
            ("2026-11-21T09:30:00z", Refusal::BadZone),
            ("2026-11-21T09:30:00ZZ", Refusal::BadZone),
            ("2026-11-21T09:30:00+0100", Refusal::BadZone),
            ("2026-11-21T09:30:00+25:00", Refusal::BadZone),
            ("2026-11-21T09:30:00 Europe/Paris", Refusal::BadZone),
        ] {
            assert_eq!(parse(text), Err(refusal), "{text}");
        }
    }

    #[test]
    fn a_date_is_a_moment() {
        // As `date -ud TEXT +%s` has it.
        for (text, seconds) in [
            ("1970-01-01T00:00Z", 0),
            ("2026-11-21T09:30:00Z", 1_795_253_400),
            ("2026-11-21T10:30:00+01:00", 1_795_253_400),
            ("2026-11-21T04:00:00-05:30", 1_795_253_400),
            ("2000-02-29T23:59:59Z", 951_868_799),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
        ] {
            assert_eq!(parse(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn fractions_of_a_second_are_cut_and_nothing_else_is() {
        for (text, cut) in [
            ("2026-11-21T09:30:00.000Z", Some("2026-11-21T09:30:00Z")),
            ("2026-11-21T09:30:00.123456+01:00", Some("2026-11-21T09:30:00+01:00")),
            ("2026-11-21T09:30:00,5-08:00", Some("2026-11-21T09:30:00-08:00")),
            ("2026-11-21T09:30:00Z", None),
            ("2020-02-01T08:00:00.000+0000", None),
            ("2026-11-21T09:30.5Z", None),
            ("2026-11-21T09:30:00.Z", None),
            ("21.11.2026", None),
        ] {
            assert_eq!(written(text).as_deref(), cut, "{text}");
        }
    }
}
