// Programs that the tests start: a free port for them, a line to wait for, and an end that always comes.
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** A port of the loopback interface that nobody listens on. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Runs a program to its end; its output, or an error that holds it. */
export function run(program, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
    let output = '';
    child.stdout.on('data', (data) => (output += data));
    child.stderr.on('data', (data) => (output += data));
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${program} ${args.join(' ')} ended with ${code}:\n${output}`)),
    );
  });
}

const running = new Set();

/** Starts a program and waits until its output matches; `match` is the match, `stop` ends the program. */
export function start(program, args, { until, seconds, ...options }) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  running.add(child);
  let output = '';
  const ended = new Promise((resolve) => child.once('close', resolve));
  ended.then(() => running.delete(child));
  const stop = async (signal = 'SIGTERM') => {
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(late);
  };
  return new Promise((resolve, reject) => {
    const fail = (why) => reject(new Error(`${program} ${args.join(' ')}: ${why}\n${output.slice(-4_000)}`));
    const late = setTimeout(() => {
      child.kill('SIGKILL');
      fail(`not ready after ${seconds} s`);
    }, seconds * 1_000);
    const listen = (data) => {
      output = (output + data).slice(-200_000);
      const match = until.exec(output);
      if (match) {
        clearTimeout(late);
        resolve({ match, stop, pid: child.pid, output: () => output });
      }
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => {
      clearTimeout(late);
      fail(`ended with ${code}`);
    });
  });
}

process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** Asks again until the answer is neither nothing nor false; fails with `what` when the time is over. */
export async function eventually(what, ask, seconds = 40) {
  const end = Date.now() + seconds * 1_000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`in ${seconds} s it did not come to pass that ${what}`);
    await pause(200);
  }
}
