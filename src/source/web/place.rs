//! Which URLs belong to a source.

use url::{Origin, Url};

use super::{SourceError, page_url};
use crate::domain::source::{StartPage, WebStart};

/// Which URLs belong to a source.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// Pages that someone has named, wherever they are, and where they have moved to.
    Anywhere,
    /// Pages of one site.
    Site(Origin),
    /// The pages whose URLs begin alike, and the first of them.
    Below { prefix: String, start: Url },
}

impl Place {
    pub(super) fn of(start: &WebStart) -> Result<Self, SourceError> {
        match start {
            WebStart::Urls(_) => Ok(Self::Anywhere),
            WebStart::Sitemap(url) => Ok(Self::Site(page_url(url)?.origin())),
            WebStart::Page(page) => Self::below(page),
        }
    }

    /// The pages below a prefix, which the start page has to be among.
    pub(super) fn below(page: &StartPage) -> Result<Self, SourceError> {
        let (start, prefix) = (page_url(&page.url)?, page_url(&page.prefix)?);
        if start.as_str().starts_with(prefix.as_str()) {
            Ok(Self::Below { prefix: prefix.into(), start })
        } else {
            Err(SourceError::Url("the URL of the start page has to begin with the prefix".to_owned()))
        }
    }

    pub(super) fn holds(&self, url: &Url) -> bool {
        match self {
            Self::Anywhere => true,
            Self::Site(origin) => url.origin() == *origin,
            Self::Below { prefix, .. } => url.as_str().starts_with(prefix),
        }
    }

    /// Whether nothing can be found without this page.
    pub(super) fn starts_at(&self, url: &Url) -> bool {
        matches!(self, Self::Below { start, .. } if start == url)
    }

    /// A page is now somewhere else in the place.
    pub(super) fn moved(&mut self, from: &Url, to: &Url) {
        if let Self::Below { start, .. } = self
            && start == from
        {
            start.clone_from(to);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_site_or_what_begins_alike() {
        let url = |text: &str| Url::parse(text).unwrap();
        let page = |prefix: &str| StartPage { url: "https://a.test/docs/".into(), depth: 1, prefix: prefix.into() };
        let below = Place::below(&page("https://a.test/docs/")).unwrap();
        assert!(below.holds(&url("https://A.test:443/docs/x?y")) && !below.holds(&url("https://a.test/docs")));
        for outside in ["http://a.test/docs/x", "https://a.test.evil.test/docs/x", "https://a.test:8443/docs/x"] {
            assert!(!below.holds(&url(outside)), "{outside}");
        }
        assert!(Place::below(&page("https://a.test/other/")).is_err());
        let site = Place::of(&WebStart::Sitemap("https://a.test/deep/s.xml".into())).unwrap();
        assert!(site.holds(&url("https://a.test/x")) && !site.holds(&url("https://b.test/x")));
    }
}
