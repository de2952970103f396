// A whole Vendure in one process: shop API, admin API and job worker, on loopback only.
//
// Environment: PORT (3101), DATABASE_URL (an existing PostgreSQL database; an empty one gets the schema and the sample
// products). Prints READY when it answers. Superadmin: superadmin / superadmin. Payment methods: `standard-payment` is authorised
// first and settled by hand, `instant-payment` settles at once.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

process.env.VENDURE_DISABLE_TELEMETRY = 'true';

const require = createRequire(import.meta.url);
const core = require('@vendure/core');
const { populate } = require('@vendure/core/cli');
const pg = require('pg');

const port = Number(process.env.PORT ?? 3101);
const url = new URL(process.env.DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/vendure');

/** Whether the database holds a shop already. */
async function filled() {
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  const found = await client.query("SELECT to_regclass('public.product_variant') IS NOT NULL AS there");
  await client.end();
  return found.rows[0].there;
}

const config = {
  logger: new core.DefaultLogger({ level: core.LogLevel.Warn, timestamp: false }),
  apiOptions: {
    port,
    hostname: '127.0.0.1',
    adminApiPath: 'admin-api',
    shopApiPath: 'shop-api',
  },
  authOptions: {
    tokenMethod: ['bearer', 'cookie'],
    superadminCredentials: { identifier: 'superadmin', password: 'superadmin' },
    cookieOptions: { secret: 'only-for-tests' },
  },
  dbConnectionOptions: {
    type: 'postgres',
    host: url.hostname,
    port: Number(url.port || 5432),
    username: decodeURIComponent(url.username || 'postgres'),
    password: decodeURIComponent(url.password),
    database: url.pathname.slice(1),
    synchronize: false,
    migrations: [],
    logging: false,
  },
  paymentOptions: { paymentMethodHandlers: [core.dummyPaymentHandler] },
  plugins: [core.DefaultJobQueuePlugin.init({ pollInterval: 500 }), core.DefaultSearchPlugin.init({})],
};

/** The sample data of `@vendure/create` without its pictures, and with the payment method that settles at once. */
function sample() {
  const assets = path.join(path.dirname(require.resolve('@vendure/create/package.json')), 'assets');
  const data = JSON.parse(readFileSync(path.join(assets, 'initial-data.json'), 'utf8'));
  data.paymentMethods.push({
    name: 'Instant Payment',
    handler: {
      code: core.dummyPaymentHandler.code,
      arguments: [{ name: 'automaticSettle', value: 'true' }],
    },
  });
  const folder = mkdtempSync(path.join(tmpdir(), 'vendure-sample-'));
  const products = path.join(folder, 'products.csv');
  const pictures = /[\w-]+\.jpg(\|[\w-]+\.jpg)*/g;
  writeFileSync(products, readFileSync(path.join(assets, 'products.csv'), 'utf8').replace(pictures, ''));
  return { data, products, clear: () => rmSync(folder, { recursive: true }) };
}

async function start() {
  if (!(await filled())) {
    const { data, products, clear } = sample();
    config.dbConnectionOptions.synchronize = true;
    const app = await populate(() => core.bootstrap(config), data, products);
    clear();
    await app.get(core.JobQueueService).start();
    return app;
  }
  const app = await core.bootstrap(config);
  await app.get(core.JobQueueService).start();
  return app;
}

const app = await start();
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.once(signal, () => app.close().finally(() => process.exit(0)));
}
console.log(`READY http://127.0.0.1:${port}`);
