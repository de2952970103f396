// Selection, keys, bulk actions and live updates. Everything works without it but the keys and the live rows.
"use strict";

const $ = (selector, from = document) => from.querySelector(selector);
const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];

// Selects and boxes that submit their form at once.
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-submit]")) event.target.form.requestSubmit();
});

// What can't be undone is asked for.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-confirm]");
  if (button && !window.confirm(button.dataset.confirm)) event.preventDefault();
  if (event.target.closest("[data-reload]")) location.reload();
});

// ---- selection: rows of this page, or everything that the search finds
const boxes = () => $$('#orders input[name="ids"]');
let last = null;
let whole = false;

function selectionChanged() {
  const chosen = boxes().filter((box) => box.checked).length;
  const label = $("#selected");
  if (label) label.textContent = whole ? `all ${$("#whole").dataset.count} found selected` : `${chosen} selected`;
  const all = $("#all");
  if (all) all.checked = chosen > 0 && chosen === boxes().length;
}

document.addEventListener("click", (event) => {
  const box = event.target;
  if (box.id === "whole") {
    whole = true;
    boxes().forEach((one) => { one.checked = true; });
  } else if (box.id === "all") {
    whole = false;
    boxes().forEach((one) => { one.checked = box.checked; });
  } else if (box.name === "ids") {
    whole = false;
    if (event.shiftKey && last) {
      const list = boxes();
      const [from, to] = [list.indexOf(last), list.indexOf(box)].sort((a, b) => a - b);
      if (from >= 0) list.slice(from, to + 1).forEach((one) => { one.checked = box.checked; });
    }
    last = box;
  } else {
    return;
  }
  selectionChanged();
});

// ---- bulk actions: in portions, so that one sees how far it is and can stop; each order's refusal is shown
const PORTION = 100;
const REFUSALS_SHOWN = 100;

async function chosenIds() {
  if (!whole) return boxes().filter((box) => box.checked).map((box) => box.value);
  const answer = await fetch(`/orders/ids${location.search}`);
  if (!answer.ok) throw new Error("the orders could not be listed");
  return (await answer.json()).ids.map(String);
}

async function send(form, address) {
  const answer = await fetch(address, { method: "POST", body: form, headers: { accept: "application/json" } });
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.detail);
  return body.results;
}

const bulk = $("#bulk");
if (bulk) {
  let stopped = false;
  const stop = $("#stop");
  stop.addEventListener("click", () => { stopped = true; });
  bulk.addEventListener("submit", async (event) => {
    event.preventDefault();
    const [results, label] = [$("#results"), event.submitter.textContent];
    const form = new URLSearchParams(new FormData(bulk));
    form.delete("ids");
    form.set("action", event.submitter.value);
    const buttons = $$("button", bulk).filter((button) => button !== stop);
    let [done, said] = [0, []];
    try {
      const chosen = await chosenIds();
      if (chosen.length === 0) {
        results.textContent = "Select orders first: x, or the box before each.";
        return;
      }
      if (event.submitter.value === "merge") {
        location.assign(`/orders/merge?ids=${chosen.join(",")}`);
        return;
      }
      if (whole && !window.confirm(`${label}: all ${chosen.length} orders that were found?`)) return;
      buttons.forEach((button) => { button.disabled = true; });
      stopped = false;
      stop.hidden = chosen.length <= PORTION;
      for (; done < chosen.length && !stopped; done = Math.min(done + PORTION, chosen.length)) {
        results.textContent = `${label}: ${done} of ${chosen.length} …`;
        form.set("ids", chosen.slice(done, done + PORTION).join(","));
        said.push(...await send(form, bulk.getAttribute("action")));
      }
      showResults(results, label, said, chosen.length);
      await refreshRows($$("#orders tr[data-id]").map((row) => row.dataset.id));
    } catch (error) {
      results.textContent = `${said.length > 0 ? `After ${said.length} orders it stopped` : "Not done"}: ${error.message}`;
    } finally {
      stop.hidden = true;
      whole = false;
      buttons.forEach((button) => { button.disabled = false; });
      selectionChanged();
    }
  });
}

