//! The operations of the public API that this program uses, each as one function. The GraphQL documents are in
//! `../operations`, so that a change of the schema is a change of one of those files.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::client::{CallError, Client, PASSWORD, Timed};

const COLLECTION_DELETE: &str = include_str!("../operations/collection_delete.graphql");
const UPLOAD_CREATE: &str = include_str!("../operations/upload_create.graphql");
const UPLOAD_INGEST: &str = include_str!("../operations/upload_ingest.graphql");
const USER_REGISTER: &str = include_str!("../operations/user_register.graphql");
const COLLECTION_CREATE: &str = include_str!("../operations/collection_create.graphql");
const COLLECTIONS_CREATE: &str = include_str!("../operations/collections_create.graphql");
const COLLECTION_COUNT: &str = include_str!("../operations/collection_count.graphql");
const COLLECTION_MEMBER_SET: &str = include_str!("../operations/collection_member_set.graphql");
const COLLECTION_MEMBERS_SET: &str = include_str!("../operations/collection_members_set.graphql");
const COLLECTIONS: &str = include_str!("../operations/collections.graphql");
const COLLECTION_DOCUMENTS: &str = include_str!("../operations/collection_documents.graphql");
const DOCUMENT_CHUNKS: &str = include_str!("../operations/document_chunks.graphql");
const DOCUMENTS_INGEST: &str = include_str!("../operations/documents_ingest.graphql");
const NESTED: &str = include_str!("../operations/nested.graphql");
const OPERATION: &str = include_str!("../operations/operation.graphql");
const SEARCH: &str = include_str!("../operations/search.graphql");
const SEARCH_PLAIN: &str = include_str!("../operations/search_plain.graphql");

/// The most documents in one call of `documentsIngest`, and the largest page.
pub const PAGE: usize = 100;

/// The aliases in documents of several mutations: as many as the server takes in one.
const ALIASES: [&str; 5] = ["a", "b", "c", "d", "e"];
/// How many mutations are sent in one document.
pub const AT_ONCE: usize = ALIASES.len();

/// A document to be ingested as text.
#[derive(Clone)]
pub struct NewDocument {
    pub uri: String,
    pub file_name: String,
    pub text: String,
}

/// What `documentsIngest` answered.
#[derive(Deserialize, Clone)]
pub struct Ingestion {
    pub operation: Reference,
    pub documents: Vec<DocumentReference>,
}

#[derive(Deserialize, Clone)]
pub struct Reference {
    pub id: String,
}

#[derive(Deserialize, Clone)]
pub struct DocumentReference {
    pub id: String,
    pub uri: String,
}

/// Where an operation stands.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    pub status: String,
    pub error_message: Option<String>,
    pub totals: Totals,
}

#[derive(Deserialize, PartialEq, Eq, Debug)]
pub struct Totals {
    pub documents: usize,
    pub completed: usize,
    pub failed: usize,
    pub skipped: usize,
    pub chunks: usize,
}

/// All documents of a collection, with the collection's own counts.
pub struct Contents {
    pub document_count: usize,
    pub chunk_count: usize,
    pub documents: Vec<StoredDocument>,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "camelCase")]
pub struct StoredDocument {
    pub id: String,
    pub uri: String,
    pub status: String,
    pub chunk_count: usize,
    /// Why it failed, as the server reports it.
    pub error: Option<Value>,
}

/// One chunk as stored.
#[derive(Deserialize, PartialEq, Eq, Debug, Clone)]
#[serde(rename_all = "camelCase")]
pub struct Chunk {
    pub index: usize,
    pub content: String,
    pub start_offset: usize,
    pub end_offset: usize,
    pub token_count: usize,
    pub headings: Vec<String>,
}

/// A document's chunks and where its original is.
pub struct Passages {
    pub download_url: Option<String>,
    pub chunks: Vec<Chunk>,
}

/// Which legs take part in a search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Lexical,
    Semantic,
    Hybrid,
}

impl Mode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Lexical => "LEXICAL",
            Self::Semantic => "SEMANTIC",
            Self::Hybrid => "HYBRID",
        }
    }
}

