//! Unix time in the three written forms that AWS events carry.

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A moment in UTC, taken apart.
struct Moment {
    year: u64,
    month: u64,
    day: u64,
    hour: u64,
    minute: u64,
    second: u64,
}

impl Moment {
    fn of(unix_seconds: u64) -> Self {
        let (day_number, second_of_day) = (unix_seconds / 86_400, unix_seconds % 86_400);
        let (year, month, day) = civil_from_days(day_number);
        Self {
            year,
            month,
            day,
            hour: second_of_day / 3_600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
        }
    }
}

/// The date of a day counted from 1970-01-01, by Howard Hinnant's `civil_from_days`: years start
/// in March, so that the leap day is the last one.
fn civil_from_days(day_number: u64) -> (u64, u64, u64) {
    // 719,468 days lie between 0000-03-01 and 1970-01-01; an era is 400 years, 146,097 days.
    let shifted = day_number + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

/// `2026-11-21T20:18:11Z`
pub(crate) fn rfc3339(unix_seconds: u64) -> String {
    let m = Moment::of(unix_seconds);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        m.year, m.month, m.day, m.hour, m.minute, m.second
    )
}

/// `2026-11-21T20:18:11.042Z`
pub(crate) fn rfc3339_millis(unix_millis: u64) -> String {
    let seconds = rfc3339(unix_millis / 1_000);
    format!("{}.{:03}Z", seconds.trim_end_matches('Z'), unix_millis % 1_000)
}

/// `21/Nov/2026:20:18:11 +0000`, the form of web server logs.
pub(crate) fn common_log(unix_seconds: u64) -> String {
    let m = Moment::of(unix_seconds);
    let month = usize::try_from(m.month - 1).map_or("", |index| MONTHS[index]);
    format!(
        "{:02}/{month}/{:04}:{:02}:{:02}:{:02} +0000",
        m.day, m.year, m.hour, m.minute, m.second
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_forms() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_399), "2000-02-28T23:59:59Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_798_761_599), "2026-12-31T23:59:59Z");
        assert_eq!(rfc3339_millis(1_583_348_638_390), "2020-03-04T19:03:58.390Z");
        assert_eq!(common_log(1_583_348_638), "04/Mar/2020:19:03:58 +0000");
    }
}
