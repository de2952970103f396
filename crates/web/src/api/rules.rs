//! Rules: drafted, published, switched, put into sequence, rolled back; tried on an order; run on demand; what they did to an order.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use consign_db::Tx;
use consign_oms::Error;
use consign_oms::rules::{self, Body, RuleTrace};
use consign_values::{OrderId, RuleId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::{Call, Input, Page, Route};
use crate::App;
use crate::access::{ManageRules, View, WorkOrders};
use crate::problem::Answer;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(get, replace, delete))
        .routes(routes!(publish))
        .routes(routes!(roll_back))
        .routes(routes!(switch))
        .routes(routes!(reorder))
        .routes(routes!(versions))
        .routes(routes!(try_on))
        .routes(routes!(run))
        .routes(routes!(runs))
}

/// A rule.
#[derive(Serialize, ToSchema)]
struct Rule {
    id: i64,
    name: String,
    /// Off, it never runs.
    enabled: bool,
    /// Number of the version that is live; 0: none yet.
    live_version: i64,
    /// The draft differs from what is live.
    has_draft: bool,
    /// Why an action of it could not be done the last time that this happened; blank: never.
    trouble: String,
    /// Counts up with each edit.
    version: i64,
}

impl From<&rules::Rule> for Rule {
    fn from(rule: &rules::Rule) -> Self {
        Rule {
            id: rule.id.0,
            name: rule.name.clone(),
            enabled: rule.enabled,
            live_version: rule.live,
            has_draft: !rule.draft.is_empty(),
            trouble: rule.trouble.clone(),
            version: rule.version,
        }
    }
}

/// A rule with the tree that is edited: its draft, or what is live where there is none.
#[derive(Serialize, ToSchema)]
struct RuleDetail {
    #[serde(flatten)]
    rule: Rule,
    /// `{"nodes": [{"id", "name", "enabled", "matching": "all" or "any", "tests": [{"field", "key", "operator", "values"}],
    /// "then": {"nodes": […]} or {"actions": [{"do": …}]}}]}`: the first branch that matches is entered, and nothing goes back up.
    #[schema(value_type = Object)]
    body: Value,
}

fn shown(tx: &mut Tx<'_>, id: RuleId) -> Result<RuleDetail, Error> {
    let (rule, body) = rules::editable(tx, id)?;
    Ok(RuleDetail { rule: Rule::from(&rule), body: json!(body) })
}

/// All rules in the sequence in which they run.
#[utoipa::path(get, path = "/rules", tag = "rules", security(("token" = ["view"])),
    responses((status = 200, description = "The rules.", body = Page<Rule>)))]
async fn list(State(app): State<App>, _: View) -> Answer<Json<Page<Rule>>> {
    let all = app.read(rules::list).await?;
    Ok(Json(Page::whole(all.iter().map(Rule::from).collect())))
}

/// One rule.
#[utoipa::path(get, path = "/rules/{id}", tag = "rules", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "The rule.", body = RuleDetail)))]
async fn get(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<RuleDetail>> {
    Ok(Json(app.read(move |tx| shown(tx, RuleId(id))).await?))
}

/// What a rule shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewRule {
    /// Unique; 1 to 255 characters.
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// A tree as a rule shows it.
    #[schema(value_type = Object)]
    body: Value,
}

fn tree(body: &Value) -> Result<Body, Error> {
    serde_path_to_error::deserialize(body).map_err(|error| {
        let path = error.path().to_string();
        let field = if path == "." { "body".to_owned() } else { format!("body.{path}") };
        Error::invalid(field, format!("is wrong: {}", error.inner()))
    })
}

/// Make a rule: a draft, switched off, last in the sequence.
#[utoipa::path(post, path = "/rules", tag = "rules", security(("token" = ["manage_rules"])), request_body = NewRule,
    responses((status = 201, description = "The rule.", body = RuleDetail)))]
async fn create(_: ManageRules, call: Call, Input(new): Input<NewRule>) -> Answer<Response> {
    let body = tree(&new.body)?;
    call.write(StatusCode::CREATED, move |tx, ctx| {
        let id = rules::create(tx, ctx, &new.name, &body)?;
        shown(tx, id)
    })
    .await
}

