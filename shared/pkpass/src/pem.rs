//! PEM files as people have them: several blocks, text between them, any line length.

use zeroize::Zeroizing;

/// One block of a PEM file.
pub(crate) struct Block {
    /// Such as `CERTIFICATE` or `PRIVATE KEY`.
    pub(crate) label: String,
    /// The DER bytes; none when the block cannot be decoded. Wiped when dropped, because they may
    /// be a key.
    pub(crate) der: Option<Zeroizing<Vec<u8>>>,
    /// Whether the block says that it is encrypted.
    pub(crate) encrypted: bool,
}

/// Every block in `text`, in order. What stands between blocks is skipped (`openssl pkcs12` writes
/// the bag's attributes there).
pub(crate) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line
            .strip_prefix("-----BEGIN ")
            .and_then(|rest| rest.strip_suffix("-----"))
        else {
            continue;
        };
        let end = format!("-----END {label}-----");
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
        let encrypted = label.starts_with("ENCRYPTED") || body.iter().any(|line| line.contains("ENCRYPTED"));
        let der = if encrypted { None } else { decode(label, &body) };
        blocks.push(Block {
            label: label.to_owned(),
            der,
            encrypted,
        });
    }
    blocks
}

/// Decodes through the constant-time decoder of RFC 7468, which insists on lines of 64 characters:
/// so the body is wrapped anew first.
fn decode(label: &str, body: &[&str]) -> Option<Zeroizing<Vec<u8>>> {
    const LINE: usize = 64;
    let mut base64 = Zeroizing::new(String::new());
    for line in body {
        base64.extend(line.chars().filter(|character| !character.is_whitespace()));
    }
    if !base64.is_ascii() {
        return None;
    }
    let mut block = Zeroizing::new(String::with_capacity(base64.len() + base64.len() / LINE + 128));
    block.push_str(&format!("-----BEGIN {label}-----\n"));
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(LINE));
        block.push_str(line);
        block.push('\n');
        rest = after;
    }
    block.push_str(&format!("-----END {label}-----\n"));
    let (_, der) = der::pem::decode_vec(block.as_bytes()).ok()?;
    Some(Zeroizing::new(der))
}
