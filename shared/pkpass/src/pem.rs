//! PEM files as people have them, and as they paste them.
//!
//! A file reaches a secret store by way of editors, shells, forms and JSON, each of which leaves its
//! traces. Certificates, signing keys and APNs keys are all read here, so that what is good for one is
//! good for the others:
//!
//! - UTF-8 with or without a byte order mark, and UTF-16, which PowerShell writes;
//! - lines of any length, ended in any way, run together, or with their breaks turned into blanks or
//!   into the two characters `\n`;
//! - JSON around it, whatever the key is called, also inside another JSON text;
//! - quotes, indents, text before, between and after the blocks, and dashes that an editor has joined;
//! - the whole file in base64 once more.

use std::fmt;

use der::Decode as _;
use der::asn1::AnyRef;
use zeroize::Zeroizing;

/// One block of a PEM file.
pub struct Block {
    label: String,
    content: Content,
}

enum Content {
    /// Wiped when dropped, because it may be a key.
    Der(Zeroizing<Vec<u8>>),
    Encrypted,
    Broken(&'static str),
}

/// Why nothing can be found in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotPem {
    /// No text at all: DER, PKCS#12, or a text that was cut amid a character.
    #[error("the file is binary, not PEM")]
    Binary,
    /// `%20` for blanks, as in a form or URL.
    #[error(
        "the file is percent-encoded (%20, %0A), as in a form or a URL: store the PEM file as it \
         was before"
    )]
    PercentEncoded,
    /// The lines with BEGIN and END are missing.
    #[error(
        "the file is base64 without its first and last line: store the PEM file whole, from \
         -----BEGIN to the end of -----END ...-----"
    )]
    Bare,
}

impl Block {
    /// Such as `CERTIFICATE` or `PRIVATE KEY`.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Whether it is a private key of any kind.
    pub fn is_private_key(&self) -> bool {
        self.label.ends_with("PRIVATE KEY")
    }

    /// Whether it says that it is encrypted.
    pub fn is_encrypted(&self) -> bool {
        matches!(self.content, Content::Encrypted)
    }

    /// The DER bytes.
    ///
    /// # Errors
    /// What has happened to them, to be put in parentheses.
    pub fn der(&self) -> Result<&[u8], &'static str> {
        match &self.content {
            Content::Der(der) => Ok(der),
            Content::Encrypted => Err("it is encrypted"),
            Content::Broken(reason) => Err(reason),
        }
    }

    /// The block as it should have been; none when it cannot be read.
    pub fn to_pem(&self) -> Option<Zeroizing<String>> {
        let der = self.der().ok()?;
        let line_ending = der::pem::LineEnding::LF;
        der::pem::encode_string(&self.label, line_ending, der)
            .ok()
            .map(Zeroizing::new)
    }
}

/// Names what it is, and holds nothing of it.
impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Block")
            .field("label", &self.label)
            .finish_non_exhaustive()
    }
}

/// Every block of a file, in order; none where there are none.
///
/// # Errors
/// Where the file holds none and shows why.
pub fn blocks(file: &[u8]) -> Result<Vec<Block>, NotPem> {
    let Some(text) = text(file) else {
        return Err(NotPem::Binary);
    };
    let blocks = blocks_of(&text);
    if !blocks.is_empty() {
        return Ok(blocks);
    }
    if let Some(inner) = unwrapped(&text) {
        return Ok(blocks_of(&inner));
    }
    if ["BEGIN%20", "BEGIN+"].iter().any(|trace| text.contains(trace)) {
        return Err(NotPem::PercentEncoded);
    }
    match is_bare(&text) {
        true => Err(NotPem::Bare),
        false => Ok(blocks),
    }
}

/// The private keys of a file that can be read, as a plain PEM file.
pub fn private_keys(file: &[u8]) -> Zeroizing<String> {
    let blocks = blocks(file).unwrap_or_default();
    let keys = blocks.iter().filter(|block| block.is_private_key());
    let mut text = Zeroizing::new(String::with_capacity(file.len()));
    for key in keys.filter_map(Block::to_pem) {
        text.push_str(&key);
    }
    text
}

