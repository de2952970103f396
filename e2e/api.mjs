// Drives the JSON interface by its own document, with valid and hostile input: no 5xx, every answer as documented.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { start } from './process.mjs';

const binary = process.env.CONSIGN_BIN;
const schemathesis = process.env.SCHEMATHESIS;
const scopes = 'view,work_orders,delete_orders,edit_stock,edit_items,manage_locations,manage_channels,manage_rules,manage_users,manage_settings';
// The program takes its settings from such variables.
const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CONSIGN_')));
let server, token, folder;

function consign(args, input = '') {
  return execFileSync(binary, ['--data', folder, ...args], { input, encoding: 'utf8', env }).trim();
}

async function post(path, body) {
  const answer = await fetch(`${server.match[1]}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  assert.ok(answer.ok, `${path}: ${JSON.stringify(said)}`);
  return said;
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'consign-api-'));
  consign(['user', 'add', 'owner@example.com', '--name', 'Owner', '--role', 'owner'], 'a long enough password\n');
  token = consign(['user', 'token', 'owner@example.com', '--name', 'test', '--scopes', scopes, '--calls-per-minute', '1000000']);
  server = await start(binary, ['--data', folder, 'serve', '--listen', '127.0.0.1:0', '--no-worker'], {
    until: /Consign listens on (\S+)/, seconds: 30, env,
  });
  const place = await post('/locations', { name: 'Main' });
  await post('/locations', { name: 'Second', allow_negative: true });
  for (const sku of ['A1', 'B2', 'C3']) {
    const item = await post('/items', { sku, title: `Item ${sku}`, currency: 'GBP', price: '9.99', tax_rate: '20' });
    await post('/stock/bulk', { levels: [{ item_id: item.id, location_id: place.id, on_hand: 500, reason: 'opening' }] });
  }
  for (let n = 1; n <= 20; n += 1) {
    await post('/orders', {
      sub_source: 'test', reference: `R-${n}`, currency: 'GBP', paid: n % 3 > 0, postage: '3.50',
      delivery: { full_name: 'Ann Lee', line1: '1 High Street', town: 'Leeds', postcode: 'LS1 1AA', country_code: 'GB' },
      lines: [{ sku: 'A1', title: 'Item A1', quantity: 2, unit_price: '9.99', tax_rate: '20' }],
    });
  }
});

after(async () => {
  await server?.stop();
});

const checks = [
  'not_a_server_error', 'status_code_conformance', 'content_type_conformance', 'response_headers_conformance',
  'response_schema_conformance', 'unsupported_method',
];

function drive(checks, ...more) {
  const run = spawnSync(
    schemathesis,
    [
      'run', `${server.match[1]}/api/v1/openapi.json`, '--header', `Authorization: Bearer ${token}`,
      '--checks', checks.join(','), '--phases', 'coverage,fuzzing', '--max-examples', process.env.API_EXAMPLES ?? '40',
      '--seed', '1', '--workers', '2', '--request-timeout', '20', '--suppress-health-check', 'all', '--warnings', 'off',
      '--generation-database', 'none', '--no-color', ...more,
    ],
    { encoding: 'utf8', cwd: folder, maxBuffer: 1 << 28, env: { ...env, NO_PROXY: '127.0.0.1' } },
  );
  process.stdout.write(run.stdout.slice(-20_000));
  assert.equal(run.status, 0, run.stderr);
}

test('valid and hostile input meets no 5xx, and every answer is as the document says', { timeout: 240_000 }, () => {
  // Revoking is left out: it would sooner or later revoke the token that asks. Any bytes may be a file.
  drive([...checks, 'negative_data_rejection'], '--exclude-path', '/api/v1/items/bulk', '--exclude-path', '/api/v1/locations/{id}/feed',
    '--exclude-path', '/api/v1/imports', '--exclude-path', '/api/v1/tokens/{id}');
});

// Its answer is 200 also where a part is wrong: it says what came of each.
test('a bulk request with wrong parts and any file are answered as the document says', { timeout: 60_000 }, () => {
  drive(checks, '--include-path', '/api/v1/items/bulk', '--include-path', '/api/v1/locations/{id}/feed', '--include-path', '/api/v1/imports');
});

test('the books are right after all of it', () => {
  consign(['verify']);
});
