//! The syntax of pass.strings.

use std::iter::Peekable;
use std::str::Chars;

/// Checks that a file of texts is a list of `"key" = "value";` with comments, in UTF-8 or UTF-16.
///
/// # Errors
/// A sentence with the line of the first mistake; behind it, nothing can be told for sure.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let text = decode(bytes)?;
    let mut reader = Reader {
        characters: text.chars().peekable(),
        line: 1,
    };
    loop {
        reader.skip_blanks()?;
        if reader.characters.peek().is_none() {
            return Ok(());
        }
        reader.quoted("a key")?;
        reader.expect('=')?;
        reader.quoted("a value")?;
        reader.expect(';')?;
    }
}

/// Key -> text.
///
/// # Errors
/// As [`check`].
pub fn parse(bytes: &[u8]) -> Result<std::collections::BTreeMap<String, String>, String> {
    check(bytes)?;
    let text = decode(bytes)?;
    let mut parts = text.split('"');
    let mut found = std::collections::BTreeMap::new();
    while let (Some(_), Some(key), Some(_), Some(value)) = (parts.next(), parts.next(), parts.next(), parts.next()) {
        found.insert(key.to_owned(), value.to_owned());
    }
    Ok(found)
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
        // Without a byte order mark, the first character (a quote, slash or blank) tells.
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
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let character = self.characters.next();
        if character == Some('\n') {
            self.line += 1;
        }
        character
    }

    /// Skips white space, `/* ... */` and `// ...`.
    fn skip_blanks(&mut self) -> Result<(), String> {
        while let Some(&character) = self.characters.peek() {
            if character.is_whitespace() {
                self.next();
            } else if character == '/' {
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
        match self.next() {
            Some('/') => while self.next().is_some_and(|character| character != '\n') {},
            Some('*') => {
                let mut before = ' ';
                loop {
                    match self.next() {
                        Some('/') if before == '*' => break,
                        Some(character) => before = character,
                        None => return Err(format!("line {start}: a comment has no end: add */")),
                    }
                }
            }
            _ => return Err(format!("line {start}: a single slash: write // or /* */")),
        }
        Ok(())
    }

    fn quoted(&mut self, what: &str) -> Result<(), String> {
        self.skip_blanks()?;
        let start = self.line;
        match self.next() {
            Some('"') => {}
            found => {
                return Err(format!(
                    "line {start}: {what} in quotes belongs here, not {}: write \"key\" = \"value\";",
                    named(found)
                ));
            }
        }
        loop {
            match self.next() {
                Some('"') => return Ok(()),
                Some('\\') => {
                    self.next();
                }
                Some(_) => {}
                None => {
                    return Err(format!("line {start}: {what} has no closing quote: add \""));
                }
            }
        }
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

fn named(found: Option<char>) -> String {
    match found {
        Some(character) => format!("`{character}`"),
        None => "the end of the file".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    fn utf16(text: &str, unit: fn(u16) -> [u8; 2], mark: bool) -> Vec<u8> {
        let mark = mark.then_some(0xfeff);
        mark.into_iter().chain(text.encode_utf16()).flat_map(unit).collect()
    }

    #[test]
    fn texts_that_wallet_reads() {
        let text = "/* Points */\n\"points\" = \"Punkte\";\n// more\n\"a \\\"b\\\"\"=\"c\\n\" ;";
        for bytes in [
            text.as_bytes().to_vec(),
            [b"\xef\xbb\xbf", text.as_bytes()].concat(),
            utf16(text, u16::to_le_bytes, true),
            utf16(text, u16::to_be_bytes, true),
            utf16(text, u16::to_le_bytes, false),
            utf16(text, u16::to_be_bytes, false),
            Vec::new(),
            b"// only a comment".to_vec(),
        ] {
            assert_eq!(check(&bytes), Ok(()), "{bytes:?}");
        }
    }

    #[test]
    fn texts_that_wallet_refuses() {
        for (text, refusal) in [
            ("\"a\" = \"b\"", "line 1: `;` is missing before the end"),
            ("\"a\" \"b\";", "line 1: `=` is missing before `\"`"),
            ("\n\na = \"b\";", "line 3: a key in quotes belongs here, not `a`"),
            ("\"a\" = b;", "line 1: a value in quotes belongs here, not `b`"),
            ("\"a\" = \"b;\n", "line 1: a value has no closing quote"),
            ("\"a\" = \"b\";\n/* open", "line 2: a comment has no end"),
            ("/ \"a\" = \"b\";", "line 1: a single slash"),
            ("{\"a\": \"b\"}", "line 1: a key in quotes belongs here, not `{`"),
        ] {
            let found = check(text.as_bytes()).unwrap_err();
            assert!(found.starts_with(refusal), "{found}");
        }
        let latin = check(b"\"a\" = \"caf\xe9\";").unwrap_err();
        assert!(latin.starts_with("it is neither UTF-8 nor UTF-16"), "{latin}");
        let odd = check(b"\xff\xfea\0b").unwrap_err();
        assert!(odd.contains("odd number of bytes"), "{odd}");
        let lone = check(b"\xff\xfe\x00\xd8").unwrap_err();
        assert!(lone.contains("begins as UTF-16 but is not"), "{lone}");
    }
}
