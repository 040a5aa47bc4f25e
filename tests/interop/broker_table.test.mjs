// The table in docs/from-the-emulator.md says what pubsub-broker and Google's emulator do. Each of its
// rows is asked of the broker; with EMULATOR=HOST:PORT also of an emulator that runs there.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { PubSub } from '@google-cloud/pubsub';

import { Broker } from './broker.mjs';

const page = readFileSync(fileURLToPath(new URL('../../docs/from-the-emulator.md', import.meta.url)), 'utf8');
const rows = new Map(
  page
    .split('## What each of both does')[1]
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| |'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, name, emulator, broker]) => [name, { emulator, broker }]),
);

let broker;
let endpoint;

before(async () => {
  endpoint = createServer((request, response) => {
    request.resume();
    response.writeHead(200).end();
    endpoint.emit('pushed');
  });
  endpoint.listen(0, '127.0.0.1');
  await once(endpoint, 'listening');
  broker = await new Broker({ flags: ['--enable-push', '--push-target', '127.0.0.1'] }).start();
});

after(async () => {
  await broker?.stop();
  endpoint.close();
});

let count = 0;

// What a question needs: calls of REST, and names that no other question uses.
class Server {
  constructor(address) {
    const id = `q${Date.now()}-${++count}`;
    Object.assign(this, { address, topic: `projects/p/topics/${id}`, sub: `projects/p/subscriptions/${id}` });
    Object.assign(this, { snapshot: `projects/p/snapshots/${id}`, schema: `projects/p/schemas/${id}`, id });
  }

  // The answer of a call that succeeds; undefined for one that fails.
  async call(method, path, body, headers = { 'content-type': 'application/json' }) {
    const response = await fetch(`http://${this.address}/v1/${path}`, {
      method,
      ...(method === 'GET' || method === 'DELETE' ? {} : { headers, body: JSON.stringify(body ?? {}) }),
    });
    const text = await response.text();
    return response.ok ? JSON.parse(text) : undefined;
  }
  async create(subscription = {}, topic = {}) {
    if ((await this.call('PUT', this.topic, topic)) === undefined) return undefined;
    return this.call('PUT', this.sub, { topic: this.topic, ...subscription });
  }
  publish(...messages) {
    return this.call('POST', `${this.topic}:publish`, { messages });
  }
  async pull(maxMessages = 10, sub = this.sub) {
    const answer = await this.call('POST', `${sub}:pull`, { maxMessages, returnImmediately: true });
    return answer?.receivedMessages ?? [];
  }
  nack(message) {
    return this.call('POST', `${this.sub}:modifyAckDeadline`, { ackIds: [message.ackId], ackDeadlineSeconds: 0 });
  }
  ack(...messages) {
    return this.call('POST', `${this.sub}:acknowledge`, { ackIds: messages.map((each) => each.ackId) });
  }
}

const hello = { data: 'aGVsbG8=' };
const avro = JSON.stringify({ type: 'record', name: 'R', fields: [{ name: 'a', type: 'int' }] });

async function schemas(server, type, definition) {
  const created = await server.call('POST', `projects/p/schemas?schemaId=${server.id}`, { type, definition });
  if (created === undefined) return false;
  await server.create({}, { schemaSettings: { schema: server.schema, encoding: 'JSON' } });
  const [good, bad] = ['{"a":1}', '{"b":1}'].map((text) => ({ data: Buffer.from(text).toString('base64') }));
  return (await server.publish(bad)) === undefined && (await server.publish(good)) !== undefined;
}

