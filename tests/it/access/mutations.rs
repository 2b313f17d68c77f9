//! The rows of what can be changed: every field of `Mutation`.

use super::{
    rows::{Ask, Row},
    truth::{Need, Person},
};

const fn seen(action: &'static str) -> Need {
    Need::Change(action, "COLLECTION_READ")
}

const MEMBERS: Need = seen("MEMBER_MANAGE");
const UPDATE: Need = seen("COLLECTION_UPDATE");
const INGEST: Need = seen("DOCUMENT_INGEST");

/// Who may read operations sees sources.
const SEES_SOURCE: Need = Need::Change("OPERATION_READ", "OPERATION_READ");
const SOURCE_UPDATE: Need = Need::Change("COLLECTION_UPDATE", "OPERATION_READ");
const SOURCE_INGEST: Need = Need::Change("DOCUMENT_INGEST", "OPERATION_READ");
const SOURCE_DELETE: Need = Need::Change("DOCUMENT_DELETE", "OPERATION_READ");
const SOURCE_MANAGE: Need = Need::Both(&SOURCE_UPDATE, &SOURCE_INGEST);
const SOURCE_REMOVE: Need = Need::Both(&SOURCE_UPDATE, &SOURCE_DELETE);

const fn row(field: &'static str, what: &'static str, need: Need, arguments: &'static str) -> Row {
    Row::new(field, what, need, Ask::Change(arguments))
}

