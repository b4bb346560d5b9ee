#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod archive;
mod canonical;
mod certificate;
mod certificate_view;
mod digest;
mod fault;
mod identity_error;
mod image;
mod layout;
mod manifest;
pub mod pass_json;
pub mod pem;
mod png;
mod signed_data;
mod signer;
pub mod strings;
mod template;
mod verify;

pub use canonical::canonical_json;
pub use certificate::SigningCertificate;
pub use digest::{ParseDigestError, Sha1Digest};
pub use fault::Fault;
pub use identity_error::IdentityError;
pub use image::{check_image, check_image_name};
pub use manifest::Manifest;
pub use signer::{Identity, LocalKey, SignError, Signer};
pub use template::{MAX_PACKAGE_BYTES, MAX_UNPACKED_BYTES, PackageError, Template, TemplateError};
pub use verify::{OpenedPass, VerifyError, root_from_pem, verify};
