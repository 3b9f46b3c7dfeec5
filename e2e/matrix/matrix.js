// The questions that every client is asked with every provider behind the
// gateway. A client says how they are put with its SDK; what has to come back
// is the same for all.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { gateway } from '../gateway.js';
import { simulator } from '../simulator.js';

// providers are all dialects, each with its base path at the simulator and the
// way in which a model of today is told to think.
const providers = [
  ['openai', '/v1', 'effort'],
  ['responses', '/v1', 'effort'],
  ['anthropic', '', 'adaptive'],
  ['gemini', '', 'level'],
  ['bedrock', '', 'budget'],
  ['azure', '', 'effort'],
  ['ollama', '', 'effort'],
  ['cohere', '', 'switch'],
];

// How long the provider's connection may stay open after a client left, ms.
const patience = 5_000;

// weather and clock are the tools that there are, by name.
export const tools = {
  get_weather: {
    description: 'The weather in a city',
    input: z.object({ city: z.string(), unit: z.enum(['celsius', 'fahrenheit']) }),
  },
  get_time: { description: 'The local time in a city', input: z.object({ city: z.string() }) },
};

// schemaOf is a tool's input as JSON Schema.
export function schemaOf({ input }) {
  const { $schema, ...schema } = z.toJSONSchema(input);
  return schema;
}

// resultOf is what a tool returns.
export const resultOf = (name) => `the result of ${name}`;

const useTools = 'Use get_weather and get_time for Oslo.';

// Recipe is the type of structured answers.
export const Recipe = z.object({
  name: z.string(),
  minutes: z.number(),
  vegan: z.boolean(),
  steps: z.array(z.object({ text: z.string(), kind: z.enum(['cut', 'cook']) })),
});

// matrix registers the tests of a client. `connect(g)` is called before each
// test with the running gateway, and returns an object of functions:
//
//   ask(model, prompt, {stream, max, think, signal, onText})
//     asks, streamed or not, for `max` tokens at most, with or without
//     thinking, and calls onText at each piece of a stream. It returns {text,
//     thoughts, finish: stop | length, usage: {input, output}}.
//   callTools(model, prompt, {stream, think, next})
//     gives the tools, calls those that the model asks for, sends the results
//     back, to the model `next` if there is one, and returns {calls: [{name,
//     input}], text}.
//   structured(model, prompt, {stream})
//     returns the Recipe that the SDK has parsed.
//   badRequest(err), rateLimited(err), broken(err), aborted(err)
//     say whether an error is the SDK's own one for that: a 400, a 429 (for
//     whose header Retry-After it is also asked), a stream that dies, an abort.
//   retryAfter(err)
//     returns that header.
//
// Options are what the client's API has no way for. `strict`, which is on
// unless it is false, has OpenAI refuse what it does not know; `thoughts(dialect)`
// says whether the client hears what the model thought; `skip(title, dialect)`
// leaves a test out.
export function matrix(client, connect, { strict = true, thoughts = () => true, skip = () => false } = {}) {
  describe(client, { concurrency: 4 }, () => {
    const sim = simulator();
    const g = gateway({ config: () => configuration(sim.url, strict) });
    for (const [dialect] of providers) {
      describe(`with ${dialect}`, { concurrency: 4 }, () => {
        const check = (title, body) => {
          if (!skip(title, dialect)) test(title, () => body(connect(g)));
        };
        register(dialect, check, sim, thoughts(dialect));
      });
    }
  });
}

// configuration has each provider three times, since one that refuses or
// breaks off is set aside after.
function configuration(url, strict) {
  const base = (dialect, path) => url + (strict && ['openai', 'azure'].includes(dialect) ? '/~strict' : '') + path;
  const lines = providers.flatMap(([dialect, path, thinking]) => ['', '-busy', '-broken'].map((suffix) =>
    `  ${dialect}${suffix}: {dialect: ${dialect}, base_url: "${base(dialect, path)}", keys: ["e2e:secret"], traits: {thinking: ${thinking}}}\n`));
  return `providers:\n${lines.join('')}cache: {response: {enabled: false}}\n`;
}

