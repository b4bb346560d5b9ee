//! What a template is warned of.

use std::collections::BTreeMap;

use pkpass::Template;
use serde_json::json;

use crate::samples;

fn warnings_after(change: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> Vec<String> {
    let mut files = samples::files();
    change(&mut files);
    let template = Template::from_files(files).unwrap();
    template
        .warnings(samples::now())
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn with_pass_json(change: impl FnOnce(&mut serde_json::Value)) -> Vec<String> {
    warnings_after(|files| {
        let mut skeleton = samples::skeleton();
        change(&mut skeleton);
        files.insert("pass.json".to_owned(), skeleton.to_string().into_bytes());
    })
}

#[test]
fn what_each_row_has_to_bring_is_said_at_the_template() {
    assert_eq!(
        with_pass_json(|_| {}),
        [
            "pass.json storeCard.headerFields[0].value: each row has to bring it: it is missing: add it as text or a number"
        ]
    );
    assert_eq!(
        with_pass_json(|pass| pass["storeCard"]["headerFields"][0]["value"] = json!(0)),
        [""; 0]
    );
}

#[test]
fn dates_that_are_over_are_warned_of_at_the_template() {
    let over = |key: &'static str, date: &'static str| {
        let warnings = with_pass_json(|pass| {
            pass["storeCard"]["headerFields"][0]["value"] = json!(0);
            pass[key] = json!(date);
        });
        warnings
            .iter()
            .any(|line| line.starts_with(&format!("pass.json {key}: it is in the past")))
    };
    for key in ["relevantDate", "expirationDate"] {
        assert!(over(key, "2026-11-21T09:29:59Z"), "{key}");
        assert!(!over(key, "2026-11-21T09:30:01Z"), "{key}");
    }
}

#[test]
fn what_takes_a_certificate_for_nfc_is_said_before_any_row_meets_it() {
    let warnings = warnings_after(|files| {
        let mut skeleton = samples::skeleton();
        skeleton["nfc"] = json!({"message": "1"});
        files.insert("pass.json".to_owned(), skeleton.to_string().into_bytes());
        files.insert("personalization.json".to_owned(), b"{}".to_vec());
    });
    for start in [
        "pass.json nfc: phones refuse it unless",
        "personalization.json: phones refuse it unless",
    ] {
        assert!(warnings.iter().any(|line| line.starts_with(start)), "{warnings:?}");
    }
}

#[test]
fn a_key_that_stands_twice_is_warned_of() {
    let warnings = warnings_after(|files| {
        let twice = samples::skeleton()
            .to_string()
            .replacen('{', r#"{"description": "First", "#, 1);
        files.insert("pass.json".to_owned(), twice.into_bytes());
    });
    let line = "pass.json: the key description stands twice in one object, and readers take either: keep one";
    assert!(warnings.iter().any(|warning| warning == line), "{warnings:?}");
}

#[test]
fn an_icon_in_its_sharper_scales_alone_is_warned_of() {
    let warnings = warnings_after(|files| {
        files.remove("icon.png");
    });
    assert!(
        warnings.iter().any(|line| line.starts_with("icon.png: ")),
        "{warnings:?}"
    );
}

#[test]
fn an_image_that_no_phone_shows_is_warned_of_with_the_name_that_was_meant() {
    let warnings = warnings_after(|files| {
        files.insert("strip2x.png".to_owned(), samples::png(10, 1));
        files.insert("strip@2x.png".to_owned(), samples::png(10, 1));
    });
    let of_images: Vec<_> = warnings.iter().filter(|line| line.starts_with("strip")).collect();
    assert_eq!(of_images.len(), 1, "{warnings:?}");
    assert!(of_images[0].contains("strip@2x.png"), "{of_images:?}");
}

#[test]
fn languages_without_english_are_warned_of_where_there_are_several() {
    let languages = |more: &'static [&'static str]| {
        let warnings = warnings_after(|files| {
            for language in more {
                files.insert(format!("{language}.lproj/pass.strings"), b"\"a\" = \"b\";".to_vec());
            }
        });
        warnings.iter().any(|line| line.starts_with("en.lproj/: "))
    };
    assert!(languages(&["fr"]), "German and French");
    assert!(!languages(&[]), "German alone");
    assert!(!languages(&["fr", "en"]));
    assert!(!languages(&["fr", "en-GB"]));
}

#[test]
fn a_change_message_is_looked_up_in_the_strings_of_each_language() {
    let warnings = |german: &'static str| {
        warnings_after(|files| {
            let mut skeleton = samples::skeleton();
            skeleton["storeCard"]["headerFields"][0] = json!({"key": "gate", "value": "4", "changeMessage": "gate"});
            files.insert("pass.json".to_owned(), skeleton.to_string().into_bytes());
            files.insert("de.lproj/pass.strings".to_owned(), german.as_bytes().to_vec());
            files.insert(
                "en.lproj/pass.strings".to_owned(),
                b"\"gate\" = \"Platform is now %@\";".to_vec(),
            );
        })
    };
    assert_eq!(warnings("\"gate\" = \"Gleis jetzt %@\";"), [""; 0]);
    let in_english_alone = warnings("\"door\" = \"Jetzt %@\";");
    assert_eq!(in_english_alone.len(), 1);
    assert!(
        in_english_alone[0].ends_with("not in de: add a text with %@ there"),
        "{in_english_alone:?}"
    );
}
