//! How much more a whole package costs than the bare RSA signature in it.
//!
//! Bounded: a few seconds. Run with `cargo bench -p pkpass`. Signatures and packages are measured
//! in turns within one run, so that a busy machine slows both down; the ratio of the medians is
//! what counts.

#[path = "../tests/contract/authority.rs"]
#[allow(dead_code)]
mod authority;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime};

use pkpass::{Signer, Template};
use serde_json::json;

const ROUNDS: usize = 2_000;
/// The templates' sizes in bytes: a card with few images, and one with all of them.
const TEMPLATES: [usize; 2] = [30_000, 250_000];

fn main() {
    for bytes in TEMPLATES {
        measure(bytes);
    }
}

fn measure(template_bytes: usize) {
    let apple = authority::apple();
    let identity = apple.identity();
    let key = apple.key();
    let template = Template::from_files(files(template_bytes)).expect("the template is right");
    let pass_json = pkpass::canonical_json(&pass());
    let now = SystemTime::now();
    let package = || {
        template
            .package(&pass_json, &[], &identity, now)
            .expect("the package is built")
    };

    let mut signatures = Vec::with_capacity(ROUNDS);
    let mut packages = Vec::with_capacity(ROUNDS);
    let mut archives = Vec::with_capacity(ROUNDS);
    let mut manifests = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        signatures.push(time(|| key.sign(&[7; 32]).expect("the key signs")));
        packages.push(time(package));
        archives.push(time(|| template.to_bundle()));
        manifests.push(time(|| template.manifest_with(&pass_json, &[]).fingerprint()));
    }
    let (signature, whole) = (median(&mut signatures), median(&mut packages));
    println!("package of {} bytes, {ROUNDS} rounds, medians", package().len());
    println!("bare RSA signature  {:>8.1} us", micros(signature));
    println!("whole package       {:>8.1} us", micros(whole));
    println!("archive alone       {:>8.1} us", micros(median(&mut archives)));
    println!("manifest alone      {:>8.1} us", micros(median(&mut manifests)));
    println!(
        "ratio               {:>8.3}",
        whole.as_secs_f64() / signature.as_secs_f64()
    );
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let result = black_box(work());
    let elapsed = start.elapsed();
    drop(result);
    elapsed
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// Twelve images that do not compress, and two languages.
fn files(bytes: usize) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for name in ["icon", "logo", "strip", "thumbnail"] {
        for scale in ["", "@2x", "@3x"] {
            files.insert(format!("{name}{scale}.png"), noise(bytes / 12));
        }
    }
    for language in ["de", "fr"] {
        let texts = b"\"POINTS\" = \"PUNKTE\";\n".repeat(20);
        files.insert(format!("{language}.lproj/pass.strings"), texts);
    }
    let skeleton = json!({
        "formatVersion": 1,
        "description": "Coffee card",
        "organizationName": "Example Coffee",
        "storeCard": {},
    })
    .to_string()
    .into_bytes();
    files.insert("pass.json".to_owned(), skeleton);
    files
}

/// A grey image of noise, of about `bytes` bytes.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = bytes as u64 | 1;
    let pixels: Vec<u8> = (0..bytes / 100 * 100)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect();
    let height = u32::try_from(pixels.len() / 100).expect("the image is small");
    let mut content = Vec::new();
    let mut encoder = png::Encoder::new(&mut content, 100, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("the header is written");
    writer.write_image_data(&pixels).expect("the image is written");
    writer.finish().expect("the image is written");
    content
}

/// About 2 KB, as usual.
fn pass() -> serde_json::Value {
    let fields: Vec<_> = (0..12)
        .map(|number| {
            json!({
                "key": format!("field{number}"),
                "label": format!("Label {number}"),
                "value": "What a person reads about this card, in one line.",
                "changeMessage": "Now %@",
            })
        })
        .collect();
    json!({
        "formatVersion": 1,
        "description": "Coffee card",
        "organizationName": "Example Coffee",
        "passTypeIdentifier": authority::PASS_TYPE,
        "teamIdentifier": authority::TEAM,
        "serialNumber": "4711",
        "webServiceURL": "https://passes.example.com",
        "authenticationToken": "0123456789abcdef0123456789abcdef",
        "storeCard": {"backFields": fields},
    })
}
