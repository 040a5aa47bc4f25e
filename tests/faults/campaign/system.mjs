// The election under faults: its processes, their settings, and how they reach each other.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync, mkdirSync, renameSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { isReady } from '../../../scripts/local.d/http.mjs';
import { PostgresClient, RedisClient } from '../../../scripts/local.d/stores.mjs';
import { machineKeys } from '../../support/authentication.mjs';
import { Bus } from './bus.mjs';
import { readJournal } from './journals.mjs';
import { Ledger } from './ledger.mjs';
import { Office } from './office.mjs';
import { Environments, database, project, topic } from './environments.mjs';
import { Locks } from './locks.mjs';
import { Proxy } from './proxy.mjs';
import { Random } from './random.mjs';
import { Refusals } from './refusals.mjs';
import { Role } from './role.mjs';
import * as roster from './roster.mjs';
import { Witness } from './witness.mjs';

const run = promisify(execFile);

export const electionId = 12;
const inFlight = 2_000;
const secretNames = [
  'REDIS_PASSWORD',
  'POSTGRES_PASSWORD',
  'LOGGER_KEY',
  'SUBMIT_KEY',
  'RECORD_KEY',
  'RESULT_KEY',
  'PSEUDONYM_KEY',
];
// docs/wire-format.md: the voter of such a vote keeps a mark without a row.
const refusedByPostgres = 'the database refuses this vote';
const diskMiB = 512;
const journalsIntervalMs = 250;
const maxStoredVotes = 1_000;
// The share of all votes that a twin casts.
const twinShare = 0.1;
// Few connections, so that a fault can use them up; little log, so that the disk can be small.
const postgresSettings = ['max_connections=40', 'max_wal_size=64MB', 'min_wal_size=32MB'];

export class System {
  // `load`: { votesPerSecond, voters, seed }. `tell(event)` gets every start and end of a process.
  constructor({ folder, scripts, programs, network, abilities, options, load, tell }) {
    Object.assign(this, { folder, scripts, programs, network, abilities, load, tell });
    this.electionId = electionId;
    this.roles = new Map();
    this.proxies = new Map();
    this.addresses = {};
    this.redisServers = roster.redisServers(options.redis);
    this.servers = [...roster.servers.filter((name) => name !== 'redis'), ...this.redisServers];
    this.environments = new Environments({ ...this, mutant: options.mutant });
    for (const name of ['logs', 'evidence', 'journals', 'clocks', 'secrets']) {
      mkdirSync(join(folder, name), { mode: 0o700 });
    }
    this.secrets = Object.fromEntries(secretNames.map((name) => [name, randomBytes(32).toString('hex')]));
    for (const [name, value] of Object.entries(this.secrets)) {
      writeFileSync(this.environments.secretFile(name), value, { mode: 0o600 });
    }
    this.office = new Office({ system: this, programs, folder, seed: options.seed });
    this.disks = {};
    this.locks = new Locks();
    // Sentences about what went wrong without being the effect of a fault.
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
    const redis = this.redisServers.map((name) => this.addRedis(name));
    await Promise.all([...redis, this.addPostgres(), this.addBroker()]);
    await this.startProxies();
    for (const role of this.rolesNamed(this.servers)) role.start();
    await Promise.all(this.rolesNamed(this.servers).map((role) => role.ready()));
    this.bus = new Bus({ address: this.addresses.broker, project, topic });
    await this.bus.start();
    await this.startWitness();
    await this.office.start();
    for (const name of roster.services) await this.addService(name);
    for (const role of this.rolesNamed(roster.services)) role.start();
    await Promise.all(this.rolesNamed(roster.services).map((role) => role.ready()));
    await this.office.define(this.load.voters);
    await this.office.open();
    for (const name of roster.machines) await this.addMachine(name);
    for (const name of roster.twins) await this.addMachine(name, { share: twinShare });
  }

  // Begins to watch the topic and the journals, before the first vote is cast.
  async startWitness() {
    this.ledger = new Ledger();
    this.stored = new Map(); // choices of votes that were answered successful, by UUID
    const choices = new Map();
    this.voters = new Map(); // of all votes, by UUID
    this.refused = []; // UUIDs of votes that PostgreSQL has refused for good
    const tell = (event) => this.addEvidence('votes', event);
    this.refuse = new Refusals({
      election: electionId,
      redis: this.redisConnections(),
      postgres: this.postgres,
      tell,
    });
    this.witness = new Witness({
      bus: this.bus,
      pseudonymKey: this.secrets.PSEUDONYM_KEY,
      tell: (event) => {
        tell(event);
        const { uuid } = event;
        if (event.event === 'cast') this.ledger.onCast(uuid);
        if (event.event === 'cast') choices.set(uuid, event.choice);
        if (event.event === 'answered') this.ledger.onAnswer(uuid);
        if (event.reason === refusedByPostgres && event.ends) this.refused.push(uuid);
        if (event.result === 'successful') this.stored.set(uuid, choices.get(uuid));
      },
      onMessage: (message) => {
        if (message.vote) this.voters.set(message.uuid, message.vote.voter);
        return this.refuse.onMessage(message);
      },
      report: (problem) => this.problems.push(problem),
    });
    await this.witness.start();
    this.journalTimer = setInterval(() => this.readJournals(), journalsIntervalMs);
  }

