//! The columns of the matrix: the caller, with which credential, and about which of the two collections.

/// What an API key can allow.
pub const KEY_ACTIONS: [&str; 11] = [
    "COLLECTION_READ",
    "COLLECTION_UPDATE",
    "COLLECTION_DELETE",
    "MEMBER_READ",
    "MEMBER_MANAGE",
    "DOCUMENT_INGEST",
    "DOCUMENT_DELETE",
    "OPERATION_READ",
    "OPERATION_CANCEL",
    "AUDIT_READ",
    "COLLECTION_CREATE",
];

/// The collection that is asked about: each has an owner, an editor and members of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    Private,
    Public,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    Owner,
    Editor,
    Viewer,
}

/// The collections that a key names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// None: it allows all.
    All,
    /// The one that is asked about.
    Asked,
    /// Another one of its owner.
    Another,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Key {
    pub actions: Vec<&'static str>,
    pub reach: Reach,
}

/// Who asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    pub name: String,
    /// The user name, if they have an account.
    pub account: Option<&'static str>,
    pub place: Place,
    /// Their account's role in the collection.
    pub role: Option<Role>,
    pub is_admin: bool,
    /// The key, if they ask with one and not as themselves.
    pub key: Option<Key>,
    /// Whether their credential is valid (any longer).
    pub is_good: bool,
}

impl Actor {
    fn nobody(name: &str, place: Place) -> Self {
        Self { name: name.to_owned(), account: None, place, role: None, is_admin: false, key: None, is_good: true }
    }

    fn user(name: &str, account: &'static str, place: Place, role: Option<Role>) -> Self {
        Self { account: Some(account), role, ..Self::nobody(name, place) }
    }

    fn key(self, name: &str, actions: &[&'static str], reach: Reach) -> Self {
        Self { name: name.to_owned(), key: Some(Key { actions: actions.to_vec(), reach }), ..self }
    }

    fn admin(self) -> Self {
        Self { is_admin: true, ..self }
    }

    fn useless(self) -> Self {
        Self { is_good: false, ..self }
    }
}

/// All of them.
pub fn all() -> Vec<Actor> {
    use Place::{Private, Public};
    let owner = || Actor::user("the owner", "ada", Private, Some(Role::Owner));
    let editor = || Actor::user("an editor", "ed", Private, Some(Role::Editor));
    let admin = || Actor::user("an administrator", "root", Private, None).admin();
    let former = || Actor::user("a former editor", "lou", Private, None);
    let closed = || Actor::user("an editor whose account is closed", "deirdre", Private, Some(Role::Editor)).useless();
    let reader = || Actor::user("a reader of a public collection", "rea", Public, None);
    let mut actors = vec![
        owner(),
        editor(),
        Actor::user("a viewer", "vi", Private, Some(Role::Viewer)),
        Actor::user("a stranger", "eve", Private, None),
        Actor::nobody("nobody", Private),
        admin(),
        former(),
        closed(),
        reader(),
        Actor::nobody("nobody, of a public collection", Public),
        Actor::user("an administrator, of a public collection", "root", Public, None).admin(),
    ];
    actors.extend(KEY_ACTIONS.map(|action| owner().key(&format!("a key for {action}"), &[action], Reach::All)));
    let all = &KEY_ACTIONS;
    let of_reader = Actor::user("", "ada", Public, None);
    actors.extend([
        owner().key("a key for the collection", all, Reach::Asked),
        owner().key("a key for another collection", all, Reach::Another),
        of_reader.key("a key for another collection, of a public one", all, Reach::Another),
        owner().key("an expired key", all, Reach::All).useless(),
        owner().key("a revoked key", all, Reach::All).useless(),
        editor().key("an editor's key", all, Reach::All),
        former().key("a former editor's key", all, Reach::All),
        closed().key("the key of a closed account", all, Reach::All),
        admin().key("an administrator's key", all, Reach::All),
        reader().key("the key of a reader of a public collection", all, Reach::All),
    ]);
    actors
}
