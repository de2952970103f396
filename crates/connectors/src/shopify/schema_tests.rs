//! Every document against Shopify's own schema.
//!
//! `tests/recorded/shopify/admin_2026-10.graphql` is cut out of the introspection that Shopify publishes in the npm package
//! `@shopify/dev-mcp` (ISC); `e2e/shopify/trim_schema.mjs` says how. The schema is believed where its prose says otherwise.

use std::sync::LazyLock;

use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::response::JsonMap;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Value, json};

use super::documents;

static SCHEMA: LazyLock<Valid<Schema>> = LazyLock::new(|| {
    let text = include_str!("../../tests/recorded/shopify/admin_2026-10.graphql");
    Schema::parse_and_validate(text, "admin_2026-10.graphql").unwrap_or_else(|broken| panic!("{}", broken.errors))
});

fn parse(name: &str, text: &str) -> Result<Valid<ExecutableDocument>, String> {
    ExecutableDocument::parse_and_validate(&SCHEMA, text, name).map_err(|broken| broken.errors.to_string())
}

/// Whether Shopify would take this document with these variables.
pub(super) fn check(document: &str, variables: &Value) -> Result<(), String> {
    let parsed = parse("sent.graphql", document)?;
    let operation = parsed.operations.get(None).map_err(|_| "one operation was expected".to_owned())?;
    let values: JsonMap = serde_json::from_value(variables.clone()).map_err(|error| error.to_string())?;
    coerce_variable_values(&SCHEMA, operation, &values).map(drop).map_err(|error| format!("{error:?}"))
}

/// The deprecated fields among the selected ones.
fn deprecated(set: &SelectionSet, found: &mut Vec<String>) {
    for selection in &set.selections {
        match selection {
            Selection::Field(field) => {
                if field.definition.directives.has("deprecated") {
                    found.push(format!("{}.{}", set.ty, field.name));
                }
                deprecated(&field.selection_set, found);
            }
            Selection::InlineFragment(fragment) => deprecated(&fragment.selection_set, found),
            // Fragments are looked at once, by themselves.
            Selection::FragmentSpread(_) => {}
        }
    }
}

#[test]
fn every_document_is_valid_and_uses_nothing_deprecated() {
    assert!(documents::ALL.len() >= 15);
    for (name, text) in documents::ALL {
        let parsed = parse(name, text).unwrap_or_else(|errors| panic!("{name}: {errors}"));
        let mut found = Vec::new();
        for operation in parsed.operations.iter() {
            deprecated(&operation.selection_set, &mut found);
        }
        for fragment in parsed.fragments.values() {
            deprecated(&fragment.selection_set, &mut found);
        }
        assert_eq!(found, Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_check_sees_misspelt_fields_and_inputs_that_are_gone() {
    assert!(parse("a", "{shop{nmae}}").unwrap_err().contains("nmae"));
    let unkeyed = documents::SET_STOCK.replace("@idempotent(key:$key)", "@idempotent");
    assert!(parse("b", &unkeyed).unwrap_err().contains("key"));
    let quantity = |extra: &str| {
        let mut quantity =
            json!({ "inventoryItemId": "1", "locationId": "2", "quantity": 3, "changeFromQuantity": null });
        if !extra.is_empty() {
            quantity[extra] = 4.into();
        }
        json!({ "input": { "name": "available", "reason": "correction", "quantities": [quantity] }, "key": "k" })
    };
    assert_eq!(check(documents::SET_STOCK, &quantity("")), Ok(()));
    assert!(check(documents::SET_STOCK, &quantity("compareQuantity")).is_err(), "gone since 2026-10");
    assert!(check(documents::ORDERS, &json!({ "first": "ten", "query": "" })).is_err());
}