/// What a hit stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Group {
    Document,
    Chunk,
}

impl Group {
    fn name(self) -> &'static str {
        match self {
            Self::Document => "DOCUMENT",
            Self::Chunk => "CHUNK",
        }
    }
}

/// A question to one collection, or to all that the account may read.
pub struct Search<'a> {
    pub collection: Option<&'a str>,
    pub query: &'a str,
    pub mode: Mode,
    pub group: Group,
    pub first: usize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchResult {
    /// Milliseconds that the server needed, embedding of the query included.
    pub took_ms: f64,
    /// Milliseconds for the embedding of the query.
    pub embedding_ms: f64,
    /// The result of each leg; empty if it was not requested.
    #[serde(default)]
    pub legs: Vec<Leg>,
    pub hits: Vec<Hit>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leg {
    pub kind: String,
    pub state: String,
    pub took_ms: f64,
}

#[derive(Deserialize)]
pub struct Hit {
    pub chunk: HitChunk,
    pub document: HitDocument,
}

#[derive(Deserialize)]
pub struct HitChunk {
    pub id: String,
    pub index: usize,
}

#[derive(Deserialize)]
pub struct HitDocument {
    pub uri: String,
    pub status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Page<T> {
    nodes: Vec<T>,
    page_info: PageInfo,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PageInfo {
    has_next_page: bool,
    end_cursor: Option<String>,
}

#[derive(Deserialize)]
struct Created {
    collection: Reference,
}

/// A list of which all rows are requested at once.
#[derive(Deserialize, PartialEq, Eq, Debug)]
pub struct Rows<T> {
    pub nodes: Vec<T>,
}

/// A collection read with what hangs on it, three levels deep.
#[derive(Deserialize, PartialEq, Eq, Debug)]
pub struct Nested {
    pub documents: Rows<NestedDocument>,
}

#[derive(Deserialize, PartialEq, Eq, Debug)]
pub struct NestedDocument {
    pub uri: String,
    pub collection: Value,
    pub chunks: Rows<Value>,
}

/// The input that makes an account a viewer of a collection.
fn viewer(collection: &str, username: &str) -> Value {
    json!({ "collectionId": collection, "username": username, "role": "VIEWER" })
}

/// A query with one field that may be null: a field that is null is a refusal.
fn required<T: DeserializeOwned>(mut data: Value, field: &str) -> Result<T, CallError> {
    let value = data[field].take();
    if value.is_null() {
        return Err(CallError::Refused(format!("{field} is null: no such object, or not ours to see")));
    }
    crate::client::typed(value)
}

impl Client {
    /// Opens the client's account and logs in.
    pub async fn register(&self) -> Result<(), CallError> {
        let input = json!({
            "username": self.login(),
            "email": format!("{}@example.org", self.login()),
            "password": PASSWORD,
            "fullName": "Benchmark",
        });
        let _: Timed<Value> = self.mutate(USER_REGISTER, "userRegister", json!({ "input": input })).await?;
        self.log_in().await
    }

    /// Makes a private collection with the server's defaults and returns its id.
    pub async fn create_collection(&self, name: &str) -> Result<String, CallError> {
        self.create_collection_with(json!({ "name": name })).await
    }

    /// Makes a collection as this `CollectionCreateInput` says and returns its id.
    pub async fn create_collection_with(&self, input: Value) -> Result<String, CallError> {
        let variables = json!({ "input": input });
        let created: Timed<Created> = self.mutate(COLLECTION_CREATE, "collectionCreate", variables).await?;
        Ok(created.value.collection.id)
    }

    /// Makes private collections with one call and returns their ids, in order.
    pub async fn create_collections(&self, names: &[String; AT_ONCE]) -> Result<Vec<String>, CallError> {
        let inputs = ALIASES.into_iter().zip(names.iter().map(|name| json!({ "name": name })));
        let created: Vec<Created> = self.mutate_each(COLLECTIONS_CREATE, inputs).await?;
        Ok(created.into_iter().map(|created| created.collection.id).collect())
    }

    /// Lets another account read a collection.
    pub async fn share(&self, collection: &str, username: &str) -> Result<(), CallError> {
        let variables = json!({ "input": viewer(collection, username) });
        let _: Timed<Value> = self.mutate(COLLECTION_MEMBER_SET, "collectionMemberSet", variables).await?;
        Ok(())
    }

    /// Lets another account read collections, with one call.
    pub async fn share_each(&self, collections: &[String; AT_ONCE], username: &str) -> Result<(), CallError> {
        let inputs = collections.iter().map(|collection| viewer(collection, username));
        let _: Vec<Value> = self.mutate_each(COLLECTION_MEMBERS_SET, ALIASES.into_iter().zip(inputs)).await?;
        Ok(())
    }

    /// How many collections the account may read.
    pub async fn collection_count(&self) -> Result<usize, CallError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            total_count: usize,
        }
        let answer: Answer = required(self.call(COLLECTION_COUNT, json!({})).await?, "collections")?;
        Ok(answer.total_count)
    }

    /// The twenty newest documents of a collection, each with its collection, the collection's owner, and three chunks.
    pub async fn nested(&self, collection: &str) -> Result<Timed<Nested>, CallError> {
        let answer: Timed<Value> = self.call_timed(NESTED, json!({ "id": collection })).await?;
        Ok(Timed { value: required(answer.value, "collection")?, elapsed: answer.elapsed })
    }

    /// The id of the collection with this name, among the first hundred.
    pub async fn find_collection(&self, name: &str) -> Result<Option<String>, CallError> {
        #[derive(Deserialize)]
        struct Row {
            id: String,
            name: String,
        }
        let rows: Rows<Row> = required(self.call(COLLECTIONS, json!({})).await?, "collections")?;
        Ok(rows.nodes.into_iter().find(|row| row.name == name).map(|row| row.id))
    }

    /// Hands over at most 100 documents. The same key with the same documents is the same operation.
    pub async fn ingest(
        &self,
        collection: &str,
        documents: &[NewDocument],
        key: &str,
    ) -> Result<Timed<Ingestion>, CallError> {
        let documents: Vec<Value> = documents
            .iter()
            .map(|new| json!({ "source": { "text": new.text }, "fileName": new.file_name, "uri": new.uri }))
            .collect();
        let input = json!({ "collectionId": collection, "documents": documents, "idempotencyKey": key });
        self.mutate(DOCUMENTS_INGEST, "documentsIngest", json!({ "input": input })).await
    }

    /// Sends a file and returns the id of its upload.
    pub async fn upload(&self, name: &str, bytes: Vec<u8>) -> Result<String, CallError> {
        #[derive(Deserialize)]
        struct Created {
            upload: Upload,
        }
        #[derive(Deserialize)]
        struct Upload {
            id: String,
            url: String,
        }
        let variables = json!({ "input": { "fileName": name } });
        let created: Timed<Created> = self.mutate(UPLOAD_CREATE, "uploadCreate", variables).await?;
        let Upload { id, url } = created.value.upload;
        self.put(&url, bytes).await?;
        Ok(id)
    }

    /// Has an upload indexed under its name.
    pub async fn ingest_upload(&self, collection: &str, upload: &str, uri: &str) -> Result<(), CallError> {
        let documents = json!([{ "source": { "uploadId": upload }, "uri": uri }]);
        let input = json!({ "collectionId": collection, "documents": documents });
        let _: Timed<Value> = self.mutate(UPLOAD_INGEST, "documentsIngest", json!({ "input": input })).await?;
        Ok(())
    }

    pub async fn delete_collection(&self, collection: &str) -> Result<(), CallError> {
        let _: Timed<Value> = self.mutate(COLLECTION_DELETE, "collectionDelete", json!({ "id": collection })).await?;
        Ok(())
    }

    pub async fn operation(&self, id: &str) -> Result<Operation, CallError> {
        required(self.call(OPERATION, json!({ "id": id })).await?, "operation")
    }

    /// Every document of a collection, page by page.
    pub async fn contents(&self, collection: &str) -> Result<Contents, CallError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            document_count: usize,
            chunk_count: usize,
            documents: Page<StoredDocument>,
        }
        let mut documents = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let variables = json!({ "id": collection, "first": PAGE, "after": after });
            let answer: Answer = required(self.call(COLLECTION_DOCUMENTS, variables).await?, "collection")?;
            documents.extend(answer.documents.nodes);
            if !answer.documents.page_info.has_next_page {
                let Answer { document_count, chunk_count, .. } = answer;
                return Ok(Contents { document_count, chunk_count, documents });
            }
            after = next_cursor(after.as_ref(), answer.documents.page_info)?;
        }
    }

    /// Every chunk of a document, page by page.
    pub async fn passages(&self, document: &str) -> Result<Passages, CallError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Answer {
            download_url: Option<String>,
            chunks: Page<Chunk>,
        }
        let mut chunks = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let variables = json!({ "id": document, "first": PAGE, "after": after });
            let answer: Answer = required(self.call(DOCUMENT_CHUNKS, variables).await?, "document")?;
            chunks.extend(answer.chunks.nodes);
            if !answer.chunks.page_info.has_next_page {
                return Ok(Passages { download_url: answer.download_url, chunks });
            }
            after = next_cursor(after.as_ref(), answer.chunks.page_info)?;
        }
    }

    /// Searches one collection, and selects how the ranking was computed.
    pub async fn search(&self, search: &Search<'_>) -> Result<Timed<SearchResult>, CallError> {
        self.search_with(SEARCH, search).await
    }

    /// Searches one collection without asking what the legs said: the server may then do less. A failed leg is a refusal.
    pub async fn search_plainly(&self, search: &Search<'_>) -> Result<Timed<SearchResult>, CallError> {
        self.search_with(SEARCH_PLAIN, search).await
    }

    async fn search_with(&self, document: &str, search: &Search<'_>) -> Result<Timed<SearchResult>, CallError> {
        let input = json!({
            "query": search.query,
            "collectionIds": search.collection.map(|collection| [collection]),
            "mode": search.mode.name(),
            "groupBy": search.group.name(),
            "first": search.first,
            // Degraded answers would make every figure wrong.
            "strict": true,
        });
        let answer: Timed<Value> = self.call_timed(document, json!({ "input": input })).await?;
        Ok(Timed { value: required(answer.value, "search")?, elapsed: answer.elapsed })
    }
}

