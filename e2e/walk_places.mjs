// Locations in a real browser: a location becomes a fulfilment centre, an order goes there, the centre ships it or gives it back;
// the warehouses of a channel are mapped.
//
// Environment: CONSIGN_BIN; CHROMIUM (/usr/bin/chromium).
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, afterEach, before, describe, test } from 'node:test';

import { look, openBrowser } from './browser.mjs';
import { demo } from './consign.mjs';

describe('fulfilment centres', () => {
  let browser, consign, page, errors;

  before(async () => {
    [browser, consign] = await Promise.all([openBrowser(), demo({ every: 1 })]);
    ({ page, errors } = await browser.visitor());
    await page.goto(consign.link);
    await press('Sign in');
    await page.waitForURL('**/orders');
    await page.locator('#orders tbody tr').nth(3).waitFor();
  });

  after(async () => {
    await browser?.close();
    await consign?.stop();
  });

  afterEach(() => assert.deepEqual(errors, [], 'no script failed'));

  const visit = (where) => page.goto(consign.url + where);
  const press = (name, scope = page) => scope.getByRole('button', { name }).first().click();

  /** Moves the first open order that is not put aside to the depot. */
  async function handOver() {
    await visit('/orders');
    const row = page.locator('tbody tr', { hasNotText: /parked|locked|unlinked/ }).first();
    await row.locator('a[href^="/orders/"]').first().click();
    await page.waitForURL(/orders\/\d+/);
    await page.locator('form[action$="/move"] select').selectOption({ label: 'Depot' });
    await press(/^Move/, page.locator('form[action$="/move"]'));
    await page.getByText('with a fulfilment centre').waitFor();
  }

  test('a location says what it is for stock and orders', async () => {
    await visit('/locations');
    const form = page.locator('form[action="/locations"]');
    await form.getByLabel('Name').fill('Depot');
    await form.getByLabel('Stock and orders').selectOption('net');
    await press('Add', form);
    await page.getByText('⇄ fulfilment centre').waitFor();
    await look(page, 'locations-centre');
  });

  test('an order there waits for the centre, which ships it', async () => {
    await handOver();
    assert.ok(await page.getByRole('button', { name: /^Process/ }).isDisabled());
    await look(page, 'order-at-centre');
    await page.keyboard.press('c');
    await page.getByLabel('In its words').fill('parcel 1 of 1');
    await page.locator('form[action$="/centre"]').getByLabel('Tracking number').fill('RM123');
    await look(page, 'order-centre-answer');
    await press('Record the answer');
    await page.getByText('fulfilment status').first().waitFor();
    await page.getByText('by the fulfilment centre Depot').waitFor();
    await look(page, 'order-centre-shipped');
  });

  test('an order that the centre cancels is ours again and says what to do', async () => {
    await handOver();
    await page.keyboard.press('c');
    await page.getByLabel('The centre says').selectOption('cancelled');
    await press('Record the answer');
    await page.getByText('will not ship this order').waitFor();
    await page.emulateMedia({ colorScheme: 'dark' });
    await look(page, 'order-centre-released-dark');
  });

  test('the way of a location with open orders stays as it is', async () => {
    await visit('/locations');
    const form = page.locator('form', { has: page.locator('input[value="Depot"]') });
    await form.getByLabel('Stock and orders').selectOption('own');
    await press('Save', form);
    await page.getByText('still in use by open orders').waitFor();
    await look(page, 'locations-in-use');
  });

  test('the warehouses of a channel are read from it and mapped', async () => {
    await page.emulateMedia({ colorScheme: 'light' });
    const scopes = ['write_orders', 'write_merchant_managed_fulfillment_orders', 'write_products', 'write_inventory', 'read_locations'];
    const shop = createServer((_, answer) => {
      answer.setHeader('content-type', 'application/json');
      answer.end(JSON.stringify({ data: {
        shop: { name: 'Example', myshopifyDomain: 'example.myshopify.com', currencyCode: 'GBP' },
        currentAppInstallation: { accessScopes: scopes.map((handle) => ({ handle })) },
        locations: { nodes: [['4', 'Leeds'], ['5', 'York']].map(([id, name]) => ({ id: `gid://shopify/Location/${id}`, name })) },
        orders: { nodes: [] },
      } }));
    });
    await new Promise((ready) => { shop.listen(0, '127.0.0.1', ready); });
    try {
      await visit('/channels/add/shopify');
      await page.locator('input[name=account]').fill('Example shop');
      await page.locator('input[name="field.url"]').fill(`http://127.0.0.1:${shop.address().port}`);
      await page.locator('input[name="field.access_token"]').fill('shpat_1');
      await press('Next');
      await page.waitForURL(/channels\/\d+(\/set-up)?$/);
      await page.locator('#warehouses').getByText('None yet.').waitFor();
      await look(page, 'channel-warehouses-empty');
      await press('Read them from the channel');
      const leeds = page.locator('#warehouses tbody tr', { hasText: 'Leeds' });
      await leeds.locator('select').selectOption({ label: 'Belfast' });
      await leeds.getByLabel('told').check();
      await leeds.getByLabel('Belfast', { exact: true }).last().check();
      await press('Save the warehouses');
      await page.getByText('warehouses mapped').waitFor();
      await page.locator('#warehouses').scrollIntoViewIfNeeded();
      await look(page, 'channel-warehouses');
    } finally {
      shop.close();
      shop.closeAllConnections();
    }
  });
});