const questions = {
  'gRPC and REST on one port': async (server) => {
    await server.create();
    process.env.PUBSUB_EMULATOR_HOST = server.address;
    const client = new PubSub({ projectId: 'p' });
    const [exists] = await client.topic(server.id).exists();
    await client.close();
    return exists;
  },
  '`curl -d` without a content type': async (server) => {
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    return (await server.call('PUT', server.topic, {}, form)) !== undefined;
  },
  'filters are applied': async (server) => {
    await server.create({ filter: 'attributes.a = "1"' });
    await server.publish({ attributes: { a: '1' } }, { attributes: { a: '2' } });
    return (await server.pull()).length === 1;
  },
  'an invalid filter is refused': async (server) => (await server.create({ filter: 'not a filter' })) === undefined,
  'a message of an ordering key waits until the one before it is acked': async (server) => {
    await server.create({ enableMessageOrdering: true });
    for (const data of ['MQ==', 'Mg==']) await server.publish({ data, orderingKey: 'k' });
    const [first] = await server.pull(1);
    const early = await server.pull(1);
    await server.ack(first);
    return early.length === 0 && (await server.pull(1)).length === 1;
  },
  'dead letters': async (server) => {
    const graveyard = `${server.topic}-dead`;
    await server.call('PUT', graveyard);
    await server.call('PUT', `${server.sub}-dead`, { topic: graveyard });
    await server.create({ deadLetterPolicy: { deadLetterTopic: graveyard, maxDeliveryAttempts: 5 } });
    await server.publish(hello);
    for (let i = 0; i < 5; ++i) {
      for (const message of await server.pull()) await server.nack(message);
    }
    // A pull that waits.
    const answer = await server.call('POST', `${server.sub}-dead:pull`, { maxMessages: 1 });
    return (answer?.receivedMessages ?? []).length === 1;
  },
  'a retry policy delays a message': async (server) => {
    await server.create({ retryPolicy: { minimumBackoff: '60s', maximumBackoff: '60s' } });
    await server.publish(hello);
    for (const message of await server.pull()) await server.nack(message);
    return (await server.pull()).length === 0;
  },
  'exactly-once delivery refuses acks that have no effect': async (server) => {
    await server.create({ enableExactlyOnceDelivery: true });
    await server.publish(hello);
    const messages = await server.pull();
    await server.ack(...messages);
    return (await server.ack(...messages)) === undefined;
  },
  'seek to a snapshot': async (server) => {
    await server.create();
    await server.call('PUT', server.snapshot, { subscription: server.sub });
    await server.publish(hello);
    await server.ack(...(await server.pull()));
    await server.call('POST', `${server.sub}:seek`, { snapshot: server.snapshot });
    return (await server.pull()).length === 1;
  },
  'seek of a new subscription to what its topic has retained': async (server) => {
    await server.call('PUT', server.topic, { messageRetentionDuration: '3600s' });
    await server.publish(hello);
    await server.call('PUT', server.sub, { topic: server.topic });
    await server.call('POST', `${server.sub}:seek`, { time: new Date(Date.now() - 60_000).toISOString() });
    return (await server.pull()).length === 1;
  },
  'detaching a subscription': async (server) => {
    await server.create();
    return (await server.call('POST', `${server.sub}:detach`)) !== undefined;
  },
  push: async (server) => {
    const pushed = once(endpoint, 'pushed', { signal: AbortSignal.timeout(20_000) });
    await server.create({ pushConfig: { pushEndpoint: `http://127.0.0.1:${endpoint.address().port}/` } });
    await server.publish(hello);
    const isPushed = await pushed.then(
      () => true,
      () => false,
    );
    await server.call('DELETE', server.sub);
    return isPushed;
  },
  'Avro schemas': (server) => schemas(server, 'AVRO', avro),
  'protocol buffer schemas': (server) => schemas(server, 'PROTOCOL_BUFFER', 'syntax = "proto3"; message R { int32 a = 1; }'),
  'IAM policies are kept, and decide nothing': async (server) => {
    await server.create();
    const policy = { bindings: [{ role: 'roles/pubsub.viewer', members: ['user:a@example.com'] }] };
    await server.call('POST', `${server.topic}:setIamPolicy`, { policy });
    return (await server.call('GET', `${server.topic}:getIamPolicy`))?.bindings?.length === 1;
  },
  'message transforms (JavaScript) are refused, not ignored': async (server) => {
    const messageTransforms = [{ javascriptUdf: { functionName: 'f', code: 'function f(m, c) { return null; }' } }];
    return (await server.create({ messageTransforms })) === undefined;
  },
  'BigQuery subscriptions are refused, not ignored': async (server) =>
    (await server.create({ bigqueryConfig: { table: 'p.d.t' } })) === undefined,
};

test('the table has each question, and each question is in the table', () => {
  assert.deepEqual([...rows.keys()], Object.keys(questions));
});

const word = (is) => (is ? 'yes' : 'no');

for (const [name, ask] of Object.entries(questions)) {
  test(`as the table says: ${name}`, async () => {
    assert.equal(word(await ask(new Server(broker.address))), rows.get(name)?.broker);
    if (process.env.EMULATOR) {
      assert.equal(word(await ask(new Server(process.env.EMULATOR))), rows.get(name).emulator, 'emulator');
    }
  });
}
