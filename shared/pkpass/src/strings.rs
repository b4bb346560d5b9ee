//! The syntax of pass.strings, the texts of one language.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// A pass has some dozens; read, each takes many times its bytes.
const MOST_TEXTS: usize = 10_000;

/// Reads a file of texts as Wallet does: key -> text.
///
/// It is a list of `"key" = "text";` with `/* */` and `//` comments, in UTF-8 or in UTF-16 with or without a byte
/// order mark: the property list of old, without the braces around it. A key or text of letters, digits and
/// `_ . - $ : /` needs no quotes, a text may go over several lines, `"key";` is its own text, and the last of two
/// equal keys counts. A backslash stands before `"` and `\`, and in `\n`, `\t`, `\U00e9` and octal `\101`. That of
/// `\u00e9`, which other formats know, is only left out, as on a phone.
///
/// ```
/// let texts = pkpass::strings::parse(b"/* French */ points = \"Points de fid\\U00e9lit\\U00e9\";").unwrap();
/// assert_eq!(texts["points"], "Points de fidélité");
/// ```
///
/// # Errors
/// More than 10,000 texts, or a sentence with the line of the first mistake; behind it, nothing can be told for sure.
pub fn parse(bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    if bytes.starts_with(b"bplist") {
        return Err("it is a binary property list: write its texts as lines of \"key\" = \"value\";".into());
    }
    let text = decode(bytes)?;
    let mut reader = Reader {
        characters: text.chars().peekable(),
        line: 1,
        before: ' ',
    };
    let mut texts = BTreeMap::new();
    loop {
        reader.skip_blanks()?;
        if reader.characters.peek().is_none() {
            return Ok(texts);
        }
        let key = reader.string("a key")?;
        reader.skip_blanks()?;
        let value = if reader.characters.peek() == Some(&';') {
            key.clone()
        } else {
            reader.expect('=')?;
            reader.string("a value")?
        };
        reader.expect(';')?;
        texts.insert(key, value);
        if texts.len() > MOST_TEXTS {
            return Err(format!(
                "it has more than {MOST_TEXTS} texts: remove those that no pass shows"
            ));
        }
    }
}

fn decode(bytes: &[u8]) -> Result<String, String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
        if !rest.is_empty() {
            return Err("it begins as UTF-16 but has an odd number of bytes: save it again".into());
        }
        String::from_utf16(&units).map_err(|_| "it begins as UTF-16 but is not: save it as UTF-8".to_owned())
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        // Without a byte order mark, the first character (a quote, slash, letter or blank) tells.
        [first, 0, ..] if *first != 0 => wide(bytes, u16::from_le_bytes),
        [0, second, ..] if *second != 0 => wide(bytes, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] | rest => std::str::from_utf8(rest)
            .map(str::to_owned)
            .map_err(|_| "it is neither UTF-8 nor UTF-16: save it as UTF-8".to_owned()),
    }
}

