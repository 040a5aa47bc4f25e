// The election under faults: its processes, what each is told, and how they reach each other.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { isReady } from '../local.d/http.mjs';
import { PostgresClient, RedisClient } from '../local.d/stores.mjs';
import { findFaketime } from './abilities.mjs';
import { Bus } from './bus.mjs';
import { Locks } from './locks.mjs';
import { Proxy } from './proxy.mjs';
import { Random } from './random.mjs';
import { Role } from './role.mjs';
import * as roster from './roster.mjs';

const run = promisify(execFile);

export const electionId = 12;
export const project = 'pollbus-faults';
export const topic = 'election';
const choices = 5;
const inFlight = 2_000;
const database = 'pollbus';
const secretNames = ['REDIS_PASSWORD', 'POSTGRES_PASSWORD', 'LOGGER_KEY', 'RECORDER_KEY', 'POLLBUS_HISTORY_KEY'];
const diskMiB = 512;
// Of all votes.
const twinShare = 0.1;
// Few, so that they are soon used up; and little log, so that the disk can be small.
const postgresSettings = ['max_connections=40', 'max_wal_size=64MB', 'min_wal_size=32MB'];

export class System {
  // `load`: { votesPerSecond, voters, seed }. `tell(event)` is told of all starts and ends.
  constructor({ folder, scripts, programs, network, abilities, options, load, tell }) {
    Object.assign(this, { folder, scripts, programs, network, abilities, load, tell });
    this.mutant = options.mutant ? { POLLBUS_MUTANT: options.mutant } : {};
    for (const name of ['logs', 'evidence', 'journals', 'clocks', 'secrets']) {
      mkdirSync(join(folder, name), { mode: 0o700 });
    }
    this.secrets = Object.fromEntries(secretNames.map((name) => [name, randomBytes(32).toString('hex')]));
    for (const [name, value] of Object.entries(this.secrets)) {
      writeFileSync(this.secretFile(name), value, { mode: 0o600 });
    }
    this.roles = new Map();
    this.proxies = new Map();
    this.addresses = {};
    this.disks = {};
    this.locks = new Locks();
    // What went wrong and was no fault's doing: sentences.
    this.problems = [];
    this.randomOf = (seed) => new Random(seed);
    this.onPoison = (id) => this.addEvidence('poison', { event: 'poison', id });
  }

  addEvidence(name, line) {
    const t_us = Number(process.hrtime.bigint() / 1_000n);
    appendFileSync(this.evidenceFile(name), `${JSON.stringify({ ...line, t_us })}\n`);
  }

  evidenceFile(name) {
    return join(this.folder, 'evidence', `${name}.jsonl`);
  }

  secretFile(name) {
    return join(this.folder, 'secrets', name.toLowerCase());
  }

  role(name) {
    return this.roles.get(name);
  }

  rolesNamed(names) {
    return names.map((name) => this.role(name));
  }

  async start() {
    await this.network.start();
    await Promise.all([this.addRedis(), this.addPostgres(), this.addBroker()]);
    await this.startProxies();
    for (const role of this.rolesNamed(roster.servers)) role.start();
    await Promise.all(this.rolesNamed(roster.servers).map((role) => role.ready()));
    this.bus = new Bus({ address: this.addresses.broker, project, topic });
    await this.bus.start();
    for (const name of roster.services) await this.addService(name);
    for (const role of this.rolesNamed(roster.services)) role.start();
    await Promise.all(this.rolesNamed(roster.services).map((role) => role.ready()));
    for (const name of roster.machines) await this.addMachine(name);
    for (const name of roster.twins) await this.addMachine(name, { share: twinShare });
  }

