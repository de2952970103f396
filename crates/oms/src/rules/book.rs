//! The rules of the company: drafts, published versions, their sequence. Reference 5.4.
//!
//! Editing changes the draft alone; what is live goes on running until the draft is published as a new version. Versions are kept
//! for ever, also of rules that are deleted.

use consign_db::{Tx, row};
use consign_values::{FieldErrors, Name, RuleId, Timestamp};

use super::{Body, Fault, compile, store};
use crate::{Ctx, Error, Result, changes, history};

row! {
    /// A rule.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct Rule in "rule" {
        /// Its id.
        pub id: RuleId,
        /// Its name, unique.
        pub name: String,
        /// Rules run in this sequence.
        pub place: i64,
        /// Off, it never runs.
        pub enabled: bool,
        /// JSON of a [`Body`]; blank where nothing differs from what is live.
        pub draft: String,
        /// Number of the version that is live; 0: none yet.
        pub live: i64,
        /// Why an action of it could not be done the last time that this happened; blank: never.
        pub trouble: String,
        /// Counts up with each edit.
        pub version: i64,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

row! {
    /// A published version of a rule.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct RuleVersion in "rule_version" {
        /// The rule.
        pub rule_id: RuleId,
        /// From 1 on.
        pub number: i64,
        /// The rule's name then.
        pub name: String,
        /// JSON of a [`Body`].
        pub body: String,
        /// Who published it.
        pub actor: String,
        /// When.
        pub created_at: Timestamp,
    }
}

impl RuleVersion {
    /// Its tree.
    pub fn body(&self) -> Body {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// All rules in their sequence, at most 500.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Rule>> {
    store::list(tx)
}

/// One rule.
pub fn get(tx: &mut Tx<'_>, id: RuleId) -> Result<Rule> {
    store::find(tx, id)?.ok_or(Error::NotFound("rule"))
}

/// The last 200 versions of a rule, newest first; also of one that was deleted.
pub fn versions(tx: &mut Tx<'_>, id: RuleId) -> Result<Vec<RuleVersion>> {
    store::versions(tx, id)
}

/// One version of a rule; also of one that was deleted.
pub fn version(tx: &mut Tx<'_>, id: RuleId, number: i64) -> Result<RuleVersion> {
    store::version(tx, id, number)?.ok_or(Error::NotFound("version of the rule"))
}

/// The tree that somebody edits: the draft, or what is live where there is none.
pub fn editable(tx: &mut Tx<'_>, id: RuleId) -> Result<(Rule, Body)> {
    let rule = get(tx, id)?;
    if !rule.draft.is_empty() {
        let body = serde_json::from_str(&rule.draft).unwrap_or_default();
        return Ok((rule, body));
    }
    let body = store::version(tx, id, rule.live)?.map(|version| version.body()).unwrap_or_default();
    Ok((rule, body))
}

/// Every fault as an error that names the condition, and the test in it.
pub fn as_errors(faults: &[Fault]) -> FieldErrors {
    let mut errors = FieldErrors::new();
    for fault in faults {
        let field = match fault.test {
            Some(test) => format!("nodes.{}.tests[{test}]", fault.node),
            None => format!("nodes.{}", fault.node),
        };
        errors.add(field, &fault.reason);
    }
    errors
}

/// Longest JSON of a tree.
const BODY_MAX: usize = 1 << 19;

fn json(body: &Body) -> Result<String> {
    let text = serde_json::to_string(body).unwrap_or_default();
    if text.len() > BODY_MAX { Err(Error::invalid("body", "is larger than half a megabyte")) } else { Ok(text) }
}

fn checked_name(name: &str) -> Result<String> {
    Ok(Name::parse(name).map_err(|error| Error::invalid("name", error.to_string()))?.into_string())
}

fn name_taken(error: consign_db::Error) -> Error {
    if error.is_unique("name") { Error::invalid("name", "is the name of another rule") } else { error.into() }
}

/// Makes a rule: last in the sequence, off, a draft.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx<'_>, name: &str, body: &Body) -> Result<RuleId> {
    let name = checked_name(name)?;
    let id = RuleId(tx.next_id("rule")?);
    let place = store::list(tx)?.last().map_or(1, |last| last.place + 1);
    let rule = Rule {
        id,
        name,
        place,
        enabled: false,
        draft: json(body)?,
        live: 0,
        trouble: String::new(),
        version: 1,
        created_at: ctx.now(),
    };
    tx.insert(&rule).map_err(name_taken)?;
    history::record(tx, ctx, "rule", id.0, "created", rule.name)?;
    changes::announce(tx, ctx, "rule", [id.0])?;
    Ok(id)
}

