//! Whether the certificates and the APNs key of a place are of one team: APNs takes pushes for a pass type
//! from its own team's key alone, and would refuse all others one by one, on a stack that looks healthy.

use apns::ProviderKey;
use pkpass::{IdentityError, SigningCertificate};

use crate::failure::Failure;
use crate::output::say;
use crate::place::Place;

/// What the APNs key that is stored in a place says against a certificate.
pub async fn against_apns_key(place: &Place, certificate: &SigningCertificate) -> Result<Vec<IdentityError>, Failure> {
    let Some(secret) = place.secret(super::apns::SECRET).await? else {
        return Ok(Vec::new());
    };
    match ProviderKey::from_json(&secret) {
        Ok(key) => Ok(certificate.check_push_team(key.team_id()).err().into_iter().collect()),
        Err(error) => {
            say!(
                "its team was not compared with that of the APNs key in {}, which cannot be read: {}",
                place.name(),
                Failure::from_error(&error)
            );
            Ok(Vec::new())
        }
    }
}

/// What the certificates that are stored in a place say against an APNs key of `team`.
pub async fn against_certificates(place: &Place, team: &str) -> Result<Vec<IdentityError>, Failure> {
    let pass_types = match place.pass_types().await {
        Ok(pass_types) => pass_types,
        // The right to list secrets is nothing that storing one needs.
        Err(failure) => {
            say!(
                "its team was not compared with those of the certificates in {}: {failure}",
                place.name()
            );
            return Ok(Vec::new());
        }
    };
    let mut faults = Vec::new();
    for pass_type in pass_types {
        let stored = place
            .secret(&super::pass_type::secret(&pass_type, "certificate"))
            .await?;
        // One that cannot be read has faults of its own, which others tell.
        if let Some(Ok(certificate)) = stored.map(|pem| SigningCertificate::from_pem(&pem)) {
            faults.extend(certificate.check_push_team(team).err());
        }
    }
    Ok(faults)
}

/// What a command says of certificates and keys of different teams.
pub fn of_different_teams(faults: &[IdentityError]) -> Result<(), Failure> {
    match faults {
        [] => Ok(()),
        faults => Err(Failure::new(sentences(faults))),
    }
}

/// The same before something is stored, which `accepted` allows. The simulated APNs of a local stack
/// pushes to passes of any team, so there it is only said.
pub fn before_storing(place: &Place, faults: &[IdentityError], accepted: bool) -> Result<(), Failure> {
    if faults.is_empty() {
        return Ok(());
    }
    let sentences = sentences(faults);
    match place {
        _ if accepted => say!("{sentences}"),
        Place::Folder(_) => say!("{sentences}\nThe simulated APNs of a local stack takes them all the same."),
        Place::Deployed(_) => {
            return Err(Failure::new(format!(
                "{sentences}\n  nothing is stored; while both are being replaced, store it all the same with --other-team"
            )));
        }
    }
    Ok(())
}

fn sentences(faults: &[IdentityError]) -> String {
    let sentences: Vec<_> = faults.iter().map(IdentityError::to_string).collect();
    sentences.join("\n  ")
}
