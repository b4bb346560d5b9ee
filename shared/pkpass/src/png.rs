//! What can be said about a PNG without decoding it.

/// Wider and higher than any image of a pass at three pixels per point; a larger one is a mistake
/// that a phone pays for with memory: 4 bytes for each of 4,096 x 4,096 pixels are 64 MiB.
const MAX_SIDE: u32 = 4_096;

const MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

/// Magic number, a sane IHDR, and whole chunks up to IEND.
///
/// # Errors
/// A sentence that says what is wrong with the image.
pub(crate) fn check(bytes: &[u8]) -> Result<(), String> {
    let Some(chunks) = bytes.strip_prefix(MAGIC) else {
        return Err("it is named .png but is no PNG: convert it".into());
    };
    let mut chunks = Chunks(chunks);
    match chunks.next() {
        Some((b"IHDR", header)) => check_header(header)?,
        _ => return Err("it does not begin with an IHDR chunk: export it again".into()),
    }
    if chunks.any(|(kind, _)| kind == b"IEND") {
        Ok(())
    } else {
        Err("it is cut off: export or upload it again".into())
    }
}

fn check_header(header: &[u8]) -> Result<(), String> {
    let Ok(
        [
            w0,
            w1,
            w2,
            w3,
            h0,
            h1,
            h2,
            h3,
            depth,
            colour,
            compression,
            filter,
            interlace,
        ],
    ) = <[u8; 13]>::try_from(header)
    else {
        return Err("its IHDR chunk has the wrong length: export it again".into());
    };
    let width = u32::from_be_bytes([w0, w1, w2, w3]);
    let height = u32::from_be_bytes([h0, h1, h2, h3]);
    if !(1..=MAX_SIDE).contains(&width) || !(1..=MAX_SIDE).contains(&height) {
        return Err(format!(
            "it is {width} x {height} pixels: both sides must be from 1 to {MAX_SIDE}"
        ));
    }
    // The combinations of PNG's table 11.1.
    let depths: &[u8] = match colour {
        0 => &[1, 2, 4, 8, 16],
        2 | 4 | 6 => &[8, 16],
        3 => &[1, 2, 4, 8],
        _ => &[],
    };
    if !depths.contains(&depth) || compression != 0 || filter != 0 || interlace > 1 {
        return Err("its IHDR chunk names a format that PNG does not have: export it again".into());
    }
    Ok(())
}

/// Kind and data of each chunk; ends where the bytes do.
struct Chunks<'a>(&'a [u8]);

impl<'a> Iterator for Chunks<'a> {
    type Item = (&'a [u8; 4], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (length, rest) = self.0.split_first_chunk::<4>()?;
        let (kind, rest) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (data, rest) = rest.split_at_checked(length)?;
        let (_checksum, rest) = rest.split_first_chunk::<4>()?;
        self.0 = rest;
        Some((kind, data))
    }
}
