// The processes of one election on this machine: their settings, and the order in which they start
// and end.

import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { removeFolder } from '../local.d/folders.mjs';
import { isReady, page } from '../local.d/http.mjs';
import { Part, PartFailure, describeEnd } from '../local.d/part.mjs';
import { hostAndPort, loopbackAddress, reservePort } from '../local.d/ports.mjs';
import { PostgresClient, RedisClient } from '../local.d/stores.mjs';
import { createTopicOn } from './foreign_bus.mjs';

export const electionId = 12;
export const choices = 5;
const topic = 'election';
const database = 'pollbus';
const secretNames = [
  ...['REDIS_PASSWORD', 'REDIS_ADMIN_PASSWORD', 'POSTGRES_PASSWORD', 'LOGGER_KEY'],
  ...['POSTGRES_OWNER_PASSWORD', 'POSTGRES_RECORDER_PASSWORD', 'POSTGRES_RESULTS_PASSWORD'],
];
const redisAdmin = 'admin';
const redisUser = 'voting-logger';
// The keys that authenticate messages, for each kind of service.
const messageKeys = { logger: ['SUBMIT_KEY', 'RECORD_KEY', 'RESULT_KEY'], recorder: ['RECORD_KEY', 'RESULT_KEY'] };
// A machine's keys, with the key and the context that each is derived from.
const machineKeys = {
  MACHINE_SUBMIT_KEY: ['SUBMIT_KEY', 'pollbusS'],
  MACHINE_RESULT_KEY: ['RESULT_KEY', 'pollbusR'],
};
// A part that ends more often than this has a problem that starting it again does not solve.
const maxRestarts = 20;
// One more machine draws its voters from at least this many, so that most of them have not voted.
const minVotersOfOneMoreMachine = 1_000_000;

// Quotes a word for a POSIX shell.
export function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? String(word) : `'${String(word).replaceAll("'", "'\\''")}'`;
}

const commandLine = (words) => words.map(quoted).join(' ');
export const numbers = (count) => Array.from({ length: count }, (_, i) => i + 1);

export class Election {
  // `folder` must be empty and private. `report(text)` is called when something has started, ended or
  // been started again. `scripts` and `programs` are the folders of this checkout.
  constructor({ options, folder, scripts, programs, report }) {
    Object.assign(this, { options, folder, scripts, programs, report });
    this.project = `pollbus-demo-${randomBytes(4).toString('hex')}`;
    const names = [...secretNames, ...(options.open ? [] : messageKeys.logger)];
    this.secrets = Object.fromEntries(names.map((name) => [name, randomBytes(32).toString('hex')]));
    for (const [name, value] of Object.entries(this.secrets)) {
      writeFileSync(this.secretFile(name), value, { mode: 0o600 });
    }
    this.writeMachineKeys();
    this.stores = [];
    this.bus = [];
    this.recorders = [];
    this.loggers = [];
    this.machines = [];
    this.pages = [];
    this.restarts = new Map();
    this.stopping = false;
    // Rejects when a part fails for good; never resolves.
    this.failure = new Promise((_, reject) => {
      this.fail = reject;
    });
    this.failure.catch(() => {});
  }

  secretFile(name) {
    return join(this.folder, name.toLowerCase());
  }

  secretsNamed(...names) {
    return Object.fromEntries(names.map((name) => [name, this.secrets[name]]));
  }

  // The number of machines in this election, with one more that a person may add.
  get maxMachines() {
    return this.options.machines + 1;
  }

  writeMachineKeys() {
    if (this.options.open) return;
    const machines = numbers(this.maxMachines);
    for (const [name, [master, context]] of Object.entries(machineKeys)) {
      this.derivedKeys(master, context, machines).forEach((key, i) => {
        writeFileSync(this.machineFile(machines[i], name.toLowerCase()), key, { mode: 0o600 });
      });
    }
  }

