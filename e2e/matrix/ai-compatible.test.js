import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { aiClient } from './ai.js';
import { matrix } from './matrix.js';

matrix('@ai-sdk/openai-compatible', (g) => aiClient(
  createOpenAICompatible({
    name: 'gateway', baseURL: `${g.url}/v1`, apiKey: 'any', includeUsage: true, supportsStructuredOutputs: true,
  }),
  { gateway: { reasoningEffort: 'high' } },
), {
  strict: false, // it sends reasoning_content back, as the servers that it is made for have it
  thoughts: (dialect) => dialect !== 'responses', // which tells of them when it is asked, and Chat cannot ask
});
