// The environment variables of each process of the election.

import { closeSync, existsSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { findFaketime, redisClock } from './abilities.mjs';
import * as roster from './roster.mjs';

export const project = 'pollbus-faults';
export const topic = 'election';
export const database = 'pollbus';

export class Environments {
  // `addresses` and `proxies` are filled while servers and proxies are started. `mutant`: a known
  // mistake that all services make, or undefined.
  constructor({ folder, abilities, programs, addresses, proxies, redisServers, mutant }) {
    Object.assign(this, { folder, abilities, programs, addresses, proxies, redisServers });
    this.mutant = mutant ? { POLLBUS_MUTANT: mutant } : {};
  }

  secretFile(name) {
    return join(this.folder, 'secrets', name.toLowerCase());
  }

  // The address at which `client` reaches `server`.
  addressFor(client, server) {
    return this.proxies.get(`${client} to ${server}`) ?? this.addresses[server];
  }

  common(role) {
    const { host, port } = role.http;
    return { HTTP_HOST: host, HTTP_PORT: String(port), LOG_FORMAT: 'json', ...this.mutant };
  }

  clockFile(name) {
    return join(this.folder, 'clocks', name);
  }

  // Lets the process take its wall clock from its clock file.
  clock(name) {
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

  // The same for Redis, by another library (tests/faults/programs/moved_clock.cc).
  redisClock() {
    if (this.abilities.redisClock) return {};
    const file = this.clockFile('redis');
    if (!existsSync(file)) writeFileSync(file, Buffer.alloc(8));
    return { LD_PRELOAD: redisClock(this.programs), MOVED_CLOCK_FILE: file };
  }

  // At once: Redis has mapped the file.
  moveRedisClock(seconds) {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(BigInt(seconds));
    const file = openSync(this.clockFile('redis'), 'r+');
    writeSync(file, bytes, 0, bytes.length, 0);
    closeSync(file);
  }

  bus(name) {
    const { host, port } = this.addressFor(name, 'broker');
    return { GCP_PROJECT: project, TOPIC_NAME: topic, PUBSUB_EMULATOR_HOST: `${host}:${port}` };
  }

  secretFiles(names) {
    return Object.fromEntries(names.map((name) => [`${name}_FILE`, this.secretFile(name)]));
  }

  store(name) {
    if (roster.kindOf(name) === 'logger') {
      const redis = this.redisServers.map((server) => this.addressFor(name, server));
      return {
        ...(redis.length === 1
          ? { REDIS_HOST: redis[0].host, REDIS_PORT: String(redis[0].port) }
          : { REDIS_HOSTS: redis.map(({ host, port }) => `${host}:${port}`).join(',') }),
        REDIS_PASSWORD_FILE: this.secretFile('REDIS_PASSWORD'),
        // Several faults in a row may last longer than the default of one minute.
        REDIS_START_TIMEOUT_S: '600',
        ...this.secretFiles(['LOGGER_KEY', 'SUBMIT_KEY', 'RECORD_KEY', 'RESULT_KEY']),
        ELECTIONS: 'defined',
        OFFICE_PUBLIC_KEY: this.officePublicKey,
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
      ...this.secretFiles(['POSTGRES_PASSWORD', 'RECORD_KEY', 'RESULT_KEY']),
      OFFICE_PUBLIC_KEY: this.officePublicKey,
      ELECTION_SUB_ID: 'election-record-sub',
    };
  }
}
