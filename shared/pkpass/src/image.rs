//! The images that Wallet knows, and those that a record brings.

use crate::{layout, png};

/// Every image that Wallet shows, by its file's name without scale and ending.
///
/// Sources: Apple's "Wallet Developer Guide" and "Creating a pass with Pass Designer" for the first
/// nine (those of the posters came with iOS 18 and 27), "Personalizing a rewards pass" and the
/// event guide of iOS 18 for the last two.
const IMAGES: [&str; 11] = [
    "icon",
    "logo",
    "strip",
    "thumbnail",
    "background",
    "footer",
    "artwork",
    "primaryLogo",
    "secondaryLogo",
    "personalizationLogo",
    "venueMap",
];

/// What stands between the image and the ending: for screens of one, two and three pixels per point.
const SCALES: [&str; 3] = ["", "@2x", "@3x"];

/// Whether Wallet shows the file `name` of a package (`strip@2x.png`, `de.lproj/logo.png`): one of
/// its images, at the root or in the folder of one language. It passes over any other.
fn is_wallet_image(name: &str) -> bool {
    WalletImage::parse(name).is_some()
}

/// Judges an image that a record brings, by its name in the package (`strip.png`,
/// `de.lproj/strip@2x.png`) and its bytes.
///
/// [`crate::Template::package`] does the same for each image, but for the question whether Wallet
/// knows the name: a pass that has been published is sent as it is.
///
/// # Errors
/// A sentence that says what is wrong and names the fix.
pub fn check_image(name: &str, content: &[u8]) -> Result<(), String> {
    check_image_name(name)?;
    png::check(content)
}

/// Judges the name alone, as [`check_image`] does.
///
/// # Errors
/// A sentence that says what is wrong and names the fix.
pub fn check_image_name(name: &str) -> Result<(), String> {
    if layout::is_image(name) && layout::refusal(name).is_some() {
        // Those sentences are for whoever has the files in a folder.
        return Err("no package can hold a file of this name: write one like strip.png or de.lproj/strip.png".into());
    }
    check_name(name)?;
    name_refusal(name).map_or(Ok(()), Err)
}

/// Why no phone shows an image of this name, with the name that was probably meant; none for an image of Wallet's.
pub(crate) fn name_refusal(name: &str) -> Option<String> {
    (!is_wallet_image(name)).then(|| unknown(name))
}

/// [`check_image`] for any name that a package may hold.
pub(crate) fn check_file(name: &str, content: &[u8]) -> Result<(), String> {
    check_name(name)?;
    png::check(content)
}

fn check_name(name: &str) -> Result<(), String> {
    if let Some(reason) = layout::refusal(name) {
        return Err(reason);
    }
    if !layout::is_image(name) {
        return Err("it is not named .png: only images are added to a pass".to_owned());
    }
    Ok(())
}

/// Whether a record's image `name` takes the place of the template's file `of_template`.
///
/// A phone takes the sharpest scale that it has a use for, and the one in its language if there is
/// one. So an image at the root replaces all scales of that image, in all languages; one in the
/// folder of a language replaces all scales in that folder, and other languages keep theirs. The
/// template's `icon.png` stays beside sharper ones, because Wallet may ignore a pass without it.
pub(crate) fn replaces(name: &str, of_template: &str) -> bool {
    if name == of_template {
        return true;
    }
    if of_template == "icon.png" {
        return false;
    }
    match (WalletImage::parse(name), WalletImage::parse(of_template)) {
        (Some(new), Some(old)) => new.image == old.image && (new.language.is_none() || new.language == old.language),
        _ => false,
    }
}

/// Whether the icon is there for every language, in any scale.
pub(crate) fn has_icon<'a>(mut names: impl Iterator<Item = &'a String>) -> bool {
    names.any(|name| !name.contains('/') && is_image_of(name, "icon"))
}

/// Whether `name` is the image `image` in any scale and language.
pub(crate) fn is_image_of(name: &str, image: &str) -> bool {
    WalletImage::parse(name).is_some_and(|found| found.image == image)
}

struct WalletImage<'a> {
    /// The folder of the language, with its ending; none at the root.
    language: Option<&'a str>,
    image: &'a str,
}

impl<'a> WalletImage<'a> {
    fn parse(name: &'a str) -> Option<Self> {
        let (language, file) = split(name);
        if language.is_some_and(|folder| folder.contains('/') || !folder.ends_with(".lproj")) {
            return None;
        }
        let stem = file.strip_suffix(".png")?;
        let image = ["@2x", "@3x"]
            .iter()
            .find_map(|scale| stem.strip_suffix(scale))
            .unwrap_or(stem);
        IMAGES.contains(&image).then_some(Self { language, image })
    }
}

fn split(name: &str) -> (Option<&str>, &str) {
    match name.rsplit_once('/') {
        Some((folder, file)) => (Some(folder), file),
        None => (None, name),
    }
}

