//! Whether the variables of a request have values that their types allow. The engine itself misses some of them until a
//! field is run: required ones that no argument uses, whole numbers that are too large, and all in an argument with another
//! variable that is left out. An error would then be that field's, and come with `data`.

use std::{collections::HashMap, fmt::Display, sync::Arc};

use async_graphql::{
    Name, Positioned, ScalarType, Value,
    parser::{
        self,
        types::{BaseType, OperationDefinition, Type, TypeKind, TypeSystemDefinition},
    },
};
use serde_json::{Map, Value as Json};

use super::{
    error::PublicError,
    scalars::{BigInt, DateTime},
};
use crate::error::ErrorCode;

/// The fields of a schema's input objects. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct InputTypes(Arc<HashMap<Name, HashMap<Name, Type>>>);

/// What a value should be and is not, and where in the variable it is, from the inside out.
struct Missed {
    path: Vec<String>,
    expected: &'static str,
}

impl Missed {
    fn new(expected: &'static str) -> Self {
        Self { path: Vec::new(), expected }
    }

    fn within(mut self, place: &impl Display) -> Self {
        self.path.push(place.to_string());
        self
    }
}

impl InputTypes {
    /// Those of a schema in the definition language.
    #[must_use]
    pub fn of(sdl: &str) -> Self {
        let document = match parser::parse_schema(sdl) {
            Ok(document) => document,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "the schema can't be read");
                return Self::default();
            }
        };
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(Positioned { node, .. }) => match node.kind {
                TypeKind::InputObject(object) => {
                    let fields = object.fields.into_iter().map(|field| (field.node.name.node, field.node.ty.node));
                    Some((node.name.node, fields.collect::<HashMap<_, _>>()))
                }
                _ => None,
            },
            _ => None,
        });
        Self(Arc::new(types.collect()))
    }

    /// Checks the variables of `operation`. The engine checks missing and unknown fields of input objects.
    ///
    /// # Errors
    /// `BAD_USER_INPUT` for a required variable without a value, `GRAPHQL_VALIDATION_FAILED` for a value of the wrong type.
    pub fn check(&self, operation: &OperationDefinition, variables: &Map<String, Json>) -> Result<(), PublicError> {
        for Positioned { node: definition, pos } in &operation.variable_definitions {
            let name = &definition.name.node;
            let ty = &definition.var_type.node;
            let value = variables.get(name.as_str()).unwrap_or(&Json::Null);
            if value.is_null() {
                if ty.nullable || definition.default_value.is_some() {
                    continue;
                }
                let message = format!("The variable `${name}` is required and has no value.");
                return Err(PublicError::new(ErrorCode::BadUserInput, message).at([*pos]));
            }
            if let Some(missed) = self.missed(ty, value) {
                let Missed { mut path, expected } = missed.within(name);
                path.reverse();
                let message = format!("The variable `${}` must be {expected}.", path.join("."));
                return Err(PublicError::new(ErrorCode::GraphqlValidationFailed, message).at([*pos]));
            }
        }
        Ok(())
    }

    fn missed(&self, ty: &Type, value: &Json) -> Option<Missed> {
        match (&ty.base, value) {
            (_, Json::Null) => (!ty.nullable).then(|| Missed::new("something other than null")),
            (BaseType::List(ty), Json::Array(values)) => values
                .iter()
                .enumerate()
                .find_map(|(index, value)| self.missed(ty, value).map(|missed| missed.within(&index))),
            // One value stands for a list of it.
            (BaseType::List(ty), value) => self.missed(ty, value),
            (BaseType::Named(name), value) => match (self.0.get(name), value) {
                (None, value) => missed_scalar(name, value).map(Missed::new),
                (Some(fields), Json::Object(members)) => members.iter().find_map(|(name, value)| {
                    self.missed(fields.get(name.as_str())?, value).map(|missed| missed.within(name))
                }),
                (Some(_), _) => Some(Missed::new("an object")),
            },
        }
    }
}

