//! What all mutations have in common: one input, a payload with what was changed, and the answer for what does not exist.

use std::collections::{BTreeMap, BTreeSet};

use async_graphql::parser::{
    parse_schema,
    types::{BaseType, FieldDefinition, InputValueDefinition, ServiceDocument, Type, TypeKind, TypeSystemDefinition},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use docent::domain::id::RequestId;
use serde_json::{Value, json};

use crate::{on_both_databases, support::app::TestApp};

fn base(ty: &Type) -> &str {
    match &ty.base {
        BaseType::Named(name) => name,
        BaseType::List(inner) => base(inner),
    }
}

/// `collectionCreate` with its word `Payload`: `CollectionCreatePayload`.
fn type_of(mutation: &str, word: &str) -> String {
    format!("{}{}{word}", mutation[..1].to_uppercase(), &mutation[1..])
}

/// The schema's own description: objects and inputs by their names.
struct Described {
    objects: BTreeMap<String, Vec<FieldDefinition>>,
    inputs: BTreeMap<String, Vec<InputValueDefinition>>,
}

impl Described {
    fn new() -> Self {
        let document: ServiceDocument = parse_schema(docent::graphql::sdl()).unwrap();
        let (mut objects, mut inputs) = (BTreeMap::new(), BTreeMap::new());
        for definition in document.definitions {
            let TypeSystemDefinition::Type(definition) = definition else { continue };
            let name = definition.node.name.node.to_string();
            match definition.node.kind {
                TypeKind::Object(kind) => {
                    objects.insert(name, kind.fields.into_iter().map(|field| field.node).collect());
                }
                TypeKind::InputObject(kind) => {
                    inputs.insert(name, kind.fields.into_iter().map(|field| field.node).collect());
                }
                _ => {}
            }
        }
        Self { objects, inputs }
    }

    fn mutations(&self) -> impl Iterator<Item = &FieldDefinition> {
        self.objects["Mutation"].iter()
    }

    /// Whether an input names anything by its id, itself or further in.
    fn names_an_object(&self, input: &str) -> bool {
        let fields = self.inputs.get(input).into_iter().flatten();
        fields.map(|field| base(&field.ty.node)).any(|ty| ty == "ID" || self.names_an_object(ty))
    }
}

#[test]
fn every_mutation_takes_one_input() {
    for mutation in Described::new().mutations() {
        let arguments: Vec<_> =
            mutation.arguments.iter().map(|each| (each.node.name.node.as_str(), base(&each.node.ty.node))).collect();
        assert_eq!(arguments, [("input", type_of(&mutation.name.node, "Input").as_str())], "{}", mutation.name.node);
    }
}

#[test]
fn every_payload_has_what_was_changed_or_the_id_of_what_is_gone() {
    let schema = Described::new();
    for mutation in schema.mutations() {
        let payload = type_of(&mutation.name.node, "Payload");
        assert_eq!(base(&mutation.ty.node), payload);
        let tells = |field: &&FieldDefinition| match base(&field.ty.node) {
            "UserError" => false,
            "ID" => true,
            ty => schema.objects.contains_key(ty),
        };
        assert!(schema.objects[&payload].iter().any(|field| tells(&field)), "{payload}");
    }
}

/// Every mutation that names objects, with ids that `none` makes for a kind, and where the input has them.
fn calls(none: impl Fn(&str) -> String) -> Vec<(&'static str, Value, &'static [&'static str])> {
    let collection = json!({ "collectionId": none("collection") });
    let with = |mut input: Value, more: Value| {
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        input
    };
    let site = json!({ "web": { "start": { "urls": ["https://docs.example.org/tides/"] } } });
    let document = json!({ "fileName": "a.txt", "content": { "text": "A tram." } });
    let user = json!({ "userId": none("user") });
    let source = json!({ "id": none("source") });
    vec![
        (
            "apiKeyCreate",
            json!({ "name": "a", "actions": ["COLLECTION_READ"], "collectionIds": [none("collection")] }),
            &["collectionIds", "0"],
        ),
        ("apiKeyRevoke", json!({ "apiKeyId": none("apikey") }), &["apiKeyId"]),
        ("collectionDelete", collection.clone(), &["collectionId"]),
        ("collectionMemberRemove", with(collection.clone(), user.clone()), &["collectionId"]),
        (
            "collectionMemberSet",
            with(collection.clone(), json!({ "userId": none("user"), "role": "VIEWER" })),
            &["collectionId"],
        ),
        ("collectionPromote", json!({ "generationId": none("generation") }), &["generationId"]),
        ("collectionReindex", collection.clone(), &["collectionId"]),
        ("collectionRollback", collection.clone(), &["collectionId"]),
        ("collectionUpdate", with(collection.clone(), json!({ "name": "Letters" })), &["collectionId"]),
        ("documentUpdate", json!({ "id": none("document"), "title": "Trams" }), &["id"]),
        ("documentsDelete", json!({ "ids": [none("document")] }), &["ids", "0"]),
        (
            "documentsDelete",
            json!({ "filter": { "collectionId": none("collection"), "uriPrefix": "a" } }),
            &["filter", "collectionId"],
        ),
        ("documentsIngest", with(collection.clone(), json!({ "documents": [document] })), &["collectionId"]),
        ("documentsRetry", json!({ "ids": [none("document")] }), &["ids", "0"]),
        ("documentsRetry", json!({ "operationId": none("operation") }), &["operationId"]),
        ("documentsRetry", collection.clone(), &["collectionId"]),
        ("invitationWithdraw", json!({ "invitationId": none("invitation") }), &["invitationId"]),
        ("operationCancel", json!({ "operationId": none("operation") }), &["operationId"]),
        ("passwordResetCreate", user.clone(), &["userId"]),
        ("sessionRevoke", json!({ "sessionId": none("session") }), &["sessionId"]),
        ("sourceCreate", with(collection, json!({ "name": "Tides", "location": site })), &["collectionId"]),
        ("sourceRemove", source.clone(), &["id"]),
        ("sourceSync", source.clone(), &["id"]),
        ("sourceUpdate", with(source, json!({ "name": "Tides" })), &["id"]),
        ("userActivate", user.clone(), &["userId"]),
        ("userDeactivate", user.clone(), &["userId"]),
        ("userRoleSet", with(user, json!({ "role": "MEMBER" })), &["userId"]),
    ]
}

on_both_databases!(what_does_not_exist_is_a_validation_error_of_every_mutation);
async fn what_does_not_exist_is_a_validation_error_of_every_mutation(app: TestApp) {
    // The first account is an administrator.
    let ada = app.user("ada").await;
    let of_kind = |kind: &str| URL_SAFE_NO_PAD.encode(format!("{kind}:{}", RequestId::generate()));
    let nonsense = |_: &str| "bm9uc2Vuc2U".to_owned();
    for (mutation, input, path) in calls(of_kind).into_iter().chain(calls(nonsense)) {
        let ty = type_of(mutation, "Input");
        let document =
            format!("mutation($input: {ty}!) {{ {mutation}(input: $input) {{ userErrors {{ code path message }} }} }}");
        let errors = ada.data(&document, json!({ "input": input })).await[mutation]["userErrors"].take();
        let told = (errors.as_array().map(Vec::len), &errors[0]["code"], &errors[0]["path"]);
        assert_eq!(told, (Some(1), &json!("NOT_FOUND"), &json!(path)), "{mutation} {input}: {errors:#}");
        assert!(errors[0]["message"].as_str().is_some_and(|message| message.starts_with("There is no such ")));
    }
}

#[test]
fn the_test_of_what_does_not_exist_knows_every_mutation_that_names_objects() {
    let schema = Described::new();
    let naming = schema.mutations().map(|mutation| mutation.name.node.to_string());
    let naming: BTreeSet<_> = naming.filter(|name| schema.names_an_object(&type_of(name, "Input"))).collect();
    let known = calls(|_| String::new()).into_iter().map(|(mutation, ..)| mutation.to_owned());
    assert_eq!(naming, known.collect());
}
