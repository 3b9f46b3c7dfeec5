import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { APIError } from 'openai';
import { collect, gateway, say } from './gateway.js';
import { upstream } from './upstream.js';

describe('a stream', () => {
  const g = gateway();
  const ask = (question, options) =>
    g.client().chat.completions.create({ model: 'auto', messages: say(question), stream: true, ...options });

  for (const options of [{}, { stream_options: { include_usage: false } }]) {
    test(`brings no usage to a client that sent ${JSON.stringify(options)}`, async () => {
      const got = await collect(await ask(`Explain goroutines. ${JSON.stringify(options)}`, options));
      assert.ok(got.text.length > 0);
      assert.equal(got.finish, 'stop');
      assert.equal(got.usage, null);
      assert.ok(got.chunks.every((chunk) => chunk.choices.length === 1));
    });
  }

  test('brings usage and cost, last, to a client that asks', async () => {
    const got = await collect(await ask('Explain channels.', { stream_options: { include_usage: true } }));
    const last = got.chunks.at(-1);
    assert.deepEqual(last.choices, []);
    assert.ok(last.usage.prompt_tokens > 0 && last.usage.completion_tokens > 0);
    assert.equal(typeof last.usage.cost, 'number');
  });

  test('says the same as the plain answer, from the provider and from the cache', async () => {
    const question = { model: 'auto', messages: say('Explain select.') };
    const noStore = { headers: { 'Cache-Control': 'no-store' } };
    const plain = await g.client().chat.completions.create(question, noStore);
    const text = plain.choices[0].message.content;

    const streamed = await g.client().chat.completions.create({ ...question, stream: true }, noStore);
    assert.equal((await collect(streamed)).text, text);

    for (const cache of ['miss', 'hit']) {
      const { data, response } = await g.client().chat.completions.create({ ...question, stream: true }).withResponse();
      assert.equal((await collect(data)).text, text);
      assert.equal(response.headers.get('x-gateway-cache'), cache);
    }
    const { data, response } = await g.client().chat.completions.create(question).withResponse();
    assert.equal(data.choices[0].message.content, text);
    assert.equal(response.headers.get('x-gateway-cache'), 'hit');
  });

  test('feeds the SDK\'s own accumulator', async () => {
    const runner = g.client().chat.completions.stream({ model: 'L1', messages: say('Explain defer.') });
    const final = await runner.finalChatCompletion();
    assert.equal(final.choices[0].finish_reason, 'stop');
    assert.equal(final.choices[0].message.content, await runner.finalContent());
  });
});

describe('a stream that dies', () => {
  const up = upstream();
  const g = gateway({ config: () => `providers: {mine: {dialect: openai, base_url: "${up.url}"}}\n` });

  test('ends in an error, after what had come', async () => {
    const asking = g.client().chat.completions.create({ model: 'mine/m', messages: say('Go on.'), stream: true });
    const call = await up.next();
    call.stream('one ', 'two ');
    let text = '';
    await assert.rejects(async () => {
      for await (const chunk of await asking) {
        text += chunk.choices[0].delta.content;
        if (text === 'one two ') call.response.socket.destroy();
      }
    }, (err) => err instanceof APIError && /^provider_/.test(err.error.gateway_code));
    assert.equal(text, 'one two ');
  });
});
