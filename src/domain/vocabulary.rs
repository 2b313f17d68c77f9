//! Values that are written down under a name: in rows, by the API, in documents.

/// A closed list of values, each with one name.
pub trait Vocabulary: Copy + 'static {
    /// Every value, in the order of declaration.
    const ALL: &'static [Self];

    /// The value's name.
    fn as_str(self) -> &'static str;
}

/// Defines an enum whose values have names. Rows keep the names: add values, never rename them.
macro_rules! vocabulary {
    ($(#[$meta:meta])* pub enum $type:ident { $($(#[$doc:meta])* $value:ident => $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum $type { $($(#[$doc])* $value,)* }

        impl $crate::domain::vocabulary::Vocabulary for $type {
            const ALL: &'static [Self] = &[$(Self::$value),*];

            fn as_str(self) -> &'static str {
                match self { $(Self::$value => $name,)* }
            }
        }
    };
}
pub(super) use vocabulary;
