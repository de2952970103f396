//! The reader page: the OpenAPI document as people read it, made on the server, found with the browser's own search.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use maud::{Markup, html};
use serde_json::{Map, Value};

use crate::access::View;
use crate::problem::Answer;
use crate::{App, ui};

pub fn routes() -> Router<App> {
    Router::new().route("/help/api-reference", get(page))
}

async fn page(State(app): State<App>, View(user): View) -> Answer<Markup> {
    let document = serde_json::to_value(super::openapi()).unwrap_or_default();
    let empty = Map::new();
    let paths = document["paths"].as_object().unwrap_or(&empty);
    let tags = document["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let of_tag = |tag: &Value| -> Vec<(&str, &str, &Value)> {
        let all = paths.iter().flat_map(|(path, methods)| {
            methods.as_object().into_iter().flatten().map(move |(method, call)| (path.as_str(), method.as_str(), call))
        });
        all.filter(|(.., call)| call["tags"][0] == tag["name"]).collect()
    };
    let schemas = document["components"]["schemas"].as_object().unwrap_or(&empty);
    let content = html! {
        div.help {
            nav aria-label="Calls" {
                @for tag in tags { a href={"#" (text(&tag["name"]))} { (text(&tag["name"])) } }
                a href="#shapes" { "shapes" }
                a href="/help/api" { "How to use it" }
                a href="/api/v1/openapi.json" { "OpenAPI document" }
            }
            article {
                h1 { "All calls" }
                (crate::markdown::render(text(&document["info"]["description"])))
                @for tag in tags {
                    h2 id=(text(&tag["name"])) { (text(&tag["name"])) }
                    p { (text(&tag["description"])) }
                    @for (path, method, call) in of_tag(tag) { (operation(path, method, call)) }
                }
                h2 #shapes { "Shapes" }
                @for (name, schema) in schemas { (shape(name, schema)) }
            }
        }
    };
    ui::page(&app, &user, "/help", "All calls", content).await
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("")
}

fn operation(path: &str, method: &str, call: &Value) -> Markup {
    let body = &call["requestBody"]["content"]["application/json"]["schema"];
    let empty = Map::new();
    let answers = call["responses"].as_object().unwrap_or(&empty);
    html! {
        details id=(text(&call["operationId"])) {
            summary { code { strong { (method.to_uppercase()) } " " (path) } " " (text(&call["summary"])) }
            @if !text(&call["description"]).is_empty() { p { (text(&call["description"])) } }
            p { "Scope: " code { (text(&call["security"][0]["token"][0])) } }
            @if let Some(parameters) = call["parameters"].as_array() {
                table.plain-table { tbody { @for one in parameters { tr {
                    th { code { (text(&one["name"])) } @if one["required"] == true { " *" } }
                    td { (text(&one["in"])) } td { (kind(&one["schema"])) } td { (text(&one["description"])) }
                } } } }
            }
            @if !body.is_null() { p { "Body: " (kind(body)) } }
            table.plain-table { tbody { @for (status, answer) in answers { tr {
                th { (status) } td { @if let Some(schema) = answer["content"].as_object().and_then(|all| all.values().next()) { (kind(&schema["schema"])) } }
                td { (text(&answer["description"])) }
            } } } }
        }
    }
}

fn shape(name: &str, schema: &Value) -> Markup {
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut parts = vec![schema];
    parts.extend(schema["allOf"].as_array().into_iter().flatten());
    html! {
        details id={"shape-" (name)} {
            summary { code { strong { (name) } } " " (text(&schema["description"])) }
            @for part in parts {
                @if !part["$ref"].is_null() { p { "All of " (kind(part)) ", and:" } }
                @if let Some(fields) = part["properties"].as_object() {
                    table.plain-table { tbody { @for (field, value) in fields { tr {
                        th { code { (field) } @if required.contains(&field.as_str()) { " *" } }
                        td { (kind(value)) } td { (text(&value["description"])) }
                    } } } }
                }
            }
            @for choice in schema["oneOf"].as_array().into_iter().flatten() { p { (kind(choice)) } }
        }
    }
}

/// What a value is, in a few words, with links to shapes.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return html! { a href={"#shape-" (name)} { (name) } };
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        return html! { @for (i, choice) in choices.iter().enumerate() { @if i > 0 { " or " } (kind(choice)) } };
    }
    if let Some(codes) = schema["enum"].as_array() {
        let codes: Vec<&str> = codes.iter().filter_map(Value::as_str).collect();
        return html! { (codes.join(" | ")) };
    }
    if schema["type"] == "array" {
        return html! { "list of " (kind(&schema["items"])) };
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    };
    let fields: Vec<&str> =
        schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    html! {
        (names.join(" or "))
        @if !text(&schema["format"]).is_empty() { " (" (text(&schema["format"])) ")" }
        @if !fields.is_empty() { " of " code { (fields.join(", ")) } }
        @if let Some(action) = schema["properties"]["action"]["enum"][0].as_str() { ": " (action) }
    }
}