/// The text of a file in UTF-8 or UTF-16, without its byte order mark. Text in another encoding around
/// a block is passed over. None where it is no text.
pub fn text(file: &[u8]) -> Option<Zeroizing<String>> {
    if let Some(text) = utf16(file) {
        return text;
    }
    let text = match std::str::from_utf8(file) {
        Ok(text) => Zeroizing::new(text.to_owned()),
        Err(_) if contains(file, b"-BEGIN ") => Zeroizing::new(String::from_utf8_lossy(file).into_owned()),
        Err(_) => return None,
    };
    Some(match text.strip_prefix('\u{feff}') {
        Some(rest) => Zeroizing::new(rest.to_owned()),
        None => text,
    })
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// By its byte order mark, or by the NUL that each ASCII character then has. None where it is not
/// UTF-16; none inside where it is, and broken.
fn utf16(file: &[u8]) -> Option<Option<Zeroizing<String>>> {
    let (rest, from_bytes): (_, fn([u8; 2]) -> u16) = match file {
        [0xff, 0xfe, rest @ ..] => (rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => (rest, u16::from_be_bytes),
        [1..=0x7f, 0, ..] => (file, u16::from_le_bytes),
        [0, 1..=0x7f, ..] => (file, u16::from_be_bytes),
        _ => return None,
    };
    if rest.len() % 2 != 0 {
        return Some(None);
    }
    let units = rest.chunks_exact(2).map(|pair| from_bytes([pair[0], pair[1]]));
    let mut text = Zeroizing::new(String::with_capacity(rest.len() * 2));
    for character in char::decode_utf16(units) {
        match character {
            Ok(character) => text.push(character),
            Err(_) => return Some(None),
        }
    }
    Some(Some(text))
}

/// A `-----BEGIN label-----` or `-----END label-----`, wherever it stands in a line.
struct Marker {
    begins: bool,
    label: String,
    from: usize,
    to: usize,
}

/// Editors join two or three hyphens into one dash.
fn is_dash(character: char) -> bool {
    matches!(character, '-' | '\u{2010}'..='\u{2015}' | '\u{2212}')
}

fn markers(text: &str) -> Vec<Marker> {
    let mut markers = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find(is_dash) {
        let from = at + found;
        let word = text[from..].trim_start_matches(is_dash);
        at = text.len() - word.len();
        let (begins, label) = match (word.strip_prefix("BEGIN"), word.strip_prefix("END")) {
            (Some(label), _) => (true, label),
            (_, Some(label)) => (false, label),
            _ => continue,
        };
        let in_label = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c.is_whitespace();
        let dashes = label.trim_start_matches(in_label);
        let rest = dashes.trim_start_matches(is_dash);
        let label = &label[..label.len() - dashes.len()];
        if rest.len() == dashes.len() || !label.starts_with(char::is_whitespace) || label.trim().is_empty() {
            continue;
        }
        let to = text.len() - rest.len();
        markers.push(Marker {
            begins,
            label: label.split_whitespace().collect::<Vec<_>>().join(" "),
            from,
            to,
        });
        // The last dash may be the first of the next marker, where line breaks are lost.
        at = text[..to].char_indices().next_back().map_or(to, |(last, _)| last);
    }
    markers
}

fn blocks_of(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut markers = markers(text).into_iter().peekable();
    while let Some(begin) = markers.next() {
        if !begin.begins {
            continue;
        }
        let ends = |next: &Marker| !next.begins && next.label == begin.label;
        let content = match markers.next_if(ends) {
            Some(end) => content(&begin.label, text.get(begin.to..end.from).unwrap_or_default()),
            None if begin.label.starts_with("ENCRYPTED") => Content::Encrypted,
            None => Content::Broken("its line -----END ...----- is missing, so it was cut off"),
        };
        blocks.push(Block {
            label: begin.label,
            content,
        });
    }
    blocks
}

fn content(label: &str, body: &str) -> Content {
    // The header lines of OpenSSL's older form; base64 has neither hyphen nor comma.
    if label.starts_with("ENCRYPTED") || body.contains("Proc-Type") || body.contains(",ENCRYPTED") {
        return Content::Encrypted;
    }
    let base64 = base64_of(body);
    if base64.is_empty() {
        return Content::Broken("there is nothing between its first and last line");
    }
    // Certificates and keys begin with a SEQUENCE, in base64 always an M.
    if base64.starts_with("nM") && base64.ends_with('n') {
        return Content::Broken("its line breaks have become the letter n");
    }
    let der = decoded(label, &base64);
    match der {
        // It says itself how long it is.
        Some(der) if AnyRef::from_der(&der).is_ok() => Content::Der(der),
        _ if base64.starts_with('M') && !base64.contains('+') && body.contains(' ') => {
            Content::Broken("its base64 is broken: it lacks every plus sign, which a form turns into a blank")
        }
        Some(_) => Content::Broken("a part of its base64 is missing or has been changed"),
        None => Content::Broken("its base64 is broken"),
    }
}

/// What is left of a body without what was put into it on its way: white space, quotes, and escapes of
/// line breaks, however often they were escaped.
fn base64_of(body: &str) -> Zeroizing<String> {
    let mut base64 = Zeroizing::new(String::with_capacity(body.len()));
    let mut rest = body;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            // PowerShell escapes with a backtick.
            '\\' | '`' => {
                rest = rest.trim_start_matches(['\\', '`']);
                if let Some(after) = rest.strip_prefix(['n', 'r', 't']) {
                    rest = after;
                } else if let Some((escaped, after)) = unicode_escape(rest) {
                    if !is_put_in(escaped) {
                        base64.push(escaped);
                    }
                    rest = after;
                }
            }
            character if is_put_in(character) => {}
            character => base64.push(character),
        }
    }
    base64
}

