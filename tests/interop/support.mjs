// What the interop tests need: an election's servers and our services as processes, and programs of
// another make, written with the official Pub/Sub client, that take part in it.

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PubSub } from '@google-cloud/pubsub';

import { Part } from '../../scripts/local.d/part.mjs';
import { reservePort } from '../../scripts/local.d/ports.mjs';
import { PostgresClient, RedisClient } from '../../scripts/local.d/stores.mjs';

// The client would look for the metadata server of Google Cloud, which is not here.
process.env.METADATA_SERVER_DETECTION = 'none';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scripts = join(root, 'scripts');
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build/dev/bin');
const name = 'pollbus';
const answerDeadlineMs = 30_000;
const secret = (bytes) => randomBytes(bytes).toString('hex');

function isReady(httpPort) {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port: httpPort, path: '/readyz', timeout: 2_000 }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

async function freePort() {
  const reserved = await reservePort();
  await reserved.release();
  return reserved.port;
}

// Sanitizers' options go to our programs too; Part withholds everything else.
async function stopAll(parts) {
  const ended = await Promise.all(parts.map((part) => part.stop()));
  const bad = parts.filter((_, i) => !ended[i]).map((part) => `${part.name}: ${part.logTail().join('\n')}`);
  if (bad.length > 0) throw new Error(`ended badly: ${bad.join('\n')}`);
}

// Redis, PostgreSQL and broker from start() on; an election on a topic of its own from
// beginElection() on, and its services when they are asked for. stop() ends all, and removes the
// folder when all ended well.
export class System {
  constructor() {
    const parent = join(programs, '..', 'test_data');
    mkdirSync(parent, { recursive: true });
    this.folder = mkdtempSync(join(parent, 'interop.'));
    this.parts = [];
    this.services = [];
    this.clients = [];
    this.election = 11;
    this.keys = { LOGGER_KEY: secret(32), RECORDER_KEY: secret(32) };
  }

  async start() {
    await Promise.all([this.startRedis(), this.startPostgres(), this.startBroker()]);
    return this;
  }

  // Another election, in another project.
  async beginElection() {
    this.election += 1;
    this.project = `pollbus-interop-${this.election}`;
    await this.client().createTopic('election');
    return this;
  }

  // Stops the services of the election, and closes its clients.
  async endElection() {
    await Promise.all(this.clients.splice(0).map((client) => client.close()));
    await stopAll(this.services.splice(0));
  }

  async launch(description, group = this.parts) {
    const log = join(this.folder, `${description.name}.log`);
    const part = new Part({ log, ...description, env: description.env });
    group.push(part.start());
    if (description.answers) await part.ready();
    return part;
  }

  async startRedis() {
    const port = await freePort();
    const password = secret(12);
    this.redis = new RedisClient(port, password);
    this.redisEnvironment = { REDIS_HOST: '127.0.0.1', REDIS_PORT: String(port), REDIS_PASSWORD: password };
    await this.launch({
      name: 'redis',
      command: [join(scripts, 'local-redis'), join(this.folder, 'redis'), String(port)],
      env: { REDIS_PASSWORD: password },
      answers: () => this.redis.answers(),
    });
  }

  async startPostgres() {
    const port = await freePort();
    const password = secret(12);
    this.postgres = new PostgresClient({ port, user: name, database: name, password });
    const login = { POSTGRES_USER: name, POSTGRES_DB: name, POSTGRES_PASSWORD: password };
    this.postgresEnvironment = { POSTGRES_HOST: '127.0.0.1', POSTGRES_PORT: String(port), ...login };
    await this.launch({
      name: 'postgres',
      command: [join(scripts, 'local-postgres'), join(this.folder, 'postgres'), String(port)],
      env: login,
      stopSignal: 'SIGINT',
      answers: () => this.postgres.answers(),
    });
  }

  async startBroker() {
    const [port, http] = [await freePort(), await freePort()];
    const address = `127.0.0.1:${port}`;
    this.busAddress = address;
    await this.launch({
      name: 'pubsub-broker',
      command: [
        join(programs, 'pubsub-broker'),
        ...['--listen', address, '--http-port', String(http)],
        ...['--data-dir', join(this.folder, 'broker')],
      ],
      answers: () => isReady(http),
    });
  }

  get busEnvironment() {
    return { PUBSUB_EMULATOR_HOST: this.busAddress, GCP_PROJECT: this.project, TOPIC_NAME: 'election' };
  }

  // The official client, as its users make it.
  client() {
    process.env.PUBSUB_EMULATOR_HOST = this.busAddress;
    const client = new PubSub({ projectId: this.project });
    this.clients.push(client);
    return client;
  }

  async startService(program, env) {
    const http = await freePort();
    const description = {
      name: program,
      command: [join(programs, program)],
      env: { ...this.busEnvironment, ...this.keys, ...env, HTTP_PORT: String(http) },
      answers: () => isReady(http),
    };
    return this.launch(description, this.services);
  }

  startRecorder() {
    return this.startService('voting-recorder', this.postgresEnvironment);
  }

  startLogger() {
    return this.startService('voting-logger', this.redisEnvironment);
  }

