//! `livepass template` against a real `livepass dev`.

use std::fs;
use std::path::Path;
use std::process::Output;

use crate::process::{Dev, Ports, livepass};

fn template(dir: &Path, arguments: &[&str]) -> Output {
    let mut command = livepass();
    command.arg("template").args(arguments).arg("--dir").arg(dir);
    command.output().unwrap()
}

#[track_caller]
fn accepted(output: Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[track_caller]
fn refused(output: Output) -> String {
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

/// The demo's loyalty template as a folder, with another description.
fn another_card(dir: &Path) -> String {
    for (path, mut content) in seed::templates::loyalty() {
        if path == "pass.json" {
            let mut pass: serde_json::Value = serde_json::from_slice(&content).unwrap();
            pass["description"] = "Another card".into();
            content = pass.to_string().into_bytes();
        }
        let path = dir.join("card").join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir.join("card").display().to_string()
}

/// SweepQueue as one that takes nothing.
fn broken_queue(dir: &Path) {
    let queue = stack::queue_folder(dir, "SweepQueue");
    let _ = fs::rename(&queue, queue.with_extension("aside"));
    fs::write(queue, "").unwrap();
}

fn mended_queue(dir: &Path) {
    let queue = stack::queue_folder(dir, "SweepQueue");
    fs::remove_file(&queue).unwrap();
    let _ = fs::rename(queue.with_extension("aside"), queue);
}

#[test]
fn a_put_whose_passes_were_not_told_says_so_and_put_again_tells_them() {
    let dir = tempfile::tempdir().unwrap();
    let (dev, _) = Dev::ready(dir.path(), &Ports::free());
    let card = another_card(dir.path());
    broken_queue(dir.path());
    let said = refused(template(dir.path(), &["put", &card, "--id", "loyalty"]));
    assert!(
        said.contains("(change 2), but its passes were not told to follow:\n"),
        "{said}"
    );
    assert!(
        said.ends_with("\nOnce that is mended, put the same files again.\n"),
        "{said}"
    );
    mended_queue(dir.path());
    let said = accepted(template(dir.path(), &["put", &card, "--id", "loyalty"]));
    assert!(
        said.contains("already") && said.contains("so these are told again."),
        "{said}"
    );
    accepted(template(dir.path(), &["status", "--id", "loyalty", "--wait"]));
    let said = accepted(template(dir.path(), &["put", &card, "--id", "loyalty"]));
    assert!(said.ends_with("; nothing to do.\n"), "{said}");
    assert!(dev.stop().0);
}