  // Votes that were answered successful: [{ uuid, choice }].
  storedVotes() {
    return [...this.stored].slice(-maxStoredVotes).map(([uuid, choice]) => ({ uuid, choice }));
  }

  journal(name) {
    return join(this.folder, 'journals', name);
  }

  // Twins are away most of the time, so votes in their journals are not waited for.
  readJournals() {
    const begunAt = Date.now();
    const kept = roster.machines.flatMap((name) => readJournal(this.journal(name)).map(({ uuid }) => uuid));
    this.ledger.onJournals(new Set(kept), begunAt);
  }

  // Notes the votes in the journal of a machine: `kept` when it has ended, `left` after the election.
  noteJournal(name, event) {
    for (const { uuid, election, machine, voter, choice } of readJournal(this.journal(name))) {
      const pseudonym = this.witness.pseudonym(election, voter);
      this.addEvidence('votes', { event, election, machine, uuid, voter: pseudonym, choice });
    }
  }

  // The path of a program; of the faulty one if the role has failpoints or a mutant.
  program(role, name, faulty) {
    const isFaulty = role.extraEnv.POLLBUS_FAILPOINTS !== undefined || this.environments.mutant.POLLBUS_MUTANT;
    return join(this.programs, isFaulty ? faulty : name);
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

  // A file system of its own for a server, where that is possible, so that a fault can fill it.
  async disk(name) {
    const folder = join(this.folder, name);
    mkdirSync(folder, { mode: 0o700 });
    if (this.abilities.mounts) return folder;
    await run('mount', ['-t', 'tmpfs', '-o', `size=${diskMiB}m,mode=0700`, `faults-${name}`, folder]);
    this.disks[name] = { folder, size: `${diskMiB}m` };
    return folder;
  }

  // How tests reach the servers of the register: [{ host, port, password }].
  redisConnections() {
    return this.redisServers.map((name) => ({ ...this.addresses[name], password: this.secrets.REDIS_PASSWORD }));
  }

  async addRedis(name) {
    const folder = await this.disk(name);
    const port = await this.network.port(name);
    const role = await this.addRole(
      name,
      () => ({
        command: [join(this.scripts, 'local-redis'), folder, String(port), role.node.host],
        env: { REDIS_PASSWORD: this.secrets.REDIS_PASSWORD, ...this.environments.redisClock() },
        answers: () => client.answers(),
      }),
      { http: false },
    );
    const client = new RedisClient(port, this.secrets.REDIS_PASSWORD, role.node.host);
    this.addresses[name] = { host: role.node.host, port };
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
    const broker = await this.addRole('broker', (role) => ({
      command: [
        this.program(role, 'pubsub-broker', 'faulty-broker'),
        ...['--listen', `${role.node.host}:${port}`, '--data-dir', folder],
        ...['--create-topic', `projects/${project}/topics/${topic}`],
      ],
      env: { ...this.environments.common(role), ...this.environments.clock('broker') },
      answers: () => isReady(role.http),
    }));
    this.addresses.broker = { host: broker.node.host, port };
  }

  async startProxies() {
    const links = roster.proxiedLinks.flatMap(({ client, server }) =>
      (server === 'redis' ? this.redisServers : [server]).map((each) => ({ name: `${client} to ${each}`, server: each })),
    );
    for (const { name, server } of links) {
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
        command: [this.program(role, `voting-${roster.kindOf(name)}`, `faulty-${roster.kindOf(name)}`)],
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

  // A twin has the id of another machine, and a journal of its own.
  async addMachine(name, { number = roster.numberOf(name), share = 1 / roster.machines.length } = {}) {
    const machine = await this.addRole(name, (role) => ({
      command: [
        this.program(role, 'voting-machine', 'faulty-machine'),
        ...[
          '--election',
          electionId,
          '--machine',
          number,
          '--codes',
          this.office.codes,
          '--choices',
          roster.choices,
        ],
        ...['--in-flight', inFlight, '--seed', this.load.seed + number * 1_000_003 + role.life * 1_009],
        ...['--journal', this.journal(name), '--quiet', '--patience-s', 600],
        ...(this.load.isOver
          ? ['--votes', this.load.rest?.(name) ?? 0]
          : ['--rate', this.load.votesPerSecond * share]),
      ].map(String),
      env: {
        ...this.environments.common(role),
        ...this.environments.bus(name),
        ...machineKeys(this.secrets, number),
        OFFICE_PUBLIC_KEY: this.environments.officePublicKey,
        ...this.environments.clock(name),
      },
      answers: () => isReady(role.http),
    }));
    machine.onEnded = () => this.noteJournal(name, 'kept');
    // It ends by itself once it has cast all its votes and got every answer.
    machine.mayEnd = (end) => this.load.isOver && end.code === 0;
    return machine;
  }

  // Stops all processes, the machines first. Returns a sentence for each that did not end well.
  async stop() {
    clearInterval(this.journalTimer);
    const failures = [];
    const groups = [
      [...this.roles.keys()].filter((name) => name.startsWith('machine')),
      roster.services,
      ['broker'],
      [...this.redisServers, 'postgres'],
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

  // Unmounts the servers' disks, which are in memory. `keep`: copies their files to the folder first.
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