/// Why an image of this name is refused, with the name that was probably meant.
fn unknown(name: &str) -> String {
    let (folder, file) = split(name);
    let nearest = nearest(file).map(|right| match folder {
        Some(folder) => format!("{folder}/{right}"),
        None => right,
    });
    let remedy = match nearest {
        Some(right) => format!("name it {right}"),
        None => format!(
            "its images are {}, each with @2x or @3x for sharper screens",
            IMAGES.join(", ")
        ),
    };
    format!("Wallet shows no image of this name: {remedy}")
}

/// The file name of Wallet's that is closest to `file`, if one is close.
fn nearest(file: &str) -> Option<String> {
    let stem = file.rsplit_once('.').map_or(file, |(stem, _)| stem);
    // Case, hyphens and the like are what differs most often; some tools count from @1x.
    let plain = letters(stem);
    let plain = plain.strip_suffix("1x").unwrap_or(&plain);
    IMAGES
        .iter()
        .flat_map(|image| SCALES.map(|scale| format!("{image}{scale}")))
        .map(|right| (strsim::levenshtein(plain, &letters(&right)), right))
        .min_by_key(|(slips, _)| *slips)
        .filter(|(slips, _)| *slips <= plain.len() / 3)
        .map(|(_, right)| format!("{right}.png"))
}

fn letters(text: &str) -> String {
    text.chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|letter| letter.to_ascii_lowercase())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wallets_images_are_known_in_three_scales_and_in_one_language() {
        for image in IMAGES {
            for scale in SCALES {
                let file = format!("{image}{scale}.png");
                assert!(is_wallet_image(&file), "{file}");
                assert!(is_wallet_image(&format!("zh-Hans.lproj/{file}")), "{file}");
            }
        }
        for name in [
            "strip2x.png",
            "strip@4x.png",
            "strip@2x@2x.png",
            "Strip.png",
            "strip.PNG",
            "strip.jpg",
            "strip",
            "hero.png",
            "images/strip.png",
            "de.lproj/en.lproj/strip.png",
            "/strip.png",
            "@2x.png",
            ".png",
            "",
        ] {
            assert!(!is_wallet_image(name), "{name}");
        }
    }

    #[test]
    fn the_nearest_right_name_is_told() {
        for (written, right) in [
            ("strip2x.png", "strip@2x.png"),
            ("strip_3x.png", "strip@3x.png"),
            ("Strip.png", "strip.png"),
            ("strip.PNG", "strip.png"),
            ("strip@1x.png", "strip.png"),
            ("stripe.png", "strip.png"),
            ("STRIP@2X.png", "strip@2x.png"),
            ("primary-logo@2x.png", "primaryLogo@2x.png"),
            ("thumnail.png", "thumbnail.png"),
            ("venuemap.png", "venueMap.png"),
            ("de.lproj/logo2x.png", "de.lproj/logo@2x.png"),
        ] {
            assert_eq!(
                unknown(written),
                format!("Wallet shows no image of this name: name it {right}")
            );
        }
        for name in ["hero.png", "foo.png", "x.png", "a/b/photo.png"] {
            assert_eq!(
                unknown(name),
                "Wallet shows no image of this name: its images are icon, logo, strip, thumbnail, background, footer, \
                 artwork, primaryLogo, secondaryLogo, personalizationLogo, venueMap, each with @2x or @3x for sharper \
                 screens"
            );
        }
    }

    #[test]
    fn an_image_at_the_root_replaces_its_scales_and_languages() {
        for (replaced, names) in [
            (
                true,
                [
                    "strip.png",
                    "strip@2x.png",
                    "strip@3x.png",
                    "de.lproj/strip.png",
                    "fr.lproj/strip@3x.png",
                ]
                .as_slice(),
            ),
            (
                false,
                &["logo.png", "de.lproj/logo.png", "strip.bin", "stripes.png", "pass.json"],
            ),
        ] {
            for name in names {
                assert_eq!(replaces("strip.png", name), replaced, "{name}");
                assert_eq!(replaces("strip@2x.png", name), replaced, "{name}");
            }
        }
    }

    #[test]
    fn an_image_of_one_language_replaces_its_scales_in_that_language() {
        for (name, replaced) in [
            ("de.lproj/strip.png", true),
            ("de.lproj/strip@2x.png", true),
            ("de.lproj/strip@3x.png", true),
            ("de-AT.lproj/strip.png", false),
            ("fr.lproj/strip@2x.png", false),
            ("strip@2x.png", false),
            ("de.lproj/logo.png", false),
        ] {
            assert_eq!(replaces("de.lproj/strip@2x.png", name), replaced, "{name}");
        }
    }

    #[test]
    fn the_icon_that_every_pass_needs_is_replaced_by_its_own_name_only() {
        assert!(!replaces("icon@2x.png", "icon.png"));
        assert!(!replaces("icon@3x.png", "icon.png"));
        assert!(replaces("icon.png", "icon.png"));
        for other in ["icon@2x.png", "icon@3x.png", "de.lproj/icon.png"] {
            assert!(replaces("icon.png", other), "{other}");
        }
    }

    #[test]
    fn a_name_that_wallet_does_not_know_replaces_itself_only() {
        assert!(replaces("hero.png", "hero.png"));
        assert!(!replaces("hero.png", "hero@2x.png"));
    }
}
