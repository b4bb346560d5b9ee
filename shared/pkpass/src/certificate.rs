use std::fmt;
use std::time::SystemTime;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{OU, UID};
use der::Decode;
use der::asn1::AnyRef;

use crate::certificate_view::CertificateView;
use crate::identity_error::IdentityError;
use crate::pem;

/// Apple's mark in certificates for pass types. Source: Apple WWDR certification practice
/// statement, "custom extensions".
const PASS_TYPE_MARKER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.1.16");

/// Apple's mark in certificates whose passes may use NFC, which Apple grants on request.
const NFC_MARKER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.1.26");

/// The certificate that passes of one type are signed with, and the intermediate that issued it.
///
/// What has been made is sure to be for a pass type and a team, to carry Apple's marker, to hold
/// an RSA key, and to be signed by its intermediate. Its dates are judged by
/// [`SigningCertificate::valid_at`], because they change by themselves. Nothing in it is secret.
#[derive(Clone)]
pub struct SigningCertificate {
    pub(crate) leaf: CertificateView,
    pub(crate) intermediate: CertificateView,
    pass_type_identifier: String,
    team_identifier: String,
}

impl SigningCertificate {
    /// Reads the Pass Type ID certificate and Apple's intermediate from a PEM file, in any order, and
    /// in whatever form the file was pasted: see [`pem`].
    ///
    /// The leaf is the certificate whose subject has a UID. The intermediate is the one that
    /// issued the leaf: its name is the leaf's issuer and its key made the leaf's signature, so a
    /// file may hold several generations of Apple's intermediates. Other blocks, such as a private
    /// key, and text between blocks are skipped.
    ///
    /// # Errors
    /// What keeps Wallet from taking this certificate, with the way to mend it.
    pub fn from_pem(pem: &[u8]) -> Result<Self, IdentityError> {
        if is_der(pem) {
            return Err(if CertificateView::from_der(pem).is_ok() {
                IdentityError::DerCertificate
            } else {
                IdentityError::Binary
            });
        }
        let mut ders = Vec::new();
        for block in pem::blocks(pem)? {
            if !["CERTIFICATE", "X509 CERTIFICATE"].contains(&block.label()) {
                continue;
            }
            let der = block.der().map_err(|reason| IdentityError::MalformedCertificate {
                position: ders.len() + 1,
                reason: reason.to_owned(),
            })?;
            ders.push(der.to_vec());
        }
        Self::from_ders(ders.iter().map(Vec::as_slice))
    }

