// The Vercel AI SDK is the same for every provider package; only how a model
// is made and told to think differs.
import { APICallError, generateText, Output, stepCountIs, streamText, tool } from 'ai';
import { Recipe, resultOf, tools } from './matrix.js';

const toolSet = Object.fromEntries(Object.entries(tools).map(([name, { description, input }]) =>
  [name, tool({ description, inputSchema: input, execute: () => resultOf(name) })]));
const quiet = { maxRetries: 0, onError() {} }; // which would print
globalThis.AI_SDK_LOG_WARNINGS = false;

// aiClient is a client of the matrix: `make(model)` returns a language model,
// and `thinking` are the provider options that make it think.
export function aiClient(make, thinking) {
  // run returns what a call ends with, or throws what it fails with.
  async function run(options, { stream, onText = () => {} } = {}) {
    if (!stream) {
      return generateText({ ...quiet, ...options });
    }
    const result = streamText({ ...quiet, ...options });
    for await (const part of result.fullStream) {
      if (part.type === 'text-delta') onText(part.text);
      if (part.type === 'error') throw part.error;
      if (part.type === 'abort') throw options.abortSignal.reason;
    }
    const names = ['text', 'reasoningText', 'finishReason', 'usage', 'steps'];
    if (options.output) names.push('output');
    const values = await Promise.all(names.map((name) => result[name]));
    return Object.fromEntries(names.map((name, i) => [name, values[i]]));
  }
  const told = (think) => (think ? { providerOptions: thinking } : {});

  return {
    async ask(model, prompt, { max, think, signal, ...how } = {}) {
      const options = { model: make(model), prompt, maxOutputTokens: max, abortSignal: signal, ...told(think) };
      const { text, reasoningText, finishReason, usage } = await run(options, how);
      return {
        text, thoughts: reasoningText ?? '', finish: finishReason,
        usage: { input: usage.inputTokens, output: usage.outputTokens },
      };
    },
    async callTools(model, prompt, { think, next = model, ...how }) {
      const prepareStep = ({ stepNumber }) => ({ model: make(stepNumber ? next : model) });
      const options = { model: make(model), prompt, tools: toolSet, stopWhen: stepCountIs(3), prepareStep, ...told(think) };
      const { text, steps } = await run(options, how);
      const calls = steps.flatMap((step) => step.toolCalls).map((call) => ({ name: call.toolName, input: call.input }));
      return { calls, text };
    },
    async structured(model, prompt, how) {
      return (await run({ model: make(model), prompt, output: Output.object({ schema: Recipe }) }, how)).output;
    },
    badRequest: (err) => APICallError.isInstance(err) && err.statusCode === 400 && !err.isRetryable,
    rateLimited: (err) => APICallError.isInstance(err) && err.statusCode === 429 && err.isRetryable,
    retryAfter: (err) => err.responseHeaders['retry-after'],
    broken: (err) => /^the provider('s answer ended early| broke the connection)$/.test(err.message),
    aborted: (err) => err.name === 'AbortError',
  };
}
