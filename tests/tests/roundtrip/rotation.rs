//! A signing identity is replaced while phones download: the new one signs within the caches'
//! lifetime, and no download fails in between.

use std::time::Duration;

use passes::ids::PassKey;
use seed::Validity;
use tests::caller::Answer;
use tests::{DEMO, LOYALTY, Registrant, Site};

/// Secrets are cached for at most this long.
const LIFETIME: Duration = Duration::from_secs(15 * 60);

/// The certificate that signed a downloaded package, which is verified as Wallet does.
fn signer(site: &Site, answer: &Answer) -> Vec<u8> {
    assert_eq!(answer.status, 200);
    let pem = std::fs::read(&site.stack.endpoints().root_certificate).expect("the root certificate");
    let root = pkpass::root_from_pem(&pem).expect("a PEM certificate");
    let opened = pkpass::verify(&answer.body, &root, site.clock.now().system_time());
    opened
        .expect("a package that Wallet takes")
        .certificate
        .leaf_der()
        .to_vec()
}

/// Both ways on which signed passes leave: Wallet's call and the first download.
async fn signers(site: &Site, who: &Registrant) -> [Vec<u8>; 2] {
    let key = PassKey::parse(LOYALTY, DEMO).expect("a pass key");
    let link = site.caller.client.get(site.link(&key));
    [
        signer(site, &site.caller.pass(who, None).await),
        signer(site, &site.caller.send(link).await),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_identity_signs_within_its_lifetime_and_no_download_fails_meanwhile() {
    let site = Site::start().await;
    let who = site.registrant("d1", LOYALTY, DEMO).await;
    let [old, added] = signers(&site, &who).await;
    assert_eq!(old, added);

    let folder = site.stack.folder();
    let key = PassKey::parse(LOYALTY, DEMO).expect("a pass key");
    let team = &seed::demo()[0].team_id;
    let issued = folder.authority().expect("the authority");
    let next = issued
        .issue_pass_certificate(&key.pass_type, team, Validity::long())
        .expect("a certificate");
    // One secret after the other, as an operator stores them, with downloads while they differ.
    std::fs::write(folder.pass_certificate(&key.pass_type), &next.certificate_chain_pem).expect("stored");
    for _ in 0..4 {
        site.clock.turn(LIFETIME / 3);
        assert_eq!(
            signers(&site, &who).await,
            [old.clone(), old.clone()],
            "half is no identity"
        );
    }
    std::fs::write(folder.pass_key(&key.pass_type), &next.private_key_pem).expect("stored");
    let mut seen = signers(&site, &who).await;
    for _ in 0..3 {
        site.clock.turn(LIFETIME / 3);
        seen = signers(&site, &who).await;
    }
    let [sent, added] = seen;
    assert_ne!(sent, old, "the new identity signs");
    assert_eq!(sent, added);

    // A pass that changes from now on is published and signed by the new one too.
    site.set_balance(DEMO, 77).await;
    let changed = site.caller.pass(&who, None).await;
    assert_eq!(signer(&site, &changed), sent);
    assert_eq!(site.opened(&changed)["storeCard"]["primaryFields"][0]["value"], 77);
}
