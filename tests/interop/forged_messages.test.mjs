// With keys, a client of another make that has no key, or another machine's, changes nothing: what it
// publishes is quarantined and never answered. A client that has the key of its machine takes part.

import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import { deriveKey, machineKeys, macOf } from '../support/authentication.mjs';
import { System, filters } from './support.mjs';

const machine = 3;
const otherMachine = 4;
const patienceMs = 30_000;
const key = () => randomBytes(32);

let system;
let topic;
let keys;
const notices = [];
const seen = [];
const subscriptions = [];

async function until(condition, what) {
  const deadline = Date.now() + patienceMs;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited too long: ${what}`);
    await sleep(20);
  }
}

async function listen(of, name, options, onMessage) {
  const [subscription] = await of.createSubscription(name, options);
  subscription.on('message', (message) => {
    onMessage(message);
    message.ack();
  });
  subscriptions.push(subscription);
}

const publish = ({ data, attributes }) => topic.publishMessage({ data: Buffer.from(data), attributes });
const submitKey = (id, main = keys.submit) => deriveKey(main, 'pollbusS', id);
const resultKey = (id, main = keys.result) => deriveKey(main, 'pollbusR', id);

let lastVoter = 0;
function voteOf(id = machine) {
  lastVoter += 1;
  const vote = { machine_ID: id, voter_ID: lastVoter, voting: 4, election_ID: system.election, UUID: randomUUID() };
  return JSON.stringify(vote);
}
function recordOf(id = machine) {
  return JSON.stringify({ machine_ID: id, voting: 4, election_ID: system.election, UUID: randomUUID() });
}

// Messages with their MACs.
function submitted(data, { id = machine, by = submitKey(id) } = {}) {
  const mac = macOf(by, { functionName: 'submit vote', machine: String(id), data });
  return { data, attributes: { function: 'submit vote', machineID: String(id), mac } };
}
function recorded(data, { by = keys.record } = {}) {
  return { data, attributes: { function: 'record vote', mac: macOf(by, { functionName: 'record vote', data }) } };
}
function result(uuid, { id = machine, by = resultKey(id) } = {}) {
  const data = JSON.stringify({ result: 'successful', UUID: uuid });
  const mac = macOf(by, { functionName: 'result', machine: String(id), data });
  return { data, attributes: { function: 'result', machineID: String(id), mac } };
}

const withMac = ({ data, attributes }, mac) => ({ data, attributes: { ...attributes, mac } });
const withoutMac = ({ data, attributes: { mac, ...attributes } }) => ({ data, attributes });

// `genuine` in all the ways that need no key, by name. `other` is another genuine message of its kind.
function forgeries(genuine, other) {
  const { mac } = genuine.attributes;
  return {
    'no MAC': withoutMac(genuine),
    'an empty MAC': withMac(genuine, ''),
    'zeros': withMac(genuine, '0'.repeat(64)),
    'the MAC of another message': withMac(genuine, other.attributes.mac),
    'another UUID': { ...genuine, data: genuine.data.replace(/"UUID":"[^"]*"/, `"UUID":"${randomUUID()}"`) },
    'more data': { ...genuine, data: `${genuine.data} ` },
    'a MAC that is cut off': withMac(genuine, mac.slice(0, 32)),
    'a digit less': withMac(genuine, mac.slice(0, 63)),
    'a digit more': withMac(genuine, `${mac}0`),
    // A MAC has no letter once in ten billion cases.
    'upper case': withMac(genuine, mac.toUpperCase()),
  };
}

// Publishes each message and waits for its notice.
async function expectQuarantined(messages, functionName) {
  for (const [what, message] of Object.entries(messages)) {
    const id = await publish(message);
    await until(() => notices.some(({ messageId }) => messageId === id), what);
    const notice = notices.find(({ messageId }) => messageId === id);
    assert.deepEqual(notice, { reason: 'not authenticated', function: functionName, ...machineOf(functionName), messageId: id }, what);
  }
}
const machineOf = (functionName) => (functionName === 'result' ? { machineID: String(machine) } : {});

const answersTo = (uuid) =>
  seen.filter(({ attributes, data }) => attributes.function === 'result' && data.includes(uuid)).length;

// Publishes a genuine vote and waits until it is stored and answered.
async function expectVoteGoesThrough() {
  const [rows, marks] = [await system.rowCount(), await system.markCount()];
  const data = voteOf();
  await publish(submitted(data));
  const { UUID } = JSON.parse(data);
  await until(() => answersTo(UUID) === 1, 'the answer to a genuine vote');
  assert.equal(await system.rowCount(), rows + 1);
  assert.equal(await system.markCount(), marks + 1);
  return data;
}

before(async () => {
  system = await new System().start();
  await system.beginElection();
  keys = { submit: key(), record: key(), result: key() };
  const hex = Object.entries(keys).map(([name, value]) => [`${name.toUpperCase()}_KEY`, value.toString('hex')]);
  Object.assign(system.keys, Object.fromEntries(hex));
  const client = system.client();
  topic = client.topic('election');
  await topic.createSubscription('election-submit-sub', { filter: filters.submit });
  await listen(topic, 'everything', {}, ({ data, attributes }) => seen.push({ data: data.toString(), attributes }));
  await system.startRecorder();
  await listen(client.topic('election-quarantine'), 'notices', {}, ({ attributes }) => notices.push(attributes));
});

after(async () => {
  await Promise.all(subscriptions.map((subscription) => subscription.close()));
  await system?.stop();
});

test('an answer that no service has made ends no vote', async () => {
  const flags = ['--votes', 1, '--voters', 1];
  lastVoter = 0;
  const ended = system.runMachine(machine, flags, machineKeys(system.keys, machine));
  await until(() => seen.some(({ attributes }) => attributes.function === 'submit vote'), 'the vote of the machine');
  const { UUID } = JSON.parse(seen.find(({ attributes }) => attributes.function === 'submit vote').data);
  const messages = {
    ...forgeries(result(UUID), result(randomUUID())),
    'the key of another machine': result(UUID, { by: resultKey(otherMachine) }),
    'the key for submitted votes': result(UUID, { by: submitKey(machine) }),
    'a key that is no longer used': result(UUID, { by: resultKey(machine, key()) }),
  };
  delete messages['another UUID'];
  await expectQuarantined(messages, 'result');
  assert.equal(await system.rowCount(), 0);
  await system.startLogger();
  assert.equal((await ended).successful, 1);
  assert.equal(await system.rowCount(), 1);
});

test('a machine of another make that has its key takes part', async () => {
  const data = await expectVoteGoesThrough();
  const answer = seen.find(({ attributes, data: text }) => attributes.function === 'result' && text.includes(JSON.parse(data).UUID));
  assert.equal(answer.attributes.mac, macOf(resultKey(machine), { functionName: 'result', machine: '3', data: answer.data }));
});

test('a submitted vote that its machine has not made has no effect', async () => {
  const data = voteOf();
  const messages = {
    ...forgeries(submitted(data), submitted(voteOf())),
    'a vote in the name of another machine': submitted(data, { id: otherMachine }),
    'the key of another machine': submitted(data, { by: submitKey(otherMachine) }),
    'a key that is no longer used': submitted(data, { by: submitKey(machine, key()) }),
    'an invalid vote in the name of another machine': submitted(data.replace('"voting":4,', ''), { id: otherMachine }),
    'not JSON': { data: 'not JSON', attributes: { function: 'submit vote' } },
  };
  await expectQuarantined(messages, 'submit vote');
  await expectVoteGoesThrough();
  assert.equal(answersTo(JSON.parse(data).UUID), 0);
});

test('a vote to record that no logger has made has no effect', async () => {
  const data = recordOf();
  const messages = {
    ...forgeries(recorded(data), recorded(recordOf())),
    'the key of a machine': recorded(data, { by: submitKey(machine) }),
    'a key that is no longer used': recorded(data, { by: key() }),
    'not JSON': { data: 'not JSON', attributes: { function: 'record vote' } },
  };
  await expectQuarantined(messages, 'record vote');
  await expectVoteGoesThrough();
  assert.equal(answersTo(JSON.parse(data).UUID), 0);
});

test('a genuine message that is published again changes nothing', async () => {
  const data = await expectVoteGoesThrough();
  const { UUID } = JSON.parse(data);
  const rows = await system.rowCount();
  const genuine = seen.filter(({ data: text, attributes }) => text.includes(UUID) && attributes.function !== 'result');
  assert.equal(genuine.length, 2);
  const before = notices.length;
  for (const message of genuine) await publish(message);
  await until(() => answersTo(UUID) === 3, 'the answers to the copies');
  assert.equal(await system.rowCount(), rows);
  assert.equal(notices.length, before);
});
