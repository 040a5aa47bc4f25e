// The official client publishes and receives records of the pedestrian system.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { PubSub } from '@google-cloud/pubsub';

import { isReady } from '../../scripts/local.d/http.mjs';
import { Part } from '../../scripts/local.d/part.mjs';
import { reservePort } from '../../scripts/local.d/ports.mjs';

process.env.METADATA_SERVER_DETECTION = 'none';

const root = fileURLToPath(new URL('../..', import.meta.url));
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build/dev/bin');
const project = 'pollbus-pedestrian';
const parts = [];
const subscriptions = [];
let folder;
let address;
let client;
let topic;

async function freePort() {
  const reserved = await reservePort();
  await reserved.release();
  return reserved.port;
}

async function launch(program, flags, env) {
  const http = await freePort();
  const part = new Part({
    name: program,
    log: join(folder, `${program}.log`),
    command: [join(programs, program), ...flags],
    env: { ...env, HTTP_PORT: String(http) },
    answers: () => isReady({ port: http }),
  });
  parts.push(part.start());
  return part.ready();
}

const startService = (program) =>
  launch(program, [], { PUBSUB_EMULATOR_HOST: address, GCP_PROJECT: project });

// Receives the messages of a subscription one by one.
async function listen(stage, onMessage) {
  const name = `foreign-${stage}`;
  const [subscription] = await topic.createSubscription(name, { filter: `attributes.stage="${stage}"` });
  subscriptions.push(subscription);
  subscription.on('message', (message) => {
    onMessage(JSON.parse(message.data.toString()), message.attributes);
    message.ack();
  });
}

function next(stage) {
  return new Promise((resolve, reject) => {
    listen(stage, (record, attributes) => resolve({ record, attributes })).catch(reject);
  });
}

const publish = (stage, data, more = {}) =>
  topic.publishMessage({ data: Buffer.from(data), attributes: { stage, ...more } });

const common = {
  Timestamp: 1741128439.11111,
  Car2_Location: [-61, 140],
  Car1_dimensions: [4.8, 2.2],
  Car2_dimensions: [4.8, 2.2],
};
const pedestrian = {
  Pedestrians: [[1010, 654, 1132, 1080]],
  Pedestrians_longitudinal: [4.5],
  Pedestrians_lateral: [0.28],
};

before(async () => {
  const parent = join(programs, '..', 'test_data');
  mkdirSync(parent, { recursive: true });
  folder = mkdtempSync(join(parent, 'pedestrian.'));
  address = `127.0.0.1:${await freePort()}`;
  await launch('pubsub-broker', ['--listen', address, '--in-memory'], {});
  process.env.PUBSUB_EMULATOR_HOST = address;
  client = new PubSub({ projectId: project });
  [topic] = await client.createTopic('pedestrian');
  await Promise.all(['pedestrian-detection', 'vehicle-detection', 'vehicle-location', 'aerial-view'].map(startService));
});

after(async () => {
  await Promise.all(subscriptions.map((subscription) => subscription.close()));
  await client?.close();
  const well = await Promise.all(parts.reverse().map((part) => part.stop()));
  const bad = parts.filter((_, i) => !well[i]).map((part) => `${part.name}: ${part.logTail().join('\n')}`);
  assert.deepEqual(bad, []);
  rmSync(folder, { recursive: true });
});

test('a record that the official client publishes for the first stage goes on to the second', async () => {
  const result = next('pedestrian-depth');
  await publish('pedestrian-detection', JSON.stringify({ ...common, Occluded_Image_View: 'AA==', mine: { a: 1 } }), { trace: 't' });
  const { record, attributes } = await result;
  assert.deepEqual(record, { ...common, Occluded_Image_View: 'AA==', mine: { a: 1 }, Pedestrians: [] });
  assert.deepEqual(attributes, { stage: 'pedestrian-depth', trace: 't' });
});

test('a stage of another make takes its place among ours, up to the view', async () => {
  // The client replaces vehicle-depth; the other stages are the services of this project.
  await listen('vehicle-depth', (record) => {
    const { vehicles_labels, Occluding_Image_View, ...kept } = record;
    assert.deepEqual(kept.vehicles, vehicles_labels);
    publish('vehicle-location', JSON.stringify({ ...kept, vehicles_depth: kept.vehicles.map(() => 8.5) }));
  });
  const result = next('pedestrian-consumer');
  const vehicles_labels = [[1311, 541, 1919, 931]];
  await publish('vehicle-detection', JSON.stringify({ ...common, ...pedestrian, vehicles_labels, Occluding_Image_View: 'AA==' }));
  const { record, attributes } = await result;
  assert.deepEqual(Object.keys(record).sort(), ['Timestamp', 'aerialView']);
  assert.equal(record.Timestamp, common.Timestamp);
  const picture = Buffer.from(record.aerialView, 'base64');
  assert.equal(picture.subarray(1, 4).toString(), 'PNG');
  assert.deepEqual([picture.readUInt32BE(16), picture.readUInt32BE(20)], [800, 600]);
  const [car, walker] = [attributes.Car1_Location, attributes.pedestrian_Location].map((place) => place.split(',').map(Number));
  assert.ok(Math.abs(walker[0] - car[0] - 4.5) < 1e-5 && Math.abs(walker[1] - car[1] - 0.28) < 1e-5);
});

test('a record that cannot be read leaves a notice without what it held', async () => {
  const quarantine = client.topic('pedestrian-quarantine');
  const [subscription] = await quarantine.createSubscription('foreign-quarantine');
  subscriptions.push(subscription);
  const notice = new Promise((resolve) => {
    subscription.on('message', (message) => {
      message.ack();
      resolve(message);
    });
  });
  await publish('aerial-view', '{"Timestamp": 1, "Car2_Location": "secret"}');
  const { data, attributes } = await notice;
  assert.equal(data.length, 0);
  assert.equal(attributes.stage, 'aerial-view');
  assert.match(attributes.reason, /^Car2_Location: expected/);
  assert.doesNotMatch(attributes.reason, /secret/);
});
