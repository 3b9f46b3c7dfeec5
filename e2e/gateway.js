// Starts the gateway's binary for a test file, and stops it after.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';

const binary = process.env.GATEWAY_BIN ?? fileURLToPath(new URL('../bin/gateway', import.meta.url));
const startTimeout = 10_000;

// gateway registers hooks that run one gateway around the tests of a file.
// `config` returns the text of a configuration file; without one the gateway
// gets no configuration at all and simulates its providers. The object's
// fields are set before the first test: `url`, and `client(options)`, which
// makes an SDK client that never retries by itself.
export function gateway({ config } = {}) {
  const g = {
    client: (options) =>
      new OpenAI({ baseURL: `${g.url}/v1`, apiKey: 'any', maxRetries: 0, timeout: 10_000, ...options }),
  };
  let child, dir, log = '';

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gateway-e2e-'));
    const listen = `127.0.0.1:${await freePort()}`;
    g.url = `http://${listen}`;
    // Nothing of the caller's environment: its provider keys would be used.
    const env = { PATH: process.env.PATH, HOME: dir, GATEWAY_LISTEN: listen, GATEWAY_DATA_DIR: join(dir, 'data') };
    if (config) {
      env.GATEWAY_CONFIG = join(dir, 'gateway.yaml');
      await writeFile(env.GATEWAY_CONFIG, config());
    }
    child = spawn(binary, [], { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
    child.on('error', (err) => (log += `${binary}: ${err.message}; \`make e2e\` builds it\n`));
    for (const out of [child.stdout, child.stderr]) out.on('data', (data) => (log += data));
    await ready(g.url, child, () => log);
  });

  after(async () => {
    if (child.exitCode === null && child.pid) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    await rm(dir, { recursive: true });
    assert.equal(child.exitCode, 0, `the gateway did not end well after SIGTERM:\n${log}`);
  });
  return g;
}

async function ready(url, child, log) {
  const deadline = Date.now() + startTimeout;
  while (child.exitCode === null && child.pid && Date.now() < deadline) {
    try {
      if ((await fetch(`${url}/readyz`)).ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  child.kill('SIGKILL');
  assert.fail(`the gateway was not ready within ${startTimeout} ms:\n${log()}`);
}

// freePort is a port that nobody listened on a moment ago.
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

// collect reads a stream to its end and returns its chunks, the text of the
// first choice, its finish reason, and the usage, if any came.
export async function collect(stream) {
  const got = { chunks: [], text: '', finish: null, usage: null };
  for await (const chunk of stream) {
    got.chunks.push(chunk);
    got.text += chunk.choices[0]?.delta?.content ?? '';
    got.finish = chunk.choices[0]?.finish_reason ?? got.finish;
    got.usage = chunk.usage ?? got.usage;
  }
  return got;
}

// say makes the messages of a one-line conversation.
export const say = (content) => [{ role: 'user', content }];
