// Renews the manual's pictures: each picture that a page of docs/ shows is the screenshot of that name which the walks took.
//
//   cargo xtask test browser && node e2e/pictures.mjs
import { copyFile, readFile, readdir } from 'node:fs/promises';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '..');
const shown = new Set();
for (const file of await readdir(path.join(root, 'docs'))) {
  if (!file.endsWith('.md')) continue;
  const text = await readFile(path.join(root, 'docs', file), 'utf8');
  for (const [, name] of text.matchAll(/\(images\/([^)]+)\)/g)) shown.add(name);
}
for (const name of [...shown].sort()) {
  await copyFile(path.join(root, 'e2e/screenshots', name), path.join(root, 'docs/images', name));
  console.log(name);
}
