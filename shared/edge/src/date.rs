//! Dates of HTTP: a revision's number as `Last-Modified`, and back.

use std::time::{Duration, SystemTime};

use passes::tag::RevisionNumber;

/// IMF-fixdate of seconds since the epoch, e.g. `Sat, 21 Nov 2026 10:00:00 GMT`. Tags past the year 9999, which
/// only a foreign tag of 19 digits brings about, stay at its last second: the header is decoration on a list answer.
pub fn http_date(seconds: u64) -> String {
    const LAST: u64 = 253_402_300_799; // 9999-12-31T23:59:59Z
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.min(LAST)))
}

/// The `Last-Modified` of a revision.
pub fn last_modified(revision: RevisionNumber) -> String {
    http_date(revision.value())
}

/// The revision whose `Last-Modified` this is, byte for byte; the same second in other words is not ours.
pub fn revision_of(date: &str) -> Option<RevisionNumber> {
    let time = httpdate::parse_http_date(date).ok()?;
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).ok()?.as_secs();
    (http_date(seconds) == date).then(|| RevisionNumber::new(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_revisions_in_one_second_have_two_dates() {
        let dates = [1_795_255_200, 1_795_255_201].map(|seconds| last_modified(RevisionNumber::new(seconds)));
        assert_eq!(
            dates,
            ["Sat, 21 Nov 2026 10:00:00 GMT", "Sat, 21 Nov 2026 10:00:01 GMT"]
        );
        assert_eq!(revision_of(&dates[1]), Some(RevisionNumber::new(1_795_255_201)));
    }

    #[test]
    fn any_tag_has_a_date() {
        assert_eq!(http_date(u64::MAX), "Fri, 31 Dec 9999 23:59:59 GMT");
    }

    #[test]
    fn the_same_second_in_other_words_is_no_date_of_ours() {
        for other in [
            "Saturday, 21-Nov-26 10:00:00 GMT",
            "Sat Nov 21 10:00:00 2026",
            "sat, 21 nov 2026 10:00:00 gmt",
            "1795255200",
            "",
        ] {
            assert_eq!(revision_of(other), None, "{other}");
        }
    }
}
