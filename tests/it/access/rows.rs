//! A row of the matrix: what is asked, what is needed for it, and how the answer shows that it was there.

use super::truth::Need;

/// How it is asked. Words with a `$` stand for what the subject has under that name.
#[derive(Clone, Copy, Debug)]
pub enum Ask {
    /// The selection below the root of a query or mutation; `field` says which.
    Graphql(&'static str),
    /// The arguments of a mutation. All that it returns is selected.
    Change(&'static str),
    /// A subscription, to its end.
    Follow(&'static str),
    /// A subscription without an end, until it shows what is asked for or nothing comes for a while.
    Listen(&'static str),
    /// A method, a path and a body.
    Http(&'static str, &'static str, &'static str),
    /// A tool of the Model Context Protocol, and its arguments as JSON.
    Tool(&'static str, &'static str),
}

impl Ask {
    fn text(&self) -> &'static str {
        match self {
            Self::Graphql(text)
            | Self::Change(text)
            | Self::Follow(text)
            | Self::Listen(text)
            | Self::Http(_, text, _)
            | Self::Tool(_, text) => text,
        }
    }

    /// The names after a `$`.
    pub fn names(&self) -> Vec<&'static str> {
        let parts = self.text().split('$').skip(1);
        let mut names: Vec<_> =
            parts.map(|part| part.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default()).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// How an answer without a refusal shows what was asked for.
#[derive(Clone, Copy, Debug)]
pub enum Shows {
    /// By being there.
    Always,
    /// By having what the subject has under this name in it: lists and searches.
    By(&'static str),
    /// Not at all: the answer is the same whatever there is.
    Never,
}

#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The field of the schema, or the path.
    pub field: &'static str,
    /// What about it.
    pub what: &'static str,
    pub need: Need,
    pub ask: Ask,
    pub shows: Shows,
    /// What is replaced by something that does not exist, to compare the two answers. Nothing where there is nothing to
    /// replace; then the answer may only not have what is hidden in it.
    pub hides: &'static [&'static str],
    /// Whether it changes the collection: callers with permission get their own collection for it.
    pub changes_collection: bool,
    /// Whether doing it ends the caller's logins.
    pub ends_logins: bool,
    /// Whether doing it deletes the caller's account: callers with permission get an account of their own for it.
    pub deletes_account: bool,
}

impl Row {
    pub const fn new(field: &'static str, what: &'static str, need: Need, ask: Ask) -> Self {
        Self {
            field,
            what,
            need,
            ask,
            shows: Shows::Always,
            hides: &[],
            changes_collection: false,
            ends_logins: false,
            deletes_account: false,
        }
    }

    pub const fn graphql(field: &'static str, what: &'static str, need: Need, selection: &'static str) -> Self {
        Self::new(field, what, need, Ask::Graphql(selection))
    }

    /// What it is called in findings.
    pub fn name(&self) -> String {
        if self.what.is_empty() { self.field.to_owned() } else { format!("{} ({})", self.field, self.what) }
    }

    pub const fn hiding(self, hides: &'static [&'static str]) -> Self {
        Self { hides, ..self }
    }

    pub const fn shown_by(self, name: &'static str) -> Self {
        Self { shows: Shows::By(name), ..self }
    }

    pub const fn never_shown(self) -> Self {
        Self { shows: Shows::Never, ..self }
    }

    pub const fn changing(self) -> Self {
        Self { changes_collection: true, ..self }
    }

    pub const fn ending_logins(self) -> Self {
        Self { ends_logins: true, ..self }
    }

    pub const fn deleting_the_account(self) -> Self {
        Self { deletes_account: true, ..self }
    }

    /// Whether it is asked of the API's writing half.
    pub fn is_change(&self) -> bool {
        self.field.starts_with("Mutation.")
    }
}
