// An election's table of clients (deploy/kubernetes/components/bus-tls/clients) on a running broker with
// mutual TLS and the certificates of scripts/secrets, through the official client.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { PubSub } from '@google-cloud/pubsub';
import grpc from '@grpc/grpc-js';

import { Broker, receive } from './broker.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'pollbus-access-'));
const certificates = join(folder, 'env.d');
const denied = { code: 7 };
const topics = ['election', 'election-quarantine'];
const submitted = 'attributes.function="submit vote"';
const recorded = 'attributes.function="record vote"';
const resultsOf = (machine) => `attributes.function="result" AND attributes.machineID="${machine}"`;
const resultSub = (machine) => `election-result-${machine}-sub`;

const clients = new Map();
let broker;

before(async () => {
  const secrets = (...words) => execFileSync(join(root, 'scripts/secrets'), ['--file', join(folder, 'env'), ...words], { stdio: 'ignore' });
  secrets('machine', '3', '4');
  secrets();
  secrets('office');
  for (const name of ['pedestrian', 'stranger']) secrets('certificate', name);
  const file = (name) => join(certificates, 'pubsub-broker', name);
  broker = await new Broker({
    flags: [
      ...['--tls-cert', file('cert.pem'), '--tls-key', file('key.pem'), '--tls-client-ca', file('ca.pem')],
      ...['--clients', join(root, 'deploy/kubernetes/components/bus-tls/clients')],
      ...topics.flatMap((topic) => ['--create-topic', `projects/local/topics/${topic}`]),
    ],
  }).start();
});

after(async () => {
  await Promise.all([...clients.values()].map((client) => client.close()));
  await broker?.stop();
  rmSync(folder, { recursive: true });
});

// The official client with the certificate of `name`.
function as(name) {
  if (!clients.has(name)) {
    const pem = (file) => readFileSync(join(certificates, name, file));
    const sslCreds = grpc.credentials.createSsl(pem('ca.pem'), pem('key.pem'), pem('cert.pem'));
    clients.set(name, new PubSub({ projectId: 'local', apiEndpoint: broker.address, emulatorMode: false, sslCreds }));
  }
  return clients.get(name);
}

const subscribe = (name, subscription, filter) => as(name).topic('election').createSubscription(subscription, { filter });
const publish = (name, attributes, topic = 'election') =>
  as(name).topic(topic, { batching: { maxMessages: 1 } }).publishMessage({ data: Buffer.from(name), attributes });
const receiveAs = (name, subscription, count) => receive(as(name).subscription(subscription), count);

test('each program creates the subscription that it needs, with its filter', async () => {
  await subscribe('voting-logger', 'election-submit-sub', submitted);
  await subscribe('voting-recorder', 'election-record-sub', recorded);
  await subscribe('machine-3', resultSub(3), resultsOf(3));
  await subscribe('machine-4', resultSub(4), resultsOf(4));
  const office = (to) => `attributes.function="office command" AND attributes.to="${to}"`;
  await subscribe('voting-logger', 'election-logger-office-sub', office('logger'));
  await subscribe('voting-recorder', 'election-recorder-office-sub', `(${office('recorder')}) OR attributes.function="describe election"`);
  await subscribe('office', 'election-office-0a1b-sub', 'attributes.function="office answer" AND attributes.officeID="0a1b"');
});

test('a vote goes its way, and everybody receives what is meant for them', async () => {
  await publish('machine-3', { function: 'submit vote' });
  assert.deepEqual(await receiveAs('voting-logger', 'election-submit-sub', 1), ['machine-3']);
  await publish('voting-logger', { function: 'record vote' });
  assert.deepEqual(await receiveAs('voting-recorder', 'election-record-sub', 1), ['voting-logger']);
  await publish('voting-recorder', { function: 'result', machineID: '3' });
  assert.deepEqual(await receiveAs('machine-3', resultSub(3), 1), ['voting-recorder']);
  await publish('office', { function: 'office command', to: 'logger' });
  assert.deepEqual(await receiveAs('voting-logger', 'election-logger-office-sub', 1), ['office']);
  await publish('voting-logger', { function: 'office answer', officeID: '0a1b' });
  assert.deepEqual(await receiveAs('office', 'election-office-0a1b-sub', 1), ['voting-logger']);
  await publish('machine-4', { reason: 'any' }, 'election-quarantine');
});

