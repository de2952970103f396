//! The OpenAPI document: its head, and what is the same on all routes.

use serde::Serialize;
use utoipa::openapi::path::{Operation, ParameterBuilder, ParameterIn};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, Object, ObjectBuilder, OpenApi, OpenApiBuilder, PathItem, Ref,
    RefOr, Required, ResponseBuilder, Type, tag::TagBuilder,
};
use utoipa::{PartialSchema, ToSchema};

/// One wrong field.
#[derive(Serialize, ToSchema)]
#[allow(dead_code)]
pub struct WrongField {
    /// The field as the request names it, with indexes for lists: `lines[2].quantity`.
    field: String,
    /// What is wrong with it, to be read after the field's name.
    message: String,
}

/// What went wrong (RFC 9457).
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code)]
pub struct ProblemBody {
    /// Always `about:blank`: `code` says more.
    #[serde(rename = "type")]
    kind: String,
    /// The status in words.
    title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// Stable, for programs: `short_of_stock`.
    code: String,
    /// A sentence for people.
    detail: String,
    /// The wrong fields, where the input was wrong.
    errors: Vec<WrongField>,
}

const ABOUT: &str = "Everything that Consign's pages do, for programs. Send a token as `Authorization: Bearer …`; an owner makes one \
under Users. Each route names the scope it needs; the token's user must have the right, too.\n\n\
Amounts are strings of main units (`\"12.34\"`) beside a currency, times are RFC 3339 in UTC, ids are numbers. Lists come in pages: give \
`next_cursor` as `cursor` until there is none. A request with an `Idempotency-Key` has its effect once, however often it is sent in a \
day. Errors are problems (RFC 9457) with a stable `code`.";

/// The document before its routes.
pub fn head() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Consign")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(
            utoipa::openapi::LicenseBuilder::new()
                .name("MIT OR Apache-2.0")
                .identifier(Some("MIT OR Apache-2.0"))
                .build(),
        ))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some("A token made under Users. Its scopes are permissions."))
        .build();
    let components = ComponentsBuilder::new()
        .security_scheme("token", SecurityScheme::Http(bearer))
        .schema(ProblemBody::name(), ProblemBody::schema())
        .schema(WrongField::name(), WrongField::schema())
        .build();
    let tags = TAGS.iter().map(|(name, about)| TagBuilder::new().name(*name).description(Some(*about)).build());
    OpenApiBuilder::new().info(info).components(Some(components)).tags(Some(tags.collect::<Vec<_>>())).build()
}

const TAGS: &[(&str, &str)] = &[
    ("orders", "Orders: found, read, worked on, one or many at a time."),
    ("drafts", "Direct orders that are being written."),
    ("customers", "The address book, and the people of past orders."),
    ("folders", "Buckets for orders."),
    ("identifiers", "Badges of orders."),
    ("imports", "Files taken in: mapped, tried dry, worked through."),
    ("schedules", "Files that come and go by themselves."),
    ("exports", "Orders, items and stock as files."),
    ("items", "What is sold."),
    ("stock", "How many there are, where, for whom, and why."),
    ("locations", "Places that hold stock and fulfil orders."),
    ("channels", "Where orders come from: settings, mappings, health."),
    ("listings", "What channels list, and which item it is."),
    ("rules", "Which orders get which treatment by themselves, and what each rule saw and did."),
    ("users", "Who works here."),
    ("tokens", "Which programs may call, and what they may do."),
    ("webhooks", "Addresses that are told what happens."),
    ("settings", "What holds for the whole company, and what the token's user chose."),
    ("retention", "Personal data: removed after its time, handed over or erased when a customer asks."),
];

/// Adds what all routes share: names, the idempotency key, the problems that any of them may answer.
pub fn finish(document: &mut OpenApi) {
    for item in document.paths.paths.values_mut() {
        for (method, operation) in operations(item) {
            let tag = operation.tags.as_ref().and_then(|tags| tags.first()).cloned().unwrap_or_default();
            let name = operation.operation_id.take().unwrap_or_default();
            operation.operation_id = Some(format!("{tag}_{name}"));
            let writes = method != "get";
            if writes {
                let key = ParameterBuilder::new()
                    .name("Idempotency-Key")
                    .parameter_in(ParameterIn::Header)
                    .required(Required::False)
                    .description(Some("Any text that is new for each thing you want done."))
                    .schema(Some(
                        ObjectBuilder::new()
                            .schema_type(Type::String)
                            .min_length(Some(1))
                            .max_length(Some(200))
                            .pattern(Some("^[!-~]+$")),
                    ))
                    .build();
                operation.parameters.get_or_insert_default().push(RefOr::T(key));
            }
            let has_body = operation.request_body.is_some();
            let takes_input = has_body || writes || operation.parameters.as_ref().is_some_and(|all| !all.is_empty());
            for (status, text, applies) in [
                ("400", "The body is not JSON.", has_body),
                ("401", "No token, or one that is unknown, expired or revoked.", true),
                ("403", "The token lacks the scope, or its user the right.", true),
                ("404", "There is no such thing.", true),
                ("409", "A rule of the business says no, or somebody changed it meanwhile: `code` says which.", writes),
                ("413", "The request is larger than 1 MiB.", writes),
                ("415", "The body is not sent as JSON.", has_body),
                (
                    "422",
                    "The input is wrong: `errors` names the fields. Or the idempotency key was used for another request.",
                    takes_input,
                ),
                ("429", "The token makes too many calls. `Retry-After` says when to go on.", true),
                ("503", "The database did not answer in time; nothing was changed.", true),
            ] {
                if applies {
                    operation.responses.responses.entry(status.to_owned()).or_insert_with(|| problem(text));
                }
            }
        }
    }
}

fn problem(text: &str) -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    RefOr::T(ResponseBuilder::new().description(text).content("application/problem+json", content).build())
}

/// The operations of a path with their methods.
pub fn operations(item: &mut PathItem) -> Vec<(&'static str, &mut Operation)> {
    let all = [
        ("get", &mut item.get),
        ("post", &mut item.post),
        ("put", &mut item.put),
        ("delete", &mut item.delete),
        ("patch", &mut item.patch),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?))).collect()
}

/// A text that is one of these.
pub fn one_of(codes: impl IntoIterator<Item = &'static str>) -> Object {
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(codes)).build()
}
