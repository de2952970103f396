// Files in and out in a real browser: levels from a file, a schedule that fetches one by itself, an export with columns of one's own.
//
// Environment: CONSIGN_BIN; CHROMIUM (/usr/bin/chromium).
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';

import { look, openBrowser } from './browser.mjs';
import { OWNER, serve } from './consign.mjs';
import { eventually } from './process.mjs';

describe('files in and out', () => {
  let browser, consign, page, errors, files;

  before(async () => {
    files = await mkdtemp(path.join(tmpdir(), 'consign-files-'));
    [browser, consign] = await Promise.all([openBrowser(), serve({ files })]);
    ({ page, errors } = await browser.visitor());
    await page.goto(consign.url);
    await page.getByLabel('Set-up code').fill(consign.code);
    await page.getByLabel('Your name').fill(OWNER.name);
    await page.getByLabel('E-mail').fill(OWNER.email);
    await page.getByLabel('Password').fill(OWNER.password);
    await press('Begin');
    await page.waitForURL('**/orders');
  });

  after(async () => {
    await browser?.close();
    await consign?.stop();
    await rm(files, { recursive: true, force: true });
  });

  afterEach(() => assert.deepEqual(errors, [], 'no script failed'));

  const visit = (where) => page.goto(consign.url + where);
  const press = (name, scope = page) => scope.getByRole('button', { name, exact: true }).click();

  async function upload(kind, name, text) {
    await visit('/imports');
    await page.getByLabel('File').setInputFiles({ name, mimeType: 'text/csv', buffer: Buffer.from(text) });
    await page.getByLabel('It has').selectOption({ label: kind });
    await press('Upload');
    await page.waitForURL(/imports\/\d+/);
  }

  async function importIt() {
    await press('Import (S)');
    await page.waitForURL(/imports\/\d+$/);
    await eventually('the import is over', async () => {
      await page.reload();
      return (await page.getByRole('heading', { level: 1 }).innerText()).includes('done');
    });
  }

  test('items are made from a file', async () => {
    await upload('items', 'items.csv', 'SKU,Title,Price,Weight\nMUG,Mug,9.50,300\nPLATE,Plate,12,many\n');
    await press('Try it: what would happen? (t)');
    await page.getByText('many is not a number').waitFor();
    await page.getByText('new item Mug').waitFor();
    await look(page, 'import-items-tried');
    await importIt();
    await look(page, 'import-items');
    await visit('/items');
    await page.getByRole('link', { name: 'MUG', exact: true }).waitFor();
  });

  test('levels from a file that no bytes explain are read as one says, and the mapping is kept', async () => {
    await upload('stock levels', 'count.txt', 'MUG~7\n');
    await page.getByText('How the file is read').click();
    await page.getByLabel('Between cells').fill('~');
    await page.getByLabel('the first row is no header').check();
    await press('Try it: what would happen? (t)');
    await page.getByText("The mapping can't be used").waitFor();
    await page.getByLabel('SKU (needed)').fill('{Column 1}');
    await page.getByLabel('On hand (needed)').fill('{Column 2}');
    await page.getByLabel('Keep this mapping for other files as').fill('Counts');
    await press('Try it: what would happen? (t)');
    await page.getByText('MUG at Default: 0 → 7').waitFor();
    await look(page, 'import-stock-tried');
    await importIt();
    await visit('/stock?q=MUG');
    await page.locator('tr', { hasText: 'MUG' }).getByText('7').first().waitFor();
  });

  test('a schedule fetches a file from a folder, and passes over the same one', async () => {
    await visit('/schedules');
    await look(page, 'schedules-empty');
    await page.getByRole('link', { name: 'New import (n)' }).click();
    await page.locator('[name="name"]').fill('Counts of the night');
    await page.getByLabel('Folder and file').fill('../count-*.txt');
    await press('Save (S)');
    await page.getByText('must lie below the folder for files').waitFor();
    await page.goBack();
    await page.locator('[name="name"]').fill('Counts of the night');
    await page.getByLabel('Folder and file').fill('count-*.txt');
    await look(page, 'schedule-new');
    await press('Save (S)');
    await page.waitForURL(/schedules\/\d+/);
    await page.getByText('It has not run yet').waitFor();
    await writeFile(path.join(files, 'count-1.txt'), 'MUG~12\n');
    await press('Run now (r)');
    await page.getByRole('link', { name: /^import \d+/ }).waitFor();
    await press('Run now (r)');
    await page.getByText('is the file of last time').first().waitFor();
    await look(page, 'schedule');
    await visit('/schedules');
    await look(page, 'schedules');
    await eventually('the level is set', async () => {
      await visit('/stock?q=MUG');
      return (await page.locator('tr', { hasText: 'MUG' }).innerText()).includes('12');
    });
  });

  test('an export has the columns that were chosen, and a scheduled one is left in the folder', async () => {
    await visit('/exports');
    await look(page, 'exports');
    await page.locator('[name="what"]').selectOption('items');
    await page.getByLabel('Columns, one a line').fill('title = Name\nsku');
    const [download] = await Promise.all([page.waitForEvent('download'), press('Export')]);
    assert.equal(await readFile(await download.path(), 'utf8'), 'Name,sku\nMug,MUG\n');
    await visit('/schedules/new/export');
    await page.locator('[name="name"]').fill('Levels for the web shop');
    await page.locator('[name="what"]').selectOption('stock');
    await page.getByLabel('Folder and file').fill('levels.csv');
    await page.getByLabel('Columns, one a line').fill('sku\non_hand');
    await press('Save (S)');
    await press('Run now (r)');
    await page.getByText(/^● done/).first().waitFor();
    assert.equal(await readFile(path.join(files, 'levels.csv'), 'utf8'), 'sku,on_hand\nMUG,12\n');
    await page.emulateMedia({ colorScheme: 'dark' });
    await look(page, 'schedule-dark');
  });
});
