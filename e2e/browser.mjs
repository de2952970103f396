// Debian's Chromium for the walks: one browser, a fresh profile for each, screenshots and an accessibility check of what is shown.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const pictures = path.join(import.meta.dirname, 'screenshots');

/** Starts the browser; each `visitor` has cookies of its own and fails the test on an error of a page's script. */
export async function openBrowser() {
  mkdirSync(pictures, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return {
    close: () => browser.close(),
    async visitor() {
      const context = await browser.newContext({ viewport: { width: 1366, height: 800 }, colorScheme: 'light' });
      const page = await context.newPage();
      page.setDefaultTimeout(15_000);
      const errors = [];
      page.on('pageerror', (error) => errors.push(error.message));
      page.on('console', (message) => /Content Security Policy/.test(message.text()) && errors.push(message.text()));
      return { page, errors };
    },
  };
}

const WIDTHS = [1280, 1920];

/** Keeps pictures of the page at both widths and checks it: no serious fault of accessibility, nothing wider than the window. */
export async function look(page, name) {
  const before = page.viewportSize();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 720 });
    await page.evaluate(() => scrollTo(0, 0));
    const suffix = width === WIDTHS[0] ? '' : `-${width}`;
    await page.screenshot({ path: path.join(pictures, `${name}${suffix}.png`), fullPage: true });
    const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(wider <= 0, `${name} is ${wider} pixels wider than a window of ${width}`);
  }
  await page.setViewportSize(before);
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const faults = violations
    .filter((one) => ['serious', 'critical'].includes(one.impact))
    .map((one) => `${one.id} (${one.help}): ${one.nodes.map((node) => node.html).join(' ')}`);
  assert.deepEqual(faults, [], `accessibility of ${name}`);
}
