// The official MCP SDK against the gateway, over stdio and over HTTP.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { gateway } from './gateway.js';

const binary = process.env.GATEWAY_BIN ?? fileURLToPath(new URL('../bin/gateway', import.meta.url));

// The arguments of a call of each tool that stands alone.
const calls = {
  llm_chat: { model: 'auto', messages: [{ role: 'user', content: 'hello' }] },
  llm_models: {},
  code_agent: { task: 'say hello' },
  conversation_get: { id: 'c' },
  conversation_list: {},
  context_put: { id: 'c', summary: { text: 'so far' } },
  todo_write: { id: 'c', todos: [{ id: 1, title: 't', description: '', status: 'not-started' }] },
  todo_list: { id: 'c' },
  find_tools: { query: 'file' },
  describe_tool: { name: 'llm_chat' },
  call_tool: { name: 'llm_models', arguments: {} },
};

const fileCalls = {
  read_text_file: { path: 'a.txt' },
  read_multiple_files: { paths: ['a.txt'] },
  read_media_file: { path: 'a.txt' },
  list_directory: { path: '.' },
  directory_tree: { path: '.' },
  search_files: { path: '.', pattern: '*.txt' },
  grep_files: { path: '.', pattern: 'here' },
  get_file_info: { path: 'a.txt' },
  list_allowed_directories: {},
};

// check lists the tools, and calls them; the SDK holds answers against the
// schemas that the list has.
async function check(client, all) {
  const { tools } = await client.listTools();
  for (const [name, args] of Object.entries(all)) {
    assert.ok(tools.some((tool) => tool.name === name), `${name} is not listed`);
    const answer = await client.callTool({ name, arguments: args });
    assert.ok(!answer.isError, `${name}: ${JSON.stringify(answer.content)}`);
    assert.ok(answer.structuredContent, `${name} has no structured content`);
  }
  await assert.rejects(client.callTool({ name: 'nope', arguments: {} }), /-32602/);
  const wrong = await client.callTool({ name: 'todo_list', arguments: { ID: 'c' } });
  assert.ok(wrong.isError);
  const { resources } = await client.listResources();
  assert.ok((await client.readResource({ uri: resources[0].uri })).contents[0].text.includes('auto'));
  const { prompts } = await client.listPrompts();
  assert.ok(prompts.some((prompt) => prompt.name === 'code_review'));
  const completed = await client.complete({
    ref: { type: 'ref/prompt', name: 'code_review' },
    argument: { name: 'model', value: 'au' },
  });
  assert.deepEqual(completed.completion.values, ['auto']);
}

describe('over stdio', () => {
  let dir, client;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'gateway-mcp-'));
    await writeFile(join(dir, 'a.txt'), 'here\n');
    client = new Client({ name: 'e2e', version: '1.0.0' });
    const env = { PATH: process.env.PATH, HOME: dir, MCP_PROFILE: 'full' };
    await client.connect(new StdioClientTransport({ command: binary, args: ['mcp'], cwd: dir, env, stderr: 'ignore' }));
  });
  after(async () => {
    await client.close();
    await rm(dir, { recursive: true });
  });
  test('lists and calls the tools', () => check(client, { ...calls, ...fileCalls }));
  test('reports progress', async () => {
    const seen = [];
    await client.callTool({ name: 'code_agent', arguments: { task: 'x' } }, undefined, {
      onprogress: (p) => seen.push(p.progress),
    });
    // The SDK forgets the listener as soon as it reads the result, so that a
    // notification read together with it is lost; TestNoProgressIsLost counts them all.
    assert.equal(seen[0], 0);
    assert.ok(seen.length === 1 || (seen.length === 2 && seen[1] === 1), `${seen}`);
  });
});

describe('over HTTP', () => {
  const g = gateway({
    config: () => 'mcp: {profile: full}\n',
  });
  test('lists and calls the tools', async () => {
    const client = new Client({ name: 'e2e', version: '1.0.0' });
    await client.connect(new StreamableHTTPClientTransport(new URL(`${g.url}/mcp`)));
    await check(client, calls);
    await client.close();
  });
});
