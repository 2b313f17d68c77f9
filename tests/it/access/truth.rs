//! The expected result of each cell. The table is written a second time here, on purpose: a mistake in the server's own
//! policy must show.

use super::actors::{Actor, Place, Reach, Role};

/// The policy: the roles in a collection, `reader` for everyone if it is public; `account` and `admin` for what
/// concerns no collection or, in the audit log, any.
pub const TABLE: [(&str, &str); 14] = [
    ("COLLECTION_READ", "owner editor viewer reader"),
    ("COLLECTION_UPDATE", "owner"),
    ("COLLECTION_DELETE", "owner"),
    ("COLLECTION_LEAVE", "editor viewer"),
    ("MEMBER_READ", "owner editor viewer"),
    ("MEMBER_MANAGE", "owner"),
    ("DOCUMENT_INGEST", "owner editor"),
    ("DOCUMENT_DELETE", "owner editor"),
    ("OPERATION_READ", "owner editor viewer"),
    ("OPERATION_CANCEL", "owner editor"),
    ("AUDIT_READ", "owner admin"),
    ("COLLECTION_CREATE", "account"),
    ("ACCOUNT_MANAGE", "account"),
    ("SERVER_MANAGE", "admin"),
];

/// An account with a relation to the requested collection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Person {
    Owner,
    Editor,
    Member,
}

impl Person {
    pub fn account(self, place: Place) -> &'static str {
        match (self, place) {
            (Self::Owner, Place::Private) => "ada",
            (Self::Editor, Place::Private) => "ed",
            (Self::Member, Place::Private) => "mia",
            (Self::Owner, Place::Public) => "pat",
            (Self::Editor, Place::Public) => "paul",
            (Self::Member, Place::Public) => "pia",
        }
    }
}

