//! The rows of what can be changed: every field of `Mutation`.

use super::{
    rows::Row,
    truth::{Need, Person},
};

const fn seen(action: &'static str) -> Need {
    Need::Change(action, "COLLECTION_READ")
}

const MEMBERS: Need = seen("MEMBER_MANAGE");
const INGEST: Need = seen("DOCUMENT_INGEST");

const fn row(field: &'static str, what: &'static str, need: Need, selection: &'static str) -> Row {
    Row::graphql(field, what, need, selection)
}

pub const MUTATIONS: &[Row] = &[
    // Accounts and logins.
    row(
        "Mutation.userRegister",
        "",
        Need::Nothing,
        "userRegister(input: { username: $unique, email: $email, password: $password }) {
            user { id } userErrors { code message path }
        }",
    ),
    row(
        "Mutation.sessionCreate",
        "",
        Need::Nothing,
        "sessionCreate(input: { login: $login, password: $password }) {
            accessToken viewer { id } userErrors { code message path }
        }",
    ),
    row(
        "Mutation.sessionCreate",
        "with another password",
        Need::Missing(&Need::Nothing),
        "sessionCreate(input: { login: $login, password: \"not the password\" }) {
            accessToken viewer { id } userErrors { code message path }
        }",
    )
    .hiding(&["login"]),
    row(
        "Mutation.sessionCreate",
        "of a closed account",
        Need::Missing(&Need::Nothing),
        "sessionCreate(input: { login: $closed, password: $password }) {
            accessToken viewer { id } userErrors { code message path }
        }",
    )
    .hiding(&["closed"]),
    row(
        "Mutation.sessionRefresh",
        "",
        Need::Nothing,
        "sessionRefresh(input: { refreshToken: $refresh }) {
            accessToken refreshToken viewer { id } userErrors { code message path }
        }",
    ),
    row(
        "Mutation.sessionRevoke",
        "somebody else's",
        Need::Missing(&Need::Login),
        "sessionRevoke(input: { sessionId: $theirSession }) { revoked userErrors { code message path } }",
    )
    .never_shown()
    .hiding(&["theirSession"]),
    row(
        "Mutation.sessionRevoke",
        "the caller's own",
        Need::Login,
        "sessionRevoke(input: {}) { revoked userErrors { code message path } }",
    )
    .ending_logins(),
    row(
        "Mutation.sessionRevoke",
        "all of the caller's",
        Need::Login,
        "sessionRevoke(input: { all: true }) { revoked userErrors { code message path } }",
    )
    .ending_logins(),
    row(
        "Mutation.passwordChange",
        "",
        Need::Login,
        "passwordChange(input: { currentPassword: $password, newPassword: $password }) {
            accessToken viewer { id } userErrors { code message path }
        }",
    )
    .ending_logins(),
    row(
        "Mutation.apiKeyCreate",
        "",
        Need::Login,
        "apiKeyCreate(input: { name: $unique, actions: [COLLECTION_READ] }) {
            secret apiKey { id } userErrors { code message path }
        }",
    ),
    row(
        "Mutation.apiKeyCreate",
        "for a collection",
        Need::Both(&Need::Login, &Need::Read("COLLECTION_READ")),
        "apiKeyCreate(input: { name: $unique, actions: [COLLECTION_READ], collectionIds: [$collection] }) {
            secret apiKey { id } userErrors { code message path }
        }",
    )
    .hiding(&["collection"]),
    row(
        "Mutation.apiKeyRevoke",
        "the caller's own",
        Need::Login,
        "apiKeyRevoke(id: $ownKey) { revokedId userErrors { code message path } }",
    )
    .hiding(&["ownKey"]),
    row(
        "Mutation.apiKeyRevoke",
        "somebody else's",
        Need::Missing(&Need::Login),
        "apiKeyRevoke(id: $theirKey) { revokedId userErrors { code message path } }",
    )
    .hiding(&["theirKey"]),
    // What administrators do.
    row(
        "Mutation.userInvite",
        "",
        Need::Server,
        "userInvite(input: { role: MEMBER }) { token userErrors { code message path } }",
    ),
    row(
        "Mutation.userActivate",
        "",
        Need::Server,
        "userActivate(id: $outsider) { user { id } userErrors { code message path } }",
    )
    .hiding(&["outsider"]),
    row(
        "Mutation.userDeactivate",
        "",
        Need::Server,
        "userDeactivate(id: $spare) { user { id } userErrors { code message path } }",
    )
    .hiding(&["spare"]),
    row(
        "Mutation.userRoleSet",
        "",
        Need::Server,
        "userRoleSet(input: { userId: $spare, role: ADMIN }) { user { id } userErrors { code message path } }",
    )
    .hiding(&["spare"]),
    // Collections.
    row(
        "Mutation.collectionCreate",
        "",
        Need::Create,
        "collectionCreate(input: { name: $unique }) { collection { id } userErrors { code message path } }",
    ),
    row(
        "Mutation.collectionUpdate",
        "",
        seen("COLLECTION_UPDATE"),
        "collectionUpdate(id: $collection, input: { description: $unique }) {
            collection { id } userErrors { code message path }
        }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.collectionUpdate",
        "whether it is public",
        seen("COLLECTION_UPDATE"),
        "collectionUpdate(id: $collection, input: { isPublic: true, name: $unique }) {
            collection { id } userErrors { code message path }
        }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.collectionDelete",
        "",
        seen("COLLECTION_DELETE"),
        "collectionDelete(id: $collection) { deletedId operation { id } userErrors { code message path } }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.collectionMemberSet",
        "by id",
        // Anyone can send a user name, but an id only if they can see the account.
        Need::Both(&MEMBERS, &Need::Sees(Person::Member)),
        "collectionMemberSet(input: { collectionId: $collection, userId: $member, role: EDITOR }) {
            member { role } userErrors { code message path }
        }",
    )
    .hiding(&["member"])
    .changing(),
    row(
        "Mutation.collectionMemberSet",
        "by name, as owner",
        MEMBERS,
        "collectionMemberSet(input: { collectionId: $collection, username: $memberName, role: OWNER }) {
            member { role } userErrors { code message path }
        }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.collectionMemberSet",
        "somebody whom the caller does not know",
        Need::Missing(&MEMBERS),
        "collectionMemberSet(input: { collectionId: $collection, userId: $outsider, role: VIEWER }) {
            member { role } userErrors { code message path }
        }",
    )
    .hiding(&["outsider"]),
    row(
        "Mutation.collectionMemberSet",
        "somebody whose account is closed",
        Need::Missing(&MEMBERS),
        "collectionMemberSet(input: { collectionId: $collection, username: $closed, role: VIEWER }) {
            member { role } userErrors { code message path }
        }",
    )
    .hiding(&["closed"]),
    row(
        "Mutation.collectionMemberRemove",
        "somebody else",
        MEMBERS,
        "collectionMemberRemove(input: { collectionId: $collection, userId: $member }) {
            removedUserId userErrors { code message path }
        }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.collectionMemberRemove",
        "the caller",
        Need::Leave,
        "collectionMemberRemove(input: { collectionId: $collection, userId: $self }) {
            removedUserId userErrors { code message path }
        }",
    )
    .hiding(&["collection"])
    .changing(),
    // Documents and operations.
    row(
        "Mutation.uploadCreate",
        "",
        Need::Upload,
        "uploadCreate(input: { fileName: \"a.txt\" }) { upload { id } userErrors { code message path } }",
    ),
    row(
        "Mutation.documentsIngest",
        "",
        INGEST,
        "documentsIngest(input: { collectionId: $collection, documents: [{
            fileName: $unique, source: { text: \"x\" }
        }] }) {
            operation { id } documents { id } userErrors { code message path }
        }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.documentsIngest",
        "somebody else's upload",
        Need::Missing(&INGEST),
        "documentsIngest(input: { collectionId: $collection, documents: [{
            source: { uploadId: $theirUpload }, fileName: \"x.txt\"
        }] }) {
            operation { id } documents { id } userErrors { code message path }
        }",
    )
    .hiding(&["theirUpload"]),
    row(
        "Mutation.documentsDelete",
        "",
        seen("DOCUMENT_DELETE"),
        "documentsDelete(input: { ids: [$document] }) { deletedIds operation { id } userErrors { code message path } }",
    )
    .hiding(&["document"])
    .changing(),
    row(
        "Mutation.documentsDelete",
        "with one that is hidden",
        Need::Missing(&Need::Account),
        "documentsDelete(input: { ids: [$document, $theirDocument] }) {
            deletedIds operation { id } userErrors { code message path }
        }",
    )
    .hiding(&["theirDocument"]),
    row(
        "Mutation.documentsIngest",
        "into a collection that is being removed",
        Need::Missing(&Need::Account),
        "documentsIngest(input: { collectionId: $removed, documents: [{
            fileName: $unique, source: { text: \"x\" }
        }] }) {
            operation { id } documents { id } userErrors { code message path }
        }",
    )
    .hiding(&["removed"]),
    row(
        "Mutation.collectionUpdate",
        "that is being removed",
        Need::Missing(&Need::Account),
        "collectionUpdate(id: $removed, input: { description: $unique }) {
            collection { id } userErrors { code message path }
        }",
    )
    .hiding(&["removed"]),
    row(
        "Mutation.operationCancel",
        "",
        Need::Change("OPERATION_CANCEL", "OPERATION_READ"),
        "operationCancel(id: $waiting) { operation { id status } userErrors { code message path } }",
    )
    .hiding(&["waiting"])
    .changing(),
];
