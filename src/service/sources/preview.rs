//! What a sync would do, without doing anything.

use super::{check, find_managed, known_files, reason, require_too};
use crate::{
    auth::viewer::Viewer,
    domain::{
        action::Action,
        audit::AuditAction,
        id::{CollectionId, SourceId},
        source::{Diff, Location, Scan, VanishPolicy, diff},
    },
    error::{Error, ViolationCode},
    service::{Services, access::find_collection, audit::Deed, frame::attempt, validate::Violations},
    source::{Directory, SourceError},
};

/// What to preview: a source, or a place that could become one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PreviewTarget {
    Source(SourceId),
    Location(CollectionId, Location),
}

/// What a scan found, and what a sync would make of it.
#[derive(Clone, PartialEq, Debug)]
pub struct Preview {
    pub scan: Scan,
    pub diff: Diff,
}

/// Scans a place and compares it with what is known. It changes nothing.
///
/// # Errors
/// `NotFound`, `Forbidden`, or `Invalid` if the place can't be read.
pub async fn preview(services: &Services, viewer: &Viewer, target: PreviewTarget) -> Result<Preview, Error> {
    let tried = Deed::new(AuditAction::SourceSync);
    let tried = match &target {
        PreviewTarget::Source(id) => tried.to(*id),
        PreviewTarget::Location(collection, _) => tried.within(*collection),
    };
    attempt(services, viewer, &tried, async {
        let reader = services.database.reader(viewer.scope());
        let (location, policy, known) = match target {
            PreviewTarget::Source(id) => {
                let source = find_managed(&reader, viewer, id, &[Action::DocumentIngest]).await?;
                (source.location, source.on_vanish, known_files(&reader, id).await?)
            }
            PreviewTarget::Location(collection, location) => {
                find_collection(&reader, viewer, collection, Action::CollectionUpdate).await?;
                require_too(viewer, Action::DocumentIngest)?;
                let mut violations = Violations::default();
                check::check_location(services, &mut violations, &location);
                violations.check()?;
                (location, VanishPolicy::Keep, Vec::new())
            }
        };
        let scan = scan(services, location).await?;
        let diff = diff(&scan, known, policy, false);
        Ok(Preview { scan, diff })
    })
    .await
}

async fn scan(services: &Services, location: Location) -> Result<Scan, Error> {
    let Location::Directory(directory) = location;
    let (roots, limit) = (check::roots(services), services.config.sources.max_files);
    let scanned = tokio::task::spawn_blocking(move || Directory::open(&directory, &roots)?.scan(limit, || false));
    let scanned: Result<Scan, SourceError> = scanned.await.map_err(Error::internal)?;
    scanned.map_err(|error| Error::invalid(ViolationCode::Invalid, "", reason(&error)))
}
