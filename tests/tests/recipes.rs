//! The recipes of docs/links.md make the links that livepass takes: the code is taken out of the
//! page and run.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use passes::ids::PassKey;
use passes::link::LinkSignature;

const BASE: &str = "https://passes.example.com";

/// Pass type, serial and expiry: all characters that there are, and the extremes of a number.
const LINKS: [(&str, &str, u64); 4] = [
    ("pass.com.example.loyalty", "DEMO-1", 1_795_255_200),
    ("pass.com.example.a-b_c.9", "A.b_c-9", 1),
    ("pass.x", "0", 253_402_300_799),
    ("pass.com.example.ticket", "z", 9_007_199_254_740_991),
];

fn page() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/links.md");
    std::fs::read_to_string(path).expect("docs/links.md")
}

/// The first fenced block of this language.
fn block(language: &str) -> String {
    let page = page();
    let (_, rest) = page
        .split_once(&format!("```{language}\n"))
        .unwrap_or_else(|| panic!("docs/links.md has no {language}"));
    let (code, _) = rest.split_once("```").expect("the block ends");
    code.to_owned()
}

/// Name and value of the page's key, and the ring that livepass makes of them.
fn key() -> (String, String, passes::tokens::KeyRing) {
    let json = block("json");
    let ring = aws::secrets::parse_key_ring(json.as_bytes()).expect("a key ring");
    let file: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let name = ring.current().name().to_owned();
    let value = file["keys"][&name].as_str().expect("a key").to_owned();
    (name, value, ring)
}

fn expected() -> Vec<String> {
    let (_, _, ring) = key();
    let link = |(pass_type, serial, expires_at): (&str, &str, u64)| {
        let pass = PassKey::parse(pass_type, serial).expect("a pass key");
        let signature = LinkSignature::sign(ring.current(), &pass, expires_at);
        format!("{BASE}{}", signature.path_and_query(&pass))
    };
    LINKS.map(link).into()
}

/// The lines that a program prints; nothing where its language is not installed.
fn run(program: &str, file: &str, code: &str) -> Option<Vec<String>> {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join(file);
    std::fs::write(&path, code).expect("the program is written");
    let output = match Command::new(program).arg(&path).output() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            println!("skipped: no {program}");
            return None;
        }
        output => output.expect("the program runs"),
    };
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    assert!(output.status.success(), "{}", text(&output.stderr));
    Some(text(&output.stdout).lines().map(str::to_owned).collect())
}

/// The page's code, and a line for each link that prints it.
fn program(language: &str, call: &str) -> String {
    let (name, value, _) = key();
    let mut program = block(language);
    for (pass_type, serial, expires_at) in LINKS {
        let arguments = format!(r#""{BASE}", "{pass_type}", "{serial}", {expires_at}, "{name}", "{value}""#);
        program.push_str(&call.replace("ARGUMENTS", &arguments));
        program.push('\n');
    }
    program
}

#[test]
fn the_pages_example_is_the_link_of_its_key() {
    assert_eq!(block("text").trim_end(), expected()[0]);
}

#[test]
fn the_python_recipe_makes_the_same_links() {
    let code = program("python", "print(pass_link(ARGUMENTS))");
    if let Some(links) = run("python3", "recipe.py", &code) {
        assert_eq!(links, expected());
    }
}

#[test]
fn the_javascript_recipe_makes_the_same_links() {
    let code = program("javascript", "console.log(passLink(ARGUMENTS));");
    if let Some(links) = run("node", "recipe.mjs", &code) {
        assert_eq!(links, expected());
    }
}