function register(dialect, check, sim, thoughts) {
  const model = `${dialect}/sim-l0`;
  const position = providers.findIndex(([name]) => name === dialect);
  const other = `${providers[(position + 1) % providers.length][0]}/sim-l0`;

  check('chat', async (c) => {
    const got = await c.ask(model, 'Say hello');
    assertAnswers(got, 'Say hello');
    assert.equal(got.finish, 'stop');
  });

  check('stream', async (c) => {
    let pieces = 0;
    const got = await c.ask(model, 'Say hello', { stream: true, onText: () => pieces++ });
    const plain = await c.ask(model, 'Say hello');
    assert.deepEqual(got, plain);
    assert.ok(pieces > 3, `the text came in ${pieces} pieces`);
  });

  check('a limit that is reached', async (c) => {
    for (const stream of [false, true]) {
      const got = await c.ask(model, 'Say a lot', { stream, max: 16 });
      assert.deepEqual({ finish: got.finish, output: got.usage.output }, { finish: 'length', output: 16 });
    }
  });

  for (const stream of [false, true]) {
    const how = stream ? ', streamed' : '';
    check(`tools and their results${how}`, async (c) =>
      assertTools(await c.callTools(model, useTools, { stream })));
    check(`structured output${how}`, async (c) => {
      const got = await c.structured(model, 'Invent a recipe', { stream });
      assert.doesNotThrow(() => Recipe.parse(got));
    });
    check(`reasoning${how}`, async (c) => {
      const got = await c.ask(model, 'Say why', { stream, think: true });
      assertAnswers(got, 'Say why');
      assert.match(got.thoughts, thoughts ? /^Let me think about it\./ : /^$/);
      assert.equal((await c.ask(model, 'Say why', { stream })).thoughts, '');
    });
    check(`reasoning before tools${how}`, async (c) =>
      assertTools(await c.callTools(model, useTools, { stream, think: true })));
    check(`reasoning that began elsewhere${how}`, async (c) =>
      assertTools(await c.callTools(other, useTools, { stream, think: true, next: model })));
    check(`an error 400${how}`, (c) =>
      assert.rejects(c.ask(model, 'Hello [sim status=400]', { stream }), c.badRequest));
    check(`an error 429${how}`, (c) =>
      assert.rejects(c.ask(`${dialect}-busy/sim-l0`, 'Hello [sim status=429,retry-after=7]', { stream }), (err) => {
        assert.match(c.retryAfter(err), /^[1-7]$/); // it counts down
        return c.rateLimited(err);
      }));
    check(`an abort${how}`, (c) => assertAborts(c, sim, model, stream));
  }

  check('a stream that dies', async (c) => {
    let text = '';
    const asked = c.ask(`${dialect}-broken/sim-l0`, 'Hello [sim reset-mid-stream=12]', { stream: true, onText: (piece) => (text += piece) });
    await assert.rejects(asked, c.broken);
    assert.ok(text.length > 0);
  });
}

function assertAnswers({ text, usage }, prompt) {
  assert.ok(text.startsWith(`[simulated sim-l0] You wrote: "${prompt}"`), text);
  assert.ok(usage.input > 0 && usage.output > 0, `usage ${JSON.stringify(usage)}`);
}

function assertTools({ calls, text }) {
  assert.deepEqual(calls.map((call) => call.name), Object.keys(tools));
  for (const { name, input } of calls) tools[name].input.parse(input);
  assert.equal(text, `[simulated sim-l0] The tool returned: ${Object.keys(tools).map(resultOf).join(' | ')}`);
}

// assertAborts leaves a call while its answer is awaited, or in the middle of
// its stream.
async function assertAborts(c, sim, model, stream) {
  const question = `Question ${randomUUID()}`;
  const controller = new AbortController();
  const arrived = sim.carrying(question);
  let heard;
  const hears = new Promise((resolve) => (heard = resolve));
  const fault = stream ? 'stall-mid-stream=12' : 'latency=30s';
  const asked = assert.rejects(
    c.ask(model, `${question} [sim ${fault}]`, { stream, signal: controller.signal, onText: heard }), c.aborted);
  const { closed } = await Promise.race([arrived, asked.then(() => assert.fail('it ended before it was aborted'))]);
  if (stream) await Promise.race([hears, asked.then(() => assert.fail('it ended before it was aborted'))]);
  controller.abort();
  await asked;
  const late = new Promise((resolve) => setTimeout(resolve, patience, 'late').unref());
  assert.notEqual(await Promise.race([closed, late]), 'late', 'the provider was not told');
}
