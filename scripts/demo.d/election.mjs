// The processes of one election on this machine: which there are, what each is told, in which order
// they start and end.

import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { removeFolder } from '../local.d/folders.mjs';
import { isReady, page } from '../local.d/http.mjs';
import { Part, PartFailure } from '../local.d/part.mjs';
import { reservePort } from '../local.d/ports.mjs';
import { PostgresClient, RedisClient } from '../local.d/stores.mjs';
import { createTopicOn } from './foreign_bus.mjs';

export const electionId = 12;
const choices = 5;
const topic = 'election';
const database = 'pollbus';
const secretNames = ['REDIS_PASSWORD', 'POSTGRES_PASSWORD', 'LOGGER_KEY', 'RECORDER_KEY'];

// As a shell takes it.
function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? String(word) : `'${String(word).replaceAll("'", "'\\''")}'`;
}

const numbers = (count) => Array.from({ length: count }, (_, i) => i + 1);

export class Election {
  // `folder`: private and empty. `report(text)` is told what was started. `scripts`, `programs`:
  // folders of ours.
  constructor({ options, folder, scripts, programs, report }) {
    Object.assign(this, { options, folder, scripts, programs, report });
    this.project = `pollbus-demo-${randomBytes(4).toString('hex')}`;
    this.secrets = Object.fromEntries(
      secretNames.map((name) => [name, randomBytes(32).toString('hex')]),
    );
    for (const [name, value] of Object.entries(this.secrets)) {
      writeFileSync(this.secretFile(name), value, { mode: 0o600 });
    }
    this.stores = [];
    this.bus = [];
    this.recorders = [];
    this.loggers = [];
    this.machines = [];
    // Rejects when a part ends that should not; resolves never.
    this.failure = new Promise((_, reject) => {
      this.fail = reject;
    });
    this.failure.catch(() => {});
  }

  secretFile(name) {
    return join(this.folder, name.toLowerCase());
  }

  async start() {
    const [redis, postgres] = await Promise.all([this.startRedis(), this.startPostgres(), this.startBus()]);
    const services = [
      ...(await this.startServices('recorder', this.options.recorders, this.recorders, {
        POSTGRES_HOST: '127.0.0.1',
        POSTGRES_PORT: String(postgres),
        POSTGRES_DB: database,
        POSTGRES_USER: database,
        POSTGRES_PASSWORD_FILE: this.secretFile('POSTGRES_PASSWORD'),
        RECORDER_KEY_FILE: this.secretFile('RECORDER_KEY'),
        ELECTION_SUB_ID: 'election-record-sub',
      })),
      ...(await this.startServices('logger', this.options.loggers, this.loggers, {
        REDIS_HOST: '127.0.0.1',
        REDIS_PORT: String(redis),
        REDIS_PASSWORD_FILE: this.secretFile('REDIS_PASSWORD'),
        LOGGER_KEY_FILE: this.secretFile('LOGGER_KEY'),
        ELECTION_SUB_ID: 'election-submit-sub',
        RECORD_SUB_ID: 'election-record-sub',
      })),
    ];
    await Promise.all(services.map((service) => service.ready()));
    this.report(`${this.options.loggers} voting loggers, ${this.options.recorders} voting recorders`);
  }

  // Starts a part that must live until it is stopped.
  startPart(group, description) {
    const part = new Part({ log: join(this.folder, `${description.name.replace(' ', '-')}.log`), ...description });
    group.push(part.start());
    part.guard().catch(this.fail);
    return part;
  }

  async startRedis() {
    const reserved = await reservePort();
    this.redis = new RedisClient(reserved.port, this.secrets.REDIS_PASSWORD);
    await reserved.release();
    await this.startPart(this.stores, {
      name: 'Redis',
      command: [join(this.scripts, 'local-redis'), join(this.folder, 'redis'), String(reserved.port)],
      env: { REDIS_PASSWORD: this.secrets.REDIS_PASSWORD },
      answers: () => this.redis.answers(),
    }).ready();
    this.report(`Redis at 127.0.0.1:${reserved.port}`);
    return reserved.port;
  }

  async startPostgres() {
    const reserved = await reservePort();
    const password = this.secrets.POSTGRES_PASSWORD;
    this.postgres = new PostgresClient({ port: reserved.port, user: database, database, password });
    await reserved.release();
    await this.startPart(this.stores, {
      name: 'PostgreSQL',
      command: [join(this.scripts, 'local-postgres'), join(this.folder, 'postgres'), String(reserved.port)],
      env: { POSTGRES_USER: database, POSTGRES_DB: database, POSTGRES_PASSWORD: password },
      answers: () => this.postgres.answers(),
      stopSignal: 'SIGINT',
    }).ready();
    this.report(`PostgreSQL at 127.0.0.1:${reserved.port}`);
    return reserved.port;
  }

