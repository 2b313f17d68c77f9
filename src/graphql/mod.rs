//! The GraphQL API: documents are scanned, parsed, limited and executed here, and errors become public.
//!
//! Only this module names the engine (`async_graphql`); transports use [`engine::Engine`]. Resolvers translate requests
//! into calls of use cases and loaders, and their results into `types`. They contain no SQL. The only permission that
//! they check is whether an API key may read what a payload returns.

#![expect(clippy::unused_async, reason = "the engine takes async functions as resolvers")]

mod check;
pub mod context;
pub mod cost;
pub mod documents;
pub mod engine;
pub mod error;
pub mod extension;
pub mod global_id;
pub mod limits;
pub mod loaders;
pub mod manifest;
pub mod mutation;
pub mod pagination;
pub mod persisted;
pub mod query;
pub mod scalars;
pub mod scan;
pub mod subscription;
pub mod types;
pub mod variables;

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use async_graphql::{SDLExportOptions, SchemaBuilder};

use self::{extension::Execution, mutation::Mutation, query::Query, subscription::Subscription, variables::InputTypes};
use crate::service::Services;

/// The whole graph.
pub type Schema = async_graphql::Schema<Query, Mutation, Subscription>;

/// The graph over `services`, ready to be executed.
pub fn schema(services: Arc<Services>) -> Schema {
    let timeout = Duration::from_secs(services.config.limits.execution_seconds);
    let execution = Execution::new(timeout).loading_from(Arc::clone(&services));
    builder().extension(execution).data(services).finish()
}

/// The graph in the schema definition language, in an order that does not depend on the code.
#[must_use]
pub fn sdl() -> String {
    let options = SDLExportOptions::new()
        .sorted_fields()
        .sorted_arguments()
        .sorted_enum_items()
        .include_specified_by()
        .use_space_ident();
    builder().finish().sdl_with_options(options)
}

/// The input objects of the graph. They are read once for the process.
#[must_use]
pub fn input_types() -> InputTypes {
    static TYPES: LazyLock<InputTypes> = LazyLock::new(|| InputTypes::of(&sdl()));
    TYPES.clone()
}

fn builder() -> SchemaBuilder<Query, Mutation, Subscription> {
    Schema::build(Query::default(), Mutation::default(), Subscription::default())
}
