import { APIError, APIUserAbortError, BadRequestError, RateLimitError } from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { matrix, Recipe, resultOf, schemaOf, tools } from './matrix.js';
import { say } from '../gateway.js';

const functions = Object.entries(tools).map(([name, tool]) =>
  ({ type: 'function', function: { name, description: tool.description, parameters: schemaOf(tool) } }));
const usageOf = ({ prompt_tokens, completion_tokens }) => ({ input: prompt_tokens, output: completion_tokens });
const effort = (think) => (think ? { reasoning_effort: 'high' } : {});

matrix('openai, chat completions', (g) => {
  const { completions } = g.client().chat;

  // message sends a call, streamed or not, and returns its message, which is
  // then the SDK's own sum of the stream.
  async function final(body, { stream, signal, onText } = {}) {
    if (!stream) return completions.create(body, { signal });
    const runner = completions.stream({ ...body, stream_options: { include_usage: true } }, { signal });
    if (onText) runner.on('content', onText);
    let thoughts = ''; // of which the SDK's sum knows nothing
    runner.on('chunk', (chunk) => (thoughts += chunk.choices[0]?.delta.reasoning_content ?? ''));
    const answer = await runner.finalChatCompletion();
    if (thoughts) answer.choices[0].message.reasoning_content = thoughts;
    return answer;
  }

  return {
    async ask(model, prompt, { max, think, ...how } = {}) {
      const body = { model, messages: say(prompt), ...effort(think), ...(max && { max_completion_tokens: max }) };
      const { choices: [{ message, finish_reason }], usage } = await final(body, how);
      return { text: message.content, thoughts: message.reasoning_content ?? '', finish: finish_reason, usage: usageOf(usage) };
    },
    async callTools(model, prompt, { think, next = model, ...how }) {
      const body = { model, tools: functions, messages: say(prompt), ...effort(think) };
      const { choices: [{ message }] } = await final(body, how);
      const { reasoning_content: _, ...own } = message; // which OpenAI itself refuses
      const results = message.tool_calls.map((call) =>
        ({ role: 'tool', tool_call_id: call.id, content: resultOf(call.function.name) }));
      const last = await final({ ...body, model: next, messages: [...body.messages, message, ...results] }, how);
      const calls = message.tool_calls.map((call) => ({ name: call.function.name, input: JSON.parse(call.function.arguments) }));
      return { calls, text: last.choices[0].message.content };
    },
    async structured(model, prompt, { stream }) {
      const body = { model, messages: say(prompt), response_format: zodResponseFormat(Recipe, 'recipe') };
      const answer = stream ? await completions.stream(body).finalChatCompletion() : await completions.parse(body);
      return answer.choices[0].message.parsed;
    },
    badRequest: (err) => err instanceof BadRequestError,
    rateLimited: (err) => err instanceof RateLimitError,
    retryAfter: (err) => err.headers.get('retry-after'),
    broken: (err) => err instanceof APIError && /^provider_/.test(err.error?.gateway_code),
    aborted: (err) => err instanceof APIUserAbortError,
  };
}, {
  strict: false, // the simulated OpenAI shows its thoughts, unlike the real one, and gets them back
  thoughts: (dialect) => dialect !== 'responses', // which tells of them when it is asked, and Chat cannot ask
});
