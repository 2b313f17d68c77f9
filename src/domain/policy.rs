//! The policy: one table of permissions. Repositories build the conditions of their statements from its rows, the API
//! computes `viewerCan` from them, and the documentation prints them, so the three can't disagree.

use std::fmt::Write;

use super::{action::Action, collection::CollectionRole, scope::Scope, vocabulary::Vocabulary};

/// Who may perform one action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rule {
    pub action: Action,
    /// Users with one of these roles in the collection.
    pub roles: &'static [CollectionRole],
    /// Everyone, if the collection is public.
    pub public: bool,
    /// Every account.
    pub accounts: bool,
    /// Administrators of the server.
    pub admins: bool,
    /// Whether an API key can carry it. What a key does, its owner may do at that moment.
    pub keys: bool,
}

/// The policy. An administrator runs the server but can't read other users' collections.
pub const POLICY: [Rule; Action::ALL.len()] = {
    use Action as A;
    use CollectionRole::{Editor, Owner, Viewer};
    const NOBODY: Rule =
        Rule { action: A::CollectionRead, roles: &[], public: false, accounts: false, admins: false, keys: true };
    [
        Rule { action: A::CollectionRead, roles: &[Owner, Editor, Viewer], public: true, ..NOBODY },
        Rule { action: A::CollectionUpdate, roles: &[Owner], ..NOBODY },
        Rule { action: A::CollectionDelete, roles: &[Owner], ..NOBODY },
        Rule { action: A::CollectionLeave, roles: &[Editor, Viewer], keys: false, ..NOBODY },
        Rule { action: A::MemberRead, roles: &[Owner, Editor, Viewer], ..NOBODY },
        Rule { action: A::MemberManage, roles: &[Owner], ..NOBODY },
        Rule { action: A::DocumentIngest, roles: &[Owner, Editor], ..NOBODY },
        Rule { action: A::DocumentDelete, roles: &[Owner, Editor], ..NOBODY },
        Rule { action: A::OperationRead, roles: &[Owner, Editor, Viewer], ..NOBODY },
        Rule { action: A::OperationCancel, roles: &[Owner, Editor], ..NOBODY },
        Rule { action: A::AuditRead, roles: &[Owner], admins: true, ..NOBODY },
        Rule { action: A::CollectionCreate, accounts: true, ..NOBODY },
        Rule { action: A::AccountManage, accounts: true, keys: false, ..NOBODY },
        Rule { action: A::ServerManage, admins: true, keys: false, ..NOBODY },
    ]
};

/// The row of an action.
#[must_use]
pub fn rule(action: Action) -> &'static Rule {
    &POLICY[action as usize]
}

/// Whether `scope` may perform `action` in a collection in which its account has `role`.
#[must_use]
pub fn allows(scope: Scope, role: Option<CollectionRole>, is_public: bool, action: Action) -> bool {
    let rule = rule(action);
    let by_role = role.is_some_and(|role| rule.roles.contains(&role)) || (rule.public && is_public);
    scope == Scope::System || (by_role && scope.carries(action))
}

/// Whether `scope` may perform `action`, which is about no collection.
#[must_use]
pub fn allows_on_server(scope: Scope, action: Action) -> bool {
    let rule = rule(action);
    match scope {
        Scope::System => true,
        Scope::Anonymous => false,
        Scope::Account(caller) => (rule.accounts || (rule.admins && caller.is_admin)) && scope.carries(action),
    }
}

/// The policy as a table in Markdown, as ARCHITECTURE.md has it.
#[must_use]
pub fn to_markdown() -> String {
    let mut table = "| action | owner | editor | viewer | public | every account | admin | API key |\n".to_owned();
    table += "| --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for rule in POLICY {
        let role = |role| rule.roles.contains(&role);
        let cells = [
            role(CollectionRole::Owner),
            role(CollectionRole::Editor),
            role(CollectionRole::Viewer),
            rule.public,
            rule.accounts,
            rule.admins,
            rule.keys,
        ];
        let cells = cells.map(|yes| if yes { "yes" } else { "-" }).join(" | ");
        // Writing to a String does not fail.
        let _ = writeln!(table, "| `{}` | {cells} |", rule.action.as_str());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_its_own_row() {
        assert_eq!(POLICY.map(|rule| rule.action), Action::ALL);
    }
}
