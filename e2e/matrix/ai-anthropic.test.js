import { createAnthropic } from '@ai-sdk/anthropic';
import { aiClient } from './ai.js';
import { matrix } from './matrix.js';

matrix('@ai-sdk/anthropic', (g) => aiClient(
  createAnthropic({ baseURL: `${g.url}/v1`, apiKey: 'any' }),
  { anthropic: { thinking: { type: 'enabled', budgetTokens: 1024 } } },
), {
  // Of models that it does not know it asks for structure by forcing a tool, which Ollama cannot be told.
  skip: (title, dialect) => dialect === 'ollama' && title.startsWith('structured output'),
});
