// The election under faults: its processes, what each is told, and how they reach each other.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { isReady } from '../local.d/http.mjs';
import { PostgresClient, RedisClient } from '../local.d/stores.mjs';
import { Bus } from './bus.mjs';
import { Environments, database, project, topic } from './environments.mjs';
import { Locks } from './locks.mjs';
import { Proxy } from './proxy.mjs';
import { Random } from './random.mjs';
import { Role } from './role.mjs';
import * as roster from './roster.mjs';

const run = promisify(execFile);

export const electionId = 12;
const choices = 5;
const inFlight = 2_000;
const secretNames = [
  'REDIS_PASSWORD',
  'POSTGRES_PASSWORD',
  'LOGGER_KEY',
  'RECORDER_KEY',
  'POLLBUS_HISTORY_KEY',
];
const diskMiB = 512;
// Of all votes.
const twinShare = 0.1;
// Few, so that they are soon used up; and little log, so that the disk can be small.
const postgresSettings = ['max_connections=40', 'max_wal_size=64MB', 'min_wal_size=32MB'];

export class System {
  // `load`: { votesPerSecond, voters, seed }. `tell(event)` is told of all starts and ends.
  constructor({ folder, scripts, programs, network, abilities, options, load, tell }) {
    Object.assign(this, { folder, scripts, programs, network, abilities, load, tell });
    this.roles = new Map();
    this.proxies = new Map();
    this.addresses = {};
    this.environments = new Environments({ ...this, mutant: options.mutant });
    for (const name of ['logs', 'evidence', 'journals', 'clocks', 'secrets']) {
      mkdirSync(join(folder, name), { mode: 0o700 });
    }
    this.secrets = Object.fromEntries(secretNames.map((name) => [name, randomBytes(32).toString('hex')]));
    for (const [name, value] of Object.entries(this.secrets)) {
      writeFileSync(this.environments.secretFile(name), value, { mode: 0o600 });
    }
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
    const role = await this.addRole(
      'redis',
      () => ({
        command: [join(this.scripts, 'local-redis'), folder, String(port), role.node.host],
        env: { REDIS_PASSWORD: this.secrets.REDIS_PASSWORD },
        answers: () => this.redis.answers(),
      }),
      { http: false },
    );
    this.redis = new RedisClient(port, this.secrets.REDIS_PASSWORD, role.node.host);
    this.addresses.redis = { host: role.node.host, port };
  }

  async addPostgres() {
    const folder = await this.disk('postgres');
    const port = await this.network.port('postgres');
    const role = await this.addRole(
      'postgres',
      () => ({
        command: [
          join(this.scripts, 'local-postgres'),
          folder,
          String(port),
          role.node.host,
          ...postgresSettings,
        ],
        env: {
          POSTGRES_USER: database,
          POSTGRES_DB: database,
          POSTGRES_PASSWORD: this.secrets.POSTGRES_PASSWORD,
        },
        answers: () => this.postgres.answers(),
        stopSignal: 'SIGINT',
      }),
      { http: false },
    );
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
      env: { ...this.environments.common(role), ...this.environments.clock('broker') },
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

  async addService(name) {
    await this.addRole(name, (role) => {
      const http = role.http;
      return {
        command: [join(this.programs, `voting-${roster.kindOf(name)}`)],
        env: {
          ...this.environments.common(role),
          ...this.environments.bus(name),
          ...this.environments.store(name),
          ...this.environments.clock(name),
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
        ...[
          '--election',
          electionId,
          '--machine',
          number,
          '--voters',
          this.load.voters,
          '--choices',
          choices,
        ],
        ...['--in-flight', inFlight, '--seed', this.load.seed + number * 1_000_003 + role.life * 1_009],
        ...['--journal', join(this.folder, 'journals', name), '--quiet', '--patience-s', 600],
        ...(this.load.isOver
          ? ['--votes', this.load.rest?.(name) ?? 0]
          : ['--rate', this.load.votesPerSecond * share]),
      ].map(String),
      env: {
        ...this.environments.common(role),
        ...this.environments.bus(name),
        ...this.environments.clock(name),
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
    const groups = [
      [...this.roles.keys()].filter((name) => name.startsWith('machine')),
      roster.services,
      ['broker'],
      ['redis', 'postgres'],
    ];
    for (const names of groups) {
      const ends = await Promise.all(
        this.rolesNamed(names.filter((name) => this.roles.has(name))).map(async (role) => [
          role,
          await role.stop(),
        ]),
      );
      failures.push(
        ...ends
          .filter(([, well]) => !well)
          .map(([role]) => `${role.name}: did not end with exit code 0 at SIGTERM`),
      );
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

  // A disk of memory goes with this process. `keep`: what is on it stays, below its folder.
  async leaveDisks({ keep }) {
    for (const { folder } of Object.values(this.disks)) {
      const kept = `${folder}.kept`;
      if (keep) await run('cp', ['--archive', folder, kept]);
      await run('umount', ['--lazy', folder]);
      if (!keep) continue;
      rmdirSync(folder);
      renameSync(kept, folder);
    }
  }
}
