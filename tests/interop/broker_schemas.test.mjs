// Schemas of pubsub-broker: the official client on one side, REST on the other.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Encodings, SchemaTypes } from '@google-cloud/pubsub';

import { Broker, receive } from './broker.mjs';

const avro = JSON.stringify({
  type: 'record',
  name: 'Vote',
  fields: [
    { name: 'machine', type: 'int' },
    { name: 'choice', type: ['null', 'string'] },
  ],
});
const proto = 'syntax = "proto3"; message Vote { int32 machine = 1; string choice = 2; }';
let broker;
let client;

before(async () => {
  broker = await new Broker().start();
  client = broker.client('schemas');
});

after(() => broker?.stop());

async function rest(method, path, body, status = 200) {
  const response = await fetch(`http://${broker.address}/v1/projects/schemas/${path}`, { method, body: body && JSON.stringify(body) });
  const answer = await response.json();
  assert.equal(response.status, status, JSON.stringify(answer));
  return answer;
}

test('schemas are created, shown, listed, revised and deleted, by the official client and by REST', async () => {
  await client.createSchema('seen', SchemaTypes.Avro, avro);
  const shown = await rest('GET', 'schemas/seen');
  assert.equal(shown.definition, avro);
  const { definition: _, ...revised } = await rest('POST', 'schemas/seen:commit', { schema: { type: 'AVRO', definition: avro } });
  assert.notEqual(revised.revisionId, shown.revisionId);
  assert.equal((await client.schema('seen').get()).revisionId, revised.revisionId);
  const { schemas } = await rest('GET', 'schemas/seen:listRevisions');
  assert.deepEqual(schemas.map((each) => each.revisionId), [shown.revisionId, revised.revisionId]);
  const back = await rest('POST', 'schemas/seen:rollback', { revisionId: shown.revisionId });
  await rest('DELETE', `schemas/seen@${back.revisionId}:deleteRevision`);
  await rest('POST', 'schemas?schemaId=by-rest', { type: 'PROTOCOL_BUFFER', definition: proto });
  const names = [];
  for await (const each of client.listSchemas()) names.push(each.name.split('/').pop());
  assert.deepEqual(names.sort(), ['by-rest', 'seen']);
  await client.schema('by-rest').delete();
  await rest('GET', 'schemas/by-rest', undefined, 404);
});

test('definitions and messages are validated', async () => {
  await client.validateSchema({ type: SchemaTypes.ProtocolBuffer, definition: proto });
  await assert.rejects(client.validateSchema({ type: SchemaTypes.Avro, definition: 'junk' }), { code: 3 });
  const schema = { type: 'AVRO', definition: avro };
  const message = (text) => ({ schema, encoding: 'JSON', message: Buffer.from(text).toString('base64') });
  await rest('POST', 'schemas:validateMessage', message('{"machine":3,"choice":null}'));
  await rest('POST', 'schemas:validateMessage', message('{"machine":3}'), 400);
  await rest('POST', 'schemas:validate', { schema });
});

const cases = [
  ['Avro', SchemaTypes.Avro, avro, Encodings.Json, '{"machine":3,"choice":{"string":"x"}}', '{"machine":"3","choice":null}'],
  ['Avro', SchemaTypes.Avro, avro, Encodings.Binary, Buffer.from([6, 2, 2, 0x78]), Buffer.from([6, 4])],
  ['protocol buffers', SchemaTypes.ProtocolBuffer, proto, Encodings.Json, '{"machine":3}', '{"colour":3}'],
  ['protocol buffers', SchemaTypes.ProtocolBuffer, proto, Encodings.Binary, Buffer.from([8, 3]), Buffer.from([8])],
];

for (const [name, type, definition, encoding, good, bad] of cases) {
  test(`a topic with a schema takes only its messages: ${name}, ${encoding}`, async () => {
    const id = `${name.slice(0, 4)}-${encoding}`.toLowerCase();
    await client.createSchema(id, type, definition);
    const schema = `projects/schemas/schemas/${id}`;
    const [topic] = await client.createTopic({
      name: `projects/schemas/topics/${id}`,
      schemaSettings: { schema, encoding },
    });
    const [subscription] = await topic.createSubscription(id, {
      filter: `attributes.googclient_schemaname = "${schema}"`,
    });
    await assert.rejects(topic.publishMessage({ data: Buffer.from(bad) }), {
      code: 3,
      details: /failed schema validation/,
    });
    await topic.publishMessage({ data: Buffer.from(good) });
    assert.deepEqual(await receive(subscription, 1), [Buffer.from(good).toString()]);
    await client.schema(id).delete();
    assert.equal((await topic.getMetadata())[0].schemaSettings.schema, '_deleted-schema_');
    await assert.rejects(topic.publishMessage({ data: Buffer.from(good) }), { code: 5 });
  });
}
