use crate::process::{assert_in_order, available, livepass, shell, told};

#[test]
fn the_demo_tells_the_whole_story_and_keeps_a_package_that_others_verify() {
    let dir = tempfile::tempdir().unwrap();
    let package = dir.path().join("demo.pkpass");
    let story = told(livepass().args(["demo", "--out"]).arg(&package));
    let parts = [
        "phone -> GET /add/pass.com.example.loyalty/DEMO-1",
        "phone -> POST /v1/devices/",
        "   201   ",
        "It shows balance 25.",
        "backend -> UpdateItem Passes DEMO-1: fields.balance = 42.5",
        "livepass -> APNs push pass.com.example.loyalty   200",
        "?passesUpdatedSince=",
        "phone -> GET /v1/passes/pass.com.example.loyalty/DEMO-1   200",
        "balance: 25 -> 42.5   \"Your balance is now 42.5\"",
        "phone -> DELETE /v1/devices/",
        "All of it happened",
    ];
    assert_in_order(&story, &parts);

    let path = package.display();
    if available("unzip") {
        let tested = shell(&format!("unzip -t {path}"));
        assert!(tested.status.success(), "{}", String::from_utf8_lossy(&tested.stdout));
    }
    if available("bsdtar") && available("unzip") {
        // From a pipe it reads front to back, as Android wallets do.
        let names = |command: &str| {
            let listed = shell(&format!("{command} | LC_ALL=C sort"));
            assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
            String::from_utf8(listed.stdout).unwrap()
        };
        let streamed = names(&format!("cat {path} | bsdtar -tf -"));
        assert_eq!(streamed, names(&format!("unzip -Z1 {path}")));
        assert!(streamed.lines().any(|name| name == "pass.json"), "{streamed}");
    }
    if available("openssl") && available("python3") {
        // The checks of the README, with tools that know nothing of livepass.
        let verified = shell(&format!(
            "cd {dir} && unzip -q {path} -d opened && cd opened &&
             openssl cms -verify -binary -inform DER -purpose any -in signature -content manifest.json \
               -CAfile {path}.root.pem -out /dev/null &&
             python3 -c 'import json, hashlib, os
manifest = json.load(open(\"manifest.json\"))
files = [os.path.relpath(os.path.join(d, f), \".\") for d, _, fs in os.walk(\".\") for f in fs]
assert set(files) - {{\"manifest.json\", \"signature\"}} == set(manifest), (files, manifest)
assert all(hashlib.sha1(open(f, \"rb\").read()).hexdigest() == h for f, h in manifest.items())
print(len(manifest), \"files match\")'",
            dir = dir.path().display()
        ));
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stderr)
        );
    }
}
