// The main line against real shops: orders are placed in a Vendure and in a Medusa, Consign downloads, moves, processes and despatches
// them, and the shop itself then shows the shipment and the stock. On the embedded database and on PostgreSQL.
//
// The connector's own test runs against such a shop first. Environment: CONSIGN_BIN, POSTGRES_URL (a cluster in which databases may be made), POSTGRES_BIN (its programs).
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import path from 'node:path';

import { Person, serve } from './consign.mjs';
import { eventually, run } from './process.mjs';
import { MedusaShop } from './medusa/shopper.mjs';
import { startMedusa } from './medusa/start.mjs';
import { startVendure } from './vendure/start.mjs';
import { VendureShop } from './vendure/shopper.mjs';

const LAPTOP = 'L2201308';
const OTHER = 'L2201508';
const postgres = process.env.POSTGRES_URL;
assert.ok(postgres, 'POSTGRES_URL names a cluster for the shop');

for (const [name, startShop] of [
  ['Vendure', startVendure],
  ['Medusa', startMedusa],
]) {
  test(`the connector follows orders of a real ${name}`, async () => {
    const kind = name.toLowerCase();
    const server = await startShop(postgres, `${kind}_connector_${process.pid}`);
    try {
      const nextest = ['nextest', 'run', '--locked', '--package', 'consign-connectors', '--test', `${kind}_real`];
      const env = { ...process.env, [`CONSIGN_TEST_${name.toUpperCase()}`]: server.url };
      const cwd = path.resolve(import.meta.dirname, '..');
      assert.match(await run(process.env.CARGO ?? 'cargo', nextest, { cwd, env }), /1 passed/);
    } finally {
      await server.stop();
    }
  });
}

let databases = 0;

async function emptyDatabase() {
  const name = `consign_shop_${process.pid}_${(databases += 1)}`;
  const psql = process.env.POSTGRES_BIN ? path.join(process.env.POSTGRES_BIN, 'psql') : 'psql';
  await run(psql, ['-qX', '-d', postgres, '-c', `CREATE DATABASE ${name}`]);
  const url = new URL(postgres);
  url.pathname = `/${name}`;
  return url.href;
}

