// Accounts in a real browser: signing in with two factors, a forgotten password by a mail that really arrives, sessions, roles, audit.
//
// Environment: CONSIGN_BIN; CHROMIUM (/usr/bin/chromium).
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { createServer } from 'node:http';
import { after, afterEach, before, describe, test } from 'node:test';

import { simpleParser } from 'mailparser';
import { SMTPServer } from 'smtp-server';

import { look, openBrowser } from './browser.mjs';
import { OWNER, serve } from './consign.mjs';
import { eventually } from './process.mjs';

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The six digits of RFC 6238 for a secret in base 32, `ahead` steps from now. */
function totp(secret, ahead = 0) {
  const bits = [...secret.replace(/=+$/, '')].map((c) => BASE32.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + ahead));
  const digest = createHmac('sha1', key).update(counter).digest();
  const code = (digest.readUInt32BE(digest[19] & 15) & 0x7fffffff) % 1_000_000;
  return String(code).padStart(6, '0');
}

/** A mail server that keeps what it is given. */
function mailbox() {
  const mails = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData: (stream, _, done) => simpleParser(stream).then((mail) => (mails.push(mail), done()), done),
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ mails, port: server.server.address().port, stop: () => new Promise((end) => server.close(end)) }));
  });
}

/** A program that keeps the calls it gets. */
function listener() {
  const calls = [];
  const server = createServer(async (request, answer) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    calls.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
    answer.end();
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve({ calls, url: `http://127.0.0.1:${server.address().port}/told`, stop: () => new Promise((end) => server.close(end)) });
    });
  });
}