  // The keys that are derived from one of the secrets, one for each number.
  derivedKeys(master, context, ids) {
    const derive = join(this.scripts, 'secrets.d', 'derive');
    const text = execFileSync(derive, [context, ...ids.map(String)], { input: this.secrets[master], encoding: 'utf8' });
    return text.trim().split('\n');
  }

  // The settings of a service, and of a machine, that name its keys.
  serviceKeys(kind) {
    if (this.options.open) return {};
    return Object.fromEntries(messageKeys[kind].map((name) => [`${name}_FILE`, this.secretFile(name)]));
  }

  // Further settings of a kind of service.
  settingsOf() {
    return {};
  }

  keysOfMachine(number) {
    if (this.options.open) return {};
    const names = Object.keys(machineKeys);
    return Object.fromEntries(names.map((name) => [`${name}_FILE`, this.machineFile(number, name.toLowerCase())]));
  }

  async start() {
    this.host = await loopbackAddress();
    await Promise.all([this.startRedis(), this.startPostgres(), this.startBus()]);
    await this.migrate();
    const recorder = {
      ...this.postgresLogin('recorder'),
      ELECTION_SUB_ID: 'election-record-sub',
      ...this.serviceKeys('recorder'),
      ...this.settingsOf('recorder'),
    };
    const logger = {
      REDIS_HOST: this.host,
      REDIS_PORT: String(this.redis.port),
      REDIS_USER: redisUser,
      REDIS_PASSWORD_FILE: this.secretFile('REDIS_PASSWORD'),
      LOGGER_KEY_FILE: this.secretFile('LOGGER_KEY'),
      ELECTION_SUB_ID: 'election-submit-sub',
      RECORD_SUB_ID: 'election-record-sub',
      ...this.serviceKeys('logger'),
      ...this.settingsOf('logger'),
    };
    const services = [
      ...(await this.startServices('recorder', this.options.recorders, this.recorders, recorder)),
      ...(await this.startServices('logger', this.options.loggers, this.loggers, logger)),
    ];
    await Promise.all(services.map((service) => service.ready()));
  }

  // The settings of a connection to PostgreSQL as the owner of the tables or as the recorder.
  postgresLogin(role) {
    return {
      POSTGRES_HOST: this.host,
      POSTGRES_PORT: String(this.postgres.port),
      POSTGRES_DB: database,
      POSTGRES_USER: `pollbus_${role}`,
      POSTGRES_PASSWORD_FILE: this.secretFile(`POSTGRES_${role.toUpperCase()}_PASSWORD`),
    };
  }

  // Starts the board and sets its address.
  async startBoard() {
    const { port, release } = await reservePort(this.host);
    await release();
    const http = await this.httpEndpoint();
    this.boardAddress = `http://${hostAndPort(this.host, port)}/`;
    await this.startPart(this.pages, {
      name: 'board',
      command: [join(this.programs, 'election-board'), '--listen', hostAndPort(this.host, port)],
      env: { ...this.postgresLogin('results'), ...this.settingsOf('board'), ...http.env },
      answers: async () => (await isReady(http.address)) && (await page({ host: this.host, port }, '/')) !== undefined,
    }).ready();
  }

  // Creates the tables, as their owner.
  async migrate() {
    const migration = new Part({
      name: 'migration',
      log: join(this.folder, 'migration.log'),
      command: [join(this.programs, 'voting-recorder'), '--migrate'],
      env: this.postgresLogin('owner'),
    }).start();
    const end = await migration.ended;
    if (end.code !== 0) throw new PartFailure(migration, describeEnd(end));
  }

  // Starts a part that is to run until stop(). Should it end before, it is started again.
  startPart(group, description) {
    const log = join(this.folder, `${description.name.replace(' ', '-')}.log`);
    return this.startAt(group, group.length, { log, ...description });
  }

  startAt(group, place, description) {
    const part = new Part(description).start();
    group[place] = part;
    part.ended.then((end) => this.onEnd(group, place, part, end)).catch(this.fail);
    return part;
  }