struct Reader<'a> {
    characters: Peekable<Chars<'a>>,
    line: usize,
    before: char,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let character = self.characters.next()?;
        // A line ends with CR, LF or both.
        if character == '\r' || (character == '\n' && self.before != '\r') {
            self.line += 1;
        }
        self.before = character;
        Some(character)
    }

    /// Whether the slash that comes next begins a comment. Any other belongs to a text without quotes.
    fn at_comment(&self) -> bool {
        let mut ahead = self.characters.clone();
        ahead.next() == Some('/') && matches!(ahead.next(), Some('/' | '*'))
    }

    /// Skips white space, `/* ... */` and `// ...`.
    fn skip_blanks(&mut self) -> Result<(), String> {
        while let Some(&character) = self.characters.peek() {
            if is_blank(character) {
                self.next();
            } else if self.at_comment() {
                self.comment()?;
            } else {
                break;
            }
        }
        Ok(())
    }

    fn comment(&mut self) -> Result<(), String> {
        let start = self.line;
        self.next();
        if self.next() == Some('/') {
            while self.next().is_some_and(|character| !['\n', '\r'].contains(&character)) {}
            return Ok(());
        }
        let mut before = ' ';
        loop {
            match self.next() {
                Some('/') if before == '*' => return Ok(()),
                Some(character) => before = character,
                None => return Err(format!("line {start}: a comment has no end: add */")),
            }
        }
    }

    /// A key or a value.
    fn string(&mut self, what: &str) -> Result<String, String> {
        self.skip_blanks()?;
        match self.characters.peek() {
            Some(&quote @ ('"' | '\'')) => self.quoted(what, quote),
            Some(&character) if is_bare(character) => {
                let mut text = String::new();
                while let Some(character) = self.characters.next_if(|character| is_bare(*character)) {
                    self.before = character;
                    text.push(character);
                }
                Ok(text)
            }
            found => Err(format!(
                "line {}: {what} belongs here, not {}: write \"key\" = \"value\";",
                self.line,
                named(found.copied())
            )),
        }
    }

    fn quoted(&mut self, what: &str, quote: char) -> Result<String, String> {
        let start = self.line;
        self.next();
        // Units of UTF-16, since a character beyond the first 65,536 is written as two escapes.
        let mut units = Vec::new();
        let mut buffer = [0; 2];
        loop {
            match self.next() {
                Some(character) if character == quote => return Ok(String::from_utf16_lossy(&units)),
                Some('\\') => units.extend(self.escaped()),
                Some(character) => units.extend_from_slice(character.encode_utf16(&mut buffer)),
                None => return Err(format!("line {start}: {what} has no closing quote: add {quote}")),
            }
        }
    }

    /// What stands behind a backslash. One before any other character says nothing.
    fn escaped(&mut self) -> Vec<u16> {
        let character = match self.next() {
            Some('a') => '\u{7}',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('v') => '\u{b}',
            Some(first @ '0'..='7') => {
                let first = first.to_digit(8).unwrap_or_default();
                of_nextstep(self.number(first, 8, 2))
            }
            Some('U') => return vec![self.number(0, 16, 4)],
            Some(other) => other,
            None => return Vec::new(),
        };
        character.encode_utf16(&mut [0; 2]).to_vec()
    }

    /// A unit of UTF-16 or a byte, of which at most so many digits are still to come.
    fn number(&mut self, first: u32, radix: u32, digits: usize) -> u16 {
        let mut number = first;
        for _ in 0..digits {
            let Some(digit) = self.characters.peek().and_then(|digit| digit.to_digit(radix)) else {
                break;
            };
            self.next();
            number = number * radix + digit;
        }
        u16::try_from(number).expect("three octal or four hexadecimal digits stay below 65,536")
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        self.skip_blanks()?;
        let line = self.line;
        match self.next() {
            Some(found) if found == wanted => Ok(()),
            found => Err(format!(
                "line {line}: `{wanted}` is missing before {}: write \"key\" = \"value\";",
                named(found)
            )),
        }
    }
}

/// Whether a character may stand in a key or text without quotes.
fn is_bare(character: char) -> bool {
    character.is_ascii_alphanumeric() || "_.-$:/".contains(character)
}

fn is_blank(character: char) -> bool {
    matches!(character, '\t'..='\r' | ' ' | '\u{2028}' | '\u{2029}')
}

/// The upper half of NeXTSTEP's character set, in which octal escapes are meant. 0xfe and 0xff are free.
const NEXTSTEP: &str = "\u{a0}ÀÁÂÃÄÅÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖÙÚÛÜÝÞµ×÷©¡¢£⁄¥ƒ§¤’“«‹›ﬁﬂ®–†‡·¦¶•‚„”»…‰¬¿\
                        ¹ˋ´ˆ˜¯˘˙¨²˚¸³˝˛ˇ—±¼½¾àáâãäåçèéêëìÆíªîïðñŁØŒºòóôõöæùúûıüýłøœßþÿ";

fn of_nextstep(number: u16) -> char {
    // Three digits may exceed a byte; what does is cut off.
    match (number & 0xff) as u8 {
        byte @ ..=0x7f => byte.into(),
        byte => NEXTSTEP
            .chars()
            .nth(usize::from(byte - 0x80))
            .unwrap_or(char::REPLACEMENT_CHARACTER),
    }
}