function showResults(results, label, said, asked) {
  const failed = said.filter((result) => !result.ok);
  results.textContent = `${label}: ${said.length - failed.length} of ${asked} done.`;
  if (said.length < asked) results.textContent += ` Stopped; ${asked - said.length} were not touched.`;
  if (failed.length === 0) return;
  const list = document.createElement("ul");
  for (const result of failed.slice(0, REFUSALS_SHOWN)) {
    const entry = document.createElement("li");
    entry.textContent = `Order ${result.id}: ${result.error}`;
    list.append(entry);
  }
  if (failed.length > REFUSALS_SHOWN) {
    const entry = document.createElement("li");
    entry.textContent = `… and ${failed.length - REFUSALS_SHOWN} more refusals`;
    list.append(entry);
  }
  results.append(list);
}

async function refreshRows(ids) {
  const table = $("#orders tbody");
  if (!table || ids.length === 0) return;
  const query = new URLSearchParams(location.search);
  query.set("ids", ids.join(","));
  const answer = await fetch(`/orders/rows?${query}`);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  showCount(fresh);
  const rows = new Map($$("tr", fresh).map((row) => [row.dataset.id, row]));
  for (const id of ids) {
    const old = $(`tr[data-id="${CSS.escape(id)}"]`, table);
    if (!old) continue;
    const row = rows.get(id);
    if (!row) { old.remove(); continue; }
    const box = $('input[name="ids"]', old);
    if (box && box.checked) $('input[name="ids"]', row).checked = true;
    if (old.classList.contains("at")) row.classList.add("at");
    old.replaceWith(row);
  }
  selectionChanged();
}

function showCount(fresh) {
  const [shown, count] = [$("#count"), $("#count", fresh)];
  if (shown && count) shown.textContent = count.textContent;
}

// ---- live updates
const live = $("#live");
const liveTable = $("[data-live]");
const liveOrder = $("[data-live-order]");
if (live && window.EventSource) {
  const source = new EventSource("/events");
  source.onopen = () => {
    live.className = "live on";
    live.textContent = "● live";
    inTurn(catchUp);
  };
  source.onerror = () => { live.className = "live off"; live.textContent = "○ reconnecting"; };
  source.onmessage = (event) => {
    const { noun, ids } = JSON.parse(event.data);
    inTurn(noun === "all" ? catchUp : () => changed(noun, ids.split(",").filter(Boolean)));
  };
}

// One after the other, so that no older answer overwrites a newer one.
let turn = Promise.resolve();
function inTurn(work) {
  turn = turn.then(work).catch(() => {});
}

async function changed(noun, list) {
  if (noun === "order" && $("#orders[data-live]")) {
    const shown = list.filter((id) => $(`#orders tr[data-id="${CSS.escape(id)}"]`));
    await refreshRows(shown);
    if (shown.length < list.length) await arrived(list.filter((id) => !shown.includes(id)));
  } else if (noun === "order" && !$("#orders") && $("#news")) {
    location.reload();
  } else if (noun === "order" && liveOrder && list.includes(liveOrder.dataset.liveOrder)) {
    await replaceContent("[data-live-order]");
  } else if (liveTable && liveTable.dataset.live === noun && noun !== "order") {
    await replaceContent(`[data-live="${noun}"]`);
  }
}

// What changed between the making of the page and its listening, or while the connection was lost.
async function catchUp() {
  if (liveOrder) {
    await replaceContent("[data-live-order]");
  } else if (liveTable && liveTable.dataset.live !== "order") {
    await replaceContent(`[data-live="${liveTable.dataset.live}"]`);
  } else if ($("#news")) {
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const ids = (from) => $$("#orders tr[data-id]", from).map((row) => row.dataset.id);
    const listed = ids(new DOMParser().parseFromString(await answer.text(), "text/html"));
    const all = [...new Set([...ids(document), ...listed])];
    if (all.length > 0) await changed("order", all);
  }
}

// New orders are put on top of the first page of the newest; elsewhere a bar says that there are some.
async function arrived(ids) {
  const query = new URLSearchParams(location.search);
  const first = !query.get("after") && !query.get("q") && (query.get("sort") || "newest") === "newest";
  query.set("ids", ids.join(","));
  const answer = await fetch(`/orders/rows?${query}`);
  if (!answer.ok) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  // What is older than all that is shown has only changed, on another page.
  const newest = Math.max(0, ...$$("#orders tr[data-id]").map((row) => Number(row.dataset.id)));
  const rows = $$("tr", fresh).filter((row) => Number(row.dataset.id) > newest);
  showCount(fresh);
  if (rows.length === 0) return;
  if (!first) { $("#news").hidden = false; return; }
  const body = $("#orders tbody");
  for (const row of rows.sort((a, b) => a.dataset.id - b.dataset.id)) {
    row.classList.add("new");
    body.prepend(row);
  }
  while (body.rows.length > 200) body.lastElementChild.remove();
}

