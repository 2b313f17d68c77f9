//! What filters and orders of lists share.

use async_graphql::{Enum, ID};

use crate::{
    error::{Error, ViolationCode},
    graphql::{
        global_id::{self, GlobalId},
        loaders::Direction,
    },
};

/// A sort direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Enum)]
pub enum OrderDirection {
    /// Ascending: the smallest, the oldest, or the first of the alphabet comes first.
    Asc,
    /// Descending: the largest, the newest, or the last of the alphabet comes first.
    Desc,
}

impl From<OrderDirection> for Direction {
    fn from(direction: OrderDirection) -> Self {
        match direction {
            OrderDirection::Asc => Self::Ascending,
            OrderDirection::Desc => Self::Descending,
        }
    }
}

/// Values without repetitions, as the domain calls them.
pub fn distinct<T, U: From<T> + PartialEq>(values: Option<Vec<T>>) -> Vec<U> {
    let mut kept: Vec<U> = Vec::new();
    for value in values.unwrap_or_default().into_iter().map(U::from) {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept
}

/// The id of what rows have to belong to.
///
/// # Errors
/// `Invalid` for what is no global id of this kind: nothing belongs to it, and an empty list would not say why.
pub fn id<T: GlobalId>(field: &str, value: Option<&ID>) -> Result<Option<T>, Error> {
    let Some(value) = value else { return Ok(None) };
    let found = global_id::find(value).ok_or_else(|| {
        let message = format!("{field} is not the global id of a {}. Use an `id` that the server returned.", T::KIND);
        Error::invalid(ViolationCode::Invalid, &format!("filter.{field}"), message)
    })?;
    Ok(Some(found))
}

/// A text to compare rows with, of at most `max` characters.
///
/// # Errors
/// `Invalid` for a text that no row can have.
pub fn text(field: &str, value: Option<String>, max: usize) -> Result<Option<String>, Error> {
    let Some(value) = value else { return Ok(None) };
    let path = format!("filter.{field}");
    if value.chars().count() > max {
        return Err(Error::invalid(ViolationCode::TooLong, &path, format!("Shorten {field} to {max} characters.")));
    }
    if value.contains('\0') {
        return Err(Error::invalid(ViolationCode::Invalid, &path, format!("Remove the NUL characters from {field}.")));
    }
    Ok(Some(value))
}
