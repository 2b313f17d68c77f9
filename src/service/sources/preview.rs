//! What a sync would do, without doing anything.

use std::time::Duration;

use super::{Budget, Retry, Site, SiteError, check, find_managed, known_files, open_bucket, reason, require_too};
use crate::{
    auth::viewer::Viewer,
    domain::{
        action::Action,
        audit::AuditAction,
        id::{CollectionId, SourceId},
        source::{BucketLocation, Diff, KnownFile, Location, Scan, VanishPolicy, WebLocation, diff},
    },
    error::{Error, ViolationCode},
    service::{Services, access::find_collection, audit::Deed, frame::attempt, limits, validate::Violations},
    source::{Directory, SourceError},
};

/// Pages of a site that a preview requests at most, and the time that it takes, also for a bucket.
const SITE: Budget = Budget { pages: 50, time: Duration::from_secs(10), stores: false };

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
                (source.location, source.on_vanish, known_files(&reader, id, Retry::Asked).await?)
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
        let scan = limits::previews(services, viewer).one_of(scan(services, location, &known)).await?;
        let diff = diff(&scan, known, policy, false);
        Ok(Preview { scan, diff })
    })
    .await
}

async fn scan(services: &Services, location: Location, known: &[KnownFile]) -> Result<Scan, Error> {
    let scanned = match location {
        Location::Directory(directory) => {
            let (roots, limit) = (check::roots(services), services.config.sources.max_files);
            let scan = move || Directory::open(&directory, &roots)?.scan(limit, || false);
            tokio::task::spawn_blocking(scan).await.map_err(Error::internal)?.map_err(SiteError::Source)
        }
        Location::Web(web) => read_site(services, &web, known).await,
        Location::Bucket(bucket) => list_bucket(services, &bucket).await.map_err(SiteError::Source),
    };
    scanned.map_err(|error| match error {
        SiteError::Source(error) => Error::invalid(ViolationCode::Invalid, "", reason(&error)),
        SiteError::Server(error) => error,
    })
}

async fn list_bucket(services: &Services, location: &BucketLocation) -> Result<Scan, SourceError> {
    open_bucket(services, location)?.scan(services.config.sources.max_files, SITE.time).await
}

async fn read_site(services: &Services, location: &WebLocation, known: &[KnownFile]) -> Result<Scan, SiteError> {
    let most = usize::try_from(location.max_pages).unwrap_or(0);
    let mut site = Site::open(services, location, known, Budget { pages: SITE.pages.min(most), ..SITE }).await?;
    while site.next().await?.is_some() {}
    Ok(site.into_scan())
}