/// A page that says there is more must say where: without that we would ask for the first page for ever.
fn next_cursor(before: Option<&String>, page: PageInfo) -> Result<Option<String>, CallError> {
    if page.end_cursor.is_none() || page.end_cursor.as_ref() == before {
        return Err(CallError::Refused("a page says that there is more, but its cursor doesn't move".into()));
    }
    Ok(page.end_cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_object_is_a_refusal() {
        assert!(matches!(required::<Reference>(json!({ "operation": null }), "operation"), Err(CallError::Refused(_))));
    }

    #[test]
    fn cursor_that_stands_still_ends_the_paging() {
        let page = |cursor: Option<&str>| PageInfo { has_next_page: true, end_cursor: cursor.map(str::to_owned) };
        assert_eq!(next_cursor(None, page(Some("a"))).unwrap(), Some("a".to_owned()));
        assert!(next_cursor(Some(&"a".to_owned()), page(Some("a"))).is_err());
        assert!(next_cursor(None, page(None)).is_err());
    }

    #[test]
    fn search_result_is_read_in_the_form_of_the_schema() {
        let result: SearchResult = serde_json::from_value(json!({
            "tookMs": 3.5,
            "embeddingMs": 2.0,
            "legs": [{ "kind": "LEXICAL", "state": "COMPLETED", "tookMs": 1.0, "candidates": 100 }],
            "hits": [{
                "rank": 1,
                "score": 0.5,
                "chunk": { "id": "c", "index": 0 },
                "document": { "uri": "7", "status": "COMPLETED" },
            }],
        }))
        .unwrap();
        assert_eq!(result.hits[0].document.uri, "7");
    }
}