// Somebody is typing there, or has typed something that is not sent yet.
function inUse(part) {
  const typed = (field) => (field.type === "checkbox" ? field.checked !== field.defaultChecked : field.value !== field.defaultValue);
  return (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"))
    || $("details[open] form", part) !== null || $$("input, textarea", part).some(typed);
}

async function replaceContent(selector) {
  const old = $(selector);
  if (!old || inUse(old)) return;
  const answer = await fetch(location.href);
  if (!answer.ok) return;
  const fresh = $(selector, new DOMParser().parseFromString(await answer.text(), "text/html"));
  if (fresh && !inUse(old)) old.replaceWith(fresh);
}

// ---- fields that name an item: the list below them is filled while one types
let asked = 0;
document.addEventListener("input", async (event) => {
  if (!event.target.matches("[data-items]") || event.target.value.length < 3) return;
  const [turn, list] = [asked += 1, $(`#${event.target.getAttribute("list")}`)];
  const answer = await fetch(`/items/find?q=${encodeURIComponent(event.target.value)}`);
  if (!answer.ok || turn !== asked || !list) return;
  const { items } = await answer.json();
  list.replaceChildren(...items.map(({ sku, title }) => Object.assign(document.createElement("option"), { value: sku, label: title })));
});

// ---- help: the part of the manual that is about this page, shown over it, with the page's keys
document.addEventListener("click", async (event) => {
  const link = event.target.closest("#help");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const answer = await fetch(`/help/about?${new URLSearchParams({ path: location.pathname })}`).catch(() => null);
  if (!answer?.ok) { location.assign(link.href); return; }
  const part = new DOMParser().parseFromString(await answer.text(), "text/html").body;
  const box = document.createElement("dialog");
  const close = Object.assign(document.createElement("button"), { textContent: "Close", className: "close" });
  box.setAttribute("aria-label", "Help");
  close.addEventListener("click", () => box.close());
  box.addEventListener("click", (inside) => { if (inside.target === box) box.close(); });
  box.addEventListener("close", () => box.remove());
  const keys = $(".keys p");
  box.append(close, ...part.childNodes, ...(keys ? [Object.assign(document.createElement("h2"), { textContent: "Keys" }), keys.cloneNode(true)] : []));
  document.body.append(box);
  box.showModal();
});

// The menu goes away when one clicks elsewhere.
document.addEventListener("click", (event) => {
  $$("details.menu[open]").filter((menu) => !menu.contains(event.target)).forEach((menu) => { menu.open = false; });
});

// ---- keys
let at = -1;
function go(to) {
  const rows = $$(".grid tbody tr");
  if (rows.length === 0) return;
  rows[at]?.classList.remove("at");
  at = Math.max(0, Math.min(rows.length - 1, to));
  rows[at].classList.add("at");
  rows[at].scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("dialog[open]")) return;
  if (event.key === "Escape") $$("details.menu[open]").forEach((menu) => { menu.open = false; });
  if (event.target.matches("input:not([type=checkbox]), textarea, select")) {
    if (event.key === "Escape") event.target.blur();
    if (event.key === "Enter" && event.target.dataset.enter) {
      event.preventDefault();
      $(event.target.dataset.enter).click();
    }
    return;
  }
  const row = $(".grid tbody tr.at");
  const pressed = {
    "/": () => $("#search")?.focus(),
    "?": () => $("#help")?.click(),
    j: () => go(at + 1), ArrowDown: () => go(at + 1), k: () => go(at - 1), ArrowUp: () => go(at - 1),
    x: () => { const box = row && $('input[name="ids"]', row); if (box) { box.checked = !box.checked; selectionChanged(); } },
    a: () => { const all = $("#all"); if (all) all.click(); },
    Enter: () => { if (row && document.activeElement === document.body) $("a", row)?.click(); },
    r: () => location.reload(),
  }[event.key] || (() => {
    const button = $(`[data-key="${CSS.escape(event.key)}"]:not(:disabled)`);
    if (button) { button.click(); return; }
    const field = $(`[data-focus="${CSS.escape(event.key)}"]`);
    if (field) { event.preventDefault(); field.focus(); }
  });
  if (["/", "ArrowDown", "ArrowUp"].includes(event.key)) event.preventDefault();
  pressed();
});
