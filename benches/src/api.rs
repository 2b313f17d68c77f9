//! The operations of the public API that this program uses, each as one function of an account. The GraphQL documents
//! are in `../operations`, so that a change of the schema is a change of one of those files.

use std::{net::IpAddr, sync::Arc, time::Duration};

use docent_client::{Answer, Client, Error, Page};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

const COLLECTION_CREATE: &str = include_str!("../operations/collection_create.graphql");
const COLLECTION_DELETE: &str = include_str!("../operations/collection_delete.graphql");
const COLLECTION_DOCUMENTS: &str = include_str!("../operations/collection_documents.graphql");
const COLLECTION_MEMBER_SET: &str = include_str!("../operations/collection_member_set.graphql");
const COLLECTIONS: &str = include_str!("../operations/collections.graphql");
const DOCUMENT_CHUNKS: &str = include_str!("../operations/document_chunks.graphql");
const DOCUMENTS_INGEST: &str = include_str!("../operations/documents_ingest.graphql");
const NESTED: &str = include_str!("../operations/nested.graphql");
const OPERATION: &str = include_str!("../operations/operation.graphql");
const SEARCH: &str =
    concat!(include_str!("../operations/search.graphql"), include_str!("../operations/search_hit.graphql"));
const SEARCH_PLAIN: &str =
    concat!(include_str!("../operations/search_plain.graphql"), include_str!("../operations/search_hit.graphql"));
const USER_REGISTER: &str = include_str!("../operations/user_register.graphql");

/// The password of every account. Its server listens on the loopback interface and lives for one run.
pub const PASSWORD: &str = "an account that lives for one run";

/// The most documents in one call of `documentsIngest`, and the largest page.
pub const PAGE: usize = 100;

/// A value with the time from sending the request to the last byte of the answer.
pub struct Timed<T> {
    pub value: T,
    pub elapsed: Duration,
}

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

#[derive(Deserialize, Debug)]
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    document_count: usize,
    chunk_count: usize,
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
pub struct DocumentChunks {
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
#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "UPPERCASE")]
pub enum Group {
    Document,
    Chunk,
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
pub struct SearchPage {
    /// Milliseconds that the server needed, embedding of the query included.
    pub took_ms: f64,
    /// Milliseconds for the embedding of the query.
    pub embedding_ms: f64,
    /// The result of each leg; empty if it was not requested.
    #[serde(default)]
    pub legs: Vec<Leg>,
    #[serde(rename = "nodes")]
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

/// A list of which all rows are requested at once.
#[derive(Deserialize)]
pub struct Rows<T> {
    pub nodes: Vec<T>,
}

/// A collection read with what hangs on it, three levels deep.
#[derive(Deserialize)]
pub struct Nested {
    pub documents: Rows<NestedDocument>,
}

#[derive(Deserialize)]
pub struct NestedDocument {
    pub uri: String,
    pub collection: Value,
    pub chunks: Rows<Value>,
}

/// An account on a server. Its copies share one session.
#[derive(Clone)]
pub struct Account {
    client: Arc<Client>,
    login: String,
}

impl Account {
    /// An account of the server at `base` (`http://127.0.0.1:1234`), not yet logged in.
    pub fn new(base: &str, login: &str) -> Result<Self, Error> {
        Ok(Self { client: Arc::new(Client::new(base)?), login: login.to_owned() })
    }

    /// As `new`, from this address of the machine.
    pub fn from_address(base: &str, login: &str, address: IpAddr) -> Result<Self, Error> {
        Ok(Self { client: Arc::new(Client::from_address(base, address)?), login: login.to_owned() })
    }

    /// The client that all requests of the account go through.
    pub fn client(&self) -> &Arc<Client> {
        &self.client
    }

    /// The name that the account logs in with.
    pub fn login(&self) -> &str {
        &self.login
    }

    /// Opens the account and logs in.
    pub async fn register(&self) -> Result<(), Error> {
        let email = format!("{}@example.org", self.login);
        let input = json!({ "username": self.login, "email": email, "password": PASSWORD, "fullName": "Benchmark" });
        let _: Value = self.client.mutate(USER_REGISTER, "userRegister", json!({ "input": input })).await?;
        self.log_in().await
    }

    pub async fn log_in(&self) -> Result<(), Error> {
        self.client.log_in(&self.login, PASSWORD).await
    }

    /// Makes a private collection with the server's defaults and returns its id.
    pub async fn create_collection(&self, name: &str) -> Result<String, Error> {
        self.create_collection_with(json!({ "name": name })).await
    }

    /// Makes a collection as this `CollectionCreateInput` says and returns its id.
    pub async fn create_collection_with(&self, input: Value) -> Result<String, Error> {
        #[derive(Deserialize)]
        struct Payload {
            collection: Reference,
        }
        let variables = json!({ "input": input });
        let created: Payload = self.client.mutate(COLLECTION_CREATE, "collectionCreate", variables).await?;
        Ok(created.collection.id)
    }

    pub async fn delete_collection(&self, collection: &str) -> Result<(), Error> {
        let variables = json!({ "id": collection });
        let _: Value = self.client.mutate(COLLECTION_DELETE, "collectionDelete", variables).await?;
        Ok(())
    }

