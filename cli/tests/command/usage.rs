use crate::process::livepass;

fn fails(arguments: &[&str]) -> String {
    let output = livepass().args(arguments).output().unwrap();
    assert!(!output.status.success(), "{arguments:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn every_command_has_help_with_examples() {
    for command in [
        &["demo"] as &[&str],
        &["dev"],
        &["phone"],
        &["link"],
        &["template", "check"],
        &["template", "put"],
        &["template", "status"],
        &["template", "rollback"],
        &["secret", "check", "pass-type"],
        &["secret", "put", "pass-type"],
        &["secret", "put", "apns"],
        &["secret", "put", "keys"],
        &["publish"],
        &["deletions", "status"],
        &["deletions", "release"],
        &["trigger"],
    ] {
        let output = livepass().args(command).arg("--help").output().unwrap();
        let help = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && help.contains("Example"), "{help}");
        assert!(!help.contains("Options that"), "what is said of all is of none: {help}");
    }
}

#[test]
fn an_identity_without_files_names_both_forms() {
    let said = fails(&["secret", "check", "pass-type", "--type", "pass.com.example.loyalty"]);
    assert_eq!(said, "error: name the files: --p12, or --certificate and --key\n");
}

#[test]
fn a_missing_stack_is_named_with_the_command_that_starts_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_str().unwrap();
    assert_eq!(
        fails(&["phone", "--dir", path]),
        format!("error: no stack has been started in {path}; run `livepass dev --dir {path}` first\n")
    );
    assert_eq!(
        fails(&["link", "--dir", path]),
        format!(
            "error: {path} is not the folder of a local stack; run `livepass dev --dir {path}` first, or name a \
             deployed stack with --stack\n"
        )
    );
}

#[test]
fn a_phone_has_one_of_two_systems() {
    let error = fails(&["phone", "--ios", "18"]);
    assert!(error.contains("[possible values: 26, 27]"), "{error}");
}

#[test]
fn an_address_that_is_not_loopback_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let error = fails(&["dev", "--dir", dir.path().to_str().unwrap(), "--http", "0.0.0.0:0"]);
    assert_eq!(
        error,
        "error: 0.0.0.0:0 is no loopback address; the local stack listens on 127.0.0.1 only\n"
    );
}

#[test]
fn an_address_in_use_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = fails(&[
        "dev",
        "--dir",
        dir.path().to_str().unwrap(),
        "--http",
        "127.0.0.1:0",
        "--dynamodb",
        &address,
        "--apns",
        "127.0.0.1:0",
        "--control",
        "127.0.0.1:0",
    ]);
    assert!(
        error.contains(&format!("cannot listen on {address}; choose another address or port")),
        "{error}"
    );
}

#[test]
fn a_serial_or_duration_that_cannot_be_is_refused_with_the_reason() {
    assert!(fails(&["link", "--serial", "a b"]).contains("serialNumber: contains ' '"));
    assert!(fails(&["link", "--expires", "soon"]).contains("--expires"));
}

/// Its output is closed before it writes anything, which is how `| head` looks at the worst.
#[test]
fn whoever_reads_may_leave_without_a_panic() {
    let dir = tempfile::tempdir().unwrap();
    for (path, content) in seed::templates::loyalty() {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    let card = dir.path().to_str().unwrap();
    for arguments in [
        &["trigger", "--list"] as &[&str],
        &["template", "check", card],
        &["--help"],
        &["demo"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = livepass().args(arguments).stdout(writer).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(said, "", "{arguments:?}");
    }
}