/// A rule's draft, if the rule is still at a version.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EditedRule {
    /// As it was read.
    version: i64,
    #[schema(min_length = 1, max_length = 255)]
    name: String,
    /// A tree as a rule shows it. A draft may be faulty: only publishing asks.
    #[schema(value_type = Object)]
    body: Value,
}

/// Replace a rule's draft. What is live goes on running.
#[utoipa::path(put, path = "/rules/{id}", tag = "rules", params(("id" = i64, Path)), security(("token" = ["manage_rules"])),
    request_body = EditedRule, responses((status = 200, description = "The rule.", body = RuleDetail)))]
async fn replace(_: ManageRules, call: Call, Route(id): Route<i64>, Input(to): Input<EditedRule>) -> Answer<Response> {
    let body = tree(&to.body)?;
    call.write(StatusCode::OK, move |tx, ctx| {
        rules::edit(tx, ctx, RuleId(id), to.version, &to.name, &body)?;
        shown(tx, RuleId(id))
    })
    .await
}

/// Delete a rule. Its versions stay, for what was decided by them.
#[utoipa::path(delete, path = "/rules/{id}", tag = "rules", params(("id" = i64, Path)), security(("token" = ["manage_rules"])),
    responses((status = 204, description = "It is gone.")))]
async fn delete(_: ManageRules, call: Call, Route(id): Route<i64>) -> Answer<Response> {
    call.write(StatusCode::NO_CONTENT, move |tx, ctx| rules::delete(tx, ctx, RuleId(id))).await
}

/// A rule that is still at a version.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct At {
    /// As it was read.
    version: i64,
}

/// Publish the draft as the next version, which is live from now on. Refused with every fault of it.
#[utoipa::path(post, path = "/rules/{id}/publish", tag = "rules", params(("id" = i64, Path)), security(("token" = ["manage_rules"])),
    request_body = At, responses((status = 200, description = "The rule.", body = RuleDetail)))]
async fn publish(_: ManageRules, call: Call, Route(id): Route<i64>, Input(at): Input<At>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        rules::publish(tx, ctx, RuleId(id), at.version)?;
        shown(tx, RuleId(id))
    })
    .await
}

/// Which version shall be live again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RollBack {
    /// The rule's version as it was read.
    version: i64,
    /// Number of the published version.
    number: i64,
}

/// Make an earlier version live again, as a new version.
#[utoipa::path(post, path = "/rules/{id}/roll-back", tag = "rules", params(("id" = i64, Path)), security(("token" = ["manage_rules"])),
    request_body = RollBack, responses((status = 200, description = "The rule.", body = RuleDetail)))]
async fn roll_back(_: ManageRules, call: Call, Route(id): Route<i64>, Input(to): Input<RollBack>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        rules::roll_back(tx, ctx, RuleId(id), to.version, to.number)?;
        shown(tx, RuleId(id))
    })
    .await
}

/// On or off.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RuleSwitch {
    enabled: bool,
}

/// Switch a rule on or off, at once.
#[utoipa::path(put, path = "/rules/{id}/enabled", tag = "rules", params(("id" = i64, Path)), security(("token" = ["manage_rules"])),
    request_body = RuleSwitch, responses((status = 200, description = "The rule.", body = RuleDetail)))]
async fn switch(_: ManageRules, call: Call, Route(id): Route<i64>, Input(to): Input<RuleSwitch>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        rules::enable(tx, ctx, RuleId(id), to.enabled)?;
        shown(tx, RuleId(id))
    })
    .await
}

/// A sequence of rules.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Sequence {
    /// Those that are not named follow as they were.
    #[schema(max_items = 500)]
    rules: Vec<i64>,
}

/// Put the rules into a sequence.
#[utoipa::path(put, path = "/rules", tag = "rules", security(("token" = ["manage_rules"])), request_body = Sequence,
    responses((status = 200, description = "The rules.", body = Page<Rule>)))]
async fn reorder(_: ManageRules, call: Call, Input(to): Input<Sequence>) -> Answer<Response> {
    if to.rules.len() > 500 {
        return Err(Error::invalid("rules", "must be at most 500").into());
    }
    call.write(StatusCode::OK, move |tx, ctx| {
        rules::reorder(tx, ctx, &to.rules.iter().copied().map(RuleId).collect::<Vec<_>>())?;
        Ok(Page::whole(rules::list(tx)?.iter().map(Rule::from).collect()))
    })
    .await
}