for (const [engine, database] of [
  ['SQLite', async () => undefined],
  ['PostgreSQL', emptyDatabase],
]) {
  describe(`a real Vendure, Consign on ${engine}`, () => {
    let vendure, consign, desk, shop, channel, belfast;

    /** Waits until the order is here and looks as told. */
    const seen = (reference, what, looks = () => true) =>
      eventually(`${reference} is ${what}`, async () => {
        const order = await desk.order(reference);
        return order && looks(order) && order;
      });

    const settings = async (changes) => {
      const page = await desk.read(`/channels/${channel}`);
      const version = /name="version" value="(\d+)"/.exec(page)[1];
      const ticks = { link_by_sku: '1', send_despatches: '1', send_cancellations: '1', push_stock: '1' };
      const numbers = { download_location: '1', end_when: '0', stock_percent: '100', interval_seconds: '1' };
      await desk.submit(`/channels/${channel}/settings`, { version, name: 'Laptops', ...ticks, ...numbers, ...changes });
    };

    before(async () => {
      vendure = await startVendure(postgres, `vendure_${engine.toLowerCase()}_${process.pid}`);
      consign = await serve({ database: await database() });
      desk = new Person(consign.url);
      shop = new VendureShop(vendure.url);
      await desk.setUp(consign.code);
      await desk.submit('/locations', { name: 'Belfast' });
      belfast = /\/locations\/(\d+)\/delete/.exec(await desk.read('/locations'))[1];
      for (const sku of [LAPTOP, OTHER]) {
        const item = await desk.item(sku, `A laptop ${sku}`, 1, 20);
        await desk.submit(`/stock/${item}/${belfast}/set`, { on_hand: '5', reason: 'opening stock' });
      }
      const account = { step: 'account', account: 'Laptops', 'field.url': vendure.url };
      const credentials = { 'field.username': 'superadmin', 'field.password': 'superadmin' };
      let to = await desk.submit('/channels/add/vendure', { ...account, ...credentials });
      channel = /channels\/(\d+)/.exec(to)[1];
      if (to.endsWith('/set-up')) {
        to = await desk.submit(to, { step: 'settings', 'field.stock_location': '1', 'field.url': vendure.url, ...credentials });
      }
      await settings({});
      await desk.submit(`/channels/${channel}/do/enable`);
    });

    after(async () => {
      if (process.env.SHOP_LOG && consign) console.log(consign.output());
      await consign?.stop();
      await vendure?.stop();
    });

    test('a paid order arrives, is moved and processed, and the shop shows the shipment', async () => {
      const code = await shop.placeOrder({ lines: { [LAPTOP]: 2, [OTHER]: 1 } });
      const order = await seen(code, 'here with its stock', (one) => one.stock === 'full');
      assert.equal(order.location, 1);
      assert.equal(order.payment, 'paid');
      await desk.act(order, 'move', { location: belfast });
      const moved = await desk.order(code);
      assert.deepEqual([String(moved.location), moved.stock], [String(belfast), 'full']);
      const tracking_number = 'RM123456785GB';
      await desk.act(order, 'ship', { carrier: 'Royal Mail', service: 'Tracked 24', tracking_number });
      await desk.act(order, 'process');
      await seen(code, 'confirmed by the shop', (one) => one.despatch === 'confirmed');
      const shipped = await shop.order(code);
      assert.equal(shipped.state, 'Shipped');
      assert.equal(shipped.fulfillments.length, 1);
      const [{ state, trackingCode, method, lines }] = shipped.fulfillments;
      assert.deepEqual([state, trackingCode, method], ['Shipped', tracking_number, 'Royal Mail Tracked 24']);
      assert.deepEqual(lines.map((line) => line.quantity).sort(), [1, 2]);
    });

    test('the shop sells what is available here, over all locations', async () => {
      const level = await desk.read(`/stock?location=all&q=${LAPTOP}`);
      const available = Number(/<strong>(-?\d+)<\/strong>/.exec(level)[1]);
      assert.equal(available, 23, 'of 20 and 5 two were sold');
      await eventually('the shop shows that level', async () => (await shop.onSale(LAPTOP)) === available);
    });

    test('an authorised order is left in the shop until it is settled, whatever its date', async () => {
      const code = await shop.placeOrder({ lines: { [LAPTOP]: 1 }, pay: 'authorize' });
      const marker = await shop.placeOrder({ lines: { [OTHER]: 1 } });
      await seen(marker, 'here, so that an order placed before it would be, too');
      assert.equal(await desk.order(code), undefined);
      await shop.settle(code);
      const order = await seen(code, 'here once it is settled');
      assert.equal(order.payment, 'paid');
    });

    test('with the switch for unpaid orders an authorised one is parked until it is settled', async () => {
      await settings({ download_unpaid: '1' });
      const code = await shop.placeOrder({ lines: { [LAPTOP]: 1 }, pay: 'authorize' });
      const parked = await seen(code, 'here');
      assert.deepEqual([parked.payment, parked.parked], ['unpaid', true]);
      await assert.rejects(desk.act(parked, 'process'), /409|422/);
      await shop.settle(code);
      const paid = await seen(code, 'paid', (one) => one.payment === 'paid');
      assert.deepEqual([paid.id, paid.parked], [parked.id, false]);
      await settings({});
    });

    test('an order left at the till never arrives', async () => {
      const code = await shop.placeOrder({ lines: { [LAPTOP]: 1 }, pay: 'unpaid' });
      const marker = await shop.placeOrder({ lines: { [OTHER]: 1 } });
      await seen(marker, 'here');
      assert.equal(await desk.order(code), undefined);
    });

    test('an order cancelled in the shop is cancelled here and gives its stock back', async () => {
      const code = await shop.placeOrder({ lines: { [OTHER]: 1 } });
      await seen(code, 'here');
      await shop.cancel(code);
      await seen(code, 'cancelled', (one) => one.state === 'cancelled');
    });

    test('an order cancelled here is cancelled in the shop', async () => {
      const code = await shop.placeOrder({ lines: { [OTHER]: 1 } });
      const order = await seen(code, 'here');
      await desk.act(order, 'cancel', { reason: 'out of stock', tell_channel: '1' });
      await eventually('the shop has cancelled it', async () => (await shop.order(code)).state === 'Cancelled');
    });

    test('of an order that was partly shipped in the shop only the rest is despatched', async () => {
      await desk.submit(`/channels/${channel}/do/disable`);
      const code = await shop.placeOrder({ lines: { [LAPTOP]: 3 } });
      await shop.ship(code, LAPTOP, 1);
      assert.equal((await shop.order(code)).state, 'PartiallyShipped');
      await desk.submit(`/channels/${channel}/do/enable`);
      const order = await seen(code, 'here');
      await desk.act(order, 'ship', { carrier: 'DPD', service: '', tracking_number: 'DPD-2' });
      await desk.act(order, 'process');
      await seen(code, 'confirmed by the shop', (one) => one.despatch === 'confirmed');
      const shipped = await shop.order(code);
      assert.equal(shipped.state, 'Shipped');
      const parts = shipped.fulfillments.map((one) => [one.trackingCode, one.lines[0].quantity]);
      assert.deepEqual(parts.sort(), [['DPD-2', 2], ['HAND-1', 1]]);
    });

    test('both sides count the same open orders', async () => {
      await desk.submit(`/channels/${channel}/do/compare`);
      await eventually('the comparison shows no gap', async () => /channel [1-9]\d*, here [1-9]\d* ✓/.test(await desk.read('/channels')));
    });

    test('the books are right at the end', async () => {
      const report = await consign.command('verify');
      assert.match(report, /^ok /m);
      assert.doesNotMatch(report, /^BAD/m);
    });
  });
}

