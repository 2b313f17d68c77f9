//! What sources may be.

use std::path::PathBuf;

use super::{NewSource, SourcePatch};
use crate::{
    domain::source::{DirectoryLocation, Location, VanishPolicy},
    error::{Error, ViolationCode},
    service::{
        Services,
        validate::{MAX_NAME, Violations},
    },
    source::{Directory, SourceError, check},
};

const MAX_PATH: usize = 2000;
const MAX_PATTERNS: usize = 100;
const MAX_PATTERN: usize = 500;
/// A month: longer intervals say that nobody follows the place.
const MAX_INTERVAL: i32 = 31 * 24 * 60;
const MAX_SYNCS: i32 = 1000;

/// The input with texts in their stored form.
pub(super) fn checked(services: &Services, input: NewSource) -> Result<NewSource, Error> {
    let mut violations = Violations::default();
    let name = violations.title("name", "the source's name", &input.name, MAX_NAME);
    check_interval(&mut violations, input.interval_minutes);
    check_policy(&mut violations, input.on_vanish);
    check_location(services, &mut violations, &input.location);
    violations.check()?;
    Ok(NewSource { name, ..input })
}

/// The patch with texts in their stored form.
pub(super) fn checked_patch(services: &Services, patch: SourcePatch) -> Result<SourcePatch, Error> {
    let mut violations = Violations::default();
    let name = patch.name.as_ref().map(|name| violations.title("name", "the source's name", name, MAX_NAME));
    check_interval(&mut violations, patch.interval_minutes.flatten());
    if let Some(policy) = patch.on_vanish {
        check_policy(&mut violations, policy);
    }
    if let Some(location) = &patch.location {
        check_location(services, &mut violations, location);
    }
    violations.check()?;
    Ok(SourcePatch { name, ..patch })
}

/// Opens a location that a caller names, so that they learn at once what is wrong with it.
pub(super) fn check_location(services: &Services, violations: &mut Violations, location: &Location) {
    let Location::Directory(directory) = location;
    let at = |field: &str| format!("location.directory.{field}");
    violations.text(&at("path"), "the directory's path", &directory.path, MAX_PATH);
    check_patterns(violations, &at("include"), &directory.include);
    check_patterns(violations, &at("exclude"), &directory.exclude);
    let most = i64::try_from(services.config.limits.upload_bytes).unwrap_or(i64::MAX);
    if !(1..=most).contains(&directory.max_file_bytes) {
        let message = format!("Choose between 1 and {most} bytes: the server stores no larger files.");
        violations.add(ViolationCode::Invalid, &at("maxFileBytes"), message);
    }
    match open(services, directory) {
        // Patterns have been checked one by one.
        Ok(_) | Err(SourceError::Pattern { .. }) => {}
        Err(error) => violations.add(ViolationCode::Invalid, &at("path"), super::reason(&error)),
    }
}

/// Opens a directory below those that the operator has named.
fn open(services: &Services, location: &DirectoryLocation) -> Result<Directory, SourceError> {
    Directory::open(location, &roots(services))
}

/// The directories below which sources may lie.
pub(crate) fn roots(services: &Services) -> Vec<PathBuf> {
    services.config.sources.directories.iter().map(PathBuf::from).collect()
}

fn check_patterns(violations: &mut Violations, path: &str, patterns: &[String]) {
    if patterns.len() > MAX_PATTERNS {
        violations.add(ViolationCode::TooLong, path, format!("Give at most {MAX_PATTERNS} patterns."));
        return;
    }
    for (index, pattern) in patterns.iter().enumerate() {
        let at = format!("{path}.{index}");
        if pattern.chars().count() > MAX_PATTERN {
            violations.add(ViolationCode::TooLong, &at, format!("Shorten this pattern to {MAX_PATTERN} characters."));
        } else if let Err(error) = check(pattern) {
            violations.add(ViolationCode::Invalid, &at, super::reason(&error));
        }
    }
}

fn check_interval(violations: &mut Violations, minutes: Option<i32>) {
    if minutes.is_some_and(|minutes| !(1..=MAX_INTERVAL).contains(&minutes)) {
        let message = format!("Choose between 1 and {MAX_INTERVAL} minutes.");
        violations.add(ViolationCode::Invalid, "syncIntervalMinutes", message);
    }
}

fn check_policy(violations: &mut Violations, policy: VanishPolicy) {
    if matches!(policy, VanishPolicy::DeleteAfter(syncs) if !(1..=MAX_SYNCS).contains(&syncs)) {
        violations.add(ViolationCode::Invalid, "onVanish.syncs", format!("Choose between 1 and {MAX_SYNCS} syncs."));
    }
}
