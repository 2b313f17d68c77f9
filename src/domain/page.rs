//! Pages of lists: the request and the result. How long parts of texts are.

/// The most rows in one page of any list.
pub const MAX_PAGE_SIZE: u32 = 100;
/// Rows in a page when the caller names no number.
pub const DEFAULT_PAGE_SIZE: u32 = 20;

/// The most characters in one part of a text.
pub const MAX_TEXT_PART: u32 = 100_000;
/// Characters in a part when the caller names no number.
pub const DEFAULT_TEXT_PART: u32 = 10_000;

/// Which rows of a list to read: `first` rows after the position `after`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct PageRequest<K> {
    /// How many rows, between 1 and [`MAX_PAGE_SIZE`].
    pub first: u32,
    /// The sort key of the last row already seen.
    pub after: Option<K>,
}

impl<K> PageRequest<K> {
    /// The first page of the default size.
    #[must_use]
    pub fn start() -> Self {
        Self { first: DEFAULT_PAGE_SIZE, after: None }
    }
}

/// Rows in order, and whether more follow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub has_next_page: bool,
}

impl<T> Page<T> {
    /// Builds a page from up to `first + 1` rows. The extra row only shows that there are more.
    #[must_use]
    pub fn from_overfetched(mut items: Vec<T>, first: u32) -> Self {
        let has_next_page = items.len() > first as usize;
        items.truncate(first as usize);
        Self { items, has_next_page }
    }

    /// The same page with every row converted.
    #[must_use]
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), has_next_page: self.has_next_page }
    }
}
