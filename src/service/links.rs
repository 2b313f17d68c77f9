//! Links to the original files of documents, for pages whose links and pictures send no credential.

use chrono::TimeDelta;

use super::{Services, audit::Deed, callers::KeyName, sessions};
use crate::{
    auth::{
        link::LinkHolder,
        viewer::{Credential, Viewer},
    },
    domain::{audit::AuditAction, client::Client, id::DocumentId},
    error::Error,
};

/// The parameter of the query string of an address that has a link.
pub const PARAMETER: &str = "link";
/// How long a link works.
const VALIDITY: TimeDelta = TimeDelta::minutes(5);

/// A link to a document for the caller. `None` for who has no credential, and needs no link.
#[must_use]
pub fn create(services: &Services, viewer: &Viewer, document: DocumentId) -> Option<String> {
    let holder = match (&viewer.credential, &viewer.user) {
        (Credential::Session(session), Some(user)) => LinkHolder::Session(user.id, *session),
        (Credential::Key(key), _) => LinkHolder::Key(key.id),
        (Credential::Session(_) | Credential::None | Credential::Console, _) => return None,
    };
    Some(services.links.sign(holder, document, services.clock.now() + VALIDITY))
}

/// The caller for whom a link was made, as they are now. Whether they may read the document is decided as always.
///
/// # Errors
/// `Unauthenticated` for a link that is none, is one to another document, or has ended, with its time or with its session or key.
pub async fn holder(services: &Services, link: &str, document: DocumentId, client: Client) -> Result<Viewer, Error> {
    const ENDED: Error = Error::Unauthenticated("This link is not valid (any more). Ask for another one.");
    let found = match services.links.verify(link, document, services.clock.now()) {
        Some(LinkHolder::Session(user, session)) => sessions::of_known(services, user, session, &client).await,
        Some(LinkHolder::Key(key)) => sessions::of_key(services, &KeyName::Id(key), &client).await,
        None => Err(ENDED),
    };
    if let Err(error) = &found {
        let (stranger, deed) = (Viewer::anonymous(client), Deed::new(AuditAction::Authenticate).saying("with a link"));
        services.audit.refused(&stranger, deed, error, services.clock.now());
    }
    found
}
