// For the interop tests: the servers and services of an election as processes, and foreign programs
// that take part in it. Foreign programs are written with the official Pub/Sub client and do what the
// original Python programs do.

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { PubSub } from '@google-cloud/pubsub';

import { isReady } from '../../scripts/local.d/http.mjs';
import { Part } from '../../scripts/local.d/part.mjs';
import { reservePort } from '../../scripts/local.d/ports.mjs';
import { PostgresClient, RedisClient } from '../../scripts/local.d/stores.mjs';

// Keeps the client from looking for the metadata server of Google Cloud.
process.env.METADATA_SERVER_DETECTION = 'none';

const root = fileURLToPath(new URL('../..', import.meta.url));
const scripts = join(root, 'scripts');
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build/dev/bin');
const name = 'pollbus';
const answerDeadlineMs = 30_000;
const secret = (bytes) => randomBytes(bytes).toString('hex');

async function freePort() {
  const reserved = await reservePort();
  await reserved.release();
  return reserved.port;
}

async function stopAll(parts) {
  const ended = await Promise.all(parts.map((part) => part.stop()));
  const bad = parts.filter((_, i) => !ended[i]).map((part) => `${part.name}: ${part.logTail().join('\n')}`);
  if (bad.length > 0) throw new Error(`did not end well: ${bad.join('\n')}`);
}

// Runs Redis, PostgreSQL and the broker from start() to stop(). beginElection() creates an election
// with a topic of its own; services are started one by one. stop() removes the folder if all parts
// ended well, and throws otherwise.
export class System {
  constructor() {
    const parent = join(programs, '..', 'test_data');
    mkdirSync(parent, { recursive: true });
    this.folder = mkdtempSync(join(parent, 'interop.'));
    this.parts = [];
    this.services = [];
    this.clients = [];
    this.election = 11;
    this.keys = { LOGGER_KEY: secret(32) };
  }

  async start() {
    await Promise.all([this.startRedis(), this.startPostgres(), this.startBroker()]);
    return this;
  }

  // Begins the next election, in a project of its own.
  async beginElection() {
    this.election += 1;
    this.project = `pollbus-interop-${this.election}`;
    await this.client().createTopic('election');
    return this;
  }

  // Stops the services of the election and closes its clients.
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
      answers: () => isReady({ port: http }),
    });
  }

  get busEnvironment() {
    return { PUBSUB_EMULATOR_HOST: this.busAddress, GCP_PROJECT: this.project, TOPIC_NAME: 'election' };
  }

  // A new instance of the official client.
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
      answers: () => isReady({ port: http }),
    };
    return this.launch(description, this.services);
  }

  startRecorder() {
    return this.startService('voting-recorder', this.postgresEnvironment);
  }

  startLogger() {
    return this.startService('voting-logger', this.redisEnvironment);
  }

  // Runs a voting-machine to its end, with additional variables. Returns its summary.
  async runMachine(machine, flags, env = {}) {
    const file = join(this.folder, `machine-${this.election}-${machine}`);
    const own = ['--election', this.election, '--machine', machine, '--journal', `${file}.journal`];
    const part = await this.launch({
      name: `voting-machine-${machine}`,
      command: [join(programs, 'voting-machine'), ...own, '--summary', `${file}.json`, '--quiet', ...flags].map(String),
      env: { ...this.busEnvironment, ...env },
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

// --- Foreign programs --------------------------------------------------------------------------

// The JSON text that Python's json.dumps writes.
export function pythonJson(object) {
  const fields = Object.entries(object).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  return `{${fields.join(', ')}}`;
}

// A random UUID of version 1, the version that the original machine uses.
export function uuid1() {
  const hex = secret(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-1${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`;
}

export const filters = {
  submit: 'attributes.function="submit vote"',
  record: 'attributes.function="record vote"',
  result: (machine) => `attributes.function="result" AND attributes.machineID="${machine}"`,
};

// Creates a subscription if it is missing, and acks each of its messages after `handle`.
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

  publish(attributes, object) {
    return publish(this.client, attributes, object);
  }

  submit(vote) {
    return this.publish({ function: 'submit vote' }, vote);
  }

  // Publishes the vote and returns the next answer to it.
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

// Lets the first vote of each voter through, without the voter. Like the original, it ignores UUIDs: a
// vote that arrives twice is answered as if another vote had won.
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

// Like the original, it stores each vote that arrives and answers its machine. Rows are kept by UUID, so
// that a test can count votes.
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
