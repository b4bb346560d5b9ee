use crate::pem::NotPem;

/// Why a certificate or key cannot sign passes. Each message says what is wrong and how to mend
/// it, for the people who look after the certificates; none holds anything secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file has no certificate in it.
    #[error(
        "there is no certificate in the file: it must hold the Pass Type ID certificate and \
         Apple's intermediate, both as PEM (-----BEGIN CERTIFICATE-----)"
    )]
    NoCertificate,
    /// The file is a certificate in DER, as Apple offers it for download.
    #[error(
        "the certificate is DER, not PEM: convert it with `openssl x509 -inform DER -in pass.cer \
         -out pass.pem`"
    )]
    DerCertificate,
    /// The file is binary: most likely the .p12 that Keychain Access exports.
    #[error(
        "the file is binary, not PEM: if it is a .p12, convert it with `openssl pkcs12 -legacy -in \
         pass.p12 -nodes -out pass.pem`"
    )]
    Binary,
    /// The file was pasted in a form that cannot be read back.
    #[error(transparent)]
    Pasted(NotPem),
    /// A certificate cannot be read.
    #[error("certificate {position} of the file cannot be read ({reason}): download it again")]
    MalformedCertificate {
        /// Counted from 1.
        position: usize,
        /// What the decoder says.
        reason: String,
    },
    /// No certificate has a UID.
    #[error(
        "none of the certificates ({subjects}) is for a pass type, because none has a UID: add \
         the Pass Type ID certificate from developer.apple.com"
    )]
    NoPassCertificate {
        /// The subjects that were found.
        subjects: String,
    },
    /// More than one certificate has a UID.
    #[error(
        "there are {} certificates for pass types ({}): keep one in each file", .pass_types.len(), .pass_types.join(", ")
    )]
    SeveralPassCertificates {
        /// Their UIDs.
        pass_types: Vec<String>,
    },
    /// The UID names something else, such as an app.
    #[error(
        "the certificate is for `{uid}`, which is no pass type: they begin with `pass.`; use the \
         Pass Type ID certificate and not one for an app"
    )]
    NotAPassType {
        /// The subject's UID.
        uid: String,
    },
    /// The subject has no OU.
    #[error(
        "the certificate for {pass_type} names no team (OU): create it on developer.apple.com, \
         self-made ones are refused by Wallet"
    )]
    NoTeam {
        /// The pass type.
        pass_type: String,
    },
    /// The extension 1.2.840.113635.100.6.1.16 is missing.
    #[error(
        "the certificate for {pass_type} lacks Apple's marker for pass types \
         (1.2.840.113635.100.6.1.16): create it as a Pass Type ID certificate on \
         developer.apple.com"
    )]
    NoMarker {
        /// The pass type.
        pass_type: String,
    },
    /// The certificate that issued the leaf is missing.
    #[error(
        "the intermediate that issued the certificate for {pass_type} is missing: add {issuer} \
         from https://www.apple.com/certificateauthority/ to the file, as PEM"
    )]
    NoIntermediate {
        /// The pass type.
        pass_type: String,
        /// The leaf's issuer.
        issuer: String,
    },
    /// A certificate has the issuer's name but did not sign the leaf.
    #[error(
        "the intermediate {issuer} has the right name but did not sign the certificate for \
         {pass_type}: download it again from https://www.apple.com/certificateauthority/"
    )]
    ForeignIntermediate {
        /// The pass type.
        pass_type: String,
        /// The leaf's issuer.
        issuer: String,
    },
    /// The certificate's key is not RSA with 2048 to 8192 bits.
    #[error(
        "the key of the certificate for {pass_type} is not RSA with 2048 bits or more: Wallet \
         takes no other, so make the signing request with `openssl req -newkey rsa:2048`"
    )]
    NotRsa {
        /// The pass type.
        pass_type: String,
    },
    /// A certificate's time has not come.
    #[error("the certificate {subject} is valid from {from}: check the clock of this machine")]
    NotYetValid {
        /// Whose certificate.
        subject: String,
        /// UTC, ISO 8601.
        from: String,
    },
    /// A certificate's time is over.
    #[error(
        "the certificate {subject} expired at {at}: renew it on developer.apple.com; installed \
         passes stay, but no update can be signed until then"
    )]
    Expired {
        /// Whose certificate.
        subject: String,
        /// UTC, ISO 8601.
        at: String,
    },
    /// The certificate is for another pass type than asked for.
    #[error(
        "the certificate is for {found}, not {expected}: store the one for {expected}, or name \
         {found} as the pass type"
    )]
    OtherPassType {
        /// The certificate's pass type.
        found: String,
        /// The pass's.
        expected: String,
    },
    /// The certificate is of another team than asked for.
    #[error(
        "the certificate for {pass_type} is of team {found}, not {expected}: name {found} as the \
         team, or use the certificate that {expected} created"
    )]
    OtherTeam {
        /// The pass type.
        pass_type: String,
        /// The certificate's team.
        found: String,
        /// The pass's.
        expected: String,
    },
    /// The certificate is of another team than the APNs key.
    #[error(
        "the certificate for {pass_type} is of team {certificate}, and the APNs key of team {apns}: \
         APNs would refuse each push for these passes, so store an APNs key of team {certificate}, or \
         a certificate that {apns} created"
    )]
    OtherPushTeam {
        /// The pass type.
        pass_type: String,
        /// The certificate's team.
        certificate: String,
        /// The APNs key's.
        apns: String,
    },
    /// The file has no private key in it.
    #[error(
        "there is no private key in the file: it must hold the key of the Pass Type ID \
         certificate as PEM (-----BEGIN PRIVATE KEY-----)"
    )]
    NoKey,
    /// The private key is protected by a password.
    #[error(
        "the private key is encrypted: decrypt it with `openssl pkey -in key.pem -out \
         decrypted.pem` and keep the result in the secret store only"
    )]
    EncryptedKey,
    /// The private key is not RSA.
    #[error(
        "the private key is not RSA: use the key that the certificate's signing request was made \
         with (an APNs key, .p8, is another thing)"
    )]
    KeyNotRsa,
    /// The private key cannot be read.
    #[error("the private key cannot be read ({reason}): export it again")]
    MalformedKey {
        /// What the decoder says.
        reason: String,
    },
    /// Key and certificate do not belong together.
    #[error(
        "the private key does not belong to the certificate for {pass_type}: use the key that its \
         signing request was made with, or create a new certificate with this one"
    )]
    OtherKey {
        /// The pass type.
        pass_type: String,
    },
    /// A signer other than a key in this process gave no signature to try.
    #[error("the signer for {pass_type} did not sign a first time ({reason}): check its access")]
    NoSignature {
        /// The pass type.
        pass_type: String,
        /// What the signer says.
        reason: String,
    },
}

impl From<NotPem> for IdentityError {
    fn from(not_pem: NotPem) -> Self {
        match not_pem {
            NotPem::Binary => Self::Binary,
            pasted => Self::Pasted(pasted),
        }
    }
}
