// Starts the Medusa of this folder on a database of its own. Filling that takes a minute, so a dump of the filled one is kept in
// the cache folder, named by what made it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import path from 'node:path';

import { freePort, run, start } from '../process.mjs';
import { seed, signIn } from './seed.mjs';

const here = import.meta.dirname;
export const EMAIL = 'admin@example.com';
export const PASSWORD = 'supersecret';

function dumpFile() {
  const hash = createHash('sha256');
  for (const name of ['package-lock.json', 'medusa-config.js', 'seed.mjs', 'start.mjs']) {
    hash.update(readFileSync(path.join(here, name)));
  }
  const cache = process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache');
  mkdirSync(path.join(cache, 'consign'), { recursive: true });
  return path.join(cache, 'consign', `medusa-${hash.digest('hex').slice(0, 16)}.dump`);
}

/**
 * Makes the database `name` beside the one of `postgres` and starts the shop on it. PostgreSQL's programs are looked for in
 * POSTGRES_BIN, then in PATH. Gives the shop's address and what stops it.
 */
export async function startMedusa(postgres, name = `medusa_${process.pid}`) {
  const tool = (program) => (process.env.POSTGRES_BIN ? path.join(process.env.POSTGRES_BIN, program) : program);
  const database = new URL(postgres);
  await run(tool('psql'), ['-qX', '-d', postgres, '-c', `CREATE DATABASE ${name}`]);
  database.pathname = `/${name}`;
  const cli = createRequire(import.meta.url).resolve('@medusajs/cli/cli.js');
  const env = { ...process.env, MEDUSA_DISABLE_TELEMETRY: 'true', NODE_ENV: 'production', DATABASE_URL: database.href };
  const dump = dumpFile();
  const warm = existsSync(dump);
  if (warm) {
    await run(tool('pg_restore'), ['--no-owner', '--exit-on-error', '-d', database.href, dump]);
  } else {
    await run(process.execPath, [cli, 'db:migrate'], { cwd: here, env });
    await run(process.execPath, [cli, 'user', '-e', EMAIL, '-p', PASSWORD], { cwd: here, env });
  }
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = await start(process.execPath, [cli, 'start', '-p', String(port), '-H', '127.0.0.1'], {
    until: /Server is ready on port/,
    seconds: 180,
    cwd: here,
    env,
  });
  if (!warm) {
    await seed(await signIn(url, EMAIL, PASSWORD));
    await run(tool('pg_dump'), ['-Fc', '-f', `${dump}.${process.pid}`, '-d', database.href]);
    renameSync(`${dump}.${process.pid}`, dump);
  }
  return { url, stop: server.stop };
}