  // Runs our machine to its end; returns its summary.
  async runMachine(machine, flags) {
    const file = join(this.folder, `machine-${this.election}-${machine}`);
    const own = ['--election', this.election, '--machine', machine, '--journal', `${file}.journal`];
    const part = await this.launch({
      name: `voting-machine-${machine}`,
      command: [join(programs, 'voting-machine'), ...own, '--summary', `${file}.json`, '--quiet', ...flags].map(String),
      env: this.busEnvironment,
    });
    const end = await part.ended;
    if (end.code !== 0) throw new Error(`machine ${machine} ended with ${end.code}: ${part.logTail().join('\n')}`);
    this.parts.splice(this.parts.indexOf(part), 1);
    return JSON.parse(readFileSync(`${file}.json`, 'utf8'));
  }

  async rowCount() {
    const sql = `SELECT count(*) FROM votes WHERE electionid = ${this.election}`;
    return Number((await this.postgres.query(sql))[0][0]);
  }

  markCount() {
    return this.redis.countKeys(`voted:${this.election}:*`);
  }

  async stop() {
    await this.endElection();
    await stopAll(this.parts);
    rmSync(this.folder, { recursive: true });
  }
}

// --- Programs of another make ------------------------------------------------------------------

// As Python's json.dumps writes it.
export function pythonJson(object) {
  const fields = Object.entries(object).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{${fields.join(', ')}}`;
}

// A version-1 UUID, as the original machine draws it.
export function uuid1() {
  const hex = secret(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-1${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

export const filters = {
  submit: 'attributes.function="submit vote"',
  record: 'attributes.function="record vote"',
  result: (machine) => `attributes.function="result" AND attributes.machineID="${machine}"`,
};

// Takes what a subscription delivers, creating it first; messages are acked after `handle`.
class Listener {
  async listen(client, subscription, filter, handle) {
    const topic = client.topic('election');
    const [exists] = await client.subscription(subscription).exists();
    if (!exists) await topic.createSubscription(subscription, { filter });
    this.subscription = client.subscription(subscription);
    this.errors = [];
    this.subscription.on('error', (error) => this.errors.push(error));
    this.subscription.on('message', async (message) => {
      try {
        await handle(JSON.parse(message.data.toString()), message.attributes);
        message.ack();
      } catch (error) {
        this.errors.push(error);
      }
    });
    return this;
  }

  async close() {
    await this.subscription.close();
    if (this.errors.length > 0) throw this.errors[0];
  }
}

function publish(client, attributes, object) {
  return client.topic('election').publishMessage({ data: Buffer.from(pythonJson(object)), attributes });
}

export class ForeignMachine extends Listener {
  constructor(client, machine) {
    super();
    Object.assign(this, { client, machine, results: [], waiting: [] });
  }

  start() {
    return this.listen(this.client, `election-result-${this.machine}-sub`, filters.result(this.machine), (result) => {
      this.results.push(result);
      this.waiting.splice(0).forEach((wake) => wake());
    });
  }

  submit(vote) {
    return publish(this.client, { function: 'submit vote' }, vote);
  }

  // Publishes it and waits for an answer that comes after; returns it.
  async vote(vote) {
    const before = this.answersTo(vote.UUID).length;
    await this.submit(vote);
    return this.answer(vote.UUID, before);
  }

  answersTo(uuid) {
    return this.results.filter((result) => result.UUID === uuid);
  }

  async answer(uuid, index = 0) {
    const deadline = Date.now() + answerDeadlineMs;
    while (this.answersTo(uuid).length <= index) {
      if (Date.now() > deadline) throw new Error(`no answer ${index + 1} to ${uuid}`);
      await new Promise((wake) => {
        const timer = setTimeout(wake, deadline - Date.now());
        this.waiting.push(() => {
          clearTimeout(timer);
          wake();
        });
      });
    }
    return this.answersTo(uuid)[index];
  }
}

// Remembers voters as the original does: in the order of arrival, whatever the vote's UUID. What it
// forwards is the vote without the voter.
export class ForeignLogger extends Listener {
  constructor(client) {
    super();
    Object.assign(this, { client, voted: new Set() });
  }

  start() {
    return this.listen(this.client, 'election-submit-sub', filters.submit, async (vote) => {
      const { voter_ID: voter, ...anonymous } = vote;
      const mark = `${vote.election_ID}:${voter}`;
      if (this.voted.has(mark)) {
        const attributes = { function: 'result', machineID: String(vote.machine_ID) };
        await publish(this.client, attributes, { result: 'Already Voted!!!', UUID: vote.UUID });
        return;
      }
      this.voted.add(mark);
      await publish(this.client, { function: 'record vote' }, anonymous);
    });
  }
}

export class ForeignRecorder extends Listener {
  constructor(client) {
    super();
    Object.assign(this, { client, rows: new Map() });
  }

  start() {
    return this.listen(this.client, 'election-record-sub', filters.record, async (vote) => {
      this.rows.set(vote.UUID, vote);
      const attributes = { function: 'result', machineID: String(vote.machine_ID) };
      await publish(this.client, attributes, { result: 'successful', UUID: vote.UUID });
    });
  }
}
