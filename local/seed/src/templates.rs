//! The demo pass templates: pass.json skeletons, localisations and drawn images.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::drawings::{self, Landscape};

/// A template that can be made, by its id.
#[derive(Debug, Clone, Copy)]
pub struct SeedTemplate {
    /// 1 to 64 of `[A-Za-z0-9._-]`: what a pass record's `template` names.
    pub id: &'static str,
    /// Makes its files, by path within the package.
    pub files: fn() -> BTreeMap<String, Vec<u8>>,
}

impl SeedTemplate {
    pub const LOYALTY: Self = Self {
        id: "loyalty",
        files: loyalty,
    };
    pub const TICKET: Self = Self {
        id: "ticket",
        files: ticket,
    };
}

/// A store card. Fields: `tier`, `balance` (a number), `member`, and on the back `terms` and
/// `support`. English and German.
pub fn loyalty() -> BTreeMap<String, Vec<u8>> {
    static FILES: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(draw_loyalty);
    FILES.clone()
}

fn draw_loyalty() -> BTreeMap<String, Vec<u8>> {
    let landscape = Landscape::MORNING;
    let pass = json!({
        "formatVersion": 1,
        "description": "Morningside Coffee loyalty card",
        "organizationName": "Morningside Coffee",
        "logoText": "Morningside",
        "foregroundColor": "rgb(255, 255, 255)",
        "backgroundColor": landscape.background_colour(),
        "labelColor": landscape.label_colour(),
        "barcodes": [qr("https://example.com/morningside")],
        "storeCard": {
            "headerFields": [
                {"key": "tier", "label": "Tier", "value": "Bronze",
                 "changeMessage": "You are now %@"},
            ],
            "primaryFields": [
                {"key": "balance", "label": "Balance", "value": 0,
                 "numberStyle": "PKNumberStyleDecimal",
                 "changeMessage": "Your balance is now %@"},
            ],
            "secondaryFields": [
                {"key": "member", "label": "Member", "value": "Guest"},
            ],
            "backFields": [
                {"key": "terms", "label": "Terms",
                 "value": "One point for each drink; ten points are a drink on us."},
                {"key": "support", "label": "Support",
                 "value": "help@example.com"},
            ],
        },
    });
    assemble(
        &pass,
        &[
            ("Tier", "Stufe"),
            ("Balance", "Punkte"),
            ("Member", "Mitglied"),
            ("Terms", "Bedingungen"),
            ("Support", "Hilfe"),
            ("Guest", "Gast"),
            ("You are now %@", "Sie haben jetzt %@"),
            ("Your balance is now %@", "Ihr Punktestand ist jetzt %@"),
            (
                "One point for each drink; ten points are a drink on us.",
                "Ein Punkt je Getränk; für zehn Punkte gibt es eines geschenkt.",
            ),
        ],
        [
            drawings::icon(&landscape),
            drawings::logo(&landscape),
            drawings::strip(&landscape),
        ],
    )
}

/// An event ticket. Fields: `event`, `location`, `date`, `seat`, `gate`, and on the back `terms`
/// and `support`. Tickets of one evening are grouped. English and German.
pub fn ticket() -> BTreeMap<String, Vec<u8>> {
    static FILES: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(draw_ticket);
    FILES.clone()
}

fn draw_ticket() -> BTreeMap<String, Vec<u8>> {
    let landscape = Landscape::NIGHT;
    let pass = json!({
        "formatVersion": 1,
        "description": "Ticket for Nocturne",
        "organizationName": "Nocturne Festival",
        "logoText": "Nocturne",
        "foregroundColor": "rgb(255, 255, 255)",
        "backgroundColor": landscape.background_colour(),
        "labelColor": landscape.label_colour(),
        "groupingIdentifier": "nocturne-2027",
        "barcodes": [qr("https://example.com/nocturne")],
        "eventTicket": {
            "primaryFields": [
                {"key": "event", "label": "Event", "value": "Nocturne under the Moon"},
            ],
            "secondaryFields": [
                {"key": "location", "label": "Location", "value": "Hillside Stage",
                 "changeMessage": "The location is now %@"},
                {"key": "date", "label": "Date", "value": "2027-06-19T20:00:00+02:00",
                 "dateStyle": "PKDateStyleMedium", "timeStyle": "PKDateStyleShort",
                 "ignoresTimeZone": true,
                 "changeMessage": "The concert now begins at %@"},
            ],
            "auxiliaryFields": [
                {"key": "seat", "label": "Seat", "value": "Lawn"},
                {"key": "gate", "label": "Gate", "value": "A",
                 "changeMessage": "Please use gate %@"},
            ],
            "backFields": [
                {"key": "terms", "label": "Terms",
                 "value": "Admits one person. Gates open an hour before the concert."},
                {"key": "support", "label": "Support",
                 "value": "help@example.com"},
            ],
        },
    });
    assemble(
        &pass,
        &[
            ("Event", "Veranstaltung"),
            ("Location", "Ort"),
            ("Date", "Datum"),
            ("Seat", "Platz"),
            ("Gate", "Eingang"),
            ("Terms", "Bedingungen"),
            ("Support", "Hilfe"),
            ("Lawn", "Wiese"),
            ("The location is now %@", "Der Ort ist jetzt %@"),
            ("The concert now begins at %@", "Das Konzert beginnt jetzt am %@"),
            ("Please use gate %@", "Bitte nehmen Sie Eingang %@"),
            (
                "Admits one person. Gates open an hour before the concert.",
                "Gilt für eine Person. Einlass ist eine Stunde vor Beginn.",
            ),
        ],
        [
            drawings::icon(&landscape),
            drawings::logo(&landscape),
            drawings::background(&landscape),
            drawings::thumbnail(&landscape),
        ],
    )
}

/// The template's own code, for passes whose record brings none in its `pass` patch.
fn qr(message: &str) -> Value {
    json!({
        "format": "PKBarcodeFormatQR",
        "message": message,
        "messageEncoding": "iso-8859-1",
    })
}

/// `translations` are pairs of English, which is also the key, and German.
fn assemble<const N: usize>(
    pass: &Value,
    translations: &[(&str, &str)],
    images: [drawings::Images; N],
) -> BTreeMap<String, Vec<u8>> {
    let mut files: BTreeMap<String, Vec<u8>> = images.into_iter().flatten().collect();
    let english = translations.iter().map(|(english, _)| (*english, *english));
    files.insert("pass.json".to_owned(), format!("{pass:#}\n").into_bytes());
    files.insert("en.lproj/pass.strings".to_owned(), strings(english));
    files.insert(
        "de.lproj/pass.strings".to_owned(),
        strings(translations.iter().copied()),
    );
    files
}

fn strings<'a>(lines: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<u8> {
    lines
        .map(|(key, value)| format!("\"{key}\" = \"{value}\";\n"))
        .collect::<String>()
        .into_bytes()
}