    /// The same from DER certificates.
    pub(crate) fn from_ders<'a>(ders: impl Iterator<Item = &'a [u8]>) -> Result<Self, IdentityError> {
        let mut views: Vec<CertificateView> = Vec::new();
        for (index, der) in ders.enumerate() {
            let view = CertificateView::from_der(der).map_err(|error| IdentityError::MalformedCertificate {
                position: index + 1,
                reason: error.to_string(),
            })?;
            // The same certificate twice is no mistake that anybody has to mend.
            if !views.iter().any(|known| known.der == view.der) {
                views.push(view);
            }
        }
        if views.is_empty() {
            return Err(IdentityError::NoCertificate);
        }
        let (mut leaves, others): (Vec<_>, Vec<_>) =
            views.into_iter().partition(|view| view.subject_text(UID).is_some());
        if leaves.len() > 1 {
            return Err(IdentityError::SeveralPassCertificates {
                pass_types: leaves
                    .iter()
                    .filter_map(|leaf| leaf.subject_text(UID).map(str::to_owned))
                    .collect(),
            });
        }
        let Some(leaf) = leaves.pop() else {
            return Err(IdentityError::NoPassCertificate {
                subjects: others
                    .iter()
                    .map(CertificateView::subject)
                    .collect::<Vec<_>>()
                    .join("; "),
            });
        };
        Self::from_views(leaf, others)
    }

    fn from_views(leaf: CertificateView, others: Vec<CertificateView>) -> Result<Self, IdentityError> {
        let pass_type = leaf.subject_text(UID).unwrap_or_default().to_owned();
        if !pass_type.starts_with("pass.") {
            return Err(IdentityError::NotAPassType { uid: pass_type });
        }
        let Some(team) = leaf.subject_text(OU).map(str::to_owned) else {
            return Err(IdentityError::NoTeam { pass_type });
        };
        if !leaf.has_extension(PASS_TYPE_MARKER) {
            return Err(IdentityError::NoMarker { pass_type });
        }
        if leaf.rsa_key().is_none() {
            return Err(IdentityError::NotRsa { pass_type });
        }
        let mut named = false;
        let mut intermediate: Option<CertificateView> = None;
        for candidate in others {
            named |= leaf.names_as_issuer(&candidate);
            // Apple renews intermediates under the same name and key: the later one is kept.
            if leaf.is_issued_by(&candidate)
                && intermediate
                    .as_ref()
                    .is_none_or(|kept| kept.not_after() < candidate.not_after())
            {
                intermediate = Some(candidate);
            }
        }
        let Some(intermediate) = intermediate else {
            let issuer = leaf.issuer();
            return Err(if named {
                IdentityError::ForeignIntermediate { pass_type, issuer }
            } else {
                IdentityError::NoIntermediate { pass_type, issuer }
            });
        };
        Ok(Self {
            leaf,
            intermediate,
            pass_type_identifier: pass_type,
            team_identifier: team,
        })
    }

    /// The pass type that the certificate is for: the subject's UID.
    pub fn pass_type_identifier(&self) -> &str {
        &self.pass_type_identifier
    }

    /// The team that the certificate belongs to: the subject's OU.
    pub fn team_identifier(&self) -> &str {
        &self.team_identifier
    }

    /// Whether passes signed with it may have `nfc` or a personalization.json: phones refuse those
    /// that are signed with an ordinary certificate.
    pub fn allows_nfc(&self) -> bool {
        self.leaf.has_extension(NFC_MARKER)
    }

    /// From when leaf and intermediate are both valid.
    pub fn not_before(&self) -> SystemTime {
        self.leaf.not_before().max(self.intermediate.not_before())
    }

    /// Until when leaf and intermediate are both valid: the day to renew before.
    pub fn not_after(&self) -> SystemTime {
        self.leaf.not_after().min(self.intermediate.not_after())
    }

    /// The leaf's DER bytes as they were read.
    pub fn leaf_der(&self) -> &[u8] {
        &self.leaf.der
    }

    /// The intermediate's DER bytes as they were read.
    pub fn intermediate_der(&self) -> &[u8] {
        &self.intermediate.der
    }

    /// Whether leaf and intermediate are both valid at `now`.
    ///
    /// # Errors
    /// [`IdentityError::NotYetValid`] or [`IdentityError::Expired`], naming the one that is not.
    pub fn valid_at(&self, now: SystemTime) -> Result<(), IdentityError> {
        for view in [&self.leaf, &self.intermediate] {
            let validity = view.decoded.tbs_certificate.validity;
            let subject = view.subject();
            if now < view.not_before() {
                let from = validity.not_before.to_string();
                return Err(IdentityError::NotYetValid { subject, from });
            }
            if now > view.not_after() {
                let at = validity.not_after.to_string();
                return Err(IdentityError::Expired { subject, at });
            }
        }
        Ok(())
    }

    /// Whether the certificate is the one for passes of `pass_type`, and of `team` where one is
    /// given, at `now`.
    ///
    /// # Errors
    /// [`IdentityError::OtherPassType`], [`IdentityError::OtherTeam`], or those of
    /// [`SigningCertificate::valid_at`].
    pub fn check_for(&self, pass_type: &str, team: Option<&str>, now: SystemTime) -> Result<(), IdentityError> {
        if self.pass_type_identifier != pass_type {
            return Err(IdentityError::OtherPassType {
                found: self.pass_type_identifier.clone(),
                expected: pass_type.to_owned(),
            });
        }
        if let Some(team) = team
            && self.team_identifier != team
        {
            return Err(IdentityError::OtherTeam {
                pass_type: pass_type.to_owned(),
                found: self.team_identifier.clone(),
                expected: team.to_owned(),
            });
        }
        self.valid_at(now)
    }

    /// Whether APNs takes pushes for the certificate's passes from the APNs key of `team`: it takes
    /// them from the pass type's own team alone.
    ///
    /// # Errors
    /// [`IdentityError::OtherPushTeam`].
    pub fn check_push_team(&self, team: &str) -> Result<(), IdentityError> {
        if self.team_identifier == team {
            return Ok(());
        }
        Err(IdentityError::OtherPushTeam {
            pass_type: self.pass_type_identifier.clone(),
            certificate: self.team_identifier.clone(),
            apns: team.to_owned(),
        })
    }
}

impl fmt::Debug for SigningCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningCertificate")
            .field("pass_type_identifier", &self.pass_type_identifier)
            .field("team_identifier", &self.team_identifier)
            .field(
                "leaf_not_after",
                &self.leaf.decoded.tbs_certificate.validity.not_after.to_string(),
            )
            .field("intermediate", &self.intermediate.subject())
            .finish_non_exhaustive()
    }
}

fn is_der(bytes: &[u8]) -> bool {
    AnyRef::from_der(bytes).is_ok()
}