fn named(found: Option<char>) -> String {
    match found {
        Some(character) if character.is_ascii_graphic() || character.is_alphanumeric() => format!("`{character}`"),
        Some(character) => format!("`{}`", character.escape_unicode()),
        None => "the end of the file".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter().chain(text.encode_utf16()).flat_map(unit).collect()
    }

    fn read(text: &str) -> Vec<(String, String)> {
        let texts = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        texts.into_iter().collect()
    }

    fn pair(key: &str, text: &str) -> Vec<(String, String)> {
        vec![(key.to_owned(), text.to_owned())]
    }

    #[test]
    fn every_encoding_gives_the_same_texts() {
        let text = "/* Points */\r\n\"points\" = \"Punkte é\";\r\n// more\r\n\"a \\\"b\\\"\"=\"c\\n\" ;";
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            utf16(text, u16::to_le_bytes, true),
            utf16(text, u16::to_be_bytes, true),
            utf16(text, u16::to_le_bytes, false),
            utf16(text, u16::to_be_bytes, false),
        ] {
            let texts = parse(&bytes).unwrap();
            assert_eq!(texts["points"], "Punkte é");
            assert_eq!(texts["a \"b\""], "c\n");
            assert_eq!(texts.len(), 2);
        }
    }

    #[test]
    fn a_file_may_hold_no_text() {
        for text in ["", " \n", "// only a comment", "/**/"] {
            assert_eq!(read(text), []);
        }
    }

    #[test]
    fn keys_and_values_of_letters_digits_and_six_marks_need_no_quotes() {
        assert_eq!(read("privacy = \"x\";"), pair("privacy", "x"));
        assert_eq!(read("a.b-c_d = Points2;"), pair("a.b-c_d", "Points2"));
        assert_eq!(
            read("$key:1 = https://example.com/a;"),
            pair("$key:1", "https://example.com/a")
        );
        assert_eq!(read("/path = 'single'; // end"), pair("/path", "single"));
        assert_eq!(read("key;"), pair("key", "key"));
    }

    #[test]
    fn a_value_goes_over_several_lines_and_holds_what_looks_like_a_comment() {
        assert_eq!(read("\"a\" = \"one\n two\";"), pair("a", "one\n two"));
        assert_eq!(read("\"a\" =\n\n\"b // c /* d\"\n;"), pair("a", "b // c /* d"));
    }

    #[test]
    fn escapes_stand_for_their_characters() {
        for (escaped, meant) in [
            (r#"say \"yes\""#, "say \"yes\""),
            (r"back\\slash", "back\\slash"),
            (r"tab\tline\n", "tab\tline\n"),
            (r"caf\U00e9 caf\U00E9 caf\335", "café café café"),
            (r"\Ud83d\Ude00", "😀"),
            (r"\101\0\376\375", "A\0\u{fffd}ÿ"),
            (r"\Ue9 \Ue9xx", "é éxx"),
            // As JSON and C write it, it is nothing here.
            (r"caf\u00e9 \q", "cafu00e9 q"),
        ] {
            assert_eq!(read(&format!("a = \"{escaped}\";")), pair("a", meant), "{escaped}");
        }
    }

    #[test]
    fn the_last_of_two_equal_keys_counts() {
        assert_eq!(read("\"a\" = \"first\";\na = second;"), pair("a", "second"));
    }

    #[test]
    fn a_mistake_is_named_with_its_line() {
        for (text, refusal) in [
            ("\"a\" = \"b\"", "line 1: `;` is missing before the end"),
            ("\"a\" \"b\";", "line 1: `=` is missing before `\"`"),
            ("\n\na = größe;", "line 3: `;` is missing before `ö`"),
            ("\r\n\r\na = two words;", "line 3: `;` is missing before `w`"),
            ("\r\ra b;", "line 3: `=` is missing before `b`"),
            ("\"a\" = ;", "line 1: a value belongs here, not `;`"),
            ("\"a\" = \"b;\n", "line 1: a value has no closing quote"),
            ("\"a\" = \"b\";\n/* open", "line 2: a comment has no end"),
            ("/ \"a\" = \"b\";", "line 1: `=` is missing before `\"`"),
            (
                "\"a\" = \"b\";\n\u{a0}\"c\";",
                "line 2: a key belongs here, not `\\u{a0}`",
            ),
            ("{\"a\": \"b\"}", "line 1: a key belongs here, not `{`"),
            ("<?xml version=\"1.0\"?>", "line 1: a key belongs here, not `<`"),
        ] {
            let found = parse(text.as_bytes()).unwrap_err();
            assert!(found.starts_with(refusal), "{found}");
        }
        let latin = parse(b"\"a\" = \"caf\xe9\";").unwrap_err();
        assert!(latin.starts_with("it is neither UTF-8 nor UTF-16"), "{latin}");
        let odd = parse(b"\xff\xfea\0b").unwrap_err();
        assert!(odd.contains("odd number of bytes"), "{odd}");
        let lone = parse(b"\xff\xfe\x00\xd8").unwrap_err();
        assert!(lone.contains("begins as UTF-16 but is not"), "{lone}");
        let binary = parse(b"bplist00\xd0").unwrap_err();
        assert!(binary.starts_with("it is a binary property list"), "{binary}");
    }
}
