//! Checks a document against the schema without running it.

use std::sync::Arc;

use async_graphql::{
    Request, ServerError, ValidationResult,
    extensions::{Extension, ExtensionContext, ExtensionFactory, NextValidation},
};
use async_trait::async_trait;

/// Ends a request when its document is validated.
struct OnlyValidation;

impl ExtensionFactory for OnlyValidation {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for OnlyValidation {
    async fn validation(
        &self,
        context: &ExtensionContext<'_>,
        next: NextValidation<'_>,
    ) -> Result<ValidationResult, Vec<ServerError>> {
        next.run(context).await?;
        // No error, and no execution either.
        Err(Vec::new())
    }
}

/// What the schema has against a document with one operation. Values of variables are not known.
pub(super) async fn violations(document: &str) -> Vec<String> {
    let schema = super::builder().extension(OnlyValidation).finish();
    let response = schema.execute(Request::new(document)).await;
    response.errors.into_iter().map(|error| error.message).collect()
}
