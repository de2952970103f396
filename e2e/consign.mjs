// Consign as the tests use it: the real binary on a database of its own, driven by the forms that people use.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { freePort, run, start } from './process.mjs';

const binary = process.env.CONSIGN_BIN ?? path.resolve(import.meta.dirname, '../target/debug/consign');

/** Without variables that Consign would take as its configuration. */
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CONSIGN_')));

export const OWNER = { name: 'Olive Owner', email: 'olive@example.com', password: 'correct horse battery' };

/**
 * Starts `consign serve` in a new folder, or on a PostgreSQL database; `code` is the set-up code. With `reachable` it knows the address
 * at which channels reach it.
 */
export async function serve({ database, files, reachable = false, settings: own = {} } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), 'consign-e2e-'));
  const place = ['--data', folder, '--allow-networks', '127.0.0.0/8', ...(database ? ['--database', database] : [])];
  const listen = `127.0.0.1:${reachable ? await freePort() : 0}`;
  const known = reachable ? { CONSIGN_PUBLIC_URL: `http://${listen}` } : {};
  const settings = { ...env, ...(files ? { CONSIGN_FILES: files } : {}), ...known, ...own };
  const server = await start(binary, [...place, 'serve', '--listen', listen], {
    until: /listens on (http\S+)[^]*set-up code:\s+(\S+)/,
    seconds: 30,
    cwd: folder,
    env: settings,
  }).catch(async (error) => {
    await rm(folder, { recursive: true, force: true });
    throw error;
  });
  const [, url, code] = server.match;
  return {
    url,
    code,
    output: server.output,
    /** Runs a command on the same database. */
    command: (...args) => run(binary, [...place, ...args], { cwd: folder, env }),
    async stop() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts `consign demo`; `link` signs in once, `shop` is the demo shop's address. */
export async function demo({ every = 0 } = {}) {
  const program = await start(binary, ['demo', '--every', String(every)], {
    until: /Consign\s+(http\S+)[^]*Demo shop\s+(http\S+?)\/?\s/,
    seconds: 30,
    cwd: tmpdir(),
    env,
  });
  const [, link, shop] = program.match;
  return { link, url: new URL(link).origin, shop, stop: program.stop };
}

/** A person without a browser: keeps the session, fills in forms, reads lists. */
export class Person {
  #cookie = '';

  constructor(url) {
    this.url = url;
  }

  async #send(method, where, fields) {
    const answer = await fetch(this.url + where, {
      method,
      redirect: 'manual',
      headers: { accept: 'application/json', cookie: this.#cookie },
      body: fields && new URLSearchParams(fields),
    });
    const cookie = answer.headers.get('set-cookie');
    if (cookie) this.#cookie = cookie.split(';')[0];
    const text = await answer.text();
    if (answer.status >= 400) throw new Error(`${method} ${where}: ${answer.status} ${text.slice(0, 1_000)}`);
    return { to: answer.headers.get('location'), text };
  }

  /** Submits a form; the address that it leads to. */
  async submit(where, fields = {}) {
    return (await this.#send('POST', where, fields)).to;
  }

  /** The JSON or the text of a page. */
  async read(where) {
    const { text } = await this.#send('GET', where);
    return text.startsWith('{') ? JSON.parse(text) : text;
  }

  setUp(code) {
    return this.submit('/set-up', { code, ...OWNER });
  }

  /** Makes an item with stock at a location; the item's number. */
  async item(sku, title, location, units) {
    const to = await this.submit('/items/new', { sku, title, price: '10', currency: 'GBP', tax_rate: '20' });
    const id = to.split('/').pop();
    await this.submit(`/stock/${id}/${location}/set`, { on_hand: String(units), reason: 'opening stock' });
    return id;
  }

  /** The order with this reference, open or ended; nothing if it is not here. */
  async order(reference) {
    for (const list of ['/orders', '/processed']) {
      const found = await this.read(`${list}?location=all&q=${encodeURIComponent(reference)}`);
      const order = found.orders.find((one) => one.reference === reference);
      if (order) return order;
    }
    return undefined;
  }

  /** Does something to an order. */
  act(order, action, fields = {}) {
    return this.submit(`/orders/${order.id}/${action}`, fields);
  }
}