describe('accounts', () => {
  let browser, consign, mail, page, errors, secret, used, recovery;

  before(async () => {
    mail = await mailbox();
    const settings = {
      CONSIGN_MAIL__SERVER: '127.0.0.1',
      CONSIGN_MAIL__PORT: String(mail.port),
      CONSIGN_MAIL__SECURITY: 'none',
      CONSIGN_MAIL__FROM: 'Consign <consign@example.com>',
    };
    consign = await serve({ settings });
    browser = await openBrowser();
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
    await mail?.stop();
  });

  afterEach(() => assert.deepEqual(errors, [], 'no script failed'));

  const visit = (where, on = page) => on.goto(consign.url + where);
  const press = (name, scope = page) => scope.getByRole('button', { name, exact: true }).click();

  async function signIn(on, email = OWNER.email, password = OWNER.password) {
    await visit('/sign-in', on);
    await on.getByLabel('E-mail').fill(email);
    await on.getByLabel('Password').fill(password);
    await press('Sign in', on);
  }

  test('a second factor is set up with a picture, a code, and recovery codes that are shown once', async () => {
    await visit('/account');
    await look(page, 'account');
    await page.getByRole('link', { name: 'Set it up' }).click();
    await page.getByRole('img', { name: 'The secret as a QR code' }).waitFor();
    await look(page, 'two-factor-set-up');
    secret = await page.locator('li code').first().innerText();
    await page.locator('[name="code"]').fill('000000');
    await press('Switch it on');
    await page.getByRole('alert').waitFor();
    used = totp(secret);
    await page.locator('[name="code"]').fill(used);
    await press('Switch it on');
    await page.getByRole('heading', { name: 'Two-factor sign-in is on' }).waitFor();
    recovery = await page.locator('.codes code').allInnerTexts();
    assert.equal(recovery.length, 10);
    await look(page, 'two-factor-codes');
  });

  test('signing in asks for the second factor, and takes no code twice', async () => {
    const { page: other } = await browser.visitor();
    await signIn(other);
    await other.getByRole('heading', { name: 'Second step' }).waitFor();
    await look(other, 'sign-in-second-step');
    await other.locator('[name="code"]').fill(used);
    await press('Sign in', other);
    await other.getByRole('alert').waitFor();
    await other.locator('[name="code"]').fill(totp(secret, 1));
    await press('Sign in', other);
    await other.waitForURL('**/orders');

    const { page: third } = await browser.visitor();
    await signIn(third);
    await third.locator('[name="code"]').fill(recovery[0]);
    await press('Sign in', third);
    await third.waitForURL('**/orders');

    await visit('/account');
    await page.getByText('9 recovery codes are left').waitFor();
    assert.equal(await page.getByRole('button', { name: 'End', exact: true }).count(), 2);
    await look(page, 'account-two-factor');
    await press('Sign out everywhere else');
    await eventually('only this session is left', async () => (await page.getByRole('button', { name: 'End', exact: true }).count()) === 0);
    await visit('/orders', third);
    await third.waitForURL('**/sign-in');
  });

  test('somebody is invited by mail, and must set up a second factor before anything else', async () => {
    await visit('/users/roles');
    await page.locator('input[name="role"][value="desk"]').check();
    await look(page, 'roles');
    await press('Save (S)');
    await visit('/users');
    const form = page.locator('form[action="/users"]');
    await form.getByLabel('E-mail').fill('dora@example.com');
    await form.getByLabel('Name').fill('Dora Desk');
    await press('Add', form);
    await page.getByRole('link', { name: 'Dora Desk' }).waitFor();
    await look(page, 'users-with-state');
    await eventually('the mail arrives', () => mail.mails.length === 1);
    const [invitation] = mail.mails;
    assert.equal(invitation.to.text, 'dora@example.com');
    const { page: dora } = await browser.visitor();
    await dora.goto(invitation.text.match(/http\S+/g).find((link) => link.includes('/reset/')));
    await dora.getByLabel('New password').fill('a password of my own');
    await press('Set it', dora);
    await dora.getByRole('link', { name: 'Sign in' }).click();
    await signIn(dora, 'dora@example.com', 'a password of my own');
    await dora.waitForURL('**/account/two-factor');
    await visit('/orders', dora);
    await dora.waitForURL('**/account/two-factor');
    await dora.locator('[name="code"]').fill(totp(await dora.locator('li code').first().innerText()));
    await press('Switch it on', dora);
    await dora.getByRole('link', { name: 'I have kept them' }).click();
    await dora.waitForURL('**/orders');
    const answer = await visit('/users', dora);
    assert.equal(answer.status(), 403);
  });

  test('a forgotten password is set anew by a mailed link, once', async () => {
    const before = mail.mails.length;
    const { page: dora } = await browser.visitor();
    await visit('/sign-in', dora);
    await dora.getByRole('link', { name: 'Forgotten the password?' }).click();
    await look(dora, 'forgotten');
    for (const email of ['nobody@example.com', 'dora@example.com']) {
      await visit('/forgotten', dora);
      await dora.getByLabel('E-mail').fill(email);
      await press('Send the link', dora);
      await dora.getByRole('heading', { name: 'Look into your mail' }).waitFor();
    }
    await eventually('the mail arrives', () => mail.mails.length > before);
    assert.ok(mail.mails.slice(before).every((one) => one.to.text === 'dora@example.com'));
    const link = mail.mails.at(-1).text.match(/http\S+/g).find((one) => one.includes('/reset/'));
    await dora.goto(link);
    await dora.getByLabel('New password').fill('another password');
    await press('Set it', dora);
    await dora.getByRole('heading', { name: 'Done' }).waitFor();
    await dora.goto(link);
    await dora.getByRole('alert').waitFor();
    await eventually('the change is told by mail', () => mail.mails.some((one) => one.subject === 'Your password was changed'));
  });

  test('an owner sees where somebody is signed in, and the audit tells it all', async () => {
    await visit('/users');
    await page.getByRole('link', { name: 'Dora Desk' }).click();
    await look(page, 'user');
    page.once('dialog', (dialog) => dialog.accept());
    await press('Switch it off');
    await page.getByText('○ off').first().waitFor();
    await visit('/audit?noun=user');
    await page.getByText('two-factor on').first().waitFor();
    await page.getByText('asked for a new password').first().waitFor();
    await look(page, 'audit');
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'CSV' }).click()]);
    assert.equal(download.suggestedFilename(), 'audit.csv');
    await visit('/audit?kind=nothing');
    await page.getByText('Nothing like that was done').waitFor();
    await look(page, 'audit-empty');
    await page.emulateMedia({ colorScheme: 'dark' });
    await visit('/account');
    await look(page, 'account-dark');
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('a program gets a token, looks with it, and is locked out when it is revoked', async () => {
    await visit('/users/tokens');
    await look(page, 'tokens-empty');
    await page.getByLabel('What it is for').fill('Warehouse screen');
    await press('Make the token');
    const token = await page.getByLabel('Token', { exact: true }).inputValue();
    await visit('/users/tokens');
    assert.equal(await page.getByText(token).count(), 0, 'it is shown once');
    await look(page, 'tokens');
    const ask = () => fetch(`${consign.url}/api/v1/orders`, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal((await ask()).status, 200);
    page.once('dialog', (dialog) => dialog.accept());
    await press('Revoke');
    await page.getByText('✕ revoked').waitFor();
    assert.equal((await ask()).status, 401);
  });

  test('a webhook is told, and its program can tell that the call is from here', async () => {
    const program = await listener();
    await visit('/webhooks');
    await look(page, 'webhooks-empty');
    await page.getByLabel('What it is for').fill('Warehouse screen');
    await page.getByLabel('Address').fill(program.url);
    await page.getByRole('group', { name: 'Told when' }).getByRole('checkbox').first().check();
    await press('Add the webhook');
    const secret = await page.getByLabel('Secret').inputValue();
    await press('Send a ping');
    await eventually('the ping arrives', () => program.calls.length > 0);
    const { headers, body } = program.calls[0];
    const [, at, signature] = headers['consign-signature'].match(/^t=(\d+),v1=([0-9a-f]+)$/);
    assert.equal(signature, createHmac('sha256', secret).update(`${at}.${body}`).digest('hex'));
    await eventually('the log says so', async () => {
      await page.getByRole('link', { name: 'Load anew' }).click();
      return (await page.getByText('✓ delivered').count()) > 0;
    });
    await look(page, 'webhook');
    await visit('/webhooks');
    await look(page, 'webhooks');
    await program.stop();
  });
});