    /// Lets another account read a collection.
    pub async fn share(&self, collection: &str, username: &str) -> Result<(), Error> {
        let input = json!({ "collectionId": collection, "username": username, "role": "VIEWER" });
        let variables = json!({ "input": input });
        let _: Value = self.client.mutate(COLLECTION_MEMBER_SET, "collectionMemberSet", variables).await?;
        Ok(())
    }

    /// The id of the collection with this name, among the first hundred.
    pub async fn find_collection(&self, name: &str) -> Result<Option<String>, Error> {
        #[derive(Deserialize)]
        struct Row {
            id: String,
            name: String,
        }
        let rows: Rows<Row> = self.client.query(COLLECTIONS, "collections", json!({})).await?;
        Ok(rows.nodes.into_iter().find(|row| row.name == name).map(|row| row.id))
    }

    /// Hands over at most 100 documents. The same key with the same documents is the same operation.
    pub async fn ingest(
        &self,
        collection: &str,
        documents: &[NewDocument],
        key: &str,
    ) -> Result<Timed<Ingestion>, Error> {
        let documents: Vec<Value> = documents
            .iter()
            .map(|new| json!({ "content": { "text": new.text }, "fileName": new.file_name, "uri": new.uri }))
            .collect();
        let input = json!({ "collectionId": collection, "documents": documents, "idempotencyKey": key });
        let answer = self.client.send(DOCUMENTS_INGEST, json!({ "input": input })).await?;
        let elapsed = answer.elapsed;
        Ok(Timed { value: answer.payload("documentsIngest")?, elapsed })
    }

    /// Has an upload indexed under its name.
    pub async fn ingest_upload(&self, collection: &str, upload: &str, uri: &str) -> Result<(), Error> {
        let documents = json!([{ "content": { "uploadId": upload }, "uri": uri }]);
        let input = json!({ "collectionId": collection, "documents": documents });
        let variables = json!({ "input": input });
        let _: Value = self.client.mutate(DOCUMENTS_INGEST, "documentsIngest", variables).await?;
        Ok(())
    }

    pub async fn operation(&self, id: &str) -> Result<Operation, Error> {
        self.client.query(OPERATION, "operation", json!({ "id": id })).await
    }

    /// Every document of a collection.
    pub async fn contents(&self, collection: &str) -> Result<Contents, Error> {
        let (documents, read) = self.pages(COLLECTION_DOCUMENTS, "collection", collection, "documents").await?;
        let Counts { document_count, chunk_count } = typed(read)?;
        Ok(Contents { document_count, chunk_count, documents })
    }

    /// Every chunk of a document.
    pub async fn chunks_of(&self, document: &str) -> Result<DocumentChunks, Error> {
        let (chunks, read) = self.pages(DOCUMENT_CHUNKS, "document", document, "chunks").await?;
        Ok(DocumentChunks { download_url: read["downloadUrl"].as_str().map(str::to_owned), chunks })
    }

    /// All rows of a list that hangs on the object with this id, page by page, and the object beside the last page.
    async fn pages<T: DeserializeOwned>(
        &self,
        document: &str,
        field: &str,
        id: &str,
        list: &str,
    ) -> Result<(Vec<T>, Value), Error> {
        let mut rows = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let variables = json!({ "id": id, "first": PAGE, "after": after });
            let mut read: Value = self.client.query(document, field, variables).await?;
            let page: Page<T> = typed(read[list].take())?;
            rows.extend(page.nodes);
            after = page.page_info.next(after.as_deref())?;
            if after.is_none() {
                return Ok((rows, read));
            }
        }
    }

    /// The twenty newest documents of a collection, each with its collection, the collection's owner, and three chunks.
    pub async fn nested(&self, collection: &str) -> Result<Timed<Nested>, Error> {
        timed(self.client.send(NESTED, json!({ "id": collection })).await?, "collection")
    }

    /// Searches, and selects how the ranking was computed.
    pub async fn search(&self, search: &Search<'_>) -> Result<Timed<SearchPage>, Error> {
        self.search_with(SEARCH, search).await
    }

    /// Searches without asking what the legs said: the server may then do less. A failed leg is a refusal.
    pub async fn search_plainly(&self, search: &Search<'_>) -> Result<Timed<SearchPage>, Error> {
        self.search_with(SEARCH_PLAIN, search).await
    }

    async fn search_with(&self, document: &str, search: &Search<'_>) -> Result<Timed<SearchPage>, Error> {
        let input = json!({
            "query": search.query,
            "collectionIds": search.collection.map(|collection| [collection]),
            "mode": search.mode.name(),
            "groupBy": search.group,
            // Degraded answers would make every figure wrong.
            "strict": true,
        });
        let variables = json!({ "input": input, "first": search.first });
        timed(self.client.send(document, variables).await?, "search")
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, Error> {
    serde_json::from_value(value).map_err(|error| Error::Unexpected(error.to_string()))
}

fn timed<T: DeserializeOwned>(answer: Answer, field: &str) -> Result<Timed<T>, Error> {
    let elapsed = answer.elapsed;
    Ok(Timed { value: answer.field(field)?, elapsed })
}
