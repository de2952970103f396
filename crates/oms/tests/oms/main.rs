//! The business on both databases: each test is an acceptance scenario of the reference (16.5) or an invariant.

mod accounts;
mod centres;
mod changes;
mod channel_locations;
mod concurrency;
mod drafts;
mod exports;
mod hooks;
mod imports;
mod intake;
mod invariants;
mod marks;
mod orders;
mod related_imports;
mod retention;
mod rule_runs;
mod rules;
mod schedules;
mod settings;
mod shop;
mod statements;
mod stock;
mod webhooks;
