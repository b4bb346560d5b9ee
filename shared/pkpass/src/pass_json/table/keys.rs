//! The keys. Sources: Apple's reference of pass.json, the pages of each year's new keys, and the
//! evidence that is noted with the rules.

use super::Kind::{Bool, Bytes, Colour, Date, Integer, List, Map, Number, Object as Of, Scalar, Text, Word};
use super::{Key, Kind, Need, Object, Words};

const fn key(name: &'static str, kind: Kind, since: &'static str) -> Key {
    Key {
        name,
        kind,
        need: Need::No,
        since,
        styles: &[],
        evidence: "A",
    }
}

const fn of(styles: &'static [&'static str], key: Key) -> Key {
    Key { styles, ..key }
}

const fn needed(need: Need, key: Key) -> Key {
    Key { need, ..key }
}

const fn known_from(evidence: &'static str, key: Key) -> Key {
    Key { evidence, ..key }
}

const TICKET: &[&str] = &["eventTicket"];
const BOARDING: &[&str] = &["boardingPass"];
const TICKETS: &[&str] = &["boardingPass", "eventTicket"];
const POSTER: &[&str] = &["posterGeneric"];
const MOST: f64 = f64::MAX;

/// The styles of which a pass has one: what every iOS reads.
pub const CLASSIC_STYLES: [&str; 5] = ["boardingPass", "coupon", "eventTicket", "generic", "storeCard"];

/// The style of iOS 27 that stands beside a classic one.
pub const POSTER_STYLE: &str = "posterGeneric";

/// Every style.
pub const STYLES: [&str; 6] = [
    "boardingPass",
    "coupon",
    "eventTicket",
    "generic",
    "storeCard",
    POSTER_STYLE,
];

/// The groups of fields of a style that are seen without turning the pass over.
pub const FRONT_GROUPS: [&str; 5] = [
    "headerFields",
    "primaryFields",
    "secondaryFields",
    "auxiliaryFields",
    "footerFields",
];

/// The groups behind the front.
pub const BACK_GROUPS: [&str; 2] = ["backFields", "additionalInfoFields"];

/// Every group of fields.
pub const GROUPS: [&str; 7] = [
    "headerFields",
    "primaryFields",
    "secondaryFields",
    "auxiliaryFields",
    "backFields",
    "additionalInfoFields",
    "footerFields",
];

/// The keys that livepass puts in last.
pub const INJECTED: [&str; 5] = [
    "passTypeIdentifier",
    "teamIdentifier",
    "serialNumber",
    "webServiceURL",
    "authenticationToken",
];

const fn style(name: &'static str, since: &'static str) -> Key {
    key(name, Of(&STYLE), since)
}

