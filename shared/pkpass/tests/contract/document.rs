//! `docs/pass.md` says what the table and the rules say.
//!
//! After a change of either: `LIVEPASS_WRITE_DOCS=1 cargo test -p pkpass docs_pass_md`.

use std::fmt::Write as _;
use std::path::Path;

use pkpass::pass_json::table::{Kind, Need, OBJECTS};
use pkpass::pass_json::{Rule, Verdict};

fn keys() -> String {
    let mut text = String::new();
    for object in OBJECTS {
        writeln!(text, "### Keys of {}\n", object.name).unwrap();
        writeln!(text, "| key | type | needed | styles | since | from |").unwrap();
        writeln!(text, "| --- | --- | --- | --- | --- | --- |").unwrap();
        for key in object.keys {
            let needed = match key.need {
                Need::No => "",
                Need::Yes => "yes",
                Need::TemplateOrRow => "by template or row",
                Need::Injected => "livepass puts it in",
            };
            writeln!(
                text,
                "| `{}` | {} | {needed} | {} | {} | {} |",
                key.name,
                kind(&key.kind),
                key.styles.join(", "),
                key.since,
                key.evidence
            )
            .unwrap();
        }
        writeln!(text).unwrap();
    }
    text
}

fn kind(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".into(),
        Kind::Bytes => "text, any characters".into(),
        Kind::Bool => "boolean".into(),
        Kind::Number(least, most) if most.abs() > 1e300 && least.abs() > 1e300 => "number".into(),
        Kind::Number(least, most) if most.abs() > 1e300 => format!("number from {least} on"),
        Kind::Number(least, most) => format!("number from {least} to {most}"),
        Kind::Integer(least, most) if least == most => format!("the number {least}"),
        Kind::Integer(least, i64::MAX) => format!("whole number from {least} on"),
        Kind::Integer(least, most) => format!("whole number from {least} to {most}"),
        Kind::Scalar => "text or number".into(),
        Kind::Date => "date".into(),
        Kind::Colour => "colour".into(),
        Kind::Word(words) => {
            let unknown = match (words.extended, words.prefix) {
                (false, _) => String::new(),
                (true, "") => "; any other is a warning".into(),
                (true, prefix) => format!("; another one that begins with `{prefix}` is a warning"),
            };
            format!("one of `{}`{unknown}", words.known.join("`, `"))
        }
        Kind::Map => "object, not looked into".into(),
        Kind::Object(object) => format!("object with the keys of {}", object.name),
        Kind::List(each, most) => {
            let most = most.map_or(String::new(), |most| format!("; a phone reads {most}"));
            format!("list, each: {}{most}", self::kind(each))
        }
    }
}

fn rules() -> String {
    let mut text = String::from("| verdict | what is held against a pass | from |\n| --- | --- | --- |\n");
    for rule in Rule::ALL {
        let verdict = match rule.verdict() {
            Verdict::Refuse => "refuse",
            Verdict::Warn => "warn",
        };
        writeln!(text, "| {verdict} | {} | {} |", rule.about(), rule.evidence()).unwrap();
    }
    text
}

/// The page with this text between the mark and its end.
fn with(page: &str, mark: &str, text: &str) -> String {
    let (before, rest) = page.split_once(&format!("<!-- {mark}:")).expect("the mark");
    let (comment, rest) = rest.split_once("-->\n").expect("its end");
    let (_, after) = rest.split_once("<!-- end -->").expect("the end of the part");
    format!(
        "{before}<!-- {mark}:{comment}-->\n{}\n<!-- end -->{after}",
        text.trim_end()
    )
}

#[test]
fn docs_pass_md_lists_every_key_and_every_rule() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pass.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let written = with(&with(&page, "keys", &keys()), "rules", &rules());
    if std::env::var_os("LIVEPASS_WRITE_DOCS").is_some() {
        std::fs::write(&path, &written).unwrap();
    }
    let page = std::fs::read_to_string(&path).unwrap();
    assert!(
        page == written,
        "docs/pass.md is behind: LIVEPASS_WRITE_DOCS=1 cargo test -p pkpass docs_pass_md"
    );
}
