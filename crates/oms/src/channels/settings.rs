//! Adding, setting and removing channel instances. Every change is in the instance's history; secrets never are.

use std::collections::HashSet;

use consign_db::Tx;
use consign_ports::{Capabilities, DefaultStatus, StatusTarget};
use consign_values::{ChannelId, FieldErrors, LocationId, Name, clean};

use super::channel::target_code;
use super::{Channel, Cursor, Health, SeveralLocations, StatusMap, TagMap, prices, runnable, store};
use crate::{Ctx, Error, Refusal, Result, changes, history, jobs, locations};

/// The jobs of an instance that is on; their keys are the kind and its id.
const JOBS: [&str; 6] = ["download", "despatch", "push_stock", "push_prices", "reconcile", "list_products"];
/// The jobs of one that is told at once; made when that is switched on.
pub(super) const HOOK_JOBS: [&str; 2] = ["hook", "fetch_told"];

/// What a person can set on an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSettings {
    /// Its account name.
    pub name: String,
    /// Where its orders land; a change touches only later downloads.
    pub download_location_id: LocationId,
    /// See [`Channel`], here and below.
    pub download_unpaid: bool,
    /// Link by SKU.
    pub link_by_sku: bool,
    /// Report despatches.
    pub send_despatches: bool,
    /// Report cancellations.
    pub send_cancellations: bool,
    /// Push stock.
    pub push_stock: bool,
    /// Push prices; works whether stock is pushed or not.
    pub push_prices: bool,
    /// Show at most.
    pub max_listed: Option<i64>,
    /// Show none at or below.
    pub end_when: i64,
    /// Show that part, 1 to 100.
    pub stock_percent: i64,
    /// Seconds between rounds, 1 to 86,400.
    pub interval_seconds: i64,
}

impl From<&Channel> for ChannelSettings {
    fn from(channel: &Channel) -> Self {
        ChannelSettings {
            name: channel.name.clone(),
            download_location_id: channel.download_location_id,
            download_unpaid: channel.download_unpaid,
            link_by_sku: channel.link_by_sku,
            send_despatches: channel.send_despatches,
            send_cancellations: channel.send_cancellations,
            push_stock: channel.push_stock,
            push_prices: channel.push_prices,
            max_listed: channel.max_listed,
            end_when: channel.end_when,
            stock_percent: channel.stock_percent,
            interval_seconds: channel.interval_seconds,
        }
    }
}

/// Adds an instance, switched off, with the defaults of reference 12.2: Default location, paid orders only, despatches on.
/// Orders placed from now on will be downloaded.
pub fn add(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    kind: &str,
    source: &str,
    name: &str,
    statuses: &[DefaultStatus],
) -> Result<ChannelId> {
    let name = Name::parse(name).map_err(|e| Error::invalid("name", e.to_string()))?;
    let id = ChannelId(tx.next_id("channel")?);
    let channel = Channel {
        id,
        kind: kind.to_owned(),
        source: source.to_owned(),
        name: name.into_string(),
        enabled: false,
        paused_because: String::new(),
        connection: Vec::new(),
        ready: false,
        download_location_id: locations::default(tx)?,
        download_unpaid: false,
        link_by_sku: true,
        send_despatches: true,
        send_cancellations: true,
        push_stock: false,
        max_listed: None,
        end_when: 0,
        stock_percent: 100,
        interval_seconds: 300,
        created_at: ctx.now(),
        version: 1,
        push_prices: false,
        several_locations: SeveralLocations::Split,
    };
    tx.insert(&channel).map_err(account_taken)?;
    let now = ctx.now();
    tx.insert(&Cursor {
        channel_id: id,
        since_at: now,
        page: None,
        started_at: None,
        page_count: 0,
        taken_count: 0,
        previous_at: now,
    })?;
    tx.insert(&Health {
        channel_id: id,
        downloaded_at: None,
        failing_since: None,
        failures: 0,
        last_error: String::new(),
        last_error_at: None,
        rate_left: None,
        reconciled_at: None,
        channel_count: None,
        our_count: None,
        gap: String::new(),
    })?;
    for status in statuses {
        let target = target_code(status.target).to_owned();
        tx.insert(&StatusMap { channel_id: id, code: status.code.to_owned(), label: status.code.to_owned(), target })?;
    }
    history::record(tx, ctx, "channel", id.0, "added", format!("{kind} \"{}\"", channel.name))?;
    changes::announce(tx, ctx, "channel", [id.0])?;
    Ok(id)
}

