import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimitError } from 'openai';
import { gateway, say } from './gateway.js';

const g = gateway();

test('auto answers without any configuration, and says who answered', async () => {
  const { data, response } = await g.client().chat.completions
    .create({ model: 'auto', messages: say('What is the capital of France?') })
    .withResponse();
  assert.equal(data.object, 'chat.completion');
  assert.equal(data.choices.length, 1);
  assert.equal(data.choices[0].message.role, 'assistant');
  assert.equal(data.choices[0].finish_reason, 'stop');
  assert.ok(data.choices[0].message.content.length > 0);
  assert.ok(data.usage.prompt_tokens > 0);
  assert.equal(data.usage.total_tokens, data.usage.prompt_tokens + data.usage.completion_tokens);

  const header = (name) => response.headers.get(name);
  assert.match(header('x-request-id'), /^[A-Za-z0-9._-]{1,64}$/);
  assert.equal(header('x-gateway-tier'), 'L0');
  assert.equal(header('x-gateway-provider'), 'simulated');
  assert.equal(header('x-gateway-model'), 'simulated/sim-l0');
  assert.equal(header('x-gateway-simulated'), 'true');
  assert.equal(header('x-gateway-cache'), 'miss');
  assert.equal(header('x-gateway-attempts'), '1');
  assert.match(header('x-gateway-cost'), /^\d+(\.\d+)?$/);
});

for (const [model, served] of [['L0', 'sim-l0'], ['L1', 'sim-l1'], ['L2', 'sim-l2'], ['simulated/sim-l2', 'sim-l2'], ['sim-l1', 'sim-l1']]) {
  test(`model ${model} is served by ${served}`, async () => {
    const { data, response } = await g.client().chat.completions
      .create({ model, messages: say('Name three colours.') })
      .withResponse();
    assert.ok(data.choices[0].message.content.length > 0);
    assert.match(response.headers.get('x-gateway-model'), new RegExp(`/${served}$`));
  });
}

test('the same question again is answered from the cache, at no cost', async () => {
  const ask = (options) => g.client().chat.completions
    .create({ model: 'auto', messages: say('What is a mutex?'), temperature: 0.2 }, options)
    .withResponse();
  const first = await ask();
  const second = await ask();
  assert.equal(first.response.headers.get('x-gateway-cache'), 'miss');
  assert.equal(second.response.headers.get('x-gateway-cache'), 'hit');
  assert.equal(Number(second.response.headers.get('x-gateway-cost')), 0);
  assert.deepEqual(second.data.choices, first.data.choices);

  const fresh = await ask({ headers: { 'Cache-Control': 'no-store' } });
  assert.equal(fresh.response.headers.get('x-gateway-cache'), 'bypass');
});

test('legacy completions', async () => {
  const done = await g.client().completions.create({ model: 'auto', prompt: 'Once upon a time', max_tokens: 32 });
  assert.equal(done.object, 'text_completion');
  assert.ok(done.choices[0].text.length > 0);
});

test('a simulated model fails as its name asks', async () => {
  const model = 'simulated/sim-l0!status=429,retry-after=2';
  await assert.rejects(g.client().chat.completions.create({ model, messages: say('Hello') }), (err) => {
    assert.equal(err.headers.get('retry-after'), '2');
    return err instanceof RateLimitError;
  });
});
