//! Opens buckets with their secrets.

use crate::{
    domain::source::{BucketCredentials, BucketLocation},
    error::Error,
    service::Services,
    source::{Bucket, SourceError},
};

/// A location whose credentials are those of a caller. Only the sealed secret is kept.
///
/// # Errors
/// `Internal` if it can't be sealed.
pub fn seal(
    services: &Services,
    location: BucketLocation,
    access_key_id: &str,
    secret: &str,
) -> Result<BucketLocation, Error> {
    let credentials =
        |sealed_secret| Some(BucketCredentials { access_key_id: access_key_id.to_owned(), sealed_secret });
    let location = BucketLocation { credentials: credentials(String::new()), ..location };
    let sealed = services.vault.seal(secret, &location.secret_context()).map_err(Error::internal)?;
    Ok(BucketLocation { credentials: credentials(sealed), ..location })
}

/// A bucket, ready to be read.
///
/// # Errors
/// `Secret` if its secret can't be opened, or as [`Bucket::open`].
pub(crate) fn open_bucket(services: &Services, location: &BucketLocation) -> Result<Bucket, SourceError> {
    let open = |credentials: &BucketCredentials| {
        let opened = services.vault.open(&credentials.sealed_secret, &location.secret_context());
        opened.map_err(|_| SourceError::Secret)
    };
    let secret = location.credentials.as_ref().map(open).transpose()?;
    Bucket::open(&services.web, location, secret.as_deref())
}