/// The top level.
pub static PASS: Object = Object {
    name: "pass.json",
    keys: &[
        needed(Need::Yes, key("formatVersion", Integer(1, 1), "iOS 6")),
        needed(Need::Yes, key("description", Text, "iOS 6")),
        needed(Need::Yes, key("organizationName", Text, "iOS 6")),
        needed(Need::Injected, key("passTypeIdentifier", Text, "iOS 6")),
        needed(Need::Injected, key("teamIdentifier", Text, "iOS 6")),
        needed(Need::Injected, key("serialNumber", Text, "iOS 6")),
        key("webServiceURL", Text, "iOS 6"),
        key("authenticationToken", Text, "iOS 6"),
        style("boardingPass", "iOS 6"),
        style("coupon", "iOS 6"),
        style("eventTicket", "iOS 6"),
        style("generic", "iOS 6"),
        style("storeCard", "iOS 6"),
        style(POSTER_STYLE, "iOS 27"),
        known_from("L", key("voided", Bool, "iOS 7")),
        key("expirationDate", Date, "iOS 7"),
        key("relevantDate", Date, "iOS 6"),
        key("relevantDates", List(&Of(&RELEVANT_DATE), None), "iOS 18"),
        key("barcodes", List(&Of(&BARCODE), None), "iOS 9"),
        key("barcode", Of(&BARCODE), "iOS 6"),
        key("backgroundColor", Colour, "iOS 6"),
        key("foregroundColor", Colour, "iOS 6"),
        key("labelColor", Colour, "iOS 6"),
        of(TICKET, key("footerBackgroundColor", Colour, "iOS 18")),
        key("stripColor", Colour, "iOS 6"),
        key("logoText", Text, "iOS 6"),
        of(POSTER, key("logoSymbolName", Text, "iOS 27")),
        key("suppressStripShine", Bool, "iOS 6"),
        key("suppressHeaderDarkening", Bool, "iOS 18"),
        of(TICKET, key("useAutomaticColors", Bool, "iOS 18")),
        key("sharingProhibited", Bool, "iOS 11"),
        of(TICKETS, key("groupingIdentifier", Text, "iOS 7")),
        known_from("L", key("locations", List(&Of(&LOCATION), Some(10)), "iOS 6")),
        known_from("L", key("beacons", List(&Of(&BEACON), Some(10)), "iOS 7")),
        known_from("L", key("maxDistance", Number(0.0, MOST), "iOS 7")),
        known_from(
            "L",
            key("associatedStoreIdentifiers", List(&Integer(1, i64::MAX), None), "iOS 6"),
        ),
        of(
            TICKET,
            key("auxiliaryStoreIdentifiers", List(&Integer(1, i64::MAX), None), "iOS 18"),
        ),
        key("appLaunchURL", Text, "iOS 7"),
        key("userInfo", Map, "iOS 7"),
        key("semantics", Of(&SEMANTICS), "iOS 12"),
        key("nfc", Of(&NFC), "iOS 9"),
        key("preferredStyleSchemes", List(&Word(&STYLE_SCHEMES), None), "iOS 18"),
        key("upcomingPassInformation", List(&Map, None), "iOS 26"),
        key("featuredActions", List(&Of(&FEATURED_ACTION), Some(2)), "iOS 27"),
        of(TICKET, key("eventLogoText", Text, "iOS 18")),
        of(TICKET, key("accessibilityURL", Text, "iOS 18")),
        of(TICKET, key("addOnURL", Text, "iOS 18")),
        of(TICKET, key("bagPolicyURL", Text, "iOS 18")),
        of(TICKET, key("contactVenueEmail", Text, "iOS 18")),
        of(TICKET, key("contactVenuePhoneNumber", Text, "iOS 18")),
        of(TICKET, key("contactVenueWebsite", Text, "iOS 18")),
        of(TICKET, key("directionsInformationURL", Text, "iOS 18")),
        of(TICKET, key("merchandiseURL", Text, "iOS 18")),
        of(TICKET, key("orderFoodURL", Text, "iOS 18")),
        of(TICKET, key("parkingInformationURL", Text, "iOS 18")),
        of(TICKET, key("purchaseParkingURL", Text, "iOS 18")),
        of(TICKET, key("sellURL", Text, "iOS 18")),
        of(TICKET, key("transferURL", Text, "iOS 18")),
        of(TICKET, key("transitInformationURL", Text, "iOS 18")),
        of(BOARDING, key("changeSeatURL", Text, "iOS 26")),
        of(BOARDING, key("entertainmentURL", Text, "iOS 26")),
        of(BOARDING, key("managementURL", Text, "iOS 26")),
        of(BOARDING, key("purchaseAdditionalBaggageURL", Text, "iOS 26")),
        of(BOARDING, key("purchaseLoungeAccessURL", Text, "iOS 26")),
        of(BOARDING, key("purchaseWifiURL", Text, "iOS 26")),
        of(BOARDING, key("registerServiceAnimalURL", Text, "iOS 26")),
        of(BOARDING, key("reportLostBagURL", Text, "iOS 26")),
        of(BOARDING, key("requestWheelchairURL", Text, "iOS 26")),
        of(BOARDING, key("trackBagsURL", Text, "iOS 26")),
        of(BOARDING, key("transitProviderEmail", Text, "iOS 26")),
        of(BOARDING, key("transitProviderPhoneNumber", Text, "iOS 26")),
        of(BOARDING, key("transitProviderWebsiteURL", Text, "iOS 26")),
        of(BOARDING, key("upgradeURL", Text, "iOS 26")),
    ],
};