  // A role on a node of its own. `describe` gets the role too.
  async addRole(name, describe, { http = true } = {}) {
    const node = await this.network.addNode(name);
    const role = new Role({
      name,
      node,
      log: join(this.folder, 'logs', `${name}.log`),
      describe,
      tell: (event) => this.tell({ part: name, ...event }),
    });
    if (http) role.nextHttp = async () => ({ host: node.host, port: await this.network.port(name) });
    if (http) role.http = await role.nextHttp();
    this.roles.set(name, role);
    return role;
  }

  // A disk of its own for a server, where that is possible: so that it can be full.
  async disk(name) {
    const folder = join(this.folder, name);
    mkdirSync(folder, { mode: 0o700 });
    if (this.abilities.mounts) return folder;
    await run('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m,mode=0700`, `faults-${name}`, folder]);
    this.disks[name] = { folder, size: `${diskMiB}m` };
    return folder;
  }

  async addRedis() {
    const folder = await this.disk('redis');
    const port = await this.network.port('redis');
    const role = await this.addRole('redis', () => ({
      command: [join(this.scripts, 'local-redis'), folder, String(port), role.node.host],
      env: { REDIS_PASSWORD: this.secrets.REDIS_PASSWORD },
      answers: () => this.redis.answers(),
    }), { http: false });
    this.redis = new RedisClient(port, this.secrets.REDIS_PASSWORD, role.node.host);
    this.addresses.redis = { host: role.node.host, port };
  }

  async addPostgres() {
    const folder = await this.disk('postgres');
    const port = await this.network.port('postgres');
    const role = await this.addRole('postgres', () => ({
      command: [join(this.scripts, 'local-postgres'), folder, String(port), role.node.host, ...postgresSettings],
      env: { POSTGRES_USER: database, POSTGRES_DB: database, POSTGRES_PASSWORD: this.secrets.POSTGRES_PASSWORD },
      answers: () => this.postgres.answers(),
      stopSignal: 'SIGINT',
    }), { http: false });
    const password = this.secrets.POSTGRES_PASSWORD;
    this.postgres = new PostgresClient({ host: role.node.host, port, user: database, database, password });
    this.addresses.postgres = { host: role.node.host, port };
  }

  async addBroker() {
    const folder = await this.disk('broker');
    const port = await this.network.port('broker');
    const role = await this.addRole('broker', () => ({
      command: [
        join(this.programs, 'pubsub-broker'),
        ...['--listen', `${role.node.host}:${port}`, '--data-dir', folder],
        ...['--create-topic', `projects/${project}/topics/${topic}`],
      ],
      env: { ...this.commonEnvironment(role), ...this.clockEnvironment('broker') },
      answers: () => isReady(role.http),
    }));
    this.addresses.broker = { host: role.node.host, port };
  }

  async startProxies() {
    for (const { name, server } of roster.proxiedLinks) {
      const port = await this.network.port(name);
      const proxy = new Proxy({ name, target: this.addresses[server], host: this.network.hub, port });
      await proxy.start();
      this.proxies.set(name, proxy);
    }
  }

  // Where `client` finds `server`.
  addressFor(client, server) {
    return this.proxies.get(`${client} to ${server}`) ?? this.addresses[server];
  }

  commonEnvironment(role) {
    const { host, port } = role.http;
    return { HTTP_HOST: host, HTTP_PORT: String(port), LOG_FORMAT: 'json', ...this.mutant };
  }

  clockFile(name) {
    return join(this.folder, 'clocks', name);
  }

  // The wall clock of a process so started goes by what its clock file says.
  clockEnvironment(name) {
    if (this.abilities.faketime || !roster.withMovableClock.includes(name)) return {};
    writeFileSync(this.clockFile(name), '+0\n');
    return {
      LD_PRELOAD: findFaketime(),
      FAKETIME_TIMESTAMP_FILE: this.clockFile(name),
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DISABLE_SHM: '1',
    };
  }

  busEnvironment(name) {
    const { host, port } = this.addressFor(name, 'broker');
    return { GCP_PROJECT: project, TOPIC_NAME: topic, PUBSUB_EMULATOR_HOST: `${host}:${port}` };
  }

  storeEnvironment(name) {
    if (roster.kindOf(name) === 'logger') {
      const { host, port } = this.addressFor(name, 'redis');
      return {
        REDIS_HOST: host,
        REDIS_PORT: String(port),
        REDIS_PASSWORD_FILE: this.secretFile('REDIS_PASSWORD'),
        LOGGER_KEY_FILE: this.secretFile('LOGGER_KEY'),
        ELECTION_SUB_ID: 'election-submit-sub',
        RECORD_SUB_ID: 'election-record-sub',
      };
    }
    const { host, port } = this.addressFor(name, 'postgres');
    return {
      POSTGRES_HOST: host,
      POSTGRES_PORT: String(port),
      POSTGRES_DB: database,
      POSTGRES_USER: database,
      POSTGRES_PASSWORD_FILE: this.secretFile('POSTGRES_PASSWORD'),
      RECORDER_KEY_FILE: this.secretFile('RECORDER_KEY'),
      ELECTION_SUB_ID: 'election-record-sub',
    };
  }

  async addService(name) {
    await this.addRole(name, (role) => {
      const http = role.http;
      return {
        command: [join(this.programs, `voting-${roster.kindOf(name)}`)],
        env: {
          ...this.commonEnvironment(role),
          ...this.busEnvironment(name),
          ...this.storeEnvironment(name),
          ...this.clockEnvironment(name),
        },
        answers: () => isReady(http),
      };
    });
  }

  // `flags`: what it is to cast. A twin has the machine id of another.
  async addMachine(name, { number = roster.numberOf(name), share = 1 / roster.machines.length } = {}) {
    const role = await this.addRole(name, () => ({
      command: [
        join(this.programs, 'voting-machine'),
        ...['--election', electionId, '--machine', number, '--voters', this.load.voters, '--choices', choices],
        ...['--in-flight', inFlight, '--seed', this.load.seed + number * 1_000_003 + role.life * 1_009],
        ...['--journal', join(this.folder, 'journals', name), '--quiet', '--patience-s', 600],
        ...(this.load.isOver ? ['--votes', this.load.rest?.(name) ?? 0] : ['--rate', this.load.votesPerSecond * share]),
      ].map(String),
      env: {
        ...this.commonEnvironment(role),
        ...this.busEnvironment(name),
        ...this.clockEnvironment(name),
        POLLBUS_HISTORY: this.evidenceFile(name),
        POLLBUS_HISTORY_KEY: this.secrets.POLLBUS_HISTORY_KEY,
      },
      answers: () => isReady(role.http),
    }));
    // When it has cast all and got every answer.
    role.mayEnd = (end) => this.load.isOver && end.code === 0;
    return role;
  }

  // From the voters' side inwards. Returns what did not end as it should: sentences.
  async stop() {
    const failures = [];
    const groups = [[...this.roles.keys()].filter((name) => name.startsWith('machine')), roster.services, ['broker'], ['redis', 'postgres']];
    for (const names of groups) {
      const ends = await Promise.all(this.rolesNamed(names.filter((name) => this.roles.has(name))).map(async (role) => [role, await role.stop()]));
      failures.push(...ends.filter(([, well]) => !well).map(([role]) => `${role.name}: did not end with exit code 0 at SIGTERM`));
      if (names[0] === 'broker') this.bus?.stop();
    }
    for (const proxy of this.proxies.values()) proxy.stop();
    return failures;
  }

  kill() {
    for (const role of this.roles.values()) {
      role.hold();
      role.part?.kill();
    }
  }

  // What is on a disk of memory goes with this process: copies it below its folder.
  async keepDisks() {
    for (const [name, { folder }] of Object.entries(this.disks)) {
      const kept = join(this.folder, `${name}-kept`);
      mkdirSync(kept);
      await run('cp', ['-a', `${folder}/.`, kept]);
      chmodSync(kept, 0o700);
    }
  }
}
