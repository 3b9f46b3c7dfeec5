import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { APIUserAbortError } from 'openai';
import { gateway, say } from './gateway.js';
import { upstream } from './upstream.js';

// How long after a client left its provider's connection may stay open, ms.
const patience = 100;

describe('an abort reaches the provider', () => {
  const up = upstream();
  const g = gateway({ config: () => `providers: {mine: {dialect: openai, base_url: "${up.url}"}}\n` });
  const create = (content, stream, signal) =>
    g.client().chat.completions.create({ model: 'mine/m', messages: say(content), stream }, { signal });

  async function assertClosesAfter(abort, call) {
    const from = performance.now();
    abort();
    const late = new Promise((resolve) => setTimeout(resolve, 5_000, Infinity).unref());
    const took = (await Promise.race([call.closed, late])) - from;
    assert.ok(took <= patience, `the provider's connection was closed after ${took} ms`);
  }

  for (const stream of [false, true]) {
    test(`before the first byte of a ${stream ? 'stream' : 'plain answer'}`, async () => {
      const controller = new AbortController();
      const asking = create(`before, ${stream}`, stream, controller.signal);
      const rejected = assert.rejects(asking, APIUserAbortError);
      const call = await up.next();
      assert.equal(call.body.model, 'm');
      await assertClosesAfter(() => controller.abort(), call);
      await rejected;
    });
  }

  test('in the middle of a stream that is silent', async () => {
    const controller = new AbortController();
    const asking = create('silent', true, controller.signal);
    const call = await up.next();
    call.stream('one');
    const chunks = (await asking)[Symbol.asyncIterator]();
    assert.equal((await chunks.next()).value.choices[0].delta.content, 'one');
    await assertClosesAfter(() => controller.abort(), call);
  });

  test('in the middle of a stream that flows, when its reader leaves', async () => {
    const asking = create('flows', true);
    const call = await up.next();
    call.stream('one');
    const flow = setInterval(() => call.stream('more'), 5);
    try {
      const chunks = (await asking)[Symbol.asyncIterator]();
      await chunks.next();
      await assertClosesAfter(() => chunks.return(), call);
    } finally {
      clearInterval(flow);
    }
  });
});
