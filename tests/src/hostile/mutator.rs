//! Inputs that are nearly right, which reach further than noise.

use fastrand::Rng;
use serde_json::{Map, Value};

/// Pieces that parsers stumble over.
const PIECES: &[&[u8]] = &[
    b"",
    b"\0",
    b"\"",
    b"\\",
    b"\n",
    b"\r\n",
    b"{}",
    b"[]",
    b"null",
    b"-1",
    b"0",
    b"9223372036854775808",
    b"18446744073709551616",
    b"1e999999999",
    b"-0.0",
    b"NaN",
    b"%2520",
    b"%00",
    b"../../",
    b"#",
    b"\xff\xfe",
    b"\xed\xa0\x80",
    "\u{202e}\u{0}\u{2028}".as_bytes(),
    "\u{1f600}".as_bytes(),
    b"-----BEGIN CERTIFICATE-----",
    b"-----END PRIVATE KEY-----",
    b"PK\x05\x06",
    b"PK\x01\x02",
    b"\x30\x84\xff\xff\xff\xff",
];

/// An input is never longer: functions never get more from the gateway.
const MAX_BYTES: usize = 64 * 1024;

pub struct Mutator {
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    pub fn new(mut seeds: Vec<Vec<u8>>) -> Self {
        seeds.push(Vec::new());
        Self { seeds }
    }

    /// A seed with some changes; now and then pure noise.
    pub fn input(&self, rng: &mut Rng) -> Vec<u8> {
        let seed = &self.seeds[rng.usize(..self.seeds.len())];
        if rng.u8(..) < 4 {
            let mut noise = vec![0; rng.usize(..256)];
            rng.fill(&mut noise);
            return noise;
        }
        // A shape that is right gets past the first line of a parser.
        if rng.bool()
            && let Ok(mut value) = serde_json::from_slice::<Value>(seed)
        {
            for _ in 0..=rng.usize(..3) {
                change_node(&mut value, rng);
            }
            return value.to_string().into_bytes();
        }
        let mut input = seed.clone();
        for _ in 0..=rng.usize(..6) {
            self.change_bytes(&mut input, rng);
        }
        input.truncate(MAX_BYTES);
        input
    }

    fn change_bytes(&self, input: &mut Vec<u8>, rng: &mut Rng) {
        let at = rng.usize(..=input.len());
        let end = (at + rng.usize(..=16)).min(input.len());
        match rng.u8(..8) {
            0 if at < input.len() => input[at] ^= 1 << rng.u8(..8),
            1 if at < input.len() => input[at] = rng.u8(..),
            2 => drop(input.drain(at..end)),
            3 => input.truncate(at),
            4 => {
                let piece = PIECES[rng.usize(..PIECES.len())];
                drop(input.splice(at..end, piece.iter().copied()));
            }
            5 => {
                let again = input[at..end].repeat(1 << rng.usize(..10));
                drop(input.splice(at..at, again));
            }
            6 => {
                let other = &self.seeds[rng.usize(..self.seeds.len())];
                let from = rng.usize(..=other.len());
                drop(input.splice(at.., other[from..].iter().copied()));
            }
            _ => input.insert(at, rng.u8(..)),
        }
    }
}

/// Replaces, removes, renames or doubles one node of a JSON value.
fn change_node(value: &mut Value, rng: &mut Rng) {
    let deeper = rng.u8(..4) > 0;
    match value {
        Value::Object(map) if !map.is_empty() => {
            let key = map.keys().nth(rng.usize(..map.len())).cloned().unwrap_or_default();
            match rng.u8(..8) {
                0 => drop(map.remove(&key)),
                1 => {
                    let moved = map.remove(&key).unwrap_or_default();
                    map.insert(text(rng), moved);
                }
                2 => drop(map.insert(text(rng), any(rng, 3))),
                _ if deeper => change_node(&mut map[&key], rng),
                _ => map[&key] = any(rng, 3),
            }
        }
        Value::Array(items) if !items.is_empty() => {
            let at = rng.usize(..items.len());
            match rng.u8(..6) {
                0 => drop(items.remove(at)),
                1 => {
                    let again = items[at].clone();
                    items.extend(std::iter::repeat_n(again, 1 << rng.usize(..8)));
                }
                _ if deeper => change_node(&mut items[at], rng),
                _ => items[at] = any(rng, 3),
            }
        }
        Value::String(inner) if deeper && !inner.is_empty() => {
            let at = inner.floor_char_boundary(rng.usize(..inner.len()));
            match rng.bool() {
                true => inner.insert_str(at, &text(rng)),
                false => inner.truncate(at),
            }
        }
        other => *other = any(rng, 4),
    }
}

fn text(rng: &mut Rng) -> String {
    match rng.u8(..8) {
        0 => "x".repeat(1 << rng.usize(..14)),
        1 => (0..rng.usize(..8)).map(|_| rng.char(..)).collect(),
        _ => String::from_utf8_lossy(PIECES[rng.usize(..PIECES.len())]).into_owned(),
    }
}

fn any(rng: &mut Rng, depth: u32) -> Value {
    match rng.u8(..if depth == 0 { 6 } else { 9 }) {
        0 => Value::Null,
        1 => Value::Bool(rng.bool()),
        2 => rng.u64(..).into(),
        3 => rng.i64(..).into(),
        4 => serde_json::from_str(["1e400", "-0", "0.1", "1E-400", "123456789012345678901234567890"][rng.usize(..5)])
            .unwrap_or_default(),
        5 => text(rng).into(),
        6 => Value::Array(std::iter::repeat_with(|| any(rng, depth - 1)).take(2).collect()),
        7 => Value::Object(Map::from_iter([(text(rng), any(rng, depth - 1))])),
        _ => (0..100).fold(Value::Null, |inner, _| Value::Array(vec![inner])),
    }
}
