//! Conditional requests: `If-Match`, `If-None-Match` and `If-Range` (RFC 9110, 13 and 14).
//!
//! Tags of this server are strong. It sends no `Last-Modified`, so conditions with dates can't be checked: a range
//! request with such a condition gets the whole content, which is always correct.

use axum::http::{
    HeaderMap, HeaderName,
    header::{IF_MATCH, IF_NONE_MATCH, IF_RANGE},
};

/// What the conditions of a request come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Nothing speaks against an answer.
    Holds,
    /// The client has exactly this already: 304.
    Known,
    /// The client wants another version than there is: 412.
    Failed,
}

/// A tag as a client sends it.
struct Tag<'a> {
    is_weak: bool,
    /// With its quotes.
    opaque: &'a str,
}

impl Condition {
    /// Compares the conditions in `headers` with the current tag, in the order of RFC 9110.
    #[must_use]
    pub fn of(headers: &HeaderMap, tag: &str) -> Self {
        if headers.contains_key(IF_MATCH) && !names(headers, IF_MATCH, |found| !found.is_weak && found.opaque == tag) {
            return Self::Failed;
        }
        if names(headers, IF_NONE_MATCH, |found| found.opaque == tag) { Self::Known } else { Self::Holds }
    }
}

/// Whether a range request may be answered with a part of the version `tag`. A part of another version, appended to
/// what the client has, would give a file that never existed.
#[must_use]
pub fn range_counts(headers: &HeaderMap, tag: &str) -> bool {
    let mut values = headers.get_all(IF_RANGE).iter();
    match (values.next(), values.next()) {
        (None, _) => true,
        (Some(value), None) => value.as_bytes() == tag.as_bytes(),
        (Some(_), Some(_)) => false,
    }
}

/// Whether a header names everything (`*`), or a tag that is meant.
fn names(headers: &HeaderMap, name: HeaderName, is_meant: impl Fn(&Tag<'_>) -> bool) -> bool {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.any(|value| value.trim() == "*" || tags(value).any(|tag| is_meant(&tag)))
}

/// The tags of a list, up to what is no tag. They may have commas in them.
fn tags(list: &str) -> impl Iterator<Item = Tag<'_>> {
    let mut rest = list;
    std::iter::from_fn(move || {
        rest = rest.trim_start_matches([' ', '\t', ',']);
        let (is_weak, quoted) = rest.strip_prefix("W/").map_or((false, rest), |quoted| (true, quoted));
        let end = quoted.strip_prefix('"')?.find('"')? + 2;
        let (opaque, after) = quoted.split_at(end);
        rest = after;
        Some(Tag { is_weak, opaque })
    })
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const TAG: &str = "\"new\"";

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn what_the_client_has_is_recognised_however_it_is_written() {
        let known = ["\"new\"", "W/\"new\"", "*", " * ", "\"old\", \"new\"", "W/\"a,b\",W/\"new\"", "\"\" , \"new\" "];
        for value in known {
            assert_eq!(Condition::of(&headers(&IF_NONE_MATCH, &[value]), TAG), Condition::Known, "{value}");
        }
        for value in ["\"old\"", "new", "", "\"new", "w/\"new\"", "\"a\"new\"", "\"old,new\""] {
            assert_eq!(Condition::of(&headers(&IF_NONE_MATCH, &[value]), TAG), Condition::Holds, "{value}");
        }
        assert_eq!(Condition::of(&headers(&IF_NONE_MATCH, &["\"old\"", "\"new\""]), TAG), Condition::Known);
        assert_eq!(Condition::of(&HeaderMap::new(), TAG), Condition::Holds);
    }

    #[test]
    fn another_version_than_the_wanted_one_is_refused() {
        for value in ["\"new\"", "*", "\"old\", \"new\""] {
            assert_eq!(Condition::of(&headers(&IF_MATCH, &[value]), TAG), Condition::Holds, "{value}");
        }
        for value in ["\"old\"", "W/\"new\"", "", "new"] {
            assert_eq!(Condition::of(&headers(&IF_MATCH, &[value]), TAG), Condition::Failed, "{value}");
        }
        let mut both = headers(&IF_MATCH, &["\"old\""]);
        both.insert(IF_NONE_MATCH, HeaderValue::from_static("\"new\""));
        assert_eq!(Condition::of(&both, TAG), Condition::Failed);
    }

    #[test]
    fn a_part_is_sent_only_of_the_version_that_the_client_has_the_beginning_of() {
        assert!(range_counts(&HeaderMap::new(), TAG));
        assert!(range_counts(&headers(&IF_RANGE, &["\"new\""]), TAG));
        for value in ["\"old\"", "W/\"new\"", "Sat, 29 Oct 1994 19:43:31 GMT", "", "*"] {
            assert!(!range_counts(&headers(&IF_RANGE, &[value]), TAG), "{value}");
        }
        assert!(!range_counts(&headers(&IF_RANGE, &["\"new\"", "\"old\""]), TAG));
    }
}
