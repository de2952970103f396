// A person's first day with Consign, in a real browser: set up, add a channel, watch an order arrive, move it, process it, see it
// confirmed. The shop is the one of `consign demo`, reached as any channel app is. Each page is looked at: screenshots/.
//
// Environment: CONSIGN_BIN; CHROMIUM (/usr/bin/chromium).
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, describe, test } from 'node:test';

import { look, openBrowser } from './browser.mjs';
import { OWNER, demo, serve } from './consign.mjs';
import { eventually } from './process.mjs';

describe('a first day with Consign', () => {
  let browser, consign, seller, page, errors, shop, sku;

  before(async () => {
    [browser, consign, seller] = await Promise.all([openBrowser(), serve(), demo()]);
    ({ page, errors } = await browser.visitor());
    ({ page: shop } = await browser.visitor());
  });

  after(async () => {
    await browser?.close();
    await consign?.stop();
    await seller?.stop();
  });

  afterEach(() => assert.deepEqual(errors, [], 'no script failed'));

  const visit = (where) => page.goto(consign.url + where);
  const press = (name, scope = page) => scope.getByRole('button', { name, exact: true }).click();
  const field = (id) => page.locator(`[name="field.${id}"]`);
  const area = (name) => page.getByRole('navigation').getByRole('link', { name, exact: true }).click();

  test('the printed set-up code makes the first owner', async () => {
    await visit('/');
    await page.waitForURL('**/set-up');
    await look(page, 'set-up');
    await page.getByLabel('Set-up code').fill('not the code');
    await page.getByLabel('Your name').fill(OWNER.name);
    await page.getByLabel('E-mail').fill(OWNER.email);
    await page.getByLabel('Password').fill(OWNER.password);
    await press('Begin');
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Set-up code').fill(consign.code);
    await page.getByLabel('Password').fill(OWNER.password);
    await press('Begin');
    await page.waitForURL('**/orders');
    await look(page, 'open-orders-empty');
  });

  test('signing in needs the right password', async () => {
    await page.locator('header details.menu summary').click();
    await press('Sign out');
    await page.waitForURL('**/sign-in');
    await look(page, 'sign-in');
    await page.getByLabel('E-mail').fill(OWNER.email);
    await page.getByLabel('Password').fill('wrong password');
    await press('Sign in');
    await page.getByRole('alert').waitFor();
    await page.getByLabel('Password').fill(OWNER.password);
    await press('Sign in');
    await page.waitForURL('**/orders');
  });

  test('a second location and an item with stock are made', async () => {
    await area('Locations');
    const form = page.locator('form[action="/locations"]');
    await form.getByLabel('Name').fill('Belfast');
    await press('Add', form);
    await page.locator('input[value="Belfast"]').waitFor();
    await look(page, 'locations');

    await shop.goto(seller.shop);
    sku = await shop.locator('button[name="sku"]:enabled').first().getAttribute('value');
    await area('Items');
    await look(page, 'items-empty');
    await page.getByRole('link', { name: 'New item' }).click();
    await page.getByLabel('SKU').fill(sku);
    await page.getByLabel('Title').fill('Something that the shop sells');
    await look(page, 'item-new');
    await press('Save');
    await page.waitForURL('**/stock/*');
    const place = page.locator('section.level', { hasText: 'Default' });
    await place.getByLabel('Set to').fill('10');
    await press('Set', place);
    await page.getByText('10 on hand').waitFor();
    await look(page, 'stock-item');
  });

  test('a channel is added step by step and switched on', async () => {
    await area('Channels');
    await look(page, 'channels-empty');
    await page.locator('a[href="/channels/add/app"]').click();
    await look(page, 'channel-add');
    await field('manifest').fill(`${seller.shop}/manifest.json`);
    await field('email').fill(OWNER.email);
    await field('account_name').fill('The corner shop');
    await page.locator('[name="account"]').fill('The corner shop');
    await press('Next');
    await field('APIKey').fill('wrong');
    await press('Next');
    await page.getByRole('alert').waitFor();
    await field('APIKey').fill('demo');
    await press('Next');
    await page.getByLabel('Seconds between downloads').fill('1');
    await press('Save');
    await press('Test');
    await page.getByText('✓').waitFor();
    await page.goBack();
    await press('Switch on');
    await page.getByText('● on').waitFor();
    await look(page, 'channel');
    await area('Channels');
    await eventually('the first download is over', async () => {
      await page.reload();
      return (await page.locator('#trouble').innerText()).includes('ago');
    });
    await look(page, 'channels');
  });

  test('an order placed in the shop appears by itself, with its stock held', async () => {
    await area('Open orders');
    await shop.goto(seller.shop);
    await shop.getByLabel('Your name').fill('Walter Walker');
    await shop.locator(`button[name="sku"][value="${sku}"]`).click();
    const row = page.locator('#orders tbody tr', { hasText: 'Walter Walker' });
    await row.waitFor();
    await row.getByText('in stock').waitFor();
    assert.match(await row.innerText(), /Default/);
    await look(page, 'open-orders');
  });

  test('it is moved to Belfast, where nothing is left, and back', async () => {
    const row = page.locator('#orders tbody tr', { hasText: 'Walter Walker' });
    const move = async (place) => {
      if (!(await row.getByRole('checkbox').isChecked())) await row.getByRole('checkbox').check();
      await page.locator('#move-to').selectOption({ label: place });
      await press('Move');
    };
    await move('Belfast');
    await row.getByText('Belfast').waitFor();
    await row.getByText('short').waitFor();
    await look(page, 'open-orders-short');
    await move('Default');
    await row.getByText('in stock').waitFor();
  });

  test('its page tells why, takes the tracking number and processes it, and the shop confirms', async () => {
    await page.locator('#orders tbody tr', { hasText: 'Walter Walker' }).getByRole('link').first().click();
    await page.getByRole('heading', { name: 'Why?' }).waitFor();
    await look(page, 'order');
    await page.getByLabel('Carrier').fill('Royal Mail');
    await page.getByLabel('Service').fill('Tracked 48');
    await page.getByLabel('Tracking number').fill('WW123456789GB');
    await press('Save');
    await press('Process');
    await page.getByText('✓ confirmed').first().waitFor();
    await look(page, 'order-processed');
    await shop.goto(seller.shop);
    await shop.getByText('WW123456789GB').waitFor();
  });

  test('it is found among the processed orders, and the stock tells where it went', async () => {
    await area('Processed');
    await page.getByRole('searchbox').fill('Walter');
    await page.getByRole('searchbox').press('Enter');
    await page.locator('#orders tbody tr', { hasText: 'WW123456789GB' }).waitFor();
    await look(page, 'processed');
    await area('Stock');
    await look(page, 'stock');
    await page.getByRole('link', { name: sku, exact: true }).click();
    await page.getByText('9 on hand').waitFor();
    await page.getByText('Why is it 9?').click();
    await look(page, 'stock-ledger');
  });

  test('the other pages are fit to be seen, also at night', async () => {
    for (const [name, title] of [
      ['Users', 'users'],
      ['Settings', 'settings'],
      ['Manual', 'help'],
    ]) {
      await page.locator('header details.menu summary').click();
      await area(name);
      await look(page, title);
    }
    await visit('/channels/guide/vendure');
    await look(page, 'guide');
    await visit('/no-such-page');
    await look(page, 'not-found');
    await visit('/help/api-reference');
    await look(page, 'api-reference');
  });

  test('on each page ? shows the part of the manual that is about it', async () => {
    for (const [where, heading] of [
      ['/orders', 'Open orders'],
      ['/processed', 'Processed orders'],
      ['/locations', 'Locations'],
      ['/settings', 'Settings'],
    ]) {
      await visit(where);
      await page.keyboard.press('?');
      const help = page.getByRole('dialog', { name: 'Help' });
      await help.getByRole('heading', { name: heading, exact: true }).waitFor();
      if (where === '/orders') await look(page, 'help-over-page');
      await page.keyboard.press('Escape');
      await help.waitFor({ state: 'detached' });
    }
    await visit('/help/orders');
    for (const picture of await page.getByRole('img').all()) await picture.evaluate((one) => one.decode());
    await look(page, 'help-with-pictures');
  });

  test('the lists are fit to be seen at night', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    for (const [where, title] of [
      ['/orders', 'open-orders-dark'],
      ['/channels', 'channels-dark'],
      ['/stock', 'stock-dark'],
    ]) {
      await visit(where);
      await look(page, title);
    }
  });
});

