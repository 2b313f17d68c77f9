//! Which paths are documents: `*` stays within a name, `**` crosses directories, and a pattern without a slash is compared
//! with names at any depth.

use globset::{Error, Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use super::SourceError;

/// The patterns of a place.
#[derive(Debug)]
pub struct Patterns {
    /// `None`: all files.
    include: Option<GlobSet>,
    exclude: GlobSet,
}

impl Patterns {
    /// # Errors
    /// `Pattern` for the first one that is not valid.
    pub fn new(include: &[String], exclude: &[String]) -> Result<Self, SourceError> {
        let include = if include.is_empty() { None } else { Some(set(include)?) };
        Ok(Self { include, exclude: set(exclude)? })
    }

    /// Whether a file is left out.
    pub(super) fn leave_out_file(&self, path: &str) -> bool {
        self.exclude.is_match(path) || self.include.as_ref().is_some_and(|include| !include.is_match(path))
    }

    /// Whether a path, or a directory that it lies in, is left out with everything in it.
    pub(super) fn leave_out_tree(&self, path: &str) -> bool {
        let directories = path.match_indices('/').map(|(at, _)| &path[..at]);
        directories.chain([path]).any(|path| self.leave_out_directory(path))
    }

    /// Whether a directory is left out, with everything in it.
    pub(super) fn leave_out_directory(&self, path: &str) -> bool {
        self.exclude.is_match(path)
    }
}

/// Checks one pattern.
///
/// # Errors
/// `Pattern`.
pub fn check(pattern: &str) -> Result<(), SourceError> {
    glob(pattern).map(drop).map_err(|error| invalid(pattern, &error))
}

fn set(patterns: &[String]) -> Result<GlobSet, SourceError> {
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        set.add(glob(pattern).map_err(|error| invalid(pattern, &error))?);
    }
    set.build().map_err(|error| invalid("", &error))
}

fn glob(pattern: &str) -> Result<Glob, Error> {
    let anywhere = format!("**/{pattern}");
    let whole = if pattern.contains('/') { pattern.trim_start_matches('/') } else { &anywhere };
    GlobBuilder::new(whole).literal_separator(true).build()
}

fn invalid(pattern: &str, error: &Error) -> SourceError {
    SourceError::Pattern { pattern: pattern.to_owned(), reason: error.kind().to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patterns(include: &[&str], exclude: &[&str]) -> Patterns {
        let texts = |patterns: &[&str]| -> Vec<_> { patterns.iter().map(|&pattern| pattern.to_owned()).collect() };
        Patterns::new(&texts(include), &texts(exclude)).unwrap()
    }

    #[test]
    fn a_pattern_without_a_slash_is_compared_with_names_at_any_depth() {
        let patterns = patterns(&["*.md", "notes/*.txt"], &["drafts"]);
        for path in ["a.md", "deep/down/a.md", "notes/a.txt"] {
            assert!(!patterns.leave_out_file(path), "{path}");
        }
        for path in ["a.txt", "notes/deep/a.txt", "a.mdx"] {
            assert!(patterns.leave_out_file(path), "{path}");
        }
        assert!(patterns.leave_out_directory("deep/drafts") && !patterns.leave_out_directory("deep"));
        assert!(patterns.leave_out_tree("deep/drafts/a.md") && !patterns.leave_out_tree("deep/a.md"));
    }

    #[test]
    fn a_pattern_that_is_not_valid_is_named() {
        assert!(check("*.{md,txt}").is_ok());
        assert!(matches!(check("[a"), Err(SourceError::Pattern { pattern, .. }) if pattern == "[a"));
    }
}
