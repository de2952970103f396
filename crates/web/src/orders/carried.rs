//! What an order carries besides its own fields, on its page: folders, identifiers, extended properties, notes.

use std::collections::HashMap;

use consign_oms::marks::{Mark, MarkKind};
use consign_oms::orders::{self, Action, Note, OrderView};
use maud::{Markup, html};

use super::show::version;
use crate::ui;

/// Empty rows for properties to put in.
const EMPTY_ROWS: usize = 2;

/// Folders and identifiers, with what gives and takes them; and whether the order is merged by itself.
pub(super) fn marks(view: &OrderView, all: &[Mark], may_work: bool) -> Markup {
    let order = &view.order;
    let can = |action| may_work && orders::refusal(order, action).is_none();
    let action = |kind| if kind == MarkKind::Folder { Action::File } else { Action::Badge };
    html! {
        h2 { "Folders and identifiers" }
        @if view.marks.is_empty() { p.dim { "None." } }
        @else { div.pair { @for mark in &view.marks { span.nowrap {
            (ui::mark(mark))
            @if can(action(mark.kind)) {
                form.inline method="post" action={"/orders/" (order.id) "/take"} {
                    input type="hidden" name="mark" value=(mark.id);
                    button.quiet aria-label={"Take off " (mark.name)} title={"Take off " (mark.name)} { "×" }
                }
            }
        } } } }
        div.bar {
            @for (kind, label, key) in [(MarkKind::Folder, "Into folder", "f"), (MarkKind::Identifier, "Give identifier", "i")] {
                @let free: Vec<&Mark> = all.iter().filter(|mark| mark.kind == kind && !view.marks.contains(mark)).collect();
                @if can(action(kind)) && !free.is_empty() {
                    form.inline method="post" action={"/orders/" (order.id) "/give"} {
                        label { span.hidden { (label) } select name="mark" data-focus=(key) { @for mark in free { option value=(mark.id) { (mark.name) } } } }
                        button title={"Choose with " (key)} { (label) }
                    }
                }
            }
            @if can(Action::NoMerge) {
                form.inline method="post" action={"/orders/" (order.id) "/merging"} {
                    @if !order.no_merge { input type="hidden" name="blocked" value="1"; }
                    button.quiet title="Concerns only merging by itself, which the settings of orders switch on" {
                        @if order.no_merge { "Let it be merged by itself" } @else { "Never merge it by itself" }
                    }
                }
            }
        }
        @if order.no_merge { p.dim { "It is blocked from being merged by itself." } }
    }
}

/// Names and values, and the form that replaces them.
pub(super) fn properties(view: &OrderView, may_work: bool) -> Markup {
    let properties = view.detail.properties();
    let can = may_work && orders::refusal(&view.order, Action::Properties).is_none();
    if properties.is_empty() && !can {
        return html! {};
    }
    html! {
        h2 { "Extended properties" }
        @if !properties.is_empty() { table.plain-table { tbody { @for (name, value) in &properties { tr { th { (name) } td { (value) } } } } } }
        @if can { details { summary { @if properties.is_empty() { "Add properties …" } @else { "Change properties …" } }
            form.stack method="post" action={"/orders/" (view.order.id) "/properties"} {
                (version(&view.order))
                @for (index, (name, value)) in properties.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain([("", ""); EMPTY_ROWS]).enumerate() { p.pair {
                    label { span.hidden { "Name" } input name={"property." (index) ".name"} value=(name) maxlength="128" placeholder="Name"; }
                    label { span.hidden { "Value" } input name={"property." (index) ".value"} value=(value) maxlength="1000" placeholder="Value"; }
                } }
                p.dim { "A row whose name and value are both empty is taken out." }
                button { "Save properties" }
            }
        } }
    }
}

/// Notes, each with its form, and the form for a new one.
pub(super) fn notes(view: &OrderView, names: &HashMap<String, String>, may_work: bool) -> Markup {
    let id = view.order.id;
    html! {
        h2 { "Notes" }
        @for note in &view.notes {
            div.note {
                (note.body) br;
                small { (ui::who(names, &note.author)) " " (ui::moment(note.at)) @if note.internal { " internal" } }
                @if note.processing { " " span.badge.warn { "read before processing" } }
                @if may_work { details { summary { "Change …" }
                    form.stack method="post" action={"/orders/" (id) "/note-edit"} {
                        input type="hidden" name="note" value=(note.id);
                        (note_fields(Some(note)))
                        p.bar { button { "Save note" } button.danger formaction={"/orders/" (id) "/note-delete"} formnovalidate data-confirm="Delete this note? What it said stays in the history." { "Delete note" } }
                    }
                } }
            }
        }
        @if may_work {
            form.stack method="post" action={"/orders/" (id) "/note"} { (note_fields(None)) button { "Add note" } }
        }
    }
}

fn note_fields(note: Option<&Note>) -> Markup {
    html! {
        label { span.hidden { "Note" } textarea name="body" rows="2" maxlength="4000" required placeholder="Add a note" { (note.map_or("", |note| &note.body)) } }
        label { input type="checkbox" name="internal" value="1" checked[note.is_none_or(|note| note.internal)]; " internal, never for the buyer" }
        label { input type="checkbox" name="processing" value="1" checked[note.is_some_and(|note| note.processing)]; " to be read before the order is processed" }
    }
}
