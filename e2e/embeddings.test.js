import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gateway } from './gateway.js';

describe('embeddings', () => {
  const g = gateway();
  const input = ['the quick brown fox', 'a lazy dog', 'schnelle Füchse 🦊'];
  const embed = (body) => g.client().embeddings.create({ model: 'simulated/sim-embed', input, ...body });

  test('are the same as floats and in base64, the SDK\'s default', async () => {
    const floats = await embed({ encoding_format: 'float' });
    const packed = await embed({});
    assert.deepEqual(floats.data.map((item) => item.index), [0, 1, 2]);
    const size = floats.data[0].embedding.length;
    assert.ok(size > 0);
    for (const [i, item] of floats.data.entries()) {
      assert.equal(item.embedding.length, size);
      assert.deepEqual(Array.from(packed.data[i].embedding, Math.fround), item.embedding.map(Math.fround));
    }
    assert.notDeepEqual(floats.data[0].embedding, floats.data[1].embedding);
    assert.ok(floats.usage.prompt_tokens > 0);
  });

  test('a single string gives one', async () => {
    const one = await embed({ input: 'hello' });
    assert.equal(one.data.length, 1);
  });
});
