import { createOpenAI } from '@ai-sdk/openai';
import { aiClient } from './ai.js';
import { matrix } from './matrix.js';

const provider = (g) => createOpenAI({ baseURL: `${g.url}/v1`, apiKey: 'any' });
const thinking = { forceReasoning: true, reasoningEffort: 'high', reasoningSummary: 'auto' };

matrix('@ai-sdk/openai, responses', (g) => aiClient(provider(g), { openai: thinking }), {
  // The second question refers to the items of the first answer. Those of OpenAI's Responses, OpenAI keeps itself: the
  // simulator does not, and who goes on elsewhere (with openai, after responses) gets a 400.
  skip: (title, dialect) => dialect === 'responses' && title.startsWith('reasoning before tools')
    || dialect === 'openai' && title.startsWith('reasoning that began elsewhere'),
});
matrix('@ai-sdk/openai, responses that are not kept', (g) =>
  aiClient(provider(g), { openai: { ...thinking, store: false } }));
matrix('@ai-sdk/openai, chat completions', (g) =>
  aiClient(provider(g).chat, { openai: { forceReasoning: true, reasoningEffort: 'high' } }), { thoughts: () => false }); // which it does not read
