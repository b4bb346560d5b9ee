//! Colours, and the one form in which they are written.

/// Whether Wallet reads it as a colour.
pub(super) fn is_colour(text: &str) -> bool {
    rgb(text).is_some() || is_rgba(text)
}

/// The same colour as `rgb(r, g, b)`, if it is written otherwise; `None` for a text that is in that form, has
/// transparency, or is no colour.
pub(super) fn written(text: &str) -> Option<String> {
    let [r, g, b] = rgb(text)?;
    Some(format!("rgb({r}, {g}, {b})")).filter(|written| written != text)
}

/// The channels of `rgb(1, 2, 3)` with any blanks and case, `#RRGGBB` or `#RGB`.
fn rgb(text: &str) -> Option<[u8; 3]> {
    let text = text.trim();
    if let Some(digits) = text.strip_prefix('#') {
        let digits: Vec<u32> = digits.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
        let channel = |high: u32, low: u32| u8::try_from(high * 16 + low).ok();
        return match *digits.as_slice() {
            [r, g, b] => Some([channel(r, r)?, channel(g, g)?, channel(b, b)?]),
            [r1, r0, g1, g0, b1, b0] => Some([channel(r1, r0)?, channel(g1, g0)?, channel(b1, b0)?]),
            _ => None,
        };
    }
    let parts = arguments(text, "rgb")?;
    match parts.as_slice() {
        [r, g, b] => Some([channel(r)?, channel(g)?, channel(b)?]),
        _ => None,
    }
}

fn is_rgba(text: &str) -> bool {
    let Some(parts) = arguments(text.trim(), "rgba") else {
        return false;
    };
    let [r, g, b, alpha] = parts.as_slice() else {
        return false;
    };
    let is_alpha = alpha.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && alpha.parse::<f64>().is_ok_and(|alpha| (0.0..=1.0).contains(&alpha));
    [r, g, b].iter().all(|part| channel(part).is_some()) && is_alpha
}

/// What stands between the brackets of `name(a, b)`, with any blanks and case.
fn arguments<'a>(text: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let (found, rest) = text.split_once('(')?;
    if !found.trim_end().eq_ignore_ascii_case(name) {
        return None;
    }
    Some(rest.strip_suffix(')')?.split(',').map(str::trim).collect())
}

fn channel(text: &str) -> Option<u8> {
    text.bytes()
        .all(|digit| digit.is_ascii_digit())
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::{is_colour, written};

    #[test]
    fn colours_that_wallet_reads() {
        for text in [
            "rgb(1, 2, 3)",
            "rgb(1,2,3)",
            " RGB ( 255 , 0 , 0 ) ",
            "#0A5C36",
            "#ffcc00",
            "#FFF",
            "rgba(255, 255, 255, 0.75)",
            "rgba(0,0,0,1)",
        ] {
            assert!(is_colour(text), "{text}");
        }
    }

    #[test]
    fn colours_that_wallet_refuses() {
        for text in [
            "",
            "red",
            "rgb(1, 2)",
            "rgb(1, 2, 256)",
            "rgb(-1, 2, 3)",
            "rgb(1, 2, 3",
            "rgb(1.5, 2, 3)",
            "rgb(1, 2, 3, 0.5)",
            "rgba(1, 2, 3)",
            "rgba(1, 2, 3, 2)",
            "#12345",
            "#GGGGGG",
            "#",
            "0A5C36",
            "hsl(1, 2, 3)",
        ] {
            assert!(!is_colour(text), "{text}");
        }
    }

    #[test]
    fn colours_are_written_in_one_form_and_transparency_stays() {
        assert_eq!(written("#0A5C36").as_deref(), Some("rgb(10, 92, 54)"));
        assert_eq!(written("#FFF").as_deref(), Some("rgb(255, 255, 255)"));
        assert_eq!(written(" RGB ( 001 ,2,\t3 ) ").as_deref(), Some("rgb(1, 2, 3)"));
        for text in ["rgb(1, 2, 3)", "rgba(1, 2, 3, 0.5)", "red", "#12345"] {
            assert_eq!(written(text), None, "{text}");
        }
    }
}
