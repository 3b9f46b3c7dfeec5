import { APIError, APIUserAbortError, BadRequestError, RateLimitError } from 'openai';
import { zodTextFormat } from 'openai/helpers/zod';
import { matrix, Recipe, resultOf, schemaOf, tools } from './matrix.js';
import { say } from '../gateway.js';

const functions = Object.entries(tools).map(([name, tool]) =>
  ({ type: 'function', name, description: tool.description, parameters: schemaOf(tool), strict: false }));
const effort = (think) => (think ? { reasoning: { effort: 'high', summary: 'auto' } } : {});
const thoughtsOf = (output) => output.filter((item) => item.type === 'reasoning')
  .flatMap((item) => item.summary.map((part) => part.text)).join('');
// sent is an item without what the SDK has added to it, which OpenAI refuses.
const sent = ({ parsed_arguments, ...item }) => item;

for (const kept of [false, true]) {
  matrix(`openai, responses that are ${kept ? '' : 'not '}kept`, (g) => {
    const { responses } = g.client();

    async function final(body, { stream, signal, onText } = {}) {
      body = { ...body, store: kept, ...(!kept && { include: ['reasoning.encrypted_content'] }) };
      if (!stream) return responses.create(body, { signal });
      const runner = responses.stream(body, { signal });
      if (onText) runner.on('response.output_text.delta', ({ delta }) => onText(delta));
      const answer = await runner.finalResponse();
      if (answer.status === 'failed') throw answer.error;
      return answer;
    }

    return {
      async ask(model, prompt, { max, think, ...how } = {}) {
        const body = { model, input: prompt, ...effort(think), ...(max && { max_output_tokens: max }) };
        const { output, output_text, status, incomplete_details, usage } = await final(body, how);
        return {
          text: output_text, thoughts: thoughtsOf(output),
          finish: { completed: 'stop', max_output_tokens: 'length' }[incomplete_details?.reason ?? status],
          usage: { input: usage.input_tokens, output: usage.output_tokens },
        };
      },
      async callTools(model, prompt, { think, next = model, ...how }) {
        const body = { model, tools: functions, input: say(prompt), ...effort(think) };
        const first = await final(body, how);
        const asked = first.output.filter((item) => item.type === 'function_call');
        const results = asked.map((call) =>
          ({ type: 'function_call_output', call_id: call.call_id, output: resultOf(call.name) }));
        const more = kept
          ? { previous_response_id: first.id, input: results }
          : { input: [...body.input, ...first.output.map(sent), ...results] };
        const last = await final({ ...body, model: next, ...more }, how);
        const calls = asked.map((call) => ({ name: call.name, input: JSON.parse(call.arguments) }));
        return { calls, text: last.output_text };
      },
      async structured(model, prompt, { stream }) {
        const body = { model, input: prompt, text: { format: zodTextFormat(Recipe, 'recipe') }, store: kept };
        const answer = stream ? await responses.stream(body).finalResponse() : await responses.parse(body);
        return answer.output_parsed;
      },
      badRequest: (err) => err instanceof BadRequestError,
      rateLimited: (err) => err instanceof RateLimitError,
      retryAfter: (err) => err.headers.get('retry-after'),
      broken: (err) => err instanceof APIError,
      aborted: (err) => err instanceof APIUserAbortError,
    };
  }, {
    // The provider keeps what it has answered itself, and the simulator does not.
    skip: (title, dialect) => kept && dialect === 'responses' && /tools/.test(title),
  });
}
