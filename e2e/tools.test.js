import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gateway, say } from './gateway.js';

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather in a city',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, unit: { type: 'string', enum: ['celsius', 'fahrenheit'] } },
      required: ['city', 'unit'],
      additionalProperties: false,
    },
  },
};
const clock = {
  type: 'function',
  function: {
    name: 'get_time',
    description: 'The local time in a city',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

describe('tools', () => {
  const g = gateway();
  const create = (body) => g.client().chat.completions.create({ model: 'auto', tools: [weather], ...body });

  function assertCallsWeather(call) {
    assert.equal(call.type, 'function');
    assert.equal(call.function.name, 'get_weather');
    const args = JSON.parse(call.function.arguments);
    assert.equal(typeof args.city, 'string');
    assert.ok(['celsius', 'fahrenheit'].includes(args.unit));
  }

  test('a call comes back, and its result is answered', async () => {
    const messages = say('What is the weather in Paris?');
    const first = await create({ messages, tool_choice: 'required' });
    const { message, finish_reason } = first.choices[0];
    assert.equal(finish_reason, 'tool_calls');
    assert.equal(message.tool_calls.length, 1);
    assertCallsWeather(message.tool_calls[0]);

    const result = { role: 'tool', tool_call_id: message.tool_calls[0].id, content: '{"degrees":21}' };
    const second = await create({ messages: [...messages, message, result] });
    assert.equal(second.choices[0].finish_reason, 'stop');
    assert.ok(second.choices[0].message.content.length > 0);
  });

  test('parallel calls have their own ids', async () => {
    const answer = await create({
      messages: say('Use get_weather and get_time for Paris.'),
      tools: [weather, clock],
      tool_choice: 'required',
      parallel_tool_calls: true,
    });
    const calls = answer.choices[0].message.tool_calls;
    assert.deepEqual(calls.map((call) => call.function.name).sort(), ['get_time', 'get_weather']);
    assert.equal(new Set(calls.map((call) => call.id)).size, 2);
    for (const call of calls) JSON.parse(call.function.arguments);
  });

  test('streamed calls add up, from the provider and from the cache', async () => {
    const body = {
      model: 'auto',
      messages: say('And the weather in Rome?'),
      tools: [weather],
      tool_choice: { type: 'function', function: { name: 'get_weather' } },
    };
    const [first] = (await g.client().chat.completions.stream(body).finalMessage()).tool_calls;
    assertCallsWeather(first);
    const { data, response } = await g.client().chat.completions.create(body).withResponse();
    assert.equal(response.headers.get('x-gateway-cache'), 'hit');
    const [plain] = data.choices[0].message.tool_calls;
    assert.deepEqual(plain.function, { name: first.function.name, arguments: first.function.arguments });
    const [cached] = (await g.client().chat.completions.stream(body).finalMessage()).tool_calls;
    assert.equal(cached.function.arguments, first.function.arguments);
  });

  test('the SDK\'s tool runner goes all the way', async () => {
    const cities = [];
    const runner = g.client().chat.completions.runTools({
      model: 'auto',
      messages: say('Get weather for Oslo.'),
      tools: [{
        ...weather,
        function: { ...weather.function, parse: JSON.parse, function: ({ city }) => { cities.push(city); return '{"degrees":-3}'; } },
      }],
    });
    assert.ok((await runner.finalContent()).length > 0);
    assert.equal(cities.length, 1);
  });
});
