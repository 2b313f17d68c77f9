//! The files of an archive become documents of the operation that the archive came with. The archive itself stays a document
//! without chunks: it can be downloaded, and says what was left out of it.

use std::collections::HashSet;

use chrono::{DateTime, Utc};

use super::{
    accept::{self, Batch},
    ingest::MAX_URI,
    remove_rows,
};
use crate::{
    db::{
        Reader, Transaction,
        repo::{documents, operation_documents, sources},
    },
    domain::{
        collection::Collection,
        content::{Content, StoredFile, UNKNOWN_TYPE},
        document::{DocumentWarning, DocumentWarningCode},
        id::SourceId,
        job::Tenant,
        operation::OperationRun,
        source::{Source, VanishPolicy},
    },
    error::Error,
    jobs::{self, DropPoints, DropTarget},
    service::{Services, validate::Violations},
};

/// Documents that are removed with one statement.
const REMOVED: usize = 100;

/// A file of an archive, whose bytes are stored.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Where it is in the archive, with slashes between folders.
    pub path: String,
    pub file: StoredFile,
}

/// An archive that was unpacked.
#[derive(Clone, Copy, Debug)]
pub struct Archive<'a> {
    pub content: &'a Content,
    /// The source that it comes from; its files come from there too.
    pub source: Option<SourceId>,
    pub members: &'a [Member],
}

/// Accepts the files of an archive into its operation, for a locked collection. Save the operation afterwards. Returns a
/// warning about those that can't become documents.
///
/// Whoever brought the archive was allowed to add documents, and the operation does what they asked for.
///
/// # Errors
/// `Invalid` if the collection or its owner has no room for them, `Unavailable` if their bytes have been removed again.
pub async fn accept_members(
    tx: &Transaction<'_>,
    services: &Services,
    collection: &Collection,
    run: &mut OperationRun,
    archive: Archive<'_>,
    now: DateTime<Utc>,
) -> Result<Option<DocumentWarning>, Error> {
    let Archive { content, source, members } = archive;
    if members.is_empty() {
        return Ok(None);
    }
    let mut contents = contents(content, members);
    let uris: Vec<_> = contents.iter().map(|content| content.uri.clone()).collect();
    // An operation has each document once.
    let operation = run.operation().id;
    let mut taken = operation_documents::uris_among(tx, operation, &uris).await?;
    if let Some(source) = source {
        taken.extend(accept::uris_of_others(tx, collection, source, &uris).await?);
    }
    contents.retain(|content| !taken.contains(&content.uri));
    if !contents.is_empty() {
        run.add_documents(contents.len());
        let first = operation_documents::next_ordinal(tx, operation).await?;
        let batch = Batch { source, first, contents: &contents };
        let plan = accept::plan(tx, &services.blobs, collection, run, batch, now).await?;
        let tenant = run.operation().user_id.into();
        plan.write(tx, &services.config.limits, collection, tenant, now).await?;
    }
    let left_out = members.len() - contents.len();
    let message = format!(
        "Files whose paths are too long, or name another document of the operation, were left out: {left_out}."
    );
    Ok((left_out > 0).then(|| DocumentWarning::new(DocumentWarningCode::PartSkipped, message)))
}

/// Removes the documents of files that an archive of a source does not have any more, unless the source keeps what is gone.
/// The collection is locked, and all files of the archive could be read. It is replaced as a whole, so no other sync has to
/// miss its files first. If more than half of them are gone, it is probably another archive, and nothing is removed.
///
/// # Errors
/// As the database.
pub async fn remove_left(
    tx: &Transaction<'_>,
    reader: &Reader<'_>,
    collection: &Collection,
    archive: Archive<'_>,
    tenant: Tenant,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let Some(id) = archive.source else { return Ok(()) };
    let keeps = |source: Source| source.on_vanish == VanishPolicy::Keep;
    if sources::find(reader, id).await?.is_none_or(keeps) {
        return Ok(());
    }
    let there = contents(archive.content, archive.members);
    let there: HashSet<_> = there.iter().map(|content| content.uri.as_str()).collect();
    let mut left = sources::archived(reader, id, &archive.content.uri).await?;
    let total = left.len();
    left.retain(|(_, uri)| !there.contains(uri.as_str()));
    if left.len() * 2 > total {
        return Ok(());
    }
    let left: Vec<_> = left.into_iter().map(|(id, _)| id).collect();
    for page in left.chunks(REMOVED) {
        let locked = documents::lock_many(tx, collection.id, page).await?;
        let gone = remove_rows(tx, collection, &locked).await?;
        jobs::enqueue(tx, &[DropPoints::of(collection, DropTarget::Documents(gone))], tenant, now).await?;
    }
    Ok(())
}

/// The contents of the documents that an archive holds: each has a valid uri of its own, below that of the archive.
fn contents(archive: &Content, members: &[Member]) -> Vec<Content> {
    let mut uris = HashSet::new();
    let contents = members.iter().filter_map(|member| content(archive, member));
    contents.filter(|content| uris.insert(content.uri.clone())).collect()
}

/// The content of a file, unless its path can't be a uri.
fn content(archive: &Content, Member { path, file }: &Member) -> Option<Content> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let mut violations = Violations::default();
    let file_name = violations.file_name("fileName", name);
    let uri = violations.uri("uri", &format!("{}/{path}", archive.uri), MAX_URI);
    violations.check().ok()?;
    let content_type = UNKNOWN_TYPE.to_owned();
    Some(Content { file_name, uri, content_type, file: file.clone(), meta: archive.meta.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uris_of(paths: &[&str]) -> Vec<String> {
        let file = StoredFile { digest: "a".to_owned(), size: 10 };
        let archive = Content {
            file_name: "a.zip".to_owned(),
            uri: "mail/a.zip".to_owned(),
            content_type: UNKNOWN_TYPE.to_owned(),
            file: file.clone(),
            meta: serde_json::json!({ "year": 2026 }),
        };
        let members: Vec<_> = paths.iter().map(|&path| Member { path: path.to_owned(), file: file.clone() }).collect();
        let contents = contents(&archive, &members);
        assert!(contents.iter().all(|content| content.meta == archive.meta && !content.file_name.contains('/')));
        contents.into_iter().map(|content| content.uri).collect()
    }

    #[test]
    fn files_have_uris_below_that_of_their_archive() {
        assert_eq!(uris_of(&["a.txt", "notes/b.txt"]), ["mail/a.zip/a.txt", "mail/a.zip/notes/b.txt"]);
    }

    #[test]
    fn paths_that_are_twice_there_or_can_be_no_uri_are_left_out() {
        let long = format!("{}.txt", "x".repeat(201));
        let deep = format!("{}b.txt", "folder/".repeat(300));
        assert_eq!(uris_of(&["a.txt", "a.txt", &long, &deep, "b\u{7}.txt"]), ["mail/a.zip/a.txt"]);
        // The same name in two forms: as one character, and as a letter with its accent.
        assert_eq!(uris_of(&["caf\u{e9}.txt", "cafe\u{301}.txt"]).len(), 1);
    }
}