  async onEnd(group, place, part, end) {
    if (this.stopping || part.stopping) return;
    const restarts = (this.restarts.get(part.name) ?? 0) + 1;
    this.restarts.set(part.name, restarts);
    if (!part.isReady || restarts > maxRestarts) throw new PartFailure(part, describeEnd(end));
    const cause = end.code === null ? `was killed (${end.signal})` : `ended with exit code ${end.code}`;
    this.report(`>> ${part.name} ${cause}. The election goes on; starting ${part.name} again.`);
    const again = this.startAt(group, place, part);
    await again.ready();
    this.report(`>> ${part.name} runs again.`);
  }

  async startRedis() {
    const reserved = await reservePort(this.host);
    this.redis = new RedisClient(reserved.port, this.secrets.REDIS_ADMIN_PASSWORD, this.host, redisAdmin);
    await reserved.release();
    await this.startPart(this.stores, {
      name: 'Redis',
      command: [join(this.scripts, 'local-redis'), join(this.folder, 'redis'), String(reserved.port), this.host],
      env: { REDIS_USER: redisUser, ...this.secretsNamed('REDIS_PASSWORD', 'REDIS_ADMIN_PASSWORD') },
      answers: () => this.redis.answers(),
    }).ready();
  }

  async startPostgres() {
    const reserved = await reservePort(this.host);
    const password = this.secrets.POSTGRES_PASSWORD;
    const { host } = this;
    this.postgres = new PostgresClient({ host, port: reserved.port, user: database, database, password });
    await reserved.release();
    await this.startPart(this.stores, {
      name: 'PostgreSQL',
      command: [join(this.scripts, 'local-postgres'), join(this.folder, 'postgres'), String(reserved.port), host],
      env: {
        POSTGRES_USER: database,
        POSTGRES_DB: database,
        ...this.secretsNamed('POSTGRES_PASSWORD', 'POSTGRES_OWNER_PASSWORD'),
        ...this.secretsNamed('POSTGRES_RECORDER_PASSWORD', 'POSTGRES_RESULTS_PASSWORD'),
      },
      answers: () => this.postgres.answers(),
      stopSignal: 'SIGINT',
    }).ready();
  }

  async startBus() {
    if (this.options.bus !== 'broker') {
      this.busAddress = this.options.bus;
      this.leaveForeignBus = await createTopicOn(this.busAddress, this.project, topic);
      return;
    }
    const [reserved, http] = await Promise.all([reservePort(this.host), reservePort(this.host)]);
    this.busAddress = hostAndPort(this.host, reserved.port);
    await Promise.all([reserved.release(), http.release()]);
    await this.startPart(this.bus, {
      name: 'pubsub-broker',
      command: [
        join(this.programs, 'pubsub-broker'),
        ...['--listen', this.busAddress, '--http-host', this.host, '--http-port', String(http.port)],
        ...['--data-dir', join(this.folder, 'broker')],
        ...['--create-topic', `projects/${this.project}/topics/${topic}`],
      ],
      answers: () => isReady({ host: this.host, port: http.port }),
    }).ready();
  }

  busEnvironment() {
    return { GCP_PROJECT: this.project, TOPIC_NAME: topic, PUBSUB_EMULATOR_HOST: this.busAddress };
  }

  // The settings and the readiness check of a process that serves HTTP on a free port.
  async httpEndpoint() {
    const { port, release } = await reservePort(this.host);
    await release();
    const address = { host: this.host, port };
    return { address, env: { HTTP_HOST: this.host, HTTP_PORT: String(port) } };
  }

  async startServices(kind, count, group, env) {
    const parts = [];
    for (const number of numbers(count)) {
      const http = await this.httpEndpoint();
      parts.push(
        this.startPart(group, {
          name: `voting-${kind} ${number}`,
          command: [join(this.programs, `voting-${kind}`)],
          env: { ...this.busEnvironment(), ...env, ...http.env },
          answers: () => isReady(http.address),
        }),
      );
    }
    return parts;
  }

  machineFile(number, kind) {
    return join(this.folder, `machine-${number}.${kind}`);
  }

