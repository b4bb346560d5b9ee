//! PEM as people paste it: certificates and keys are read in the same forms, and what cannot be read is
//! explained.

use std::sync::Arc;

use pkpass::pem::{NotPem, blocks, private_keys};
use pkpass::{Identity, IdentityError, LocalKey, SigningCertificate};
use proptest::prelude::*;
use serde_json::json;

use crate::authority::{Leaf, PASS_TYPE, apple};

/// What became of a PEM file on its way, by a name for each form.
fn forms(pem: &str) -> Vec<(&'static str, Vec<u8>)> {
    let one_line = pem.replace('\n', " ");
    let escaped = pem.replace('\n', "\\n");
    let in_json = json!({ "key": pem }).to_string();
    let utf16 = |bytes: fn(u16) -> [u8; 2]| pem.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
    let text = |name, text: String| (name, text.into_bytes());
    vec![
        text("as it was", pem.to_owned()),
        text("a blank for each line break", one_line.clone()),
        text("two blanks", pem.replace('\n', "  ")),
        text("a tab", pem.replace('\n', "\t")),
        text("nothing for each line break", pem.replace('\n', "")),
        text("\\n for each line break", escaped.clone()),
        text("\\r\\n", pem.replace('\n', "\\r\\n")),
        text("\\\\n", pem.replace('\n', "\\\\n")),
        text("PowerShell's `n", pem.replace('\n', "`n")),
        text("CRLF", pem.replace('\n', "\r\n")),
        text("CR", pem.replace('\n', "\r")),
        text("a backslash before each line break", pem.replace('\n', "\\\n")),
        text("U+2028", pem.replace('\n', "\u{2028}")),
        text("no line break at the end", pem.trim_end().to_owned()),
        text("indented by tabs", pem.replace('\n', "\n\t")),
        text("blanks at the ends of lines", pem.replace('\n', "  \n")),
        text("empty lines between", pem.replace('\n', "\n\n")),
        text("a byte order mark", format!("\u{feff}{pem}")),
        text(
            "a byte order mark and CRLF",
            format!("\u{feff}{}", pem.replace('\n', "\r\n")),
        ),
        (
            "UTF-16, low byte first",
            [vec![0xff, 0xfe], utf16(u16::to_le_bytes)].concat(),
        ),
        (
            "UTF-16, high byte first",
            [vec![0xfe, 0xff], utf16(u16::to_be_bytes)].concat(),
        ),
        ("UTF-16 without a mark", utf16(u16::to_le_bytes)),
        ("UTF-16 without a mark, high byte first", utf16(u16::to_be_bytes)),
        text("JSON around it", in_json.clone()),
        text("JSON with a key of any name", json!({ "my Pass ☕": pem }).to_string()),
        text(
            "JSON in several lines",
            serde_json::to_string_pretty(&json!({ "a": 1, "b": pem })).unwrap(),
        ),
        text("JSON around one line", json!({ "key": one_line }).to_string()),
        text("JSON around \\n", json!({ "key": escaped }).to_string()),
        text("JSON in JSON", json!({ "secret": in_json }).to_string()),
        text("JSON with line breaks as they are", format!("{{\"key\": \"{pem}\"}}")),
        text(
            "JSON that escapes for HTML",
            in_json
                .replace('=', "\\u003d")
                .replace('+', "\\u002b")
                .replace('/', "\\/"),
        ),
        text("a list of lines", json!(pem.lines().collect::<Vec<_>>()).to_string()),
        text("a JSON text", json!(pem).to_string()),
        text("JSON with a byte order mark", format!("\u{feff}{in_json}")),
        text("single quotes", format!("'{pem}'")),
        text(
            "quotes that an editor has turned",
            format!("\u{201c}{}\u{201d}", pem.trim_end()),
        ),
        text("a variable of a shell", format!("export KEY=\"{escaped}\"\n")),
        text("YAML", format!("key: |\n  {}", pem.replace('\n', "\n  "))),
        text(
            "text before and after",
            format!("Bag Attributes\n    friendlyName: Pass\n{pem}\nthe end - of it --\n"),
        ),
        text("text on the same line", format!("Here: {} Yours", one_line.trim_end())),
        (
            "text of another encoding before",
            [b"friendlyName: Caf\xe9\n", pem.as_bytes()].concat(),
        ),
        text(
            "dashes that an editor has joined",
            pem.replace("-----", "\u{2014}\u{2014}-"),
        ),
        text("a dash too few", pem.replace("-----END", "----END")),
        text("blanks that do not break", pem.replace(' ', "\u{a0}")),
        text("a character of no width", pem.replace('\n', "\u{200b}\n")),
        text("without padding", pem.replace('=', "")),
        text("base64 once more", base64(pem.as_bytes())),
        text(
            "base64 once more, in lines",
            format!("  key.pem: {}\n", wrapped(&base64(pem.as_bytes()))),
        ),
    ]
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let number = chunk
            .iter()
            .chain(&[0; 2])
            .take(3)
            .fold(0, |number, byte| number << 8 | usize::from(*byte));
        for digit in 0..4 {
            match digit <= chunk.len() {
                true => text.push(char::from(DIGITS[number >> (18 - 6 * digit) & 63])),
                false => text.push('='),
            }
        }
    }
    text
}

