import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AuthenticationError, BadRequestError, InternalServerError, NotFoundError, RateLimitError } from 'openai';
import { gateway, say } from './gateway.js';
import { upstream } from './upstream.js';

describe('an error of the caller', () => {
  const g = gateway({
    config: () => `
keys: [{id: app, key: correct-key-of-the-app}]
providers: {mine: {dialect: openai, base_url: "http://127.0.0.1:1/v1"}}
`,
  });
  const client = (options) => g.client({ apiKey: 'correct-key-of-the-app', ...options });

  async function assertFails(promise, type, want) {
    const err = await failure(promise, type);
    const { gateway_code } = err.error;
    assert.deepEqual({ code: err.code, param: err.param, gateway_code }, want);
    assert.equal(err.headers.get('x-gateway-error'), gateway_code);
  }

  test('a wrong key is an AuthenticationError', () =>
    assertFails(client({ apiKey: 'wrong-key' }).models.list(), AuthenticationError, {
      code: 'invalid_api_key', param: null, gateway_code: 'caller_unauthenticated',
    }));

  test('the right key is let in', () => client().models.list());

  test('an unknown model is a NotFoundError', () =>
    assertFails(client().chat.completions.create({ model: 'no-such-model', messages: say('Hello') }), NotFoundError, {
      code: 'model_not_found', param: 'model', gateway_code: 'caller_model_not_found',
    }));

  test('a model that is no string is a BadRequestError', () =>
    assertFails(client().chat.completions.create({ model: 5, messages: say('Hello') }), BadRequestError, {
      code: 'invalid_value', param: 'model', gateway_code: 'caller_invalid_field',
    }));

  test('a call without a model is a BadRequestError', () =>
    assertFails(client().chat.completions.create({ messages: say('Hello') }), BadRequestError, {
      code: 'missing_required_parameter', param: 'model', gateway_code: 'caller_missing_field',
    }));

  test('an unknown route is a NotFoundError', () =>
    assertFails(client().get('/no/such/route'), NotFoundError, {
      code: 'unknown_url', param: null, gateway_code: 'caller_route_not_found',
    }));
});

describe('an error of the provider', () => {
  const refuse = ({ body, response }, status, headers = {}) =>
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify({ error: { message: `no ${body.model}`, type: 'x', param: null, code: null } }));
  const answers = {
    rejects: (call) => refuse(call, 400),
    fails: (call) => refuse(call, 500),
    overloaded: (call) => refuse(call, 503),
    html: ({ response }) => response.writeHead(200, { 'content-type': 'text/html' }).end('<p>Welcome</p>'),
    redirects: ({ response }) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    closes: ({ response }) => response.socket.destroy(),
    forbids: (call) => refuse(call, 401),
    limits: (call) => refuse(call, 429, { 'retry-after': '7' }),
  };
  const up = upstream((call) => answers[call.body.model](call));
  // One provider for each, since one that fails is set aside after a while.
  const provider = (name) => `  ${name}: {dialect: openai, base_url: "${up.url}"}\n`;
  const g = gateway({ config: () => `providers:\n${Object.keys(answers).map(provider).join('')}` });
  const failing = (how) => g.client().chat.completions.create({ model: `${how}/${how}`, messages: say('Hello') });

  test('rejects: a BadRequestError, in its own words', async () => {
    const err = await failure(failing('rejects'), BadRequestError);
    assert.match(err.message, /no rejects/);
    assert.equal(err.headers.get('x-gateway-error'), 'provider_rejected');
  });

  for (const [how, status, code] of [
    ['fails', 502, 'upstream_failed'],
    ['overloaded', 503, 'overloaded'],
    ['html', 502, 'upstream_bad_response'],
    ['redirects', 502, 'upstream_redirect'],
    ['closes', 502, 'upstream_truncated'],
    ['forbids', 502, 'provider_auth'],
  ]) {
    test(`${how}: an InternalServerError, in the gateway's words`, async () => {
      const err = await failure(failing(how), InternalServerError);
      assert.deepEqual({ status: err.status, code: err.code }, { status, code });
      assert.doesNotMatch(err.message, /no |Welcome/);
    });
  }

  test('limits: a RateLimitError with Retry-After', async () => {
    const err = await failure(failing('limits'), RateLimitError);
    assert.equal(err.code, 'rate_limit_exceeded');
    assert.equal(err.headers.get('retry-after'), '7');
  });
});

// failure is the error that a promise ends in, which has to be of the type.
async function failure(promise, type) {
  const err = await promise.then(() => assert.fail('there was no error'), (err) => err);
  assert.ok(err instanceof type, `${err} is no ${type.name}`);
  assert.ok(err.requestID);
  return err;
}
