//! Rules of the tree that the compiler alone does not keep.

use std::collections::BTreeSet;
use std::process::Command;

/// Names of all crates that a package is built from, itself included.
fn tree(package: &str) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "--offline",
            "--locked",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            package,
        ])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}

const DEPLOYED: [&str; 9] = [
    "register-device",
    "unregister-device",
    "list-updated-passes",
    "send-pass",
    "log-messages",
    "add-pass",
    "publish-changes",
    "publish-template",
    "push-devices",
];

#[test]
fn the_domain_and_the_package_crate_know_no_runtime_no_http_and_no_aws() {
    for package in ["passes", "pkpass"] {
        for name in tree(package) {
            let foreign = matches!(
                name.as_str(),
                "tokio" | "http" | "httpdate" | "hyper" | "reqwest" | "aws-config" | "rsa"
            ) || name.starts_with("aws-sdk-")
                || name.starts_with("aws-smithy-")
                || name.starts_with("lambda_");
            assert!(!foreign, "{package} depends on {name}");
        }
    }
}

#[test]
fn packages_know_nothing_of_what_stands_above_them() {
    let tree = tree("pkpass");
    for above in ["passes", "aws", "apns", "edge"] {
        assert!(!tree.contains(above), "pkpass depends on {above}");
    }
}

#[test]
fn nothing_local_is_deployed() {
    for function in DEPLOYED {
        let tree = tree(function);
        for local in [
            "apns-simulator",
            "cloud",
            "phone",
            "seed",
            "situations",
            "stack",
            "tap",
            "dynoxide-rs",
            "rcgen",
        ] {
            assert!(!tree.contains(local), "{function} depends on {local}");
        }
    }
}

#[test]
fn one_cryptographic_provider_and_one_tls_stack() {
    for package in DEPLOYED.into_iter().chain(["livepass"]) {
        let tree = tree(package);
        for other in ["rsa", "ring", "openssl", "native-tls"] {
            assert!(!tree.contains(other), "{package} depends on {other}");
        }
    }
}

#[test]
fn only_functions_that_push_carry_the_apns_client_into_their_wiring() {
    // The edge crate offers it to all; whoever uses it names it.
    for function in DEPLOYED {
        let manifest = std::fs::read_to_string(format!(
            "{}/../functions/{function}/Cargo.toml",
            env!("CARGO_MANIFEST_DIR")
        ));
        let pushes = manifest.unwrap().contains("apns.workspace");
        assert_eq!(
            pushes,
            ["publish-changes", "push-devices"].contains(&function),
            "{function}"
        );
    }
}
