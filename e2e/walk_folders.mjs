// Folders, identifiers, properties, notes and the address book in a real browser.
//
// Environment: CONSIGN_BIN; CHROMIUM (/usr/bin/chromium).
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';

import { look, openBrowser } from './browser.mjs';
import { demo } from './consign.mjs';

describe('folders and the address book', () => {
  let browser, consign, page, errors;

  before(async () => {
    [browser, consign] = await Promise.all([openBrowser(), demo({ every: 1 })]);
    ({ page, errors } = await browser.visitor());
    page.on('dialog', (dialog) => dialog.accept());
    await page.goto(consign.link);
    await press('Sign in');
    await page.waitForURL('**/orders');
    await page.locator('#orders tbody tr').nth(5).waitFor();
  });

  after(async () => {
    await browser?.close();
    await consign?.stop();
  });

  afterEach(() => assert.deepEqual(errors, [], 'no script failed'));

  const visit = (where) => page.goto(consign.url + where);
  const press = (name, scope = page) => scope.getByRole('button', { name }).first().click();
  const free = () => page.locator('#orders tbody tr', { hasNotText: /parked|locked/ });

  test('folders and identifiers are made where they are managed', async () => {
    await visit('/folders');
    await page.getByText('No folders yet').waitFor();
    await look(page, 'folders-empty');
    for (const name of ['Backorder', 'Ask the customer']) {
      await page.getByLabel('New folder').fill(name);
      await press('Add', page.locator('section', { has: page.locator('#folders') }));
      await page.locator(`input[value="${name}"]`).waitFor();
    }
    await page.getByLabel('New folder').fill('backorder');
    await press('Add', page.locator('section', { has: page.locator('#folders') }));
    await page.getByText('is the name of another folder').waitFor();
    await visit('/folders');
    await page.getByLabel('New identifier').fill('Gift wrap');
    const made = page.locator('form', { has: page.getByLabel('New identifier') });
    await made.getByLabel('Colour').selectOption('purple');
    await press('Add', made);
    await page.getByText('GIFT_WRAP').waitFor();
  });

  test('a selection goes into a folder, and the list is narrowed to it', async () => {
    await visit('/orders?location=all');
    await free().nth(2).waitFor();
    for (const index of [0, 1, 2]) await free().nth(index).locator('input[name=ids]').check();
    await page.keyboard.press('f');
    await page.locator('.more select[name=folder]').selectOption({ label: 'Backorder' });
    await look(page, 'orders-more');
    await press('Into folder');
    await page.getByText('Into folder: 3 of 3 done').waitFor();
    await page.locator('.more select[name=identifier]').selectOption({ label: 'Gift wrap' });
    await free().nth(0).locator('input[name=ids]').check();
    await page.locator('.more').getByRole('button', { name: 'Give' }).click();
    await page.getByText(/Give: \d of \d done/).waitFor();
    await visit('/orders?location=all');
    await page.locator('.bar select[name=folder]').first().selectOption({ label: 'Backorder' });
    await page.waitForURL(/folder=\d+/);
    assert.equal(await page.locator('#orders tbody tr').count(), 3);
    await look(page, 'orders-in-folder');
  });

  test('an order shows what it carries, and it is given and taken there', async () => {
    await page.locator('#orders tbody tr').first().locator('a').first().click();
    await page.getByText('▣ Backorder').waitFor();
    await page.keyboard.press('i');
    await page.keyboard.press('Tab');
    await press('Give identifier');
    await page.locator('summary', { hasText: 'Add properties' }).click();
    await page.locator('input[name="property.0.name"]').fill('IOSS');
    await page.locator('input[name="property.0.value"]').fill('IM3720000224');
    await press('Save properties');
    await page.locator('th', { hasText: 'IOSS' }).waitFor();
    await page.getByPlaceholder('Add a note').last().fill('Ring twice');
    await press('Add note');
    await page.locator('.note summary').first().click();
    await page.locator('.note textarea').first().fill('Ring once');
    await press('Save note');
    await page.getByText('Ring twice → Ring once').waitFor();
    await look(page, 'order-carrying');
    await page.emulateMedia({ colorScheme: 'dark' });
    await look(page, 'order-carrying-dark');
    await page.emulateMedia({ colorScheme: 'light' });
    await press('Take off Backorder');
    await page.getByText('folder left').waitFor();
  });

  test('a folder is deleted at once, and a list that names it says so', async () => {
    await visit('/folders');
    await look(page, 'folders');
    const row = page.locator('tr', { has: page.locator('input[value="Backorder"]') });
    const list = await row.locator('a').getAttribute('href');
    await press('Delete', row);
    await page.locator('input[value="Backorder"]').waitFor({ state: 'detached' });
    await visit(list);
    await page.locator('option', { hasText: '⚠ deleted' }).waitFor({ state: 'attached' });
    await look(page, 'orders-folder-deleted');
  });

  test('the address book is kept by hand', async () => {
    await visit('/customers');
    await page.getByText('The address book is empty').waitFor();
    await look(page, 'customers-empty');
    await page.keyboard.press('n');
    await page.getByLabel('Name', { exact: true }).fill('Ann Lee');
    await page.getByLabel('E-mail').fill('ann@example.com');
    await page.getByLabel('Postcode').fill('LS1 1AA');
    await press('Keep (S)');
    await page.waitForURL(/customers\/\d+/);
    await page.getByLabel('Town').fill('Leeds');
    await look(page, 'customer');
    await press('Save (S)');
    await page.locator('td', { hasText: 'Leeds' }).waitFor();
    await look(page, 'customers');
    await visit('/settings/orders');
    await page.getByText('merge alike orders by themselves').click();
    await press('Save merging and folders');
    await page.locator('input[name=merge_alike]:checked').waitFor();
    await look(page, 'settings-orders');
  });
});
