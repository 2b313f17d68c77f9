//! Pages of lists.

use serde::Deserialize;

use crate::error::Error;

/// A page of a list: rows, and what comes after them.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    pub nodes: Vec<T>,
    pub page_info: PageInfo,
}

/// What a page says of the list beyond it.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PageInfo {
    /// The cursor of the last row; `None` for a page without rows.
    pub end_cursor: Option<String>,
    pub has_next_page: bool,
}

impl PageInfo {
    /// The cursor after which the next page begins, if there is one; `before` is that of this page.
    ///
    /// # Errors
    /// When the page says that there is more and does not say where: the same page would be asked for again and again.
    pub fn next(&self, before: Option<&str>) -> Result<Option<String>, Error> {
        if !self.has_next_page {
            return Ok(None);
        }
        if self.end_cursor.is_none() || self.end_cursor.as_deref() == before {
            return Err(Error::Unexpected("a page says that there is more, but its cursor doesn't move".into()));
        }
        Ok(self.end_cursor.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_that_stands_still_ends_the_paging() {
        let page =
            |more: bool, cursor: Option<&str>| PageInfo { has_next_page: more, end_cursor: cursor.map(Into::into) };
        assert_eq!(page(true, Some("a")).next(None), Ok(Some("a".to_owned())));
        assert_eq!(page(false, Some("a")).next(None), Ok(None));
        assert!(page(true, Some("a")).next(Some("a")).is_err());
        assert!(page(true, None).next(None).is_err());
    }
}