fn account_taken(error: consign_db::Error) -> Error {
    if error.is_unique("channel") {
        Error::invalid("name", "is the name of another channel of this kind")
    } else {
        error.into()
    }
}

/// Changes the settings of an instance that is still at `version`. Listing limits and locations make its stock due again.
pub fn edit(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, version: i64, new: &ChannelSettings) -> Result<()> {
    let before = super::get(tx, id)?;
    let mut errors = FieldErrors::new();
    let name = errors.check("name", Name::parse(&new.name));
    if !(1..=86_400).contains(&new.interval_seconds) {
        errors.add("interval_seconds", "must be between 1 and 86,400");
    }
    if !(1..=100).contains(&new.stock_percent) {
        errors.add("stock_percent", "must be between 1 and 100");
    }
    if !(0..=1_000_000_000).contains(&new.end_when) {
        errors.add("end_when", "must be between 0 and 1,000,000,000");
    }
    if new.max_listed.is_some_and(|max| !(1..=1_000_000_000).contains(&max)) {
        errors.add("max_listed", "must be between 1 and 1,000,000,000, or empty");
    }
    errors.into_result()?;
    let name = name.map_or_else(String::new, Name::into_string);
    locations::get(tx, new.download_location_id)?;
    let settings = ChannelSettings { name, ..new.clone() };
    if store::update_settings(tx, id, version, &settings).map_err(account_taken)? == 0 {
        return Err(Error::Stale);
    }
    store::mark_channel_listings_due(tx, id)?;
    if settings.push_prices && !before.push_prices {
        prices::all_due(tx, ctx, id)?;
    }
    history::record(
        tx,
        ctx,
        "channel",
        id.0,
        "settings changed",
        difference(&ChannelSettings::from(&before), &settings),
    )?;
    changes::announce(tx, ctx, "channel", [id.0])
}

fn difference(before: &ChannelSettings, after: &ChannelSettings) -> String {
    let (before, after) = (format!("{before:#?}"), format!("{after:#?}"));
    before
        .lines()
        .zip(after.lines())
        .filter(|(old, new)| old != new)
        .map(|(old, new)| format!("{} → {}", old.trim().trim_end_matches(','), new.trim().trim_end_matches(',')))
        .collect::<Vec<_>>()
        .join("; ")
}

/// Stores what set-up made (already sealed) and whether it is finished.
pub fn set_connection(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: ChannelId,
    source: &str,
    sealed: &[u8],
    ready: bool,
) -> Result<()> {
    super::get(tx, id)?;
    store::update_connection(tx, id, source, sealed, ready).map_err(account_taken)?;
    history::record(tx, ctx, "channel", id.0, "connection changed", if ready { "ready" } else { "set-up under way" })
}

/// Switches an instance on or off. On, its jobs are made; refused while set-up is not finished or the mapping can't work.
pub fn enable(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, capabilities: Capabilities, on: bool) -> Result<()> {
    let channel = super::get(tx, id)?;
    if on {
        if !channel.ready {
            return Err(Refusal::ChannelCannotRun("its set-up is not finished".to_owned()).into());
        }
        let statuses = store::statuses(tx, id)?;
        runnable(capabilities, &channel, &statuses).map_err(Refusal::ChannelCannotRun)?;
        for kind in JOBS {
            jobs::ensure(tx, kind, &format!("{kind} {id}"), &id.to_string(), ctx.now())?;
        }
        jobs::wake(tx, ctx, &format!("download {id}"))?;
        // The platform may have given up on an instance that was off.
        jobs::wake(tx, ctx, &format!("hook {id}"))?;
    }
    store::set_enabled(tx, id, on)?;
    history::record(tx, ctx, "channel", id.0, if on { "enabled" } else { "disabled" }, "")?;
    changes::announce(tx, ctx, "channel", [id.0])
}