  async startBus() {
    if (this.options.bus !== 'broker') {
      this.busAddress = this.options.bus;
      this.leaveForeignBus = await createTopicOn(this.busAddress, this.project, topic);
      this.report(`Pub/Sub emulator at ${this.busAddress}`);
      return;
    }
    const [reserved, http] = await Promise.all([reservePort(), reservePort()]);
    this.busAddress = `127.0.0.1:${reserved.port}`;
    await Promise.all([reserved.release(), http.release()]);
    await this.startPart(this.bus, {
      name: 'pubsub-broker',
      command: [
        join(this.programs, 'pubsub-broker'),
        ...['--listen', this.busAddress, '--http-port', String(http.port)],
        ...['--data-dir', join(this.folder, 'broker')],
        ...['--create-topic', `projects/${this.project}/topics/${topic}`],
      ],
      answers: () => isReady({ port: http.port }),
    }).ready();
    this.report(`Pub/Sub broker at ${this.busAddress}`);
  }

  busEnvironment() {
    return { GCP_PROJECT: this.project, TOPIC_NAME: topic, PUBSUB_EMULATOR_HOST: this.busAddress };
  }

  async startServices(kind, count, group, env) {
    const parts = [];
    for (const number of numbers(count)) {
      const http = await reservePort();
      await http.release();
      parts.push(
        this.startPart(group, {
          name: `voting-${kind} ${number}`,
          command: [join(this.programs, `voting-${kind}`)],
          env: { ...this.busEnvironment(), ...env, HTTP_PORT: String(http.port) },
          answers: () => isReady({ port: http.port }),
        }),
      );
    }
    return parts;
  }

  machineFile(number, kind) {
    return join(this.folder, `machine-${number}.${kind}`);
  }

  // Starts all of them; what they print is on their child.stdout.
  async startMachines({ quiet }) {
    const { votes, rate, inFlight, voters, seed } = this.options;
    for (const number of numbers(this.options.machines)) {
      const flags = {
        '--election': electionId,
        '--machine': number,
        '--votes': votes,
        '--rate': rate,
        '--in-flight': inFlight,
        '--voters': voters,
        '--choices': choices,
        '--seed': seed + number,
        '--summary': this.machineFile(number, 'json'),
        '--journal': this.machineFile(number, 'journal'),
      };
      const words = [...Object.entries(flags).flat().map(String), ...(quiet ? ['--quiet'] : [])];
      const http = await reservePort();
      await http.release();
      const machine = new Part({
        name: `machine ${number}`,
        log: this.machineFile(number, 'log'),
        command: [join(this.programs, 'voting-machine'), ...words],
        env: { ...this.busEnvironment(), HTTP_PORT: String(http.port) },
        stdout: 'pipe',
      });
      machine.metrics = async () => (await page({ port: http.port }, '/metrics')) ?? '';
      this.machines.push(machine.start());
      machine.isReady = true;
    }
    return this.machines;
  }

  // What each machine wrote about itself when it was done. Exit 1 says that votes are pending.
  async machineSummaries() {
    const ends = await Promise.all(this.machines.map((machine) => machine.ended));
    return ends.map(({ code, signal }, i) => {
      const file = this.machineFile(i + 1, 'json');
      if (![0, 1].includes(code) || !existsSync(file)) {
        throw new PartFailure(this.machines[i], `failed (${code === null ? signal : `exit ${code}`})`);
      }
      return JSON.parse(readFileSync(file, 'utf8'));
    });
  }

  async storesContent() {
    const [marks, votes] = await Promise.all([
      this.redis.countKeys(`voted:${electionId}:*`),
      this.postgres.countVotes(),
    ]);
    return { marks, ...votes };
  }

  // The command line that runs one more machine against this election.
  oneMoreMachine() {
    const number = this.options.machines + 1;
    const environment = Object.entries(this.busEnvironment()).map(([name, value]) => `${name}=${value}`);
    return [
      ...environment,
      join(this.programs, 'voting-machine'),
      ...['--election', electionId, '--machine', number],
      ...['--journal', this.machineFile(number, 'journal')],
    ]
      .map(quoted)
      .join(' ');
  }

  // From the voters' side inwards: each part can still finish what it has in hand. Returns the
  // failures of those that did not end well.
  async stop() {
    for (const machine of this.machines) machine.stopping = true;
    const failures = [];
    await Promise.all(this.machines.map((machine) => machine.stop()));
    for (const group of [this.loggers, this.recorders, this.bus, this.stores]) {
      const well = await Promise.all(group.map((part) => part.stop()));
      const bad = group.filter((_, i) => !well[i]);
      failures.push(...bad.map((part) => new PartFailure(part, 'did not end as it should')));
    }
    await this.leaveForeignBus?.().catch((error) => failures.push(error));
    return failures;
  }

  kill() {
    for (const group of [this.machines, this.loggers, this.recorders, this.bus, this.stores]) {
      for (const part of group) part.kill();
    }
  }

  removeFiles() {
    removeFolder(this.folder);
  }
}