test('a machine can neither read the submitted votes nor the results of another machine', async () => {
  for (const subscription of ['election-submit-sub', 'election-record-sub', resultSub(4)]) {
    await assert.rejects(receiveAs('machine-3', subscription, 1), denied, subscription);
    await assert.rejects(as('machine-3').subscription(subscription).delete(), denied, subscription);
    await assert.rejects(as('machine-3').subscription(subscription).seek(new Date(0)), denied, subscription);
  }
  await assert.rejects(subscribe('machine-3', 'election-result-33-sub', resultsOf(33)), denied);
  await assert.rejects(subscribe('machine-3', 'mine', submitted), denied);
  await assert.rejects(as('machine-3').getSubscriptions(), denied);
  await as('machine-3').subscription(resultSub(3)).delete();
  await assert.rejects(subscribe('machine-3', resultSub(3), submitted), denied);
  await assert.rejects(subscribe('machine-3', resultSub(3), ''), denied);
  await subscribe('machine-3', resultSub(3), resultsOf(3));
});

test('nobody can publish what another program publishes', async () => {
  const forgeries = {
    'machine-3': [{ function: 'record vote' }, { function: 'result', machineID: '3' }, { function: 'office command', to: 'logger' }, {}],
    'voting-logger': [{ function: 'submit vote' }, { function: 'office command', to: 'recorder' }],
    'voting-recorder': [{ function: 'record vote' }, { function: 'submit vote' }],
    office: [{ function: 'submit vote' }, { function: 'record vote' }, { function: 'office answer', officeID: '0a1b' }],
    pedestrian: [{ function: 'submit vote' }],
    stranger: [{ function: 'submit vote' }],
  };
  for (const [name, all] of Object.entries(forgeries)) {
    for (const attributes of all) await assert.rejects(publish(name, attributes), denied, `${name}: ${JSON.stringify(attributes)}`);
  }
  await assert.rejects(publish('machine-3', { function: 'describe election', machineID: '4' }), denied);
  await publish('machine-3', { function: 'describe election', machineID: '3' });
});

test('the second system on the bus cannot touch the subscriptions of the election', async () => {
  await assert.rejects(receiveAs('pedestrian', 'election-submit-sub', 1), denied);
  await assert.rejects(as('pedestrian').subscription('election-submit-sub').delete(), denied);
  await assert.rejects(as('pedestrian').topic('election').createSubscription('some-sub', { filter: 'attributes.stage="some"' }), denied);
});

test('a client without a certificate of the authority is not served, and one of an unknown name is told so', async () => {
  const sslCreds = grpc.credentials.createSsl(readFileSync(join(certificates, 'ca.pem')));
  const anonymous = new PubSub({ projectId: 'local', apiEndpoint: broker.address, emulatorMode: false, sslCreds });
  clients.set('', anonymous);
  await assert.rejects(anonymous.topic('election').getMetadata({ timeout: 2_000 }));
  await assert.rejects(as('stranger').topic('election').getMetadata(), {
    code: 7,
    details: 'The client "stranger" is not in the broker\'s table of clients.',
  });
});

test('the operator may do everything', async () => {
  const [subscriptions] = await as('operator').getSubscriptions();
  assert.ok(subscriptions.length >= 6);
  await as('operator').createTopic('another');
});

// Sends a request of REST with the certificate of `name`, and returns the HTTP status and the answer.
async function rest(name, method, path, body) {
  const pem = (file) => readFileSync(join(certificates, name, file));
  const [host, port] = broker.address.split(':');
  const tls = { ca: pem('ca.pem'), key: pem('key.pem'), cert: pem('cert.pem') };
  const sent = request({ host, port, method, path: `/v1/projects/local/${path}`, agent: false, ...tls });
  sent.end(JSON.stringify(body));
  const [response] = await once(sent, 'response');
  response.setEncoding('utf8');
  let text = '';
  for await (const part of response) text += part;
  return [response.statusCode, JSON.parse(text)];
}

test('the table holds for REST as for gRPC', async () => {
  const vote = { data: 'e30=', attributes: { function: 'submit vote' } };
  const result = { data: 'e30=', attributes: { function: 'result', machineID: '3' } };
  assert.equal((await rest('machine-3', 'POST', 'topics/election:publish', { messages: [vote] }))[0], 200);
  const [status, answer] = await rest('machine-3', 'POST', 'topics/election:publish', { messages: [result] });
  assert.equal(status, 403);
  assert.match(answer.error.message, /machine-3/);
  assert.equal((await rest('stranger', 'GET', 'topics', {}))[0], 403);
  const pull = { maxMessages: 1, returnImmediately: true };
  assert.equal((await rest('machine-4', 'POST', `subscriptions/${resultSub(3)}:pull`, pull))[0], 403);
});
