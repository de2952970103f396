// A channel that tells at once: its webhooks are registered and taken back, a signed call brings an order within seconds although the
// next download is a day away, and a forged one brings nothing. The shop is a stand-in that answers as a recorded WooCommerce did.
//
// Environment: CONSIGN_BIN; CHROMIUM (/usr/bin/chromium).
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';

import { look, openBrowser } from './browser.mjs';
import { OWNER, Person, serve } from './consign.mjs';
import { eventually } from './process.mjs';

const recorded = path.resolve(import.meta.dirname, '../crates/connectors/tests/recorded/woocommerce/07-order.json');

describe('a channel that tells at once', () => {
  let browser, consign, desk, page, errors, shop, order;
  const hooks = new Map();

  before(async () => {
    order = JSON.parse(await readFile(recorded, 'utf8')).response;
    order.status = 'processing';
    order.date_paid_gmt ??= order.date_created_gmt;
    shop = createServer(async (request, answer) => {
      let text = '';
      for await (const part of request) text += part;
      const { pathname, searchParams } = new URL(request.url, 'http://shop');
      const say = (body, status = 200) => answer.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
      const id = Number(pathname.split('/').pop());
      if (pathname.endsWith('/webhooks') && request.method === 'POST') {
        hooks.set(hooks.size + 1, JSON.parse(text));
        return say({ id: hooks.size });
      }
      if (pathname.includes('/webhooks/') && request.method === 'DELETE') return hooks.delete(id) ? say({ id }) : say({ code: 'invalid' }, 404);
      if (searchParams.get('include') === String(order.id)) return say([order]);
      return say([]);
    });
    await new Promise((ready) => { shop.listen(0, '127.0.0.1', ready); });
    [browser, consign] = await Promise.all([openBrowser(), serve({ reachable: true })]);
    desk = new Person(consign.url);
    await desk.setUp(consign.code);
    ({ page, errors } = await browser.visitor());
    await page.goto(`${consign.url}/sign-in`);
    await page.locator('input[name=email]').fill(OWNER.email);
    await page.locator('input[name=password]').fill(OWNER.password);
    await press('Sign in');
    await page.waitForURL('**/orders');
  });

  after(async () => {
    await browser?.close();
    await consign?.stop();
    shop?.close();
    shop?.closeAllConnections();
  });

  afterEach(() => assert.deepEqual(errors, [], 'no script failed'));

  const press = (name) => page.getByRole('button', { name }).first().click();

  /** As the shop would call. */
  async function call(secret, topic = 'order.updated') {
    const hook = [...hooks.values()].find((one) => one.topic === topic);
    const body = JSON.stringify(order);
    const signature = createHmac('sha256', secret ?? hook.secret).update(body).digest('base64');
    const headers = { 'x-wc-webhook-topic': topic, 'x-wc-webhook-signature': signature, 'content-type': 'application/json' };
    return (await fetch(hook.delivery_url, { method: 'POST', body, headers })).status;
  }

  test('it is switched on, and Consign registers its address by itself', async () => {
    await page.goto(`${consign.url}/channels/add/woocommerce`);
    await page.locator('input[name=account]').fill('Shop');
    await page.locator('input[name="field.url"]').fill(`http://127.0.0.1:${shop.address().port}`);
    await page.locator('input[name="field.consumer_key"]').fill('ck_1');
    await page.locator('input[name="field.consumer_secret"]').fill('cs_1');
    await press('Next');
    await page.locator('#hook').waitFor();
    await look(page, 'channel-told-off');
    await page.locator('input[name=interval_seconds]').fill('86400');
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await press('Be told at once');
    await press('Switch on');
    await eventually('three webhooks are registered', async () => hooks.size === 3);
    await eventually('the page says so', async () => /● registered/.test(await desk.read('/channels/1')));
  });

  test('a signed call brings the order within seconds, once; a forged one is refused', async () => {
    assert.equal(await call('guessed'), 401);
    assert.deepEqual([await call(), await call()], [200, 200]);
    const all = async () => (await desk.read('/orders?location=all')).orders;
    const here = await eventually('the order is here', async () => (await all())[0]);
    assert.deepEqual([here.reference, here.payment], [String(order.id), 'paid']);
    assert.equal((await all()).length, 1);
    await page.reload();
    await page.getByText('1 refused').waitFor();
    await look(page, 'channel-told');
  });

  test('it is switched off, and the address is taken back and answers no more', async () => {
    const hook = [...hooks.values()][0];
    await press('Be told no longer');
    await eventually('the webhooks are gone', async () => hooks.size === 0);
    const late = await fetch(hook.delivery_url, { method: 'POST', body: '{}' });
    assert.equal(late.status, 410);
  });
});
