//! Limits of a document, checked on its parsed form before the engine validates it.
//!
//! Fragments are weighed once and added wherever they are spread, so a small document that expands to a huge one is
//! rejected without expanding it. The engine's own walks do expand; they run only on documents that passed here.

use std::collections::HashMap;

use async_graphql::{
    Name, Pos, Positioned,
    parser::{
        parse_query,
        types::{
            Directive, ExecutableDocument, Field, FragmentDefinition, OperationDefinition, OperationType, Selection,
            SelectionSet,
        },
    },
};

use super::{error::PublicError, scan::scan};
use crate::error::ErrorCode;

/// Directives in one operation.
const MAX_DIRECTIVES: usize = 50;
/// Levels of fields below `__schema` and `__type`. The standard introspection query has 14.
const MAX_INTROSPECTION_DEPTH: usize = 20;
/// Levels of nested member lists in introspection; each level multiplies the response by the size of the schema.
const MAX_INTROSPECTION_LISTS: usize = 2;
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "inputFields", "interfaces", "possibleTypes"];

/// How large a document may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DocumentLimits {
    /// Bytes of the text.
    pub bytes: usize,
    /// Tokens of the text, and selections after all fragments are spread.
    pub tokens: usize,
    /// Brackets inside brackets, and selections inside selections after all fragments are spread.
    pub nesting: usize,
    /// Levels of fields in an operation; introspection has limits of its own.
    pub depth: usize,
    /// Aliases in an operation, after all fragments are spread.
    pub aliases: usize,
    /// Fields of a mutation.
    pub mutations: usize,
    /// Fields at the root of a query.
    pub root_fields: usize,
}

impl DocumentLimits {
    /// Parses `source`, unless it or what it requests is too large.
    ///
    /// # Errors
    /// `COST_LIMIT_EXCEEDED`, `GRAPHQL_PARSE_FAILED`, or `GRAPHQL_VALIDATION_FAILED` for what has to be right before
    /// anything can be weighed.
    pub fn parse(&self, source: &str) -> Result<ExecutableDocument, PublicError> {
        within("bytes", self.bytes, source.len())?;
        let shape = scan(source);
        within("tokens", self.tokens, shape.tokens)?;
        within("levels of brackets", self.nesting, shape.nesting)?;
        let document = parse_query(source)?;
        self.check(&document)?;
        Ok(document)
    }

    fn check(&self, document: &ExecutableDocument) -> Result<(), PublicError> {
        let mut scales = Scales { limits: self, fragments: &document.fragments, known: HashMap::new() };
        let mut selections = 0_usize;
        for (_, operation) in document.operations.iter() {
            let weight = scales.operation(&operation.node)?;
            let (root_fields, root_limit) = match operation.node.ty {
                OperationType::Query => ("root fields", self.root_fields),
                OperationType::Mutation => ("mutations", self.mutations),
                OperationType::Subscription => ("root fields in a subscription", 1),
            };
            selections = selections.saturating_add(weight.selections);
            let measured = [
                ("selections once its fragments are spread", self.tokens, selections),
                ("levels of fields", self.depth, weight.depth),
                ("aliases", self.aliases, weight.aliases),
                ("directives", MAX_DIRECTIVES, weight.directives),
                (root_fields, root_limit, weight.root_fields),
            ];
            for (what, limit, actual) in measured {
                within(what, limit, actual).map_err(|error| error.at([operation.pos]))?;
            }
        }
        // The engine also validates fragments that are never spread.
        for (name, fragment) in &document.fragments {
            let weight = scales.fragment(name, fragment.pos, 1)?;
            within("selections once its fragments are spread", self.tokens, weight.selections)?;
        }
        Ok(())
    }
}

fn within(what: &str, limit: usize, actual: usize) -> Result<(), PublicError> {
    if actual <= limit {
        return Ok(());
    }
    let message = format!("The document has {actual} {what}; at most {limit} are allowed.");
    Err(PublicError::limit_exceeded(message, limit, actual))
}

/// What a set of selections comes to, fragments included.
#[derive(Clone, Copy, Default)]
struct Weight {
    selections: usize,
    root_fields: usize,
    aliases: usize,
    directives: usize,
    depth: usize,
    /// Introspection's lists of members inside one another.
    lists: usize,
}

