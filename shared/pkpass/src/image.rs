use crate::{layout, png};

/// Judges an image that a record brings, by its name in the package (`strip.png`,
/// `de.lproj/strip@2x.png`) and its bytes. [`crate::Template::package`] does the same for each image.
///
/// # Errors
/// A sentence that says what is wrong and names the fix.
pub fn check_image(name: &str, content: &[u8]) -> Result<(), String> {
    if let Some(reason) = layout::refusal(name) {
        return Err(reason);
    }
    if !layout::is_image(name) {
        return Err("it is not named .png: only images are added to a pass".to_owned());
    }
    png::check(content)
}