static ANY_FIELD: Kind = Of(&FIELD);

const fn group(name: &'static str, since: &'static str) -> Key {
    key(name, List(&ANY_FIELD, None), since)
}

/// A style's object.
pub static STYLE: Object = Object {
    name: "a style",
    keys: &[
        group("headerFields", "iOS 6"),
        group("primaryFields", "iOS 6"),
        group("secondaryFields", "iOS 6"),
        group("auxiliaryFields", "iOS 6"),
        group("backFields", "iOS 6"),
        of(TICKET, group("additionalInfoFields", "iOS 18")),
        of(POSTER, group("footerFields", "iOS 27")),
        of(BOARDING, key("transitType", Word(&TRANSIT_TYPES), "iOS 6")),
    ],
};

/// A field.
pub static FIELD: Object = Object {
    name: "a field",
    keys: &[
        needed(Need::Yes, key("key", Text, "iOS 6")),
        needed(Need::TemplateOrRow, key("value", Scalar, "iOS 6")),
        known_from("L", key("label", Text, "iOS 6")),
        key("attributedValue", Scalar, "iOS 7"),
        key("changeMessage", Text, "iOS 6"),
        key("textAlignment", Word(&ALIGNMENTS), "iOS 6"),
        key("dateStyle", Word(&DATE_STYLES), "iOS 6"),
        key("timeStyle", Word(&DATE_STYLES), "iOS 6"),
        key("isRelative", Bool, "iOS 6"),
        key("ignoresTimeZone", Bool, "iOS 7"),
        key("numberStyle", Word(&NUMBER_STYLES), "iOS 6"),
        key("currencyCode", Text, "iOS 6"),
        key("dataDetectorTypes", List(&Word(&DATA_DETECTORS), None), "iOS 7"),
        key("row", Integer(0, 1), "iOS 12"),
        key("semantics", Of(&SEMANTICS), "iOS 12"),
    ],
};

/// A barcode.
pub static BARCODE: Object = Object {
    name: "a barcode",
    keys: &[
        needed(Need::TemplateOrRow, key("format", Word(&BARCODE_FORMATS), "iOS 6")),
        needed(Need::TemplateOrRow, key("message", Bytes, "iOS 6")),
        needed(Need::TemplateOrRow, key("messageEncoding", Text, "iOS 6")),
        key("altText", Text, "iOS 6"),
    ],
};

/// A place where the pass is relevant.
pub static LOCATION: Object = Object {
    name: "a location",
    keys: &[
        known_from("L", needed(Need::Yes, key("latitude", Number(-90.0, 90.0), "iOS 6"))),
        known_from("L", needed(Need::Yes, key("longitude", Number(-180.0, 180.0), "iOS 6"))),
        known_from("L", key("altitude", Number(-MOST, MOST), "iOS 6")),
        key("relevantText", Text, "iOS 6"),
    ],
};

/// A beacon near which the pass is relevant.
pub static BEACON: Object = Object {
    name: "a beacon",
    keys: &[
        needed(Need::Yes, key("proximityUUID", Text, "iOS 7")),
        known_from("L", key("major", Integer(0, 65_535), "iOS 7")),
        known_from("L", key("minor", Integer(0, 65_535), "iOS 7")),
        key("relevantText", Text, "iOS 7"),
    ],
};

/// An entry of `relevantDates`. iOS 18 read `relevantDate`, iOS 26 reads `date`; both stay.
pub static RELEVANT_DATE: Object = Object {
    name: "an entry of relevantDates",
    keys: &[
        key("date", Date, "iOS 26"),
        key("relevantDate", Date, "iOS 18"),
        key("startDate", Date, "iOS 18"),
        key("endDate", Date, "iOS 18"),
    ],
};