/// `u` and four hexadecimal digits, as JSON writes `=` and `+` for the sake of HTML.
fn unicode_escape(text: &str) -> Option<(char, &str)> {
    let digits = text.strip_prefix('u')?;
    let (digits, after) = digits.split_at_checked(4)?;
    let escaped = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
    Some((escaped, after))
}

fn is_put_in(character: char) -> bool {
    const INVISIBLE: [char; 5] = ['\u{ad}', '\u{200b}', '\u{200e}', '\u{2060}', '\u{feff}'];
    character.is_whitespace()
        || character.is_control()
        || INVISIBLE.contains(&character)
        || matches!(character, '"' | '\'' | ',' | '\u{2018}'..='\u{201f}')
}

/// Decodes through the constant-time decoder of RFC 7468, which insists on lines of 64 characters: so
/// the body is wrapped anew first.
fn decoded(label: &str, base64: &str) -> Option<Zeroizing<Vec<u8>>> {
    const LINE: usize = 64;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
    let digits = base64.trim_end_matches('=');
    if digits.is_empty() || !digits.chars().all(plain) {
        return None;
    }
    let padding = "=".repeat(digits.len().next_multiple_of(4) - digits.len());
    let mut block = Zeroizing::new(String::with_capacity(digits.len() + digits.len() / LINE + 128));
    block.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = digits;
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        block.push_str(line);
        rest = after;
        if rest.is_empty() {
            block.push_str(&padding);
        }
        block.push('\n');
    }
    block.push_str(&format!("-----END {label}-----\n"));
    let (_, der) = der::pem::decode_vec(block.as_bytes()).ok()?;
    Some(Zeroizing::new(der))
}

/// The text that stands in base64 in another, as Kubernetes and some uploaders keep files.
fn unwrapped(text: &str) -> Option<Zeroizing<String>> {
    /// `-----BEGIN` in base64, as far as it does not depend on what follows.
    const BEGIN: &str = "LS0tLS1CRUdJTi";
    let inner = &text[text.find(BEGIN)?..];
    let end = inner.find(['"', '\'', ':', '}']).unwrap_or(inner.len());
    let file = decoded("FILE", &base64_of(&inner[..end]))?;
    self::text(&file)
}

/// Whether somewhere stands a long run of base64 that could be a certificate or key.
fn is_bare(text: &str) -> bool {
    const SHORTEST: usize = 48;
    let base64 = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=');
    text.split(|c| !base64(c))
        .any(|run| run.len() >= SHORTEST && run.starts_with('M'))
}