/// What is needed for an answer.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// Nothing: the credential is not even looked at.
    Open,
    /// Nothing, but a credential that is shown has to be good.
    Nothing,
    /// The account itself, not a key of it.
    Login,
    /// An administrator, not a key of theirs.
    Server,
    /// The same; for others there is nothing.
    Administrates,
    /// The account itself, not a key of it; for others there is nothing.
    Owns,
    /// A key.
    Key,
    /// An account, or a key for new collections.
    Create,
    /// An account, or a key that may add documents.
    Upload,
    /// The same; callers without permission have no such object for which they could be denied.
    OwnUpload,
    /// The right to this. Without it there is nothing to see.
    Read(&'static str),
    /// The permission for the first. A caller who has only the second sees the object, and is denied.
    Change(&'static str, &'static str),
    /// To give up one's own role.
    Leave,
    /// The audit log of the collection.
    Audit,
    /// The account of this person, at least by its name.
    Sees(Person),
    /// The account of this person, or a key of it.
    Is(Person),
    /// The account of this person, and not a key of it.
    IsLogin(Person),
    /// The same, or an administrator.
    Administers(Person),
    /// An account, or a key of one.
    Account,
    /// Both.
    Both(&'static Need, &'static Need),
    /// As this, but there is nothing for those who have it either.
    Missing(&'static Need),
    /// As this, but the state of things does not allow it to those who have it either.
    Conflicting(&'static Need),
}

impl Need {
    /// Whether it concerns the caller, and not the requested object: a denial must then not reveal whether the object
    /// exists.
    pub fn is_about_caller(self) -> bool {
        match self {
            Self::Login | Self::Server | Self::Administrates | Self::Create | Self::Upload | Self::Account => true,
            Self::Both(first, _) | Self::Missing(first) | Self::Conflicting(first) => first.is_about_caller(),
            _ => false,
        }
    }
}

/// What has to come of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Shown, or done.
    Done,
    /// As if there were no such thing.
    Hidden,
    /// FORBIDDEN: the caller can see it, or it is not secret, but they lack permission.
    Refused,
    /// UNAUTHENTICATED.
    Unauthenticated,
    /// CONFLICT: the caller may, and the state of things does not allow it.
    Conflict,
    /// Anything else.
    Odd,
}

/// Whether the table allows `action` in the collection that is asked about.
pub fn may(actor: &Actor, action: &str) -> bool {
    let (_, who) = TABLE.iter().find(|(name, _)| *name == action).expect("an action of the table");
    let listed = |word: &str| who.split(' ').any(|each| each == word);
    let by_role = actor.role.is_some_and(|role| {
        listed(match role {
            Role::Owner => "owner",
            Role::Editor => "editor",
            Role::Viewer => "viewer",
        })
    });
    let allowed = by_role
        || (actor.place == Place::Public && listed("reader"))
        || (actor.account.is_some() && listed("account"))
        || (actor.is_admin && actor.key.is_none() && listed("admin"));
    let carried = actor.key.as_ref().is_none_or(|key| key.actions.contains(&action) && key.reach != Reach::Another);
    allowed && carried
}

/// What a cell has to be.
pub fn expected(need: Need, actor: &Actor) -> Outcome {
    use Outcome::{Conflict, Done, Hidden, Refused, Unauthenticated};
    let or_hidden = |is_allowed: bool| if is_allowed { Done } else { Hidden };
    let or_refused = |is_allowed: bool| if is_allowed { Done } else { Refused };
    let is = |person: Person| actor.account == Some(person.account(actor.place));
    let names = |action: &str| actor.key.as_ref().is_none_or(|key| key.actions.contains(&action));
    let is_login = actor.account.is_some() && actor.key.is_none();
    if matches!(need, Need::Open) {
        return Done;
    }
    if !actor.is_good {
        return Unauthenticated;
    }
    let needs_account = matches!(
        need,
        Need::Login
            | Need::Server
            | Need::Create
            | Need::Upload
            | Need::OwnUpload
            | Need::Change(..)
            | Need::Leave
            | Need::Audit
            | Need::Account
    );
    if needs_account && actor.account.is_none() {
        return Unauthenticated;
    }
    match need {
        Need::Open | Need::Nothing | Need::Account => Done,
        Need::Login => or_refused(is_login),
        Need::Server => or_refused(is_login && actor.is_admin),
        Need::Administrates => or_hidden(is_login && actor.is_admin),
        Need::Owns => or_hidden(is_login),
        Need::Key => or_hidden(actor.key.is_some()),
        Need::Create => {
            or_refused(names("COLLECTION_CREATE") && actor.key.as_ref().is_none_or(|key| key.reach == Reach::All))
        }
        Need::Upload => or_refused(names("DOCUMENT_INGEST")),
        Need::OwnUpload => or_hidden(names("DOCUMENT_INGEST")),
        Need::Read(action) => or_hidden(may(actor, action)),
        Need::Change(action, _) if may(actor, action) => Done,
        Need::Change(_, seen_by) => {
            if may(actor, seen_by) {
                Refused
            } else {
                Hidden
            }
        }
        Need::Leave if may(actor, "COLLECTION_LEAVE") && actor.key.is_none() => Done,
        // Who manages the members is the owner, who can't leave.
        Need::Leave if may(actor, "MEMBER_MANAGE") => Conflict,
        Need::Leave => {
            if may(actor, "COLLECTION_READ") {
                Refused
            } else {
                Hidden
            }
        }
        Need::Audit => or_hidden(may(actor, "AUDIT_READ")),
        Need::Sees(person) => or_hidden(
            is(person)
                || (is_login && actor.is_admin)
                || may(actor, "MEMBER_READ")
                || (person == Person::Owner && may(actor, "COLLECTION_READ")),
        ),
        Need::Is(person) => or_hidden(is(person)),
        Need::IsLogin(person) => or_hidden(is(person) && is_login),
        Need::Administers(person) => or_hidden(is_login && (is(person) || actor.is_admin)),
        Need::Both(first, second) => match expected(*first, actor) {
            Done => expected(*second, actor),
            other => other,
        },
        Need::Missing(need) => match expected(*need, actor) {
            Done => Hidden,
            other => other,
        },
        Need::Conflicting(need) => match expected(*need, actor) {
            Done => Conflict,
            other => other,
        },
    }
}
