// Starts the simulator of providers for a test file, behind a tap that knows
// which of the gateway's connections carries which question.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePort } from './gateway.js';

const binary = process.env.BENCH_BIN ?? fileURLToPath(new URL('../bin/bench', import.meta.url));
const startTimeout = 10_000;

// simulator registers hooks that run a simulator around the tests of a file.
// Its `url` is set before the first test. `carrying(text)` waits for a request
// with that text in its body, and resolves with `closed`, a promise of the
// moment at which the gateway leaves the connection that brought it.
export function simulator() {
  const waiting = new Map();
  const s = { carrying: (text) => new Promise((resolve) => waiting.set(text, resolve)) };
  let child, tap, port, log = '';

  function relay(near) {
    const far = connect(port, '127.0.0.1');
    const closed = new Promise((resolve) => near.once('close', resolve));
    let tail = '';
    near.on('data', (bytes) => {
      tail = (tail + bytes.toString('latin1')).slice(-65_536);
      for (const [text, resolve] of waiting) {
        if (tail.includes(text)) {
          waiting.delete(text);
          resolve({ closed });
        }
      }
    });
    near.pipe(far).pipe(near);
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('error', () => to.resetAndDestroy());
      from.on('close', () => to.destroySoon());
    }
  }

  before(async () => {
    port = await freePort();
    child = spawn(binary, ['simulator', '-listen', `127.0.0.1:${port}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    child.on('error', (err) => (log += `${binary}: ${err.message}; \`make e2e\` builds it\n`));
    child.stderr.on('data', (data) => (log += data));
    await listening(port, child, () => log);
    tap = createServer(relay).listen(0, '127.0.0.1');
    await once(tap, 'listening');
    s.url = `http://127.0.0.1:${tap.address().port}`;
  });

  after(async () => {
    tap?.close();
    if (child.exitCode === null && child.pid) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  });
  return s;
}

async function listening(port, child, log) {
  const deadline = Date.now() + startTimeout;
  while (child.exitCode === null && child.pid && Date.now() < deadline) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return socket.destroy();
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  child.kill('SIGKILL');
  assert.fail(`the simulator did not listen within ${startTimeout} ms:\n${log()}`);
}
