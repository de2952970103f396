// Settings in a real browser: how dates and numbers are written, tax and currencies, and what happens to one customer's data.
//
// Environment: CONSIGN_BIN; CHROMIUM (/usr/bin/chromium).
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, describe, test } from 'node:test';

import { look, openBrowser } from './browser.mjs';
import { OWNER, Person, serve } from './consign.mjs';

describe('settings, preferences and personal data', () => {
  let browser, consign, page, errors;

  before(async () => {
    [browser, consign] = await Promise.all([openBrowser(), serve()]);
    const owner = new Person(consign.url);
    await owner.setUp(consign.code);
    await owner.item('TEA', 'Tea', 1, 20);
    ({ page, errors } = await browser.visitor());
    await page.goto(`${consign.url}/sign-in`);
    await page.getByLabel('E-mail').fill(OWNER.email);
    await page.getByLabel('Password').fill(OWNER.password);
    await press('Sign in');
    await page.waitForURL('**/orders');
  });

  after(async () => {
    await browser?.close();
    await consign?.stop();
  });

  afterEach(() => assert.deepEqual(errors, [], 'no script failed'));

  const visit = (where) => page.goto(consign.url + where);
  const press = (name) => page.getByRole('button', { name, exact: true }).click();
  const section = (name) => page.getByRole('navigation', { name: 'Sections' }).getByRole('link', { name, exact: true }).click();

  test('the company and its formats are set, and a second save of an old page is refused', async () => {
    await page.locator('header details.menu summary').click();
    await page.getByRole('navigation', { name: 'Menu' }).getByRole('link', { name: 'Settings', exact: true }).click();
    await look(page, 'settings-general');
    const late = await page.context().newPage();
    await late.goto(`${consign.url}/settings`);
    await page.getByLabel('Name', { exact: true }).fill('Tea & Sons Ltd');
    await page.getByLabel('Country').fill('Ireland');
    await press('Save the company');
    await page.locator('input[value="IE"]').waitFor();
    await late.getByLabel('Name', { exact: true }).fill('Somebody else');
    await late.getByRole('button', { name: 'Save the company' }).click();
    await late.getByText('changed by somebody else meanwhile').waitFor();
    await look(late, 'settings-stale');
    await late.close();
    await page.getByLabel('Time zone').fill('Europe/London');
    await press('Save dates and numbers');
    await page.getByText('The last changes of settings').click();
    await page.getByText('zone: UTC → Europe/London').waitFor();
    await look(page, 'settings-general-changes');
  });

  test('each user reads and writes in their own manner', async () => {
    await section('My preferences');
    await page.getByText('only you').waitFor();
    await page.locator('select[name=dates]').selectOption('dotted');
    await page.locator('select[name=numbers]').selectOption('point_comma');
    await page.getByLabel('Time zone').fill('Asia/Tokyo');
    await press('Save my preferences');
    await page.getByText('for you (Asia/Tokyo)').waitFor();
    assert.match(await page.locator('time').innerText(), /^\d\d\.\d\d\.\d{4} \d\d:\d\d$/);
    await look(page, 'settings-me');
    await visit('/items/1');
    await page.getByLabel('Price', { exact: true }).fill('1.234');
    await press('Save');
    await page.getByText('could be 1234 or 1,234').waitFor();
    await look(page, 'settings-ambiguous');
    await visit('/items/1');
    await page.getByLabel('Price', { exact: true }).fill('1.234,50');
    await press('Save');
    await visit('/items');
    await page.getByText('1.234,50 GBP').waitFor();
  });

  test('tax rates are offered where a rate is asked for, and other currencies show in the base currency', async () => {
    await visit('/settings/tax');
    await look(page, 'settings-tax-empty');
    await page.getByLabel('Country of rate 1').fill('GB');
    await page.getByLabel('Name of rate 1').fill('reduced');
    await page.getByLabel('Percent of rate 1').fill('5,5');
    await press('Save the rates');
    await page.getByLabel('Country of rate 2').waitFor();
    await page.getByLabel('Currency 1', { exact: true }).fill('EUR');
    await page.getByLabel('Worth of currency 1').fill('0,85');
    await press('Save the currencies');
    await page.locator('input[value="0,85"]').waitFor();
    await look(page, 'settings-tax');
    await visit('/drafts');
    await press('New order (n)');
    await page.waitForURL(/drafts\/\d+/);
    assert.equal(await page.locator('#tax-rates option').getAttribute('value'), '5,5');
    await page.getByText('Despatch by (Asia/Tokyo)').waitFor();
    await page.getByLabel('SKU of a new line 1').fill('TEA');
    await page.getByLabel('Tax of a new line 1').fill('5,5');
    await page.locator('[name=currency]').fill('EUR');
    const to = page.locator('fieldset', { hasText: 'Deliver to' });
    await to.getByLabel('Name', { exact: true }).fill('Zebulon Quux');
    await to.getByLabel('E-mail').fill('zeb@example.net');
    await page.getByLabel('it is paid').check();
    await page.getByLabel('keep the customer in the address book').check();
    await press('Complete and process (p)');
    await page.locator('.summary').getByText('processed').waitFor();
    await page.getByText('at 0,85 of').waitFor();
    await look(page, 'order-in-euro');
  });

  test('how orders are worked on is set', async () => {
    await visit('/settings/orders');
    await page.getByLabel('all its lines must be linked to items').check();
    await press('Save the checks');
    await page.getByLabel('direct orders offer Complete and process').uncheck();
    await press('Save the pages');
    await look(page, 'settings-orders');
    await visit('/drafts');
    await press('New order (n)');
    await page.getByRole('button', { name: 'Complete (c)' }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Complete and process (p)' }).count(), 0);
  });

  test('what would go is counted first, then the daily run is switched on', async () => {
    await visit('/settings/data');
    await page.getByText('Off: everything is kept.').waitFor();
    await page.getByLabel('Days after an order ended').fill('90');
    await press('Count first');
    await page.getByText('With 90 days this would go now').waitFor();
    await look(page, 'settings-data-off');
    page.once('dialog', (dialog) => dialog.accept());
    await page.getByLabel('remove it, once a day').check();
    await press('Save');
    await page.getByText('On.', { exact: true }).waitFor();
    await page.getByText('✓ done').first().waitFor();
    const done = await page.getByText('✓ done').count();
    await press('Run now');
    await page.getByText('✓ done').nth(done).waitFor();
    await look(page, 'settings-data');
    await page.emulateMedia({ colorScheme: 'dark' });
    await look(page, 'settings-data-dark');
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('a customer who asks gets a file, and is forgotten', async () => {
    await visit('/settings/data');
    await page.getByPlaceholder('name or e-mail').fill('zebulon');
    await press('Find');
    await page.getByText('Zebulon Quux').first().waitFor();
    await look(page, 'settings-person');
    const [download] = await Promise.all([page.waitForEvent('download'), press('Export as JSON')]);
    const file = JSON.parse(await readFile(await download.path(), 'utf8'));
    assert.equal(file.orders[0].delivery.email, 'zeb@example.net');
    assert.equal(file.address_book.length, 1);
    page.once('dialog', (dialog) => dialog.accept());
    await press('Erase now');
    await page.getByText('1 orders have lost their personal data').waitFor();
    await look(page, 'settings-erased');
    await visit('/settings/person?q=zebulon');
    await page.getByText('Nothing is kept under this name').waitFor();
    await look(page, 'settings-person-none');
    await visit('/processed?location=all&q=zebulon');
    assert.equal(await page.locator('tbody tr').count(), 0);
    await visit('/processed?location=all');
    await page.locator('tbody tr a').first().click();
    await page.getByText('personal data removed: the customer asked for it').first().waitFor();
    await look(page, 'order-scrubbed');
  });
});