/// A published version.
#[derive(Serialize, ToSchema)]
struct RuleVersion {
    number: i64,
    /// The rule's name then.
    name: String,
    /// Who published it.
    actor: String,
    #[schema(format = DateTime)]
    published_at: String,
    #[schema(value_type = Object)]
    body: Value,
}

/// The last 200 versions of a rule, newest first; also of one that was deleted.
#[utoipa::path(get, path = "/rules/{id}/versions", tag = "rules", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "The versions.", body = Page<RuleVersion>)))]
async fn versions(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<Page<RuleVersion>>> {
    let found = app.read(move |tx| rules::versions(tx, RuleId(id))).await?;
    let show = |version: &rules::RuleVersion| RuleVersion {
        number: version.number,
        name: version.name.clone(),
        actor: version.actor.clone(),
        published_at: version.created_at.to_rfc3339(),
        body: json!(version.body()),
    };
    Ok(Json(Page::whole(found.iter().map(show).collect())))
}

/// What rules saw and did, rule by rule.
#[derive(Serialize, ToSchema)]
struct Traced {
    /// For each rule its id, name, version, the conditions that were looked at with what each test saw, the leaf that was reached, and
    /// the actions with what came of them.
    #[schema(value_type = Vec<Object>)]
    rules: Vec<RuleTrace>,
}

/// An order to try on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TryOn {
    order_id: i64,
}

/// Try a rule's draft, or what is live where there is none, on an order. Nothing changes.
#[utoipa::path(post, path = "/rules/{id}/test", tag = "rules", params(("id" = i64, Path)), security(("token" = ["manage_rules"])),
    request_body = TryOn, responses((status = 200, description = "What it would see and do.", body = Traced)))]
async fn try_on(
    State(app): State<App>,
    _: ManageRules,
    Route(id): Route<i64>,
    Input(on): Input<TryOn>,
) -> Answer<Json<Traced>> {
    let clock = app.clock.clone();
    let trace = app
        .read(move |tx| {
            let ctx = consign_oms::Ctx::new(&*clock, consign_oms::Actor::System);
            let (rule, body) = rules::editable(tx, RuleId(id))?;
            rules::try_on(tx, &ctx, OrderId(on.order_id), &rule, &body)
        })
        .await?;
    Ok(Json(Traced { rules: vec![trace] }))
}

/// Which rules, and how.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RunRules {
    /// Only that one; none: all that are live.
    rule_id: Option<i64>,
    /// Also over what people and programs have set.
    #[serde(default)]
    overwrite: bool,
}

/// Run the live rules on an open order now.
#[utoipa::path(post, path = "/orders/{id}/rules", tag = "orders", params(("id" = i64, Path)), security(("token" = ["work_orders"])),
    request_body = RunRules, responses((status = 200, description = "What they saw and did.", body = Traced)))]
async fn run(_: WorkOrders, call: Call, Route(id): Route<i64>, Input(how): Input<RunRules>) -> Answer<Response> {
    call.write(StatusCode::OK, move |tx, ctx| {
        let rules = rules::run_on(tx, ctx, OrderId(id), how.rule_id.map(RuleId), how.overwrite)?;
        Ok(Traced { rules })
    })
    .await
}

/// One time that rules ran on an order.
#[derive(Serialize, ToSchema)]
struct RuleRun {
    #[schema(format = DateTime)]
    at: String,
    /// Why they ran.
    cause: String,
    #[serde(flatten)]
    traced: Traced,
}

/// The last 100 times that rules ran on an order, latest first.
#[utoipa::path(get, path = "/orders/{id}/rules", tag = "orders", params(("id" = i64, Path)), security(("token" = ["view"])),
    responses((status = 200, description = "What they saw and did.", body = Page<RuleRun>)))]
async fn runs(State(app): State<App>, _: View, Route(id): Route<i64>) -> Answer<Json<Page<RuleRun>>> {
    let found = app
        .read(move |tx| {
            consign_oms::orders::get(tx, OrderId(id))?;
            rules::runs(tx, OrderId(id))
        })
        .await?;
    let show = |run: &rules::RuleRun| RuleRun {
        at: run.at.to_rfc3339(),
        cause: run.cause.clone(),
        traced: Traced { rules: run.trace() },
    };
    Ok(Json(Page::whole(found.iter().map(show).collect())))
}
