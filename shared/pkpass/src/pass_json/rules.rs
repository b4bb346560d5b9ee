//! The rules that hold a pass.json, with the verdict and the evidence of each.

use super::finding::Verdict::{self, Refuse, Warn};

macro_rules! rules {
    ($($name:ident $verdict:ident $evidence:literal $about:literal)*) => {
        /// A rule of pass.json. What each means stands in [`Rule::about`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(missing_docs)]
        pub enum Rule { $($name),* }

        impl Rule {
            /// Every rule, in the order in which documents list them.
            pub const ALL: &[Rule] = &[$(Rule::$name),*];

            /// Its name in documents and tests.
            pub fn name(self) -> &'static str {
                match self { $(Rule::$name => stringify!($name)),* }
            }

            /// What becomes of a pass that breaks it.
            pub fn verdict(self) -> Verdict {
                match self { $(Rule::$name => $verdict),* }
            }

            /// Where it is known from: the letters that `docs/pass.md` explains.
            pub fn evidence(self) -> &'static str {
                match self { $(Rule::$name => $evidence),* }
            }

            /// What is held against a pass, in one sentence for documents.
            pub fn about(self) -> &'static str {
                match self { $(Rule::$name => $about),* }
            }
        }
    };
}

rules! {
    NotAnObject Refuse "A" "pass.json is a JSON object"
    WrongType Refuse "L" "a known key has the JSON type of the table: no number or boolean as text, no text as number"
    OutOfRange Refuse "A" "a number is within the range of the table"
    WrongWord Refuse "A" "a key with a closed list has one of its words"
    UnknownWord Warn "D" "a word of a list that Apple extends is one that is known here"
    Missing Refuse "A" "a key that the table calls needed is there"
    Empty Refuse "A" "a name, an identifier and the message of a barcode are not empty"
    Date Refuse "L" "a date is ISO 8601 with a zone `Z` or `+hh:mm`; seconds may be absent; fractions of a second are cut when the pass is rendered"
    Colour Refuse "L" "a colour is `rgb(1, 2, 3)`, `#RRGGBB`, `#RGB` (written as `rgb`) or `rgba(1, 2, 3, 0.5)`; names are refused"
    Nul Refuse "D" "a text that is shown holds no NUL; the message of a barcode may"
    NoStyle Refuse "A" "the pass has a style"
    SeveralStyles Refuse "A" "the pass has one style, and posterGeneric at most beside it"
    PosterAlone Warn "A" "posterGeneric has a generic, storeCard, coupon or eventTicket beside it: alone, it leaves phones before iOS 27 without a pass"
    PosterBesideBoardingPass Warn "A" "posterGeneric does not stand beside boardingPass"
    PosterRoom Warn "A" "a poster has at most 1 field in headerFields, 4 in primaryFields, 2 in footerFields, and none in secondaryFields and auxiliaryFields"
    GroupOfOtherStyle Warn "D" "footerFields stand in posterGeneric, the only style that shows them"
    SameKeyOnFront Refuse "A" "a field key stands once on the front, and once on the back, of a style"
    SameKeyOnBack Warn "L, P" "a field key stands on the front or on the back of a style, not on both"
    FormatsNumbers Refuse "A" "currencyCode and numberStyle format numbers only"
    CurrencyAndStyle Warn "A" "a field has a currencyCode or a numberStyle: of both, a phone reads one"
    Currency Refuse "A" "currencyCode is three capitals of ISO 4217"
    FormatsDates Refuse "L, A" "any of dateStyle, timeStyle, isRelative and ignoresTimeZone makes a value a date"
    StaticMessage Warn "R" "a changeMessage has %@, or is a key of pass.strings whose text has it: otherwise the phone shows a general sentence"
    MessageInSomeLanguages Warn "D" "a changeMessage that is a key of pass.strings is one in every language of the template"
    LongNumber Warn "D" "a number in a field has at most 15 significant digits and 15 decimal places and is not above 10^15: phones round others"
    Unencodable Refuse "A" "a barcode's message can be written in its messageEncoding"
    UnknownEncoding Warn "D" "a messageEncoding is one of the character sets that barcodes are found with"
    NewBarcodeAlone Warn "A" "a barcode of a format of iOS 27 has one of QR, PDF417, Aztec or Code128 after it"
    NfcCertificate Refuse "L" "nfc and personalization.json need a certificate with extension 1.2.840.113635.100.6.1.26; of a template it is a warning, since its pass types are not known then"
    NfcMessage Warn "A" "nfc.message has at most 64 bytes; phones cut the rest"
    TooMany Warn "A" "a list has at most as many items as the table says"
    FeaturedAction Warn "A" "each featured action has a type, and an identifier of its own"
    RelevanceOver Warn "R" "the relevantDate of a pass that is no ticket lies in the future: phones archive the pass otherwise. Only the one at the top level is held against the time"
    ExpiredAlready Warn "D" "a pass that is published for the first time has an expirationDate in the future"
    Grouping Refuse "A" "groupingIdentifier is for eventTicket and boardingPass"
    AppToOpen Refuse "A" "appLaunchURL needs associatedStoreIdentifiers"
    WebService Refuse "A" "webServiceURL and authenticationToken come together, the URL is https and ends in neither a slash nor /v1, the token has 16 characters"
    PassType Refuse "A" "passTypeIdentifier begins with `pass.`"
    Slip Warn "D" "an unknown key is not one slip from a known one; other unknown keys pass unchanged"
}
