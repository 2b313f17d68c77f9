//! What sources may be.

use std::path::PathBuf;

use super::{NewSource, SourcePatch};
use crate::{
    domain::source::{BucketLocation, DirectoryLocation, Location, VanishPolicy, WebLocation, WebStart},
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
const MAX_URLS: usize = 1000;
const MAX_WORD: usize = 100;
const MAX_ACCESS_KEY: usize = 200;
/// Links in a row: sites whose pages lead to ever new ones have no end.
const MAX_DEPTH: i32 = 100;
/// Pages are read into memory.
const MAX_PAGE_BYTES: i64 = 32 * 1024 * 1024;

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

/// Checks a location that a caller names, so that they learn at once what is wrong with it. Directories are opened for
/// that, sites and buckets are not asked.
pub(super) fn check_location(services: &Services, violations: &mut Violations, location: &Location) {
    match location {
        Location::Directory(directory) => check_directory(services, violations, directory),
        Location::Web(web) => check_web(services, violations, web),
        Location::Bucket(bucket) => check_bucket(services, violations, bucket),
    }
}

fn check_directory(services: &Services, violations: &mut Violations, directory: &DirectoryLocation) {
    let at = |field: &str| format!("location.directory.{field}");
    violations.text(&at("path"), "the directory's path", &directory.path, MAX_PATH);
    check_patterns(violations, &at("include"), &directory.include);
    check_patterns(violations, &at("exclude"), &directory.exclude);
    check_size(services, violations, &at("maxFileBytes"), (directory.max_file_bytes, i64::MAX));
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

fn check_web(services: &Services, violations: &mut Violations, web: &WebLocation) {
    let at = |field: &str| format!("location.web.{field}");
    let sources = &services.config.sources;
    check_start(services, violations, &web.start);
    check_patterns(violations, &at("include"), &web.include);
    check_patterns(violations, &at("exclude"), &web.exclude);
    check_size(services, violations, &at("maxFileBytes"), (web.max_file_bytes, MAX_PAGE_BYTES));
    check_number(violations, &at("maxPages"), web.max_pages, number(sources.web_pages));
    check_number(
        violations,
        &at("requestsPerMinute"),
        web.requests_per_minute,
        number(sources.web_requests_per_minute),
    );
}

fn check_bucket(services: &Services, violations: &mut Violations, bucket: &BucketLocation) {
    let at = |field: &str| format!("location.bucket.{field}");
    if let Some(Err(error)) = bucket.endpoint.as_ref().map(|endpoint| services.web.origin(endpoint)) {
        violations.add(ViolationCode::Invalid, &at("endpoint"), super::reason(&error));
    }
    if !is_word(&bucket.region, b"-") {
        violations.add(ViolationCode::Invalid, &at("region"), "Give the name of a region, such as eu-central-1.");
    }
    if !is_word(&bucket.bucket, b"-._") {
        violations.add(ViolationCode::Invalid, &at("bucket"), "Give the name of a bucket, without a URL.");
    }
    if bucket.prefix.chars().count() > MAX_PATH {
        violations.add(ViolationCode::TooLong, &at("prefix"), format!("Shorten the prefix to {MAX_PATH} characters."));
    }
    check_patterns(violations, &at("include"), &bucket.include);
    check_patterns(violations, &at("exclude"), &bucket.exclude);
    check_size(services, violations, &at("maxFileBytes"), (bucket.max_file_bytes, i64::MAX));
    if let Some(credentials) = &bucket.credentials {
        let (field, key) = (at("credentials.accessKeyId"), &credentials.access_key_id);
        violations.text(&field, "the id of the access key", key, MAX_ACCESS_KEY);
    }
}

/// Whether a text is of letters, digits and some other characters, so that it can't change the URL that it is a part of.
fn is_word(text: &str, others: &[u8]) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || others.contains(&byte);
    (1..=MAX_WORD).contains(&text.len()) && text.bytes().all(is_part) && !text.starts_with('.')
}

fn check_start(services: &Services, violations: &mut Violations, start: &WebStart) {
    let at = |field: &str| format!("location.web.start.{field}");
    let mut note = |path: &str, checked: Result<(), SourceError>| {
        if let Err(error) = checked {
            violations.add(ViolationCode::Invalid, path, super::reason(&error));
        }
    };
    match start {
        WebStart::Urls(urls) => {
            for (index, url) in urls.iter().enumerate().take(MAX_URLS) {
                note(&at(&format!("urls.{index}")), services.web.check(url));
            }
            if urls.is_empty() || urls.len() > MAX_URLS {
                violations.add(ViolationCode::Invalid, &at("urls"), format!("Give 1 to {MAX_URLS} URLs."));
            }
        }
        WebStart::Sitemap(url) => note(&at("sitemap"), services.web.check(url)),
        WebStart::Page(page) => {
            note(&at("page.url"), services.web.check_start(page));
            if !(0..=MAX_DEPTH).contains(&page.depth) {
                violations.add(ViolationCode::Invalid, &at("page.depth"), format!("Choose between 0 and {MAX_DEPTH}."));
            }
        }
    }
}

fn number(limit: u32) -> i32 {
    i32::try_from(limit).unwrap_or(i32::MAX)
}

fn check_number(violations: &mut Violations, path: &str, value: i32, most: i32) {
    if !(1..=most).contains(&value) {
        violations.add(ViolationCode::Invalid, path, format!("Choose between 1 and {most}."));
    }
}

/// Checks the size of the largest file that a source reads, which the kind of source may limit further.
fn check_size(services: &Services, violations: &mut Violations, path: &str, (size, of_kind): (i64, i64)) {
    let most = i64::try_from(services.config.limits.upload_bytes).unwrap_or(i64::MAX).min(of_kind);
    if !(1..=most).contains(&size) {
        let message = format!("Choose between 1 and {most} bytes: the server stores no larger files.");
        violations.add(ViolationCode::Invalid, path, message);
    }
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