describe('the demo', () => {
  let browser, seller, page, errors;

  before(async () => {
    [browser, seller] = await Promise.all([openBrowser(), demo({ every: 1 })]);
    ({ page, errors } = await browser.visitor());
  });

  after(async () => {
    await browser?.close();
    await seller?.stop();
  });

  afterEach(() => assert.deepEqual(errors, [], 'no script failed'));

  const rows = () => page.locator('#orders tbody tr');

  test('its link signs in, and only once', async () => {
    await page.goto(seller.link);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/orders');
    const { page: other } = await browser.visitor();
    await other.goto(seller.link);
    await other.getByRole('button', { name: 'Sign in' }).click();
    await other.getByRole('alert').waitFor();
    await look(other, 'link-used');
  });

  test('orders come in by themselves, without a reload', async () => {
    const known = await rows().evaluateAll((all) => all.map((row) => row.dataset.id));
    await rows().nth(known.length + 1).waitFor({ timeout: 30_000 });
    await look(page, 'demo-orders');
  });

  test('by keys alone an order is selected and processed, and the shop confirms it', async () => {
    const first = rows().filter({ hasText: 'in stock' }).filter({ hasNotText: /unpaid|parked/ }).first();
    await first.waitFor();
    const id = await first.getAttribute('data-id');
    await page.locator('body').press('j');
    await eventually('the row is reached', async () => {
      if ((await page.locator('#orders tr.at').getAttribute('data-id')) === id) return true;
      await page.locator('body').press('j');
      return false;
    });
    await page.locator('body').press('x');
    await page.getByText('1 selected').waitFor();
    await page.locator('body').press('p');
    await page.getByText('1 of 1 done').waitFor();
    await page.goto(`${seller.url}/orders/${id}`);
    await page.getByText('✓ confirmed').first().waitFor();
  });

  test('a refused bulk action names each order and why', async () => {
    await page.goto(`${seller.url}/orders`);
    await rows().nth(1).waitFor();
    const ids = await rows().evaluateAll((all) => all.slice(0, 2).map((row) => row.dataset.id));
    for (const id of ids) await page.locator(`#orders tr[data-id="${id}"]`).getByRole('checkbox').check();
    await page.getByRole('button', { name: 'Lock', exact: true }).click();
    await page.getByText(/of 2 done/).waitFor();
    await page.getByRole('button', { name: 'Process', exact: true }).click();
    await page.getByText('0 of 2 done').waitFor();
    assert.equal(await page.locator('#results li').count(), 2);
    assert.match(await page.locator('#results li').first().innerText(), /Order \d+: .*locked/i);
    await look(page, 'bulk-refused');
  });

  test('an action on all that a search finds goes in portions, and its count is live', async () => {
    await page.goto(seller.shop);
    const sku = await page.locator('button[name="sku"]:enabled').last().getAttribute('value');
    for (let n = 0; n < 50; n += 1) {
      await page.request.post(`${seller.shop}/buy`, { form: { sku, buyer: `Bulk Buyer ${n}`, paid: 'later' } });
    }
    await page.goto(`${seller.url}/orders?location=all`);
    await eventually('there is a second page', async () => {
      await page.reload();
      return (await page.getByRole('button', { name: /^Select all / }).count()) === 1;
    }, 60_000);
    await page.getByRole('button', { name: /^Select all / }).click();
    await page.getByText(/all \d+ found selected/).waitFor();
    page.once('dialog', (dialog) => dialog.accept());
    await page.locator('#bulk select[name="tag"]').selectOption('2');
    await page.getByRole('button', { name: 'Tag', exact: true }).click();
    await page.getByText(/^Tag: \d+ of \d+ done/).waitFor();
    await look(page, 'bulk-whole-search');
  });

  test('a viewer sees the orders and may change nothing', async () => {
    const email = 'vera@example.com';
    await page.goto(`${seller.url}/users`);
    const form = page.locator('form[action="/users"]');
    await form.locator('[name="name"]').fill('Vera Viewer');
    await form.locator('[name="email"]').fill(email);
    await form.locator('[name="password"]').fill(OWNER.password);
    await form.locator('[name="role"]').selectOption('viewer');
    await form.getByRole('button').click();
    await page.getByText(email).waitFor();
    const { page: theirs } = await browser.visitor();
    await theirs.goto(`${seller.url}/sign-in`);
    await theirs.getByLabel('E-mail').fill(email);
    await theirs.getByLabel('Password').fill(OWNER.password);
    await theirs.getByRole('button', { name: 'Sign in' }).click();
    await theirs.locator('#orders tbody tr').first().waitFor();
    assert.equal(await theirs.getByRole('button', { name: 'Process', exact: true }).count(), 0);
    await look(theirs, 'viewer');
    const answer = await theirs.goto(`${seller.url}/users`);
    assert.equal(answer.status(), 403);
  });
});

