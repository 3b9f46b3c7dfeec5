import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { APIUserAbortError } from 'openai';
import { gateway, say } from './gateway.js';
import { upstream } from './upstream.js';

// How long the provider's connection may stay open after a client left, ms.
const patience = 100;
// A busy machine delays some of the rounds, of the gateway or of this test. The
// fastest shows what the gateway itself does; none may be forgotten.
const rounds = 5;
const forgotten = 5_000;

describe('an abort reaches the provider', () => {
  const up = upstream();
  const g = gateway({ config: () => `providers: {mine: {dialect: openai, base_url: "${up.url}"}}\n` });
  const ask = (content, stream, signal) =>
    g.client().chat.completions.create({ model: 'mine/m', messages: say(content), stream }, { signal });

  async function assertFast(name, leave) {
    const times = [];
    for (let round = 1; round <= rounds; round++) times.push(await leave(`${name} ${round}`));
    assert.ok(Math.max(...times) < forgotten, `a connection was not closed: ${times} ms`);
    assert.ok(Math.min(...times) <= patience, `the connections were closed after ${times} ms`);
  }

  // timeUntilClosed leaves, and returns how long it took for the provider to see it, ms.
  async function timeUntilClosed(call, leave) {
    const from = performance.now();
    leave();
    const late = new Promise((resolve) => setTimeout(resolve, forgotten, Infinity).unref());
    return (await Promise.race([call.closed, late])) - from;
  }

  for (const stream of [false, true]) {
    const what = stream ? 'a stream' : 'a plain answer';
    test(`before the first byte of ${what}`, () => assertFast(what, async (content) => {
      const controller = new AbortController();
      const rejected = assert.rejects(ask(content, stream, controller.signal), APIUserAbortError);
      const call = await up.next();
      const took = await timeUntilClosed(call, () => controller.abort());
      await rejected;
      return took;
    }));
  }

  test('in the middle of a stream that is silent', () => assertFast('silent', async (content) => {
    const controller = new AbortController();
    const asking = ask(content, true, controller.signal);
    const call = await up.next();
    call.stream('one');
    const chunks = (await asking)[Symbol.asyncIterator]();
    assert.equal((await chunks.next()).value.choices[0].delta.content, 'one');
    return timeUntilClosed(call, () => controller.abort());
  }));

  test('in the middle of a stream that flows, when its reader leaves', () => assertFast('flows', async (content) => {
    const asking = ask(content, true);
    const call = await up.next();
    call.stream('one');
    const flow = setInterval(() => call.stream('more'), 5);
    try {
      const chunks = (await asking)[Symbol.asyncIterator]();
      await chunks.next();
      return await timeUntilClosed(call, () => chunks.return());
    } finally {
      clearInterval(flow);
    }
  }));
});