impl Weight {
    fn beside(self, other: Self) -> Self {
        Self {
            selections: self.selections.saturating_add(other.selections),
            root_fields: self.root_fields.saturating_add(other.root_fields),
            aliases: self.aliases.saturating_add(other.aliases),
            directives: self.directives.saturating_add(other.directives),
            depth: self.depth.max(other.depth),
            lists: self.lists.max(other.lists),
        }
    }
}

struct Scales<'a> {
    limits: &'a DocumentLimits,
    fragments: &'a HashMap<Name, Positioned<FragmentDefinition>>,
    /// `None` while a fragment is being weighed: to meet it again then is a cycle.
    known: HashMap<&'a Name, Option<Weight>>,
}

impl<'a> Scales<'a> {
    fn operation(&mut self, operation: &'a OperationDefinition) -> Result<Weight, PublicError> {
        let of_variables = operation.variable_definitions.iter().map(|variable| variable.node.directives.len());
        let directives = operation.directives.len() + of_variables.sum::<usize>();
        let own = Weight { directives, ..Weight::default() };
        Ok(own.beside(self.selections(&operation.selection_set, 1)?))
    }

    fn selections(&mut self, set: &'a Positioned<SelectionSet>, level: usize) -> Result<Weight, PublicError> {
        within("levels of selections", self.limits.nesting, level).map_err(|error| error.at([set.pos]))?;
        let mut total = Weight::default();
        for selection in &set.node.items {
            let own = Weight { selections: 1, directives: directives(&selection.node).len(), ..Weight::default() };
            let below = match &selection.node {
                Selection::Field(field) => self.field(field, level)?,
                Selection::InlineFragment(inline) => self.selections(&inline.node.selection_set, level + 1)?,
                Selection::FragmentSpread(spread) => {
                    self.fragment(&spread.node.fragment_name.node, spread.pos, level + 1)?
                }
            };
            total = total.beside(own).beside(below);
        }
        Ok(total)
    }

    fn field(&mut self, field: &'a Positioned<Field>, level: usize) -> Result<Weight, PublicError> {
        let below = self.selections(&field.node.selection_set, level + 1)?;
        let name = field.node.name.node.as_str();
        let is_introspection = name == "__schema" || name == "__type";
        if is_introspection {
            within("levels of introspection", MAX_INTROSPECTION_DEPTH, below.depth)
                .and_then(|()| within("introspection lists in one another", MAX_INTROSPECTION_LISTS, below.lists))
                .map_err(|error| error.at([field.pos]))?;
        }
        Ok(Weight {
            root_fields: 1,
            aliases: below.aliases.saturating_add(usize::from(field.node.alias.is_some())),
            depth: if is_introspection { 1 } else { below.depth + 1 },
            lists: below.lists + usize::from(INTROSPECTION_LISTS.contains(&name)),
            ..below
        })
    }

    fn fragment(&mut self, name: &'a Name, spread: Pos, level: usize) -> Result<Weight, PublicError> {
        // A fragment that does not exist weighs nothing; the engine's validation reports it.
        let Some(fragment) = self.fragments.get(name) else { return Ok(Weight::default()) };
        match self.known.get(name) {
            Some(Some(weight)) => return Ok(*weight),
            Some(None) => {
                let message = "A fragment spreads itself, directly or through another one.";
                return Err(PublicError::new(ErrorCode::GraphqlValidationFailed, message).at([spread]));
            }
            None => {}
        }
        self.known.insert(name, None);
        let own = Weight { directives: fragment.node.directives.len(), ..Weight::default() };
        let weight = own.beside(self.selections(&fragment.node.selection_set, level)?);
        self.known.insert(name, Some(weight));
        Ok(weight)
    }
}

fn directives(selection: &Selection) -> &[Positioned<Directive>] {
    match selection {
        Selection::Field(field) => &field.node.directives,
        Selection::FragmentSpread(spread) => &spread.node.directives,
        Selection::InlineFragment(inline) => &inline.node.directives,
    }
}
