// Starts the Vendure of this folder on a database of its own. Filling that takes a minute, so a dump of the filled one is kept in
// the cache folder, named by what made it.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

import { freePort, run, start } from '../process.mjs';

const here = import.meta.dirname;

function dumpFile() {
  const hash = createHash('sha256');
  for (const name of ['package-lock.json', 'server.mjs']) hash.update(readFileSync(path.join(here, name)));
  const cache = process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache');
  mkdirSync(path.join(cache, 'consign'), { recursive: true });
  return path.join(cache, 'consign', `vendure-${hash.digest('hex').slice(0, 16)}.dump`);
}

/**
 * Makes the database `name` beside the one of `postgres` and starts the shop on it. PostgreSQL's programs are looked for in
 * POSTGRES_BIN, then in PATH. Gives the shop's address and what stops it.
 */
export async function startVendure(postgres, name = `vendure_${process.pid}`) {
  const tool = (program) => (process.env.POSTGRES_BIN ? path.join(process.env.POSTGRES_BIN, program) : program);
  const database = new URL(postgres);
  await run(tool('psql'), ['-qX', '-d', postgres, '-c', `CREATE DATABASE ${name}`]);
  database.pathname = `/${name}`;
  const dump = dumpFile();
  const warm = existsSync(dump);
  if (warm) await run(tool('pg_restore'), ['--no-owner', '--exit-on-error', '-d', database.href, dump]);
  const port = await freePort();
  const server = await start(process.execPath, [path.join(here, 'server.mjs')], {
    until: /^READY (\S+)/m,
    seconds: warm ? 120 : 600,
    cwd: here,
    env: { ...process.env, PORT: String(port), DATABASE_URL: database.href },
  });
  if (!warm) {
    await run(tool('pg_dump'), ['-Fc', '-f', `${dump}.${process.pid}`, '-d', database.href]);
    renameSync(`${dump}.${process.pid}`, dump);
  }
  return { url: server.match[1], stop: server.stop };
}