describe('changing orders by hand', () => {
  let browser, seller, page, errors;
  const sku = 'HAND-1';

  before(async () => {
    [browser, seller] = await Promise.all([openBrowser(), demo({ every: 3_600 })]);
    ({ page, errors } = await browser.visitor());
    await page.goto(seller.link);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL('**/orders');
  });

  after(async () => {
    await browser?.close();
    await seller?.stop();
  });

  afterEach(() => assert.deepEqual(errors, [], 'no script failed'));

  const press = (name, scope = page) => scope.getByRole('button', { name, exact: true }).click();
  const visit = (where) => page.goto(seller.url + where);
  const orderOf = () => page.url().match(/orders\/(\d+)/)[1];

  async function directOrder(name, units) {
    await visit('/drafts');
    await press('New order (n)');
    await page.waitForURL('**/drafts/*');
    const delivery = page.getByRole('group', { name: 'Deliver to' });
    await delivery.getByLabel('Name', { exact: true }).fill(name);
    await delivery.getByLabel('Address', { exact: true }).fill('3 Mill Lane');
    await delivery.getByLabel('Postcode').fill('BS1 2AB');
    await page.getByLabel('SKU of a new line 1').fill(sku);
    await page.getByLabel('Quantity of a new line 1').fill(String(units));
  }

  test('an item lies at two locations', async () => {
    await visit('/items/new');
    await page.getByLabel('SKU').fill(sku);
    await page.getByLabel('Title').fill('Made by hand');
    await page.getByLabel('Price').fill('12.50');
    await press('Save');
    await page.waitForURL('**/stock/*');
    for (const n of [0, 1]) {
      const place = page.locator('section.level').nth(n);
      await place.getByLabel('Set to').fill('20');
      await press('Set', place);
      await page.getByText('20 on hand').nth(n).waitFor();
    }
  });

  test('a direct order is begun, its customer looked up, completed, and marked as paid', async () => {
    await visit('/drafts');
    await look(page, 'drafts-empty');
    await directOrder('Tom Whitfield', 3);
    await press('Save the draft (S)');
    await page.getByLabel('Title of line 1').waitFor();
    assert.equal(await page.getByLabel('Price of line 1', { exact: true }).inputValue(), '12.50');
    await page.getByRole('searchbox', { name: /Name, e-mail, postcode/ }).fill('nobody like this');
    await press('Find');
    await page.getByText('Nobody found').waitFor();
    await look(page, 'draft');
    await press('Complete (c)');
    await page.waitForURL('**/orders/*');
    await page.getByText('£ unpaid').first().waitFor();
    await page.getByText('P parked').first().waitFor();
    await press('It is paid');
    await page.locator('.summary').getByText('paid', { exact: true }).waitFor();
    await look(page, 'order-direct');
  });

  test('an edit is kept with what was before, and a stale form is refused', async () => {
    const id = orderOf();
    await press('Edit …');
    await page.waitForURL(/\/edit/);
    const { page: other } = { page: await page.context().newPage() };
    await other.goto(`${seller.url}/orders/${id}/edit`);
    await page.getByLabel('Quantity of line 1').fill('4');
    await look(page, 'order-edit');
    await press('Save (S)');
    await page.waitForURL(`**/orders/${id}`);
    await page.getByText('3 × HAND-1', { exact: false }).first().waitFor();
    await other.getByRole('group', { name: 'Deliver to' }).getByLabel('Town').fill('York');
    await other.getByRole('button', { name: 'Save (S)' }).click();
    await other.getByText(/changed by somebody else/i).waitFor();
    await look(other, 'order-edit-stale');
    await other.close();
  });

  test('it is split in two, and both are shipped from two locations', async () => {
    const id = orderOf();
    await press('Split …');
    await page.waitForURL(/\/split/);
    await page.getByLabel('Units of Made by hand to part 1').fill('2');
    await look(page, 'order-split');
    await press('Split (S)');
    await page.waitForURL(`**/orders/${id}`);
    await page.getByRole('heading', { name: 'Related orders' }).waitFor();
    const part = (await page.getByText('split off it: order').getByRole('link').innerText()).trim();
    await press('Process');
    await page.locator('.summary').getByText('processed').waitFor();
    await visit(`/orders/${part}`);
    const was = await page.locator('.summary strong').innerText();
    await press('Move');
    await eventually('it is elsewhere', async () => (await page.locator('.summary strong').innerText()) !== was);
    await page.getByText('in stock').first().waitFor();
    await press('Process');
    await page.locator('.summary').getByText('processed').waitFor();
    await look(page, 'order-part');
    await visit(`/stock?q=${sku}`);
    await page.getByRole('link', { name: sku, exact: true }).click();
    await page.getByText('18 on hand').first().waitFor();
    assert.equal(await page.getByText('18 on hand').count(), 2);
  });

  test('two orders of one customer are merged, and one that differs says why not', async () => {
    const ids = [];
    for (const name of ['Mary Merge', 'Mary Merge', 'Somebody Else']) {
      await directOrder(name, 1);
      await page.getByLabel('it is paid').check();
      await press('Complete (c)');
      await page.waitForURL('**/orders/*');
      ids.push(orderOf());
    }
    await visit(`/orders/merge?ids=${ids.join(',')}`);
    await page.getByText('another customer name or delivery address').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Merge (S)' }).isDisabled());
    await look(page, 'merge-refused');
    await page.locator('tr', { hasText: 'Somebody Else' }).getByRole('link', { name: 'leave out' }).click();
    await press('Merge (S)');
    await page.getByRole('heading', { name: /MERGED/ }).waitFor();
    await look(page, 'order-merged');
    await visit(`/orders/${ids[0]}`);
    await page.getByText('merged into order').first().waitFor();
  });

  test('a note that has to be read stands in the way of processing', async () => {
    await directOrder('Nora Note', 1);
    await page.getByLabel('it is paid').check();
    await press('Complete (c)');
    await page.waitForURL('**/orders/*');
    await page.getByPlaceholder('Add a note').fill('wrap it in blue');
    await page.getByLabel('to be read before the order is processed').check();
    await press('Add note');
    await page.getByText('read before processing').first().waitFor();
    const asked = new Promise((resolve) => page.once('dialog', (dialog) => { resolve(dialog.message()); dialog.accept(); }));
    await press('Process');
    assert.match(await asked, /wrap it in blue/);
    await page.locator('.summary').getByText('processed').waitFor();
  });

  test('a file with bad rows is tried, imported, mended from the returned file and imported again', async () => {
    await visit('/imports');
    await look(page, 'imports-empty');
    const upload = async (name, text) => {
      await visit('/imports');
      await page.getByLabel('File').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
      await press('Upload');
      await page.waitForURL(/imports\/\d+/);
    };
    const rows = ['Order No,SKU,Qty,Price,Name,Town', `IMP-1,${sku},1,9.99,Iris Import,Leeds`, `IMP-2,${sku},one,9.99,Ivan Import,York`];
    await upload('fair.csv', rows.join('\n'));
    await press('Try it: what would happen? (t)');
    await page.getByText('one is not a number').waitFor();
    await look(page, 'import-tried');
    await press('Import (S)');
    await page.getByText('1 rejected').waitFor();
    await eventually('it is over', async () => {
      await page.reload();
      return (await page.getByRole('heading', { level: 1 }).innerText()).includes('done');
    });
    await look(page, 'import-rejected');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Rejected rows as a file' }).click()]);
    const returned = await readFile(await download.path(), 'utf8');
    assert.match(returned, /line 3: quantity: one is not a number/);
    await upload('mended.csv', returned.replace(`${sku},one,`, `${sku},1,`));
    await press('Import (S)');
    await page.getByText('1 new').waitFor();
    await visit('/orders?location=all&q=ivan');
    await page.locator('#orders tbody tr', { hasText: 'IMP-2' }).waitFor();
    await visit('/imports');
    await page.locator('tr', { hasText: 'mended.csv' }).waitFor();
    await look(page, 'imports');
  });

  test('a kit takes its parts', async () => {
    await visit('/items/new');
    await page.getByLabel('SKU').fill('KIT-1');
    await page.getByLabel('Title').fill('A box of both');
    await press('Save');
    await page.waitForURL('**/stock/*');
    const item = page.url().match(/stock\/(\d+)/)[1];
    await visit(`/items/${item}`);
    await page.getByText('Made of other items').click();
    await page.getByLabel('SKU of part 1').fill(sku);
    await page.getByLabel('Units of part 1').fill('2');
    await press('Save the parts');
    await page.getByText('Made of other items (1)').waitFor();
    await look(page, 'item-kit');
    await page.emulateMedia({ colorScheme: 'dark' });
    await look(page, 'item-kit-dark');
    await visit('/drafts');
    await look(page, 'drafts-dark');
  });
});