  // Starts all machines. Their output can be read from child.stdout.
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
      await this.startMachine(number, [...Object.entries(flags).flat(), quiet ? '--quiet' : '--show-votes']);
    }
    return this.machines;
  }

  async startMachine(number, words, env = {}) {
    const http = await this.httpEndpoint();
    const machine = new Part({
      name: `machine ${number}`,
      log: this.machineFile(number, 'log'),
      command: [join(this.programs, 'voting-machine'), ...words.map(String)],
      env: { ...this.busEnvironment(), ...this.keysOfMachine(number), ...http.env, ...env },
      stdout: 'pipe',
    });
    machine.metrics = async () => (await page(http.address, '/metrics')) ?? '';
    this.machines.push(machine.start());
    machine.isReady = true;
  }

  // Waits for the end of all machines and returns the summaries that they wrote. Exit code 1 means
  // that some votes were not answered.
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

  // The summaries of machines that were started with oneMoreMachine() and have ended.
  summariesOfMoreMachines() {
    return readdirSync(this.folder)
      .map((name) => Number(name.match(/^machine-(\d+)\.json$/)?.[1]))
      .filter((number) => number > this.options.machines)
      .sort((a, b) => a - b)
      .map((number) => JSON.parse(readFileSync(this.machineFile(number, 'json'), 'utf8')));
  }

  async storesContent() {
    const [marks, votes] = await Promise.all([
      this.redis.countKeys(`voted:${electionId}:*`),
      this.postgres.countVotes(),
    ]);
    return { marks, ...votes };
  }

  // The command line that runs one more machine in this election.
  oneMoreMachine() {
    const number = this.options.machines + 1;
    const variables = { ...this.busEnvironment(), ...this.keysOfMachine(number) };
    const environment = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const wanted = Math.max(minVotersOfOneMoreMachine, this.options.voters * 10);
    return commandLine([
      ...environment,
      join(this.programs, 'voting-machine'),
      ...['--election', electionId, '--machine', number],
      ...['--voters', Math.min(wanted, Number.MAX_SAFE_INTEGER), '--choices', choices],
      ...['--journal', this.machineFile(number, 'journal'), '--summary', this.machineFile(number, 'json')],
    ]);
  }

  // Command lines that open the two stores. The passwords stay in their files.
  postgresShell() {
    const words = ['psql', '-h', this.host, '-p', this.postgres.port, '-U', database, '-d', database];
    return `PGPASSWORD=$(cat ${quoted(this.secretFile('POSTGRES_PASSWORD'))}) ${commandLine(words)}`;
  }

  redisShell() {
    const words = ['redis-cli', '-h', this.host, '-p', this.redis.port, '--user', redisAdmin];
    return `REDISCLI_AUTH=$(cat ${quoted(this.secretFile('REDIS_ADMIN_PASSWORD'))}) ${commandLine(words)}`;
  }

  // Kills one logger, the way a crash would.
  killCommand() {
    return `kill -KILL ${this.loggers[0].child.pid}`;
  }

  // Stops machines, loggers, recorders, bus and stores, in this order, so that each part can finish
  // its work. Returns the failures of the parts that did not end well.
  async stop() {
    this.stopping = true;
    for (const machine of this.machines) machine.stopping = true;
    const failures = [];
    await Promise.all(this.machines.map((machine) => machine.stop()));
    for (const group of [this.pages, this.loggers, this.recorders, this.bus, this.stores]) {
      const well = await Promise.all(group.map((part) => part.stop()));
      const bad = group.filter((_, i) => !well[i]);
      failures.push(...bad.map((part) => new PartFailure(part, 'did not end as it should')));
    }
    await this.leaveForeignBus?.().catch((error) => failures.push(error));
    return failures;
  }

  kill() {
    this.stopping = true;
    for (const group of [this.machines, this.pages, this.loggers, this.recorders, this.bus, this.stores]) {
      for (const part of group) part.kill();
    }
  }

  removeFiles() {
    removeFolder(this.folder);
  }
}