/// Removes an instance that was switched off: its settings, mappings and listings. Its orders stay.
pub fn remove(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId) -> Result<()> {
    let channel = super::get(tx, id)?;
    if channel.enabled {
        return Err(Refusal::InUse("its switch; disable it first").into());
    }
    for kind in JOBS.iter().chain(&HOOK_JOBS) {
        jobs::remove(tx, &format!("{kind} {id}"))?;
    }
    store::delete(tx, id)?;
    history::record(tx, ctx, "channel", id.0, "removed", channel.name)?;
    changes::announce(tx, ctx, "channel", [id.0])
}

/// Replaces the status mapping.
pub fn set_statuses(
    tx: &mut Tx<'_>,
    ctx: &Ctx<'_>,
    id: ChannelId,
    statuses: &[(String, String, StatusTarget)],
) -> Result<()> {
    super::get(tx, id)?;
    if statuses.len() > 500 {
        return Err(Error::invalid("statuses", "must be at most 500"));
    }
    store::delete_statuses(tx, id)?;
    let mut said = Vec::new();
    let mut known = HashSet::new();
    for (index, (code, label, target)) in statuses.iter().enumerate() {
        let (code, target) = (clean(code, 128), target_code(*target));
        if code.is_empty() || !known.insert(code.clone()) {
            let why = if code.is_empty() { "must not be empty" } else { "stands there twice" };
            return Err(Error::invalid(format!("statuses[{index}].code"), why));
        }
        said.push(format!("{code} = {target}"));
        tx.insert(&StatusMap { channel_id: id, code, label: clean(label, 255), target: target.to_owned() })?;
    }
    history::record(tx, ctx, "channel", id.0, "status mapping changed", said.join("; "))
}

/// Replaces the shipping and payment mapping; it applies to orders downloaded later.
pub fn set_tags(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, tags: &[TagMap]) -> Result<()> {
    super::get(tx, id)?;
    if tags.len() > 1_000 {
        return Err(Error::invalid("tags", "must be at most 1,000"));
    }
    store::delete_tags(tx, id)?;
    let mut known = HashSet::new();
    for (index, tag) in tags.iter().enumerate() {
        let (kind, site, code) = (tag.kind.clone(), clean(&tag.site, 64), clean(&tag.tag, 128));
        if !matches!(kind.as_str(), "shipping" | "payment") {
            return Err(Error::invalid(format!("tags[{index}].kind"), "must be shipping or payment"));
        }
        if code.is_empty() || !known.insert((kind.clone(), site.clone(), code.clone())) {
            let why = if code.is_empty() { "must not be empty" } else { "stands there twice" };
            return Err(Error::invalid(format!("tags[{index}].tag"), why));
        }
        tx.insert(&TagMap {
            channel_id: id,
            kind,
            site,
            tag: code,
            label: clean(&tag.label, 255),
            carrier: clean(&tag.carrier, 128),
            service: clean(&tag.service, 128),
        })?;
    }
    history::record(tx, ctx, "channel", id.0, "shipping and payment mapping changed", format!("{} rows", tags.len()))
}

/// Replaces the locations whose stock the instance shows; none means all. Its stock is due again.
pub fn set_stock_locations(tx: &mut Tx<'_>, ctx: &Ctx<'_>, id: ChannelId, locations: &[LocationId]) -> Result<()> {
    super::get(tx, id)?;
    store::replace_stock_locations(tx, id, locations)?;
    store::mark_channel_listings_due(tx, id)?;
    let names: Vec<String> = locations.iter().map(ToString::to_string).collect();
    history::record(tx, ctx, "channel", id.0, "stock locations changed", names.join(", "))
}
