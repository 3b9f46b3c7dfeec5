import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';
import { gateway, say } from './gateway.js';

const Step = z.object({ explanation: z.string(), output: z.string() });
const Solution = z.object({ steps: z.array(Step), answer: z.number(), sure: z.boolean(), unit: z.enum(['none', 'metre']) });

describe('structured output', () => {
  const g = gateway();
  const body = {
    model: 'auto',
    messages: say('Solve 8x + 31 = 2.'),
    response_format: zodResponseFormat(Solution, 'solution'),
  };

  test('parses into the caller\'s schema', async () => {
    const answer = await g.client().chat.completions.parse(body);
    assert.doesNotThrow(() => Solution.parse(answer.choices[0].message.parsed));
  });

  test('parses from a stream too', async () => {
    const runner = g.client().chat.completions.stream({ ...body, model: 'L1' });
    const final = await runner.finalChatCompletion();
    assert.doesNotThrow(() => Solution.parse(final.choices[0].message.parsed));
  });

  test('json_object is an object', async () => {
    const answer = await g.client().chat.completions.create({
      model: 'auto',
      messages: say('Answer in JSON: what is 2 + 2?'),
      response_format: { type: 'json_object' },
    });
    assert.equal(typeof JSON.parse(answer.choices[0].message.content), 'object');
  });
});
