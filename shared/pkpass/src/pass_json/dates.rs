use serde_json::{Map, Value};

use super::Inspection;

pub(super) fn check(inspection: &mut Inspection, pass: &Map<String, Value>) {
    for key in ["expirationDate", "relevantDate"] {
        if let Some(value) = pass.get(key) {
            check_value(inspection, key, value);
        }
    }
    match pass.get("relevantDates") {
        None => {}
        Some(Value::Array(dates)) => {
            for (position, entry) in dates.iter().enumerate() {
                let path = format!("relevantDates[{position}]");
                let Value::Object(entry) = entry else {
                    inspection.fault(path, "it is not a JSON object: write {\"date\": ...}");
                    continue;
                };
                for key in ["date", "startDate", "endDate"] {
                    if let Some(value) = entry.get(key) {
                        check_value(inspection, &format!("{path}.{key}"), value);
                    }
                }
            }
        }
        Some(_) => inspection.fault("relevantDates", "it is no array: write [{\"date\": ...}]"),
    }
}

pub(super) fn check_value(inspection: &mut Inspection, path: &str, value: &Value) {
    let Value::String(text) = value else {
        inspection.fault(path, format!("it is no date: {}", Refusal::FIX));
        return;
    };
    if let Err(refusal) = parse(text) {
        let reason = format!("it {}: {}", refusal.sentence(), Refusal::FIX);
        inspection.fault(path, reason);
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    NotADate,
    NoSuchDay,
    NoSuchTime,
    Milliseconds,
    NoZone,
    BadZone,
}

impl Refusal {
    const FIX: &str = "write it like 2026-11-21T09:30:00+01:00";

    fn sentence(&self) -> &'static str {
        match self {
            Self::NotADate => "is no ISO 8601 date with a time",
            Self::NoSuchDay => "names a day that does not exist",
            Self::NoSuchTime => "names a time that does not exist",
            Self::Milliseconds => "has fractions of a second, which Wallet does not read",
            Self::NoZone => "has no time zone",
            Self::BadZone => "has a time zone that is neither Z nor like +01:00",
        }
    }
}

/// The W3C profile of ISO 8601 that Apple names: `YYYY-MM-DDThh:mm[:ss]` and `Z` or `±hh:mm`.
fn parse(text: &str) -> Result<(), Refusal> {
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
    match zone.chars().next() {
        None => Err(Refusal::NoZone),
        Some('.' | ',') => Err(Refusal::Milliseconds),
        Some('Z') if zone.len() == 1 => Ok(()),
        Some('+' | '-') => match numbers(&zone[1..], ':', &[2, 2]) {
            Some([hours, minutes]) if hours <= 14 && minutes <= 59 => Ok(()),
            _ => Err(Refusal::BadZone),
        },
        Some(_) => Err(Refusal::BadZone),
    }
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
    use super::{Refusal, parse};

    #[test]
    fn dates_that_wallet_reads() {
        for text in [
            "2026-11-21T09:30Z",
            "2026-11-21T09:30:00Z",
            "2026-11-21T09:30:59+01:00",
            "2024-02-29T00:00-08:00",
            "2000-02-29T23:59:59+14:00",
        ] {
            assert_eq!(parse(text), Ok(()), "{text}");
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
            ("2026-11-21T09:30:00.000Z", Refusal::Milliseconds),
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
}
