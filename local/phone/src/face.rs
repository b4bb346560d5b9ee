//! The face of a pass that one phone shows.

use serde_json::Value;

use crate::reading::{Ios, Reading};

/// The styles that every iOS shows. A pass has at most one of them.
const CLASSIC_STYLES: [&str; 5] = ["boardingPass", "coupon", "eventTicket", "generic", "storeCard"];

/// The style that came with iOS 27. It stands beside a classic one, which it takes the place of.
const POSTER: &str = "posterGeneric";

/// The groups of fields of a style, front to back.
const GROUPS: [&str; 7] = [
    "headerFields",
    "primaryFields",
    "secondaryFields",
    "auxiliaryFields",
    "footerFields",
    "additionalInfoFields",
    "backFields",
];

const BARCODE_FORMATS: [&str; 4] = [
    "PKBarcodeFormatQR",
    "PKBarcodeFormatPDF417",
    "PKBarcodeFormatAztec",
    "PKBarcodeFormatCode128",
];

const BARCODE_FORMATS_OF_IOS_27: [&str; 4] = [
    "PKBarcodeFormatEAN13",
    "PKBarcodeFormatCode39",
    "PKBarcodeFormatCodabar",
    "PKBarcodeFormatI2of5",
];

/// One pass as one phone shows it.
#[derive(Clone, Copy)]
pub(crate) struct Face<'a> {
    /// pass.json.
    pub pass: &'a Value,
    pub reading: &'a Reading,
}

/// A field with the group in which it stands.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub group: &'static str,
    pub json: &'a Value,
}

impl<'a> Face<'a> {
    /// The style that is shown; nothing where the phone's system knows none of the pass's.
    pub fn style(&self) -> Option<&'static str> {
        let has_poster = self.pass.get(POSTER).is_some();
        if has_poster && self.reading.ios == Ios::Ios27 {
            return Some(POSTER);
        }
        CLASSIC_STYLES.into_iter().find(|style| self.pass.get(*style).is_some())
    }

    /// The content of the style that is shown.
    pub fn content(&self) -> Option<&'a Value> {
        self.pass.get(self.style()?)
    }

    /// All fields, group by group.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> + use<'a> {
        let content = self.content();
        GROUPS
            .into_iter()
            .filter_map(move |group| Some((group, content?.get(group)?.as_array()?)))
            .flat_map(|(group, fields)| fields.iter().map(move |json| Field { group, json }))
    }

    /// The first field with this key.
    pub fn field(&self, key: &str) -> Option<Field<'a>> {
        self.fields().find(|field| field.json["key"] == key)
    }

    /// What stands in a field: its `attributedValue`, or else its `value`; a number as its literal.
    pub fn value(&self, field: Field<'_>) -> String {
        self.shown(field.json.get("attributedValue").unwrap_or(&field.json["value"]))
    }

    /// Something of pass.json as it is shown: a text in the phone's language, a number as its literal.
    pub fn shown(&self, value: &Value) -> String {
        match value {
            Value::String(text) => self.reading.localised(text).to_owned(),
            other => other.to_string(),
        }
    }

    /// The barcode that is shown: the first of `barcodes` that the system can draw, or else `barcode`.
    pub fn barcode(&self) -> Option<&'a Value> {
        let can_draw = |barcode: &&Value| {
            let format = barcode["format"].as_str().unwrap_or_default();
            BARCODE_FORMATS.contains(&format)
                || (self.reading.ios == Ios::Ios27 && BARCODE_FORMATS_OF_IOS_27.contains(&format))
        };
        let barcodes = self.pass.get("barcodes").and_then(Value::as_array);
        barcodes
            .into_iter()
            .flatten()
            .chain(self.pass.get("barcode"))
            .find(can_draw)
    }
}

/// Every style of every iOS.
pub(crate) fn styles() -> impl Iterator<Item = &'static str> {
    CLASSIC_STYLES.into_iter().chain([POSTER])
}

/// Whether a key of a style is a group of fields.
pub(crate) fn is_group(key: &str) -> bool {
    GROUPS.contains(&key)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn with<T>(pass: &Value, ios: Ios, look: impl Fn(Face) -> T) -> T {
        let reading = Reading {
            ios,
            ..Reading::default()
        };
        look(Face {
            pass,
            reading: &reading,
        })
    }

    fn value_of(pass: &Value, ios: Ios, key: &str) -> Option<String> {
        with(pass, ios, |face| face.field(key).map(|field| face.value(field)))
    }

    #[test]
    fn ios_27_shows_the_poster_and_ios_26_the_classic_style() {
        let pass = json!({
            "posterGeneric": {
                "headerFields": [{"key": "tier", "value": "Gold"}],
                "footerFields": [{"key": "since", "value": "2019"}],
            },
            "generic": {"headerFields": [{"key": "tier", "value": "Silver"}]},
        });
        assert_eq!(value_of(&pass, Ios::Ios27, "tier").unwrap(), "Gold");
        assert_eq!(value_of(&pass, Ios::Ios27, "since").unwrap(), "2019");
        assert_eq!(value_of(&pass, Ios::Ios26, "tier").unwrap(), "Silver");
        assert_eq!(value_of(&pass, Ios::Ios26, "since"), None);
    }

    #[test]
    fn both_show_a_classic_style_that_stands_alone() {
        let pass = json!({"coupon": {"backFields": [{"key": "terms", "value": "None"}]}});
        for ios in [Ios::Ios26, Ios::Ios27] {
            assert_eq!(value_of(&pass, ios, "terms").unwrap(), "None");
        }
    }

    #[test]
    fn a_poster_alone_is_nothing_to_ios_26() {
        let pass = json!({"posterGeneric": {"headerFields": [{"key": "tier", "value": "Gold"}]}});
        assert_eq!(with(&pass, Ios::Ios26, |face| face.style()), None);
        assert_eq!(value_of(&pass, Ios::Ios26, "tier"), None);
        assert_eq!(value_of(&pass, Ios::Ios27, "tier").unwrap(), "Gold");
    }

    #[test]
    fn an_attributed_value_is_shown_instead_of_the_value() {
        let pass = json!({"coupon": {"backFields": [{"key": "a", "value": "plain", "attributedValue": "linked"}]}});
        assert_eq!(value_of(&pass, Ios::Ios27, "a").unwrap(), "linked");
    }

    #[test]
    fn the_first_barcode_that_the_system_can_draw_is_shown() {
        let pass = json!({
            "barcodes": [
                {"format": "PKBarcodeFormatEAN13", "message": "1"},
                {"format": "PKBarcodeFormatQR", "message": "2"},
            ],
            "barcode": {"format": "PKBarcodeFormatQR", "message": "3"},
        });
        let message = |pass, ios| with(pass, ios, |face| face.barcode().unwrap()["message"].clone());
        assert_eq!(message(&pass, Ios::Ios27), "1");
        assert_eq!(message(&pass, Ios::Ios26), "2");
        let old = json!({"barcode": pass["barcode"]});
        assert_eq!(message(&old, Ios::Ios26), "3");
    }
}
