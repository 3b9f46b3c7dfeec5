import Anthropic, { APIError, APIUserAbortError, BadRequestError, RateLimitError } from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import { matrix, Recipe, resultOf, schemaOf, tools } from './matrix.js';
import { say } from '../gateway.js';

const functions = Object.entries(tools).map(([name, tool]) =>
  ({ name, description: tool.description, input_schema: schemaOf(tool) }));
const thinking = (think) => (think ? { thinking: { type: 'enabled', budget_tokens: 1024 } } : {});
const joined = (content, type, key) => content.filter((block) => block.type === type).map((block) => block[key]).join('');

matrix('@anthropic-ai/sdk', (g) => {
  const { messages } = new Anthropic({ baseURL: g.url, apiKey: 'any', maxRetries: 0, timeout: 10_000 });

  async function final(body, { stream, signal, onText } = {}) {
    if (!stream) return messages.create(body, { signal });
    const runner = messages.stream(body, { signal });
    if (onText) runner.on('text', onText);
    return runner.finalMessage();
  }

  return {
    async ask(model, prompt, { max = 2048, think, ...how } = {}) {
      const body = { model, max_tokens: max, messages: say(prompt), ...thinking(think) };
      const { content, stop_reason, usage } = await final(body, how);
      return {
        text: joined(content, 'text', 'text'), thoughts: joined(content, 'thinking', 'thinking'),
        finish: { end_turn: 'stop', max_tokens: 'length' }[stop_reason],
        usage: { input: usage.input_tokens, output: usage.output_tokens },
      };
    },
    async callTools(model, prompt, { think, next = model, ...how }) {
      const body = { model, max_tokens: 2048, tools: functions, messages: say(prompt), ...thinking(think) };
      const { content } = await final(body, how);
      const asked = content.filter((block) => block.type === 'tool_use');
      const results = asked.map((call) => ({ type: 'tool_result', tool_use_id: call.id, content: resultOf(call.name) }));
      const turns = [{ role: 'assistant', content }, { role: 'user', content: results }];
      const last = await final({ ...body, model: next, messages: [...body.messages, ...turns] }, how);
      return { calls: asked.map(({ name, input }) => ({ name, input })), text: joined(last.content, 'text', 'text') };
    },
    async structured(model, prompt, { stream }) {
      const body = { model, max_tokens: 2048, messages: say(prompt), output_config: { format: zodOutputFormat(Recipe) } };
      const answer = stream ? await messages.stream(body).finalMessage() : await messages.parse(body);
      return answer.parsed_output;
    },
    badRequest: (err) => err instanceof BadRequestError && err.type === 'invalid_request_error',
    rateLimited: (err) => err instanceof RateLimitError && err.type === 'rate_limit_error',
    retryAfter: (err) => err.headers.get('retry-after'),
    broken: (err) => err instanceof APIError,
    aborted: (err) => err instanceof APIUserAbortError,
  };
});
