//! Every document against Shopify's own schema.
//!
//! `tests/recorded/shopify/admin_2026-10.graphql` is cut out of the introspection that Shopify publishes in the npm package
//! `@shopify/dev-mcp` (ISC); `e2e/shopify/trim_schema.mjs` says how. The schema is believed where its prose says otherwise.

use std::sync::LazyLock;

use apollo_compiler::ast::Type;
use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::response::JsonMap;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::Valid;
use apollo_compiler::{ExecutableDocument, Schema};
use serde_json::{Value, json};

use super::documents;
use super::tests::rich_order;

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

/// Whether Shopify could answer this document so: each selected field is there, of the schema's kind, and nothing else is.
pub(super) fn check_answer(document: &str, data: &Value) -> Result<(), String> {
    let parsed = parse("asked.graphql", document)?;
    let operation = parsed.operations.get(None).map_err(|_| "one operation was expected".to_owned())?;
    check_object(&parsed, &[&operation.selection_set], data, "data")
}

fn check_object(document: &ExecutableDocument, sets: &[&SelectionSet], value: &Value, at: &str) -> Result<(), String> {
    let object = value.as_object().ok_or_else(|| format!("{at} must be an object"))?;
    let mut sets: Vec<&SelectionSet> = sets.to_vec();
    let mut known = Vec::new();
    while let Some(set) = sets.pop() {
        for selection in &set.selections {
            match selection {
                Selection::Field(field) => {
                    let key = field.response_key().as_str();
                    known.push(key);
                    let at = format!("{at}.{key}");
                    let value = object.get(key).ok_or_else(|| format!("{at} is missing"))?;
                    check_value(document, &field.selection_set, &field.definition.ty, value, &at)?;
                }
                Selection::FragmentSpread(spread) => {
                    sets.push(&document.fragments[&spread.fragment_name].selection_set);
                }
                Selection::InlineFragment(fragment) => sets.push(&fragment.selection_set),
            }
        }
    }
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("{at}.{key} was not asked for")),
        None => Ok(()),
    }
}

fn check_value(
    document: &ExecutableDocument,
    set: &SelectionSet,
    ty: &Type,
    value: &Value,
    at: &str,
) -> Result<(), String> {
    if value.is_null() {
        return if ty.is_non_null() { Err(format!("{at} must not be null")) } else { Ok(()) };
    }
    if ty.is_list() {
        let rows = value.as_array().ok_or_else(|| format!("{at} must be a list"))?;
        return rows.iter().try_for_each(|row| check_value(document, set, ty.item_type(), row, at));
    }
    let name = ty.inner_named_type();
    let fits = match (SCHEMA.types.get(name), name.as_str()) {
        (Some(ExtendedType::Enum(all)), _) => value.as_str().is_some_and(|text| all.values.contains_key(text)),
        (Some(ExtendedType::Scalar(_)), "Boolean") => value.is_boolean(),
        (Some(ExtendedType::Scalar(_)), "Int") => value.is_i64(),
        (Some(ExtendedType::Scalar(_)), "Float") => value.is_number(),
        // Decimals, moments and ids are texts.
        (Some(ExtendedType::Scalar(_)), _) => value.is_string(),
        _ => return check_object(document, &[set], value, at),
    };
    if fits { Ok(()) } else { Err(format!("{at} is no {name}: {value}")) }
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

#[test]
fn the_order_that_the_mapping_is_tested_on_is_one_that_shopify_could_send() {
    let page = |order: Value| json!({ "orders": { "nodes": [order], "pageInfo": { "hasNextPage": false, "endCursor": null } } });
    assert_eq!(check_answer(documents::ORDERS, &page(rich_order())), Ok(()));
    let mut odd = rich_order();
    odd["displayFinancialStatus"] = "SETTLED".into();
    assert!(check_answer(documents::ORDERS, &page(odd)).unwrap_err().contains("SETTLED"));
    let mut lacking = rich_order();
    lacking.as_object_mut().unwrap().remove("risk");
    assert!(check_answer(documents::ORDERS, &page(lacking)).unwrap_err().contains("risk is missing"));
}