fn missed_scalar(name: &Name, value: &Json) -> Option<&'static str> {
    let (holds, expected) = match name.as_str() {
        "Int" => (
            value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            "a whole number from -2147483648 to 2147483647",
        ),
        "Float" => (value.is_number(), "a number"),
        "Boolean" => (value.is_boolean(), "true or false"),
        "String" | "Cursor" => (value.is_string(), "a string"),
        "ID" => (value.is_string() || value.is_i64() || value.is_u64(), "a string"),
        "BigInt" => {
            (is_valid::<BigInt>(value), "a whole number of up to 64 bits, as a number or as a string of digits")
        }
        "DateTime" => (is_valid::<DateTime>(value), "a point in time with its zone, like `2026-11-21T10:20:30Z`"),
        // What only the schema knows.
        _ => return None,
    };
    (!holds).then_some(expected)
}

fn is_valid<T: ScalarType>(value: &Json) -> bool {
    Value::from_json(value.clone()).is_ok_and(|value| T::is_valid(&value))
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::{parse_query, types::DocumentOperations};
    use serde_json::json;

    use super::*;

    const SDL: &str =
        "input Page { first: Int, after: Cursor } input Search { words: [String!]!, pages: [Page!], id: ID }";

    /// The refusal of `value` for a variable of this type.
    fn refusal(ty: &str, value: &Json) -> Option<String> {
        let document = parse_query(format!("query Q($x: {ty}) {{ y }}")).unwrap();
        let DocumentOperations::Multiple(operations) = document.operations else { panic!("the operation has a name") };
        let operation = operations.into_values().next().unwrap();
        let variables = Map::from_iter([("x".to_owned(), value.clone())]);
        InputTypes::of(SDL).check(&operation.node, &variables).err().map(|error| error.to_string())
    }

    #[test]
    fn values_are_those_that_their_types_allow() {
        let good = [
            ("Int", json!([1, -1, 2_147_483_647])),
            ("Float", json!([1, 0.5])),
            ("Boolean", json!([true])),
            ("String", json!(["", "x"])),
            ("ID", json!(["x", 7])),
            ("BigInt", json!([7, "9007199254740993"])),
            ("DateTime", json!(["2026-11-21T10:20:30+02:00"])),
            ("Cursor", json!(["x"])),
            ("SearchMode", json!(["HYBRID", 7, {}])),
        ];
        let bad = [
            ("Int", json!([2_147_483_648_i64, 0.5, "1", true, {}, []])),
            ("Float", json!(["1", true])),
            ("Boolean", json!([1, "true"])),
            ("String", json!([1, true, {}])),
            ("ID", json!([0.5, true])),
            ("BigInt", json!([0.5, "", "0.5", "9223372036854775808", true])),
            ("DateTime", json!(["yesterday", "2026-11-21", 1])),
            ("Cursor", json!([1])),
        ];
        for (ty, values) in good {
            for value in values.as_array().unwrap() {
                assert_eq!(refusal(ty, value), None, "{ty} {value}");
            }
            assert_eq!(refusal(&format!("[{ty}!]!"), &values), None, "{ty} {values}");
            assert_eq!(refusal(ty, &Json::Null), None, "{ty}");
        }
        for (ty, values) in bad {
            for value in values.as_array().unwrap() {
                let message = refusal(ty, value).unwrap_or_else(|| panic!("{ty} takes {value}"));
                assert!(message.starts_with("The variable `$x` must be "), "{message}");
            }
        }
        assert!(refusal("[Int!]", &json!([1, null])).is_some_and(|message| message.contains("`$x.1`")));
        assert!(refusal("Int!", &Json::Null).is_some_and(|message| message.contains("is required")));
    }
    #[test]
    fn values_inside_input_objects_are_named_by_their_place() {
        let good = json!({ "words": ["a"], "pages": [{ "first": 1 }, {}], "id": null, "unknown": 1 });
        assert_eq!(refusal("Search!", &good), None);
        let rows = [
            (json!({ "words": ["a", 1] }), "`$x.words.1` must be a string."),
            (
                json!({ "pages": [{ "first": 1 }, { "first": 3_000_000_000_i64 }] }),
                "`$x.pages.1.first` must be a whole",
            ),
            (json!({ "pages": { "after": 1 } }), "`$x.pages.after` must be a string."),
            (json!({ "pages": [null] }), "`$x.pages.0` must be something other than null."),
            (json!({ "pages": "first" }), "`$x.pages` must be an object."),
            (json!("words"), "`$x` must be an object."),
        ];
        for (value, expected) in rows {
            let message = refusal("Search!", &value).unwrap_or_else(|| panic!("{value} is taken"));
            assert!(message.contains(expected), "{value}: {message}");
        }
    }
}