fn save(tx: &mut Tx<'_>, ctx: &Ctx<'_>, rule: &Rule, seen: i64, what: &str, detail: String) -> Result<()> {
    if store::update(tx, rule, seen).map_err(name_taken)? == 0 {
        return Err(Error::Stale);
    }
    history::record(tx, ctx, "rule", rule.id.0, what, detail)?;
    changes::announce(tx, ctx, "rule", [rule.id.0])
}

/// Replaces the draft of a rule that is still at `seen`. A draft may be faulty: only publishing asks.
pub fn edit(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: RuleId, seen: i64, name: &str, body: &Body) -> Result<()> {
    let before = get(tx, id)?;
    let (name, draft) = (checked_name(name)?, json(body)?);
    let live = store::version(tx, id, before.live)?;
    let same = live.is_some_and(|live| live.body == draft);
    let renamed = if name == before.name { String::new() } else { format!("{} → {name}", before.name) };
    let rule = Rule { name, draft: if same { String::new() } else { draft }, ..before };
    save(tx, ctx, &rule, seen, "edited", renamed)
}

/// Publishes the draft as the next version, which is live from now on. Refused with every fault of it.
pub fn publish(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: RuleId, seen: i64) -> Result<i64> {
    let rule = get(tx, id)?;
    if rule.draft.is_empty() {
        return Err(Error::invalid("draft", "there is nothing to publish: what is live is the same"));
    }
    let body: Body = serde_json::from_str(&rule.draft).unwrap_or_default();
    compile(&body).map_err(|faults| Error::Invalid(as_errors(&faults)))?;
    add_version(tx, ctx, rule, seen, &body, "published")
}

/// Makes an earlier version live again, as a new version; the draft stays.
pub fn roll_back(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: RuleId, seen: i64, number: i64) -> Result<i64> {
    let rule = get(tx, id)?;
    let body = version(tx, id, number)?.body();
    let draft = rule.draft.clone();
    let made = add_version(tx, ctx, rule, seen, &body, "rolled back")?;
    if !draft.is_empty() {
        let rule = Rule { draft, ..get(tx, id)? };
        store::update(tx, &rule, rule.version)?;
    }
    Ok(made)
}

fn add_version(tx: &mut Tx<'_>, ctx: &Ctx<'_>, rule: Rule, seen: i64, body: &Body, what: &str) -> Result<i64> {
    let number = store::last_number(tx, rule.id)? + 1;
    tx.insert(&RuleVersion {
        rule_id: rule.id,
        number,
        name: rule.name.clone(),
        body: json(body)?,
        actor: ctx.actor_text(),
        created_at: ctx.now(),
    })?;
    let from = rule.live;
    let rule = Rule { draft: String::new(), live: number, ..rule };
    save(tx, ctx, &rule, seen, what, format!("version {from} → {number}"))?;
    Ok(number)
}

/// Switches a rule on or off, at once. One without a published version runs nothing.
pub fn enable(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: RuleId, on: bool) -> Result<()> {
    let rule = get(tx, id)?;
    if rule.enabled == on {
        return Ok(());
    }
    let seen = rule.version;
    save(tx, ctx, &Rule { enabled: on, ..rule }, seen, if on { "enabled" } else { "disabled" }, String::new())
}

/// Puts the rules into this sequence; those that are not named follow as they were.
pub fn reorder(tx: &mut Tx<'_>, ctx: &Ctx<'_>, ids: &[RuleId]) -> Result<()> {
    let all = store::list(tx)?;
    if let Some(stranger) = ids.iter().position(|id| all.iter().all(|rule| rule.id != *id)) {
        return Err(Error::invalid(format!("rules[{stranger}]"), "is no rule"));
    }
    let mut wanted: Vec<RuleId> = Vec::new();
    for id in ids.iter().copied().chain(all.iter().map(|rule| rule.id)) {
        if !wanted.contains(&id) {
            wanted.push(id);
        }
    }
    for (place, id) in wanted.iter().enumerate() {
        let place = place as i64 + 1;
        let before = all.iter().find(|rule| rule.id == *id).map_or(0, |rule| rule.place);
        if before != place {
            store::set_place(tx, *id, place)?;
            history::record(tx, ctx, "rule", id.0, "moved", format!("place {before} → {place}"))?;
        }
    }
    changes::announce(tx, ctx, "rule", wanted.iter().map(|id| id.0))
}

/// Deletes a rule. Its versions stay, for what was decided by them.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: RuleId) -> Result<()> {
    let rule = get(tx, id)?;
    store::delete(tx, id)?;
    history::record(tx, ctx, "rule", id.0, "deleted", rule.name)?;
    changes::announce(tx, ctx, "rule", [id.0])
}