pub const MUTATIONS: &[Row] = &[
    // Accounts and logins.
    row("Mutation.userRegister", "", Need::Nothing, "input: { username: $unique, email: $email, password: $password }"),
    row("Mutation.sessionCreate", "", Need::Nothing, "input: { login: $login, password: $password }"),
    row(
        "Mutation.sessionCreate",
        "with another password",
        Need::Missing(&Need::Nothing),
        "input: { login: $login, password: \"not the password\" }",
    )
    .hiding(&["login"]),
    row(
        "Mutation.sessionCreate",
        "of a closed account",
        Need::Missing(&Need::Nothing),
        "input: { login: $closed, password: $password }",
    )
    .hiding(&["closed"]),
    row("Mutation.sessionRefresh", "", Need::Nothing, "input: { refreshToken: $refresh }"),
    row(
        "Mutation.sessionRevoke",
        "somebody else's",
        Need::Missing(&Need::Login),
        "input: { sessionId: $theirSession }",
    )
    .hiding(&["theirSession"]),
    row("Mutation.sessionRevoke", "the caller's own", Need::Login, "input: {}").ending_logins(),
    row("Mutation.sessionRevoke", "all of the caller's", Need::Login, "input: { all: true }").ending_logins(),
    row("Mutation.passwordChange", "", Need::Login, "input: { currentPassword: $password, newPassword: $password }")
        .ending_logins(),
    row("Mutation.userDelete", "", Need::Login, "input: { password: $password }").deleting_the_account(),
    row(
        "Mutation.userDelete",
        "with another password",
        Need::Missing(&Need::Login),
        "input: { password: \"not the password\" }",
    ),
    row("Mutation.apiKeyCreate", "", Need::Login, "input: { name: $unique, actions: [COLLECTION_READ] }"),
    row(
        "Mutation.apiKeyCreate",
        "for a collection",
        Need::Both(&Need::Login, &Need::Read("COLLECTION_READ")),
        "input: { name: $unique, actions: [COLLECTION_READ], collectionIds: [$collection] }",
    )
    .hiding(&["collection"]),
    row("Mutation.apiKeyRevoke", "the caller's own", Need::Login, "input: { apiKeyId: $ownKey }").hiding(&["ownKey"]),
    row("Mutation.apiKeyRevoke", "somebody else's", Need::Missing(&Need::Login), "input: { apiKeyId: $theirKey }")
        .hiding(&["theirKey"]),
    row("Mutation.passwordReset", "", Need::Nothing, "input: { token: $resetToken, newPassword: $password }"),
    // What administrators do.
    row("Mutation.passwordResetCreate", "", Need::Server, "input: { userId: $outsider }").hiding(&["outsider"]),
    row("Mutation.userInvite", "", Need::Server, "input: { role: MEMBER }"),
    row("Mutation.invitationWithdraw", "", Need::Server, "input: { invitationId: $newInvitation }")
        .hiding(&["newInvitation"]),
    row("Mutation.userActivate", "", Need::Server, "input: { userId: $outsider }").hiding(&["outsider"]),
    row("Mutation.userDeactivate", "", Need::Server, "input: { userId: $spare }").hiding(&["spare"]),
    row("Mutation.userRoleSet", "", Need::Server, "input: { userId: $spare, role: ADMIN }").hiding(&["spare"]),
    // Collections.
    row("Mutation.collectionCreate", "", Need::Create, "input: { name: $unique }"),
    row(
        "Mutation.collectionUpdate",
        "",
        seen("COLLECTION_UPDATE"),
        "input: { collectionId: $collection, description: $unique }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.collectionUpdate",
        "whether it is public",
        seen("COLLECTION_UPDATE"),
        "input: { collectionId: $collection, isPublic: true, name: $unique }",
    )
    .hiding(&["collection"])
    .changing(),
    row("Mutation.collectionDelete", "", seen("COLLECTION_DELETE"), "input: { collectionId: $collection }")
        .hiding(&["collection"])
        .changing(),
    row("Mutation.collectionReindex", "", UPDATE, "input: { collectionId: $collection, force: true }")
        .hiding(&["collection"])
        .changing(),
    row(
        "Mutation.collectionPromote",
        "what is active",
        Need::Conflicting(&UPDATE),
        "input: { generationId: $generation }",
    )
    .hiding(&["generation"]),
    row(
        "Mutation.collectionRollback",
        "without a former index",
        Need::Conflicting(&UPDATE),
        "input: { collectionId: $collection }",
    )
    .hiding(&["collection"]),
    row(
        "Mutation.collectionMemberSet",
        "by id",
        // Anyone can send a user name, but an id only if they can see the account.
        Need::Both(&MEMBERS, &Need::Sees(Person::Member)),
        "input: { collectionId: $collection, userId: $member, role: EDITOR }",
    )
    .hiding(&["member"])
    .changing(),
    row(
        "Mutation.collectionMemberSet",
        "by name, as owner",
        MEMBERS,
        "input: { collectionId: $collection, username: $memberName, role: OWNER }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.collectionMemberSet",
        "somebody whom the caller does not know",
        Need::Missing(&MEMBERS),
        "input: { collectionId: $collection, userId: $outsider, role: VIEWER }",
    )
    .hiding(&["outsider"]),
    row(
        "Mutation.collectionMemberSet",
        "somebody whose account is closed",
        Need::Missing(&MEMBERS),
        "input: { collectionId: $collection, username: $closed, role: VIEWER }",
    )
    .hiding(&["closed"]),
    row(
        "Mutation.collectionMemberRemove",
        "somebody else",
        MEMBERS,
        "input: { collectionId: $collection, userId: $member }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.collectionMemberRemove",
        "the caller",
        Need::Leave,
        "input: { collectionId: $collection, userId: $self }",
    )
    .hiding(&["collection"])
    .changing(),
    // Documents and operations.
    row("Mutation.uploadCreate", "", Need::Upload, "input: { fileName: \"a.txt\" }"),
    row("Mutation.uploadsCreate", "", Need::Upload, "input: { files: [{ fileName: \"a.txt\" }] }"),
    row(
        "Mutation.documentsIngest",
        "",
        INGEST,
        "input: { collectionId: $collection, documents: [{ fileName: $unique, content: { text: \"x\" } }] }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.documentsIngest",
        "somebody else's upload",
        Need::Missing(&INGEST),
        "input: { collectionId: $collection, documents: [{
            content: { uploadId: $theirUpload }, fileName: \"x.txt\"
        }] }",
    )
    .hiding(&["theirUpload"]),
    row(
        "Mutation.documentsRetry",
        "named ones, of which one succeeded",
        Need::Conflicting(&INGEST),
        "input: { ids: [$document] }",
    )
    .hiding(&["document"]),
    row(
        "Mutation.documentsRetry",
        "of a collection in which nothing failed",
        Need::Conflicting(&INGEST),
        "input: { collectionId: $collection }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.documentsRetry",
        "of an operation in which nothing failed",
        Need::Conflicting(&Need::Both(&SEES_SOURCE, &SOURCE_INGEST)),
        "input: { operationId: $waiting }",
    )
    .hiding(&["waiting"])
    .changing(),
    row("Mutation.documentUpdate", "", INGEST, "input: { id: $document, title: $unique }")
        .hiding(&["document"])
        .changing(),
    row(
        "Mutation.documentsDelete",
        "by a filter",
        seen("DOCUMENT_DELETE"),
        "input: { filter: { collectionId: $collection, status: [PENDING] } }",
    )
    .hiding(&["collection"])
    .changing(),
    row("Mutation.documentsDelete", "", seen("DOCUMENT_DELETE"), "input: { ids: [$document] }")
        .hiding(&["document"])
        .changing(),
    row(
        "Mutation.documentsDelete",
        "with one that is hidden",
        Need::Missing(&Need::Account),
        "input: { ids: [$document, $theirDocument] }",
    )
    .hiding(&["theirDocument"]),
    row(
        "Mutation.documentsIngest",
        "into a collection that is being removed",
        Need::Missing(&Need::Account),
        "input: { collectionId: $removed, documents: [{ fileName: $unique, content: { text: \"x\" } }] }",
    )
    .hiding(&["removed"]),
    row(
        "Mutation.collectionUpdate",
        "that is being removed",
        Need::Missing(&Need::Account),
        "input: { collectionId: $removed, description: $unique }",
    )
    .hiding(&["removed"]),
    // Sources.
    row(
        "Mutation.sourceCreate",
        "",
        // Its credential has to allow both; by role, whoever may do the first may do the second.
        Need::Both(&UPDATE, &Need::Upload),
        "input: { collectionId: $collection, name: $unique, location: { directory: { path: $directory } } }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.sourceCreate",
        "of a site",
        Need::Both(&UPDATE, &Need::Upload),
        "input: { collectionId: $collection, name: $unique, location: { web: {
            start: { urls: [\"https://docs.example.org/tides/\"] }
        } } }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.sourceCreate",
        "of a bucket",
        Need::Both(&UPDATE, &Need::Upload),
        "input: { collectionId: $collection, name: $unique, location: { bucket: {
            bucket: \"tides\", credentials: { accessKeyId: \"quokka\", secretAccessKey: \"secret\" }
        } } }",
    )
    .hiding(&["collection"])
    .changing(),
    row(
        "Mutation.sourceUpdate",
        "",
        Need::Both(&SEES_SOURCE, &SOURCE_MANAGE),
        "input: { id: $source, name: $unique, location: { directory: { path: $directory } } }",
    )
    .hiding(&["source"])
    .changing(),
    row("Mutation.sourceSync", "", Need::Both(&SEES_SOURCE, &SOURCE_INGEST), "input: { id: $source }")
        .hiding(&["source"])
        .changing(),
    row(
        "Mutation.sourceSync",
        "and confirm that much is gone",
        Need::Both(&SEES_SOURCE, &Need::Both(&SOURCE_INGEST, &SOURCE_DELETE)),
        "input: { id: $source, confirm: true }",
    )
    .hiding(&["source"])
    .changing(),
    row("Mutation.sourceRemove", "", Need::Both(&SEES_SOURCE, &SOURCE_REMOVE), "input: { id: $source }")
        .hiding(&["source"])
        .changing(),
    row(
        "Mutation.operationCancel",
        "",
        Need::Change("OPERATION_CANCEL", "OPERATION_READ"),
        "input: { operationId: $waiting }",
    )
    .hiding(&["waiting"])
    .changing(),
];
