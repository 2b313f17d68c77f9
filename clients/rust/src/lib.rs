//! A client of Docent's public API.
//!
//! The caller brings the GraphQL documents and the types of what they select; this crate brings the way there and back:
//!
//! - `client`: operations over HTTP, with a token or in a session that renews itself; uploads and downloads.
//! - `events`: one subscription as an event stream over HTTP, which goes through TLS and proxies as every request does.
//! - `feed`: a subscription that goes on after a lost connection.
//! - `socket`: subscriptions over one WebSocket (`graphql-transport-ws`).
//! - `follower`: operations followed to their ends, over as many WebSockets as that takes.
//! - `answer`, `page` and `error`: what comes back.
//!
//! ```no_run
//! # async fn example() -> Result<(), docent_client::Error> {
//! use docent_client::Client;
//! use serde_json::{Value, json};
//!
//! let client = Client::new("http://127.0.0.1:8080")?;
//! client.log_in("ada", "correct horse battery staple").await?;
//! let search = "query($input: SearchInput!) { search(input: $input) { nodes { document { fileName } } } }";
//! let result: Value = client.query(search, "search", json!({ "input": { "query": "trams" } })).await?;
//! # Ok(())
//! # }
//! ```

mod answer;
mod client;
mod error;
mod events;
mod feed;
mod follower;
mod page;
mod socket;

pub use self::{
    answer::Answer,
    client::{Client, Upload},
    error::Error,
    feed::{Feed, News},
    follower::{Event, Follower, Progress, Record},
    page::{Page, PageInfo},
    socket::{Message, Socket},
};
