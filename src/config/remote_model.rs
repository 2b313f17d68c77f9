//! Embedding models behind an endpoint that speaks OpenAI's protocol.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

use super::options::{self, HIDDEN};

/// A model that another server runs.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteModel {
    /// Its name in Docent.
    pub name: String,
    /// The URL before `/embeddings`: `https://api.example.org/v1`.
    #[serde(serialize_with = "without_password")]
    pub url: String,
    /// Its name at the endpoint; unset: `name`.
    #[serde(default)]
    pub model: Option<String>,
    /// The key that is sent as a bearer token.
    #[serde(default, serialize_with = "hidden")]
    pub api_key: Option<String>,
    /// The dimension of its vectors.
    pub dimension: usize,
    /// The most tokens of one text.
    #[serde(default = "max_tokens")]
    pub max_tokens: usize,
    /// What the model reads before a chunk.
    #[serde(default)]
    pub document_prefix: String,
    /// What the model reads before a question.
    #[serde(default)]
    pub query_prefix: String,
    /// The field `input_type` of requests for chunks, for endpoints that want it.
    #[serde(default)]
    pub document_input_type: Option<String>,
    /// The field `input_type` of requests for questions.
    #[serde(default)]
    pub query_input_type: Option<String>,
    /// Texts in one request.
    #[serde(default = "batch_size")]
    pub batch_size: usize,
    /// Requests at the same time.
    #[serde(default = "concurrency")]
    pub concurrency: usize,
    /// Seconds that a request for chunks may take.
    #[serde(default = "timeout_seconds")]
    pub timeout_seconds: u64,
    /// Seconds that a request for a question may take. It is not repeated.
    #[serde(default = "query_timeout_seconds")]
    pub query_timeout_seconds: u64,
    /// How often a request for chunks is made before they wait in the queue.
    #[serde(default = "max_attempts")]
    pub max_attempts: u32,
    /// The most requests in a minute. 0: no limit.
    #[serde(default)]
    pub requests_per_minute: u32,
}

impl RemoteModel {
    /// Its name at the endpoint.
    #[must_use]
    pub fn endpoint_name(&self) -> &str {
        self.model.as_deref().unwrap_or(&self.name)
    }
}

/// Without the key, and without the password in the URL.
impl fmt::Debug for RemoteModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&serde_json::to_string(self).unwrap_or_default())
    }
}

#[expect(clippy::ref_option, reason = "that is how serde calls it")]
fn hidden<S: Serializer>(key: &Option<String>, serializer: S) -> Result<S::Ok, S::Error> {
    key.as_ref().map(|_| HIDDEN).serialize(serializer)
}

fn without_password<S: Serializer>(url: &str, serializer: S) -> Result<S::Ok, S::Error> {
    options::without_password(url).serialize(serializer)
}

fn max_tokens() -> usize {
    512
}

fn batch_size() -> usize {
    32
}

fn concurrency() -> usize {
    4
}

fn timeout_seconds() -> u64 {
    60
}

fn query_timeout_seconds() -> u64 {
    5
}

fn max_attempts() -> u32 {
    4
}