/// What a pass sends to a reader.
pub static NFC: Object = Object {
    name: "nfc",
    keys: &[
        needed(Need::TemplateOrRow, key("message", Bytes, "iOS 9")),
        key("encryptionPublicKey", Text, "iOS 9"),
        key("requiresAuthentication", Bool, "iOS 13.1"),
    ],
};

/// A button of the poster.
pub static FEATURED_ACTION: Object = Object {
    name: "a featured action",
    keys: &[key("identifier", Text, "iOS 27"), key("type", Text, "iOS 27")],
};

/// What the system reads of a pass. Names differ between Apple's pages and Apple's tool, so only
/// its one closed list is judged.
pub static SEMANTICS: Object = Object {
    name: "semantics",
    keys: &[key("eventType", Word(&EVENT_TYPES), "iOS 12")],
};

pub(crate) static BARCODE_FORMATS: Words = Words {
    known: &[
        "PKBarcodeFormatQR",
        "PKBarcodeFormatPDF417",
        "PKBarcodeFormatAztec",
        "PKBarcodeFormatCode128",
        "PKBarcodeFormatEAN13",
        "PKBarcodeFormatCode39",
        "PKBarcodeFormatCodabar",
        "PKBarcodeFormatI2of5",
    ],
    prefix: "PKBarcodeFormat",
    extended: true,
};

/// The formats that phones before iOS 27 show.
pub(crate) const OLD_BARCODE_FORMATS: [&str; 4] = [
    "PKBarcodeFormatQR",
    "PKBarcodeFormatPDF417",
    "PKBarcodeFormatAztec",
    "PKBarcodeFormatCode128",
];

static TRANSIT_TYPES: Words = Words {
    known: &[
        "PKTransitTypeAir",
        "PKTransitTypeBoat",
        "PKTransitTypeBus",
        "PKTransitTypeGeneric",
        "PKTransitTypeTrain",
    ],
    prefix: "PKTransitType",
    extended: true,
};

static ALIGNMENTS: Words = Words {
    known: &[
        "PKTextAlignmentLeft",
        "PKTextAlignmentCenter",
        "PKTextAlignmentRight",
        "PKTextAlignmentNatural",
    ],
    prefix: "PKTextAlignment",
    extended: false,
};

static DATE_STYLES: Words = Words {
    known: &[
        "PKDateStyleNone",
        "PKDateStyleShort",
        "PKDateStyleMedium",
        "PKDateStyleLong",
        "PKDateStyleFull",
    ],
    prefix: "PKDateStyle",
    extended: false,
};

static NUMBER_STYLES: Words = Words {
    known: &[
        "PKNumberStyleDecimal",
        "PKNumberStylePercent",
        "PKNumberStyleScientific",
        "PKNumberStyleSpellOut",
    ],
    prefix: "PKNumberStyle",
    extended: false,
};

static DATA_DETECTORS: Words = Words {
    known: &[
        "PKDataDetectorTypePhoneNumber",
        "PKDataDetectorTypeLink",
        "PKDataDetectorTypeAddress",
        "PKDataDetectorTypeCalendarEvent",
    ],
    prefix: "PKDataDetectorType",
    extended: true,
};

static STYLE_SCHEMES: Words = Words {
    known: &[
        "posterEventTicket",
        "semanticBoardingPass",
        "eventTicket",
        "boardingPass",
    ],
    prefix: "",
    extended: true,
};

static EVENT_TYPES: Words = Words {
    known: &[
        "PKEventTypeGeneric",
        "PKEventTypeLivePerformance",
        "PKEventTypeMovie",
        "PKEventTypeSports",
        "PKEventTypeConference",
        "PKEventTypeConvention",
        "PKEventTypeWorkshop",
        "PKEventTypeSocialGathering",
    ],
    // Semantics are Apple's to judge, so any other word is only warned of.
    prefix: "",
    extended: true,
};