fn wrapped(text: &str) -> String {
    let lines: Vec<_> = text.as_bytes().chunks(76).map(String::from_utf8_lossy).collect();
    lines.join("\n    ")
}

#[test]
fn a_certificate_is_read_in_whatever_form_it_was_pasted() {
    for (form, file) in forms(&apple().certificates_pem(&Leaf::default())) {
        let certificate = SigningCertificate::from_pem(&file).unwrap_or_else(|error| panic!("{form}: {error}"));
        assert_eq!(certificate.pass_type_identifier(), PASS_TYPE, "{form}");
        assert_eq!(certificate.intermediate_der(), apple().intermediate_der(), "{form}");
    }
}

#[test]
fn a_key_is_read_in_whatever_form_it_was_pasted() {
    let certificate = Arc::new(apple().certificate(&Leaf::default()));
    for (form, file) in forms(&apple().key_pem()) {
        Identity::from_pem(certificate.clone(), &file).unwrap_or_else(|error| panic!("{form}: {error}"));
        LocalKey::from_pem(&file).unwrap_or_else(|error| panic!("{form}: {error}"));
        // What is stored is a plain file again.
        assert_eq!(private_keys(&file).as_str(), apple().key_pem(), "{form}");
    }
}

#[test]
fn certificate_and_key_may_stand_in_one_json_object() {
    let both = json!({
        "certificate": apple().certificates_pem(&Leaf::default()),
        "key": apple().key_pem(),
    });
    let file = both.to_string().into_bytes();
    let certificate = SigningCertificate::from_pem(&file).unwrap();
    Identity::from_pem(Arc::new(certificate), &file).unwrap();
}

#[test]
fn a_form_that_cannot_be_read_is_named() {
    let (certificates, key) = (apple().certificates_pem(&Leaf::default()), apple().key_pem());
    let body = |pem: &str| {
        pem.lines()
            .filter(|line| !line.starts_with('-'))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let cut = |pem: &str| pem[..pem.len() - 200].to_owned();
    let percent = |pem: &str| pem.replace(' ', "%20").replace('+', "%2B").replace('\n', "%0A");
    let letters = |pem: &str| pem.replace('\n', "n");
    let form = |pem: &str| pem.replace('+', " ");
    for (damage, words) in [
        (
            &body as &dyn Fn(&str) -> String,
            "is base64 without its first and last line",
        ),
        (&percent, "is percent-encoded (%20, %0A)"),
        (&cut, "its line -----END ...----- is missing, so it was cut off"),
        (&letters, "its line breaks have become the letter n"),
        (&form, "it lacks every plus sign"),
        (&|pem| pem.replace('M', "*"), "its base64 is broken"),
        (
            &|pem| format!("{}{}", &pem[..28], &pem[pem.len() - 26..]),
            "between its first and last line",
        ),
    ] {
        let error = SigningCertificate::from_pem(damage(&certificates).as_bytes()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        let error = LocalKey::from_pem(damage(&key).as_bytes()).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[test]
fn a_cut_block_does_not_take_the_next_one_with_it() {
    let (leaf, intermediate) = (apple().leaf(&Leaf::default()).pem(), apple().intermediate_pem());
    let cut = format!("{}{leaf}", &intermediate[..200]);
    let read = blocks(cut.as_bytes()).unwrap();
    assert_eq!(read.len(), 2);
    assert!(read[0].der().is_err());
    assert_eq!(read[1].to_pem().unwrap().as_str(), leaf);
}

#[test]
fn what_is_no_pem_at_all_stays_what_it_was() {
    assert_eq!(blocks(b"\xff\xfe\x00").unwrap_err(), NotPem::Binary);
    assert_eq!(blocks(b"\x30\x82\xff\xff").unwrap_err(), NotPem::Binary);
    for text in [
        "",
        "nothing - BEGIN",
        "-----BEGIN-----",
        "-----END X-----",
        "{\"a\": 1}",
    ] {
        assert_eq!(blocks(text.as_bytes()).unwrap().len(), 0, "{text}");
        assert_eq!(LocalKey::from_pem(text.as_bytes()).unwrap_err(), IdentityError::NoKey);
    }
    assert_eq!(private_keys(apple().root_pem().as_bytes()).as_str(), "");
    let shown = format!("{:?}", blocks(apple().key_pem().as_bytes()).unwrap());
    assert_eq!(shown, r#"[Block { label: "PRIVATE KEY", .. }]"#);
}

proptest! {
    /// Cut, doubled and spoilt at any place: a reader that slices text must not slice amid a character.
    #[test]
    fn no_paste_makes_the_reader_panic(
        parts in prop::collection::vec(
            "-----|-BEGIN |END |PRIVATE KEY|—|\u{feff}|\\\\n|\\\\u00|\\\\|MIIB[A-Za-z+/]{0,70}|=|LS0tLS1CRUdJTi|\\PC{0,8}|\n",
            0..24,
        ),
        little_endian: bool,
    ) {
        let text = parts.concat();
        let _ = blocks(text.as_bytes());
        let utf16 = text.encode_utf16().flat_map(|unit| match little_endian {
            true => unit.to_le_bytes(),
            false => unit.to_be_bytes(),
        });
        let _ = blocks(&utf16.collect::<Vec<_>>());
    }
}
