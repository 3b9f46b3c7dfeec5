import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NotFoundError } from 'openai';
import { gateway } from './gateway.js';

describe('models', () => {
  const g = gateway();

  test('the list has auto, the tiers and the providers\' models', async () => {
    const ids = [];
    for await (const model of g.client().models.list()) {
      assert.equal(model.object, 'model');
      ids.push(model.id);
    }
    for (const id of ['auto', 'L0', 'L1', 'L2', 'simulated/sim-l0']) {
      assert.ok(ids.includes(id), `${id} is not among ${ids}`);
    }
    assert.equal(new Set(ids).size, ids.length);
  });

  for (const id of ['auto', 'L0', 'simulated/sim-l0']) {
    test(`${id} can be asked for by name`, async () => {
      const model = await g.client().models.retrieve(id); // the SDK encodes the slash
      assert.equal(model.id, id);
    });
  }

  test('an unknown one is not found', async () => {
    await assert.rejects(g.client().models.retrieve('no-such-model'), NotFoundError);
  });
});
