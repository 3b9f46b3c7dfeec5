// A provider whose every answer a test writes by hand.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { after, before } from 'node:test';

// upstream registers hooks that run a provider around the tests of a file. Each
// call that arrives is given to `answer`, or, without it, to whoever awaits
// `next()`. A call has its parsed `body`; the `response` to write, or
// `stream(...texts)`, which sends a chunk for each text; and `closed`, which
// resolves with the time at which the gateway's connection went away.
export function upstream(answer) {
  const waiting = [];
  const arrived = [];
  const u = {
    next: () => (arrived.length ? Promise.resolve(arrived.shift()) : new Promise((resolve) => waiting.push(resolve))),
  };
  const server = createServer(async (request, response) => {
    const closed = new Promise((resolve) => request.socket.once('close', () => resolve(performance.now())));
    let text = '';
    for await (const part of request) text += part;
    const call = { body: JSON.parse(text), response, closed, stream: (...texts) => stream(response, texts) };
    if (answer) answer(call);
    else if (waiting.length) waiting.shift()(call);
    else arrived.push(call);
  });

  before(async () => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    u.url = `http://127.0.0.1:${server.address().port}/v1`;
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return u;
}

function stream(response, texts) {
  if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const content of texts) {
    const choices = [{ index: 0, delta: { content }, finish_reason: null }];
    const chunk = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices };
    response.write(`data: ${JSON.stringify(chunk)}\n\n`);
  }
}
