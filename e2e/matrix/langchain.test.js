import { HumanMessage, ToolMessage } from '@langchain/core/messages';
import { tool } from '@langchain/core/tools';
import { ChatOpenAI } from '@langchain/openai';
import { APIError, BadRequestError, RateLimitError } from 'openai';
import { matrix, Recipe, resultOf, tools } from './matrix.js';

const functions = Object.entries(tools).map(([name, { description, input }]) =>
  tool(() => resultOf(name), { name, description, schema: input }));

// client is LangChain's with one of its two APIs, which is told how to think
// by `thinking` and says in its messages what it `thought`, and why it ended.
function client(g, useResponsesApi, thinking, thoughts, reason) {
  const chat = (model, { max, think } = {}) => new ChatOpenAI({
    model, apiKey: 'any', configuration: { baseURL: `${g.url}/v1` }, maxRetries: 0, timeout: 10_000, useResponsesApi,
    streamUsage: true, maxTokens: max, ...(think && { modelKwargs: thinking }),
  });

  // final is the answer, streamed or not.
  async function final(runnable, messages, { stream, signal, onText = () => {} } = {}) {
    if (!stream) return runnable.invoke(messages, { signal });
    let sum;
    for await (const chunk of await runnable.stream(messages, { signal })) {
      sum = sum ? sum.concat(chunk) : chunk;
      if (chunk.text) onText(chunk.text);
    }
    return sum;
  }

  return {
    async ask(model, prompt, { max, think, ...how } = {}) {
      const answer = await final(chat(model, { max, think }), [new HumanMessage(prompt)], how);
      const { input_tokens, output_tokens } = answer.usage_metadata;
      return {
        text: answer.text, thoughts: thoughts(answer), finish: reason(answer.response_metadata),
        usage: { input: input_tokens, output: output_tokens },
      };
    },
    async callTools(model, prompt, { think, next = model, ...how }) {
      const runnable = (name) => chat(name, { think }).bindTools(functions);
      const messages = [new HumanMessage(prompt)];
      const first = await final(runnable(model), messages, how);
      const results = first.tool_calls.map((call) => new ToolMessage({ content: resultOf(call.name), tool_call_id: call.id }));
      const last = await final(runnable(next), [...messages, first, ...results], how);
      return { calls: first.tool_calls.map((call) => ({ name: call.name, input: call.args })), text: last.text };
    },
    async structured(model, prompt, { stream }) {
      const runnable = chat(model).withStructuredOutput(Recipe, { name: 'recipe' });
      if (!stream) return runnable.invoke(prompt);
      let last;
      for await (const value of await runnable.stream(prompt)) last = value;
      return last;
    },
    badRequest: (err) => err instanceof BadRequestError,
    rateLimited: (err) => err instanceof RateLimitError && err.lc_error_code === 'MODEL_RATE_LIMIT',
    retryAfter: (err) => err.headers.get('retry-after'),
    broken: (err) => err instanceof APIError,
    aborted: (err) => err.name === 'AbortError',
  };
}

matrix('@langchain/openai, chat completions', (g) => client(
  g, false, { reasoning_effort: 'high' },
  (answer) => answer.additional_kwargs.reasoning_content ?? '',
  ({ finish_reason }) => finish_reason,
), { thoughts: (dialect) => dialect !== 'responses' }); // which tells of them when it is asked, and Chat cannot ask

matrix('@langchain/openai, responses', (g) => client(
  g, true, { reasoning: { effort: 'high', summary: 'auto' } },
  (answer) => (answer.additional_kwargs.reasoning?.summary ?? []).map((part) => part.text).join(''),
  ({ status, incomplete_details }) => ({ completed: 'stop', max_output_tokens: 'length' })[incomplete_details?.reason ?? status],
));
