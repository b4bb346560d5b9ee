//! Keys of records that cannot become a pass: noted for as long as the record is there.
//!
//! Such a record has no revision and never will, so nothing is locked: what is noted is brought in line with
//! whether the record is there, and that is looked at once more after each write. Whoever writes last has then
//! either seen the record as it is, or writes again.

use crate::ids::{PassKey, PassTypeIdentifier, SerialNumber};
use crate::ports::{Conditional, NoteUnusableKey, ReadRawRecord, StoreError, StoreResult};
use crate::problem::{Problem, ProblemKind};
use crate::time::Clock;

const TURNS: u32 = 6;

/// A key that a record has and a pass cannot have, as it stands in the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnusableKey {
    pass_type: String,
    serial: String,
    problem: Problem,
}

/// The key of a record's pass; or why it cannot have one, every fault of both parts together.
pub fn pass_key_of(pass_type: &str, serial: &str) -> Result<PassKey, UnusableKey> {
    match (serial.parse::<SerialNumber>(), pass_type.parse::<PassTypeIdentifier>()) {
        (Ok(serial), Ok(pass_type)) => Ok(PassKey { pass_type, serial }),
        (serial_number, identifier) => {
            let faults = [serial_number.err(), identifier.err()];
            let faults: Vec<_> = faults.iter().flatten().map(ToString::to_string).collect();
            let sentence = format!(
                "{}; the key of a row cannot be changed: write the row under another one, and delete this one",
                faults.join("; ")
            );
            Err(UnusableKey {
                pass_type: pass_type.to_owned(),
                serial: serial.to_owned(),
                problem: Problem::new(ProblemKind::Key, sentence),
            })
        }
    }
}

impl UnusableKey {
    pub fn pass_type(&self) -> &str {
        &self.pass_type
    }

    pub fn serial(&self) -> &str {
        &self.serial
    }

    /// What is wrong with it. Of the key's own text, it holds one character at most for each part.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// DynamoDB has no empty keys: the table's key is no text, and a record cannot be asked for by this.
    fn is_no_text(&self) -> bool {
        self.pass_type.is_empty() || self.serial.is_empty()
    }
}

/// What there is under a key that cannot become a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnusableRecord {
    /// A record, which is noted as a problem.
    Stands,
    /// None any more, and no note either.
    Gone,
}

/// Notes the problem of a record, or clears it, by whether the record is there now. May be called by anyone,
/// any number of times, late and out of order.
///
/// An error means that the key must come again.
pub async fn settle_unusable_key<R, S, C>(
    records: &R,
    store: &S,
    clock: &C,
    key: &UnusableKey,
) -> StoreResult<UnusableRecord>
where
    R: ReadRawRecord,
    S: NoteUnusableKey,
    C: Clock,
{
    if key.is_no_text() {
        return Ok(UnusableRecord::Stands);
    }
    let mut stands = records.raw_record_exists(key).await?;
    for turn in 0..TURNS {
        if turn > 0 {
            clock.back_off(turn - 1).await;
        }
        match stands {
            true => match store.note_unusable_key(key, clock.now()).await? {
                // Overtaken where it is noted already, since its first time.
                Conditional::Done | Conditional::Overtaken => {}
            },
            false => store.clear_unusable_key(key).await?,
        }
        // Written or deleted meanwhile, and perhaps noted so by somebody whose note we have just replaced.
        let now = records.raw_record_exists(key).await?;
        if now == stands {
            return Ok(match stands {
                true => UnusableRecord::Stands,
                false => UnusableRecord::Gone,
            });
        }
        stands = now;
    }
    Err(StoreError::Contended {
        call: "note-unusable-key",
        turns: TURNS,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "pass.com.example.loyalty";

    #[test]
    fn a_good_key_is_that_of_a_pass() {
        assert_eq!(
            pass_key_of(TYPE, "SP.A_C-E"),
            Ok(PassKey::parse(TYPE, "SP.A_C-E").unwrap())
        );
        assert!(pass_key_of(TYPE, &"x".repeat(128)).is_ok());
    }

    #[test]
    fn a_key_that_is_none_is_said_in_the_rows_own_words_with_what_to_do() {
        const END: &str = "; the key of a row cannot be changed: write the row under another one, and delete this one";
        let allowed = "letters, digits, '.', '_' and '-' are allowed";
        for (pass_type, serial, said) in [
            (TYPE, "SP ACE", format!("serialNumber: contains ' '; {allowed}")),
            (TYPE, "A/7", format!("serialNumber: contains '/'; {allowed}")),
            (TYPE, "QQ==", format!("serialNumber: contains '='; {allowed}")),
            (
                TYPE,
                &"x".repeat(129),
                "serialNumber: is 129 bytes long; at most 128 are allowed".to_owned(),
            ),
            (
                "com.example",
                "A-7",
                "passTypeIdentifier: must begin with \"pass.\", as registered with Apple".to_owned(),
            ),
            (
                "pass.b c",
                "A\n7",
                format!("serialNumber: contains '\\n'; {allowed}; passTypeIdentifier: contains ' '; {allowed}"),
            ),
        ] {
            let key = pass_key_of(pass_type, serial).unwrap_err();
            assert_eq!(key.problem(), &Problem::new(ProblemKind::Key, said + END), "{serial}");
            assert_eq!((key.pass_type(), key.serial()), (pass_type, serial));
        }
    }
}