for (const [engine, database] of [
  ['SQLite', async () => undefined],
  ['PostgreSQL', emptyDatabase],
]) {
  describe(`a real Medusa, Consign on ${engine}`, () => {
    let medusa, consign, desk, shop, channel, belfast;
    const [TEE, MEDIUM] = ['TEE-S', 'TEE-M'];

    /** Waits until the order is here and looks as told. */
    const seen = (reference, what, looks = () => true) =>
      eventually(`${reference} is ${what}`, async () => {
        const order = await desk.order(reference);
        return order && looks(order) && order;
      });

    const settings = async (changes) => {
      const page = await desk.read(`/channels/${channel}`);
      const version = /name="version" value="(\d+)"/.exec(page)[1];
      const ticks = { link_by_sku: '1', send_despatches: '1', send_cancellations: '1', push_stock: '1' };
      const numbers = { download_location: '1', end_when: '0', stock_percent: '100', interval_seconds: '1' };
      await desk.submit(`/channels/${channel}/settings`, { version, name: 'Tees', ...ticks, ...numbers, ...changes });
    };

    before(async () => {
      medusa = await startMedusa(postgres, `medusa_${engine.toLowerCase()}_${process.pid}`);
      consign = await serve({ database: await database() });
      desk = new Person(consign.url);
      shop = new MedusaShop(medusa.url);
      await desk.setUp(consign.code);
      await desk.submit('/locations', { name: 'Belfast' });
      belfast = /\/locations\/(\d+)\/delete/.exec(await desk.read('/locations'))[1];
      for (const sku of [TEE, MEDIUM]) {
        const item = await desk.item(sku, `Tee ${sku}`, 1, 20);
        await desk.submit(`/stock/${item}/${belfast}/set`, { on_hand: '5', reason: 'opening stock' });
      }
      const account = { step: 'account', account: 'Tees', 'field.url': medusa.url, 'field.api_key': await shop.key() };
      const to = await desk.submit('/channels/add/medusa', account);
      channel = /channels\/(\d+)/.exec(to)[1];
      await settings({});
      await desk.submit(`/channels/${channel}/do/enable`);
    });

    after(async () => {
      if (process.env.SHOP_LOG && consign) console.log(consign.output());
      await consign?.stop();
      await medusa?.stop();
    });

    test('a paid order arrives, is moved and processed, and the shop shows the shipment', async () => {
      const id = await shop.placeOrder({ lines: { [TEE]: 2, [MEDIUM]: 1 } });
      const order = await seen(id, 'here with its stock', (one) => one.stock === 'full' && one.payment === 'paid');
      assert.equal(order.location, 1);
      await desk.act(order, 'move', { location: belfast });
      const moved = await desk.order(id);
      assert.deepEqual([String(moved.location), moved.stock], [String(belfast), 'full']);
      const tracking_number = 'RM123456785GB';
      await desk.act(order, 'ship', { carrier: 'Royal Mail', service: 'Tracked 24', tracking_number });
      await desk.act(order, 'process');
      await seen(id, 'confirmed by the shop', (one) => one.despatch === 'confirmed');
      const shipped = await shop.order(id);
      assert.equal(shipped.fulfillment_status, 'shipped');
      const [parcel] = shipped.fulfillments;
      assert.equal(parcel.labels[0].tracking_number, tracking_number);
      assert.deepEqual(parcel.items.map((item) => item.quantity).sort(), [1, 2]);
      assert.deepEqual([parcel.metadata.carrier, parcel.metadata.service], ['Royal Mail', 'Tracked 24']);
    });

    test('the shop sells what is available here, over all locations', async () => {
      await eventually('of 20 and 5 two were sold', async () => (await shop.onSale(TEE)) === 23);
    });

    test('an authorised order is parked until its payment is captured, although that leaves its date alone', async () => {
      await settings({ download_unpaid: '1' });
      const id = await shop.placeOrder({ lines: { [TEE]: 1 }, capture: false });
      const parked = await seen(id, 'here');
      assert.deepEqual([parked.payment, parked.parked], ['unpaid', true]);
      await assert.rejects(desk.act(parked, 'process'), /409|422/);
      const before = (await shop.order(id)).updated_at;
      await shop.capture(id);
      assert.equal((await shop.order(id)).updated_at, before);
      const paid = await seen(id, 'paid', (one) => one.payment === 'paid');
      assert.deepEqual([paid.id, paid.parked], [parked.id, false]);
      await settings({});
    });

    test('of an order that was partly shipped in the shop only the rest is despatched', async () => {
      await desk.submit(`/channels/${channel}/do/disable`);
      const id = await shop.placeOrder({ lines: { [TEE]: 3 } });
      await shop.ship(id, TEE, 1);
      await desk.submit(`/channels/${channel}/do/enable`);
      const order = await seen(id, 'here');
      await desk.act(order, 'ship', { carrier: 'DPD', service: '', tracking_number: 'DPD-2' });
      await desk.act(order, 'process');
      await seen(id, 'confirmed by the shop', (one) => one.despatch === 'confirmed');
      const parts = (await shop.order(id)).fulfillments.map((one) => [one.labels[0].tracking_number, one.items[0].quantity]);
      assert.deepEqual(parts.sort(), [['DPD-2', 2], ['HAND-1', 1]]);
    });

    test('an order cancelled on either side is cancelled on the other', async () => {
      const there = await shop.placeOrder({ lines: { [MEDIUM]: 1 } });
      await seen(there, 'here');
      await shop.cancel(there);
      await seen(there, 'cancelled', (one) => one.state === 'cancelled');
      const here = await shop.placeOrder({ lines: { [MEDIUM]: 1 } });
      await desk.act(await seen(here, 'here'), 'cancel', { reason: 'out of stock', tell_channel: '1' });
      await eventually('the shop has cancelled it', async () => (await shop.order(here)).status === 'canceled');
    });

    test('both sides count the same open orders, and the books are right at the end', async () => {
      await desk.submit(`/channels/${channel}/do/compare`);
      await eventually('the comparison shows no gap', async () => /channel [1-9]\d*, here [1-9]\d* ✓/.test(await desk.read('/channels')));
      const report = await consign.command('verify');
      assert.match(report, /^ok /m);
      assert.doesNotMatch(report, /^BAD/m);
    });
  });
}
