import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { removeFolder } from '../../scripts/local.d/folders.mjs';
import { Part } from '../../scripts/local.d/part.mjs';
import { hostAndPort, reservePort, splitHostAndPort } from '../../scripts/local.d/ports.mjs';
import { PostgresClient, RedisClient } from '../../scripts/local.d/stores.mjs';

const scripts = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'scripts');
const folder = mkdtempSync(join(tmpdir(), 'pollbus-local-test-'));
const passwordFile = join(folder, 'password');
writeFileSync(passwordFile, 'pass"word\n', { mode: 0o600 });
const timeout = 120_000;

after(() => rmSync(folder, { recursive: true, maxRetries: 10, retryDelay: 100 }));

async function freePort() {
  const { port, release } = await reservePort();
  await release();
  return port;
}

async function withServer(name, port, client, settings, use) {
  const data = join(folder, name);
  const part = new Part({
    name,
    log: join(folder, `${name}.log`),
    command: [join(scripts, name), data, String(port)],
    env: settings,
    answers: () => client.answers(),
    stopSignal: 'SIGINT',
  }).start();
  try {
    await part.ready();
    await use();
  } finally {
    assert.ok(await part.stop(), part.logTail().join('\n'));
    removeFolder(data, data);
  }
}

test('local-redis takes its password from a file', { timeout }, async () => {
  const port = await freePort();
  const client = new RedisClient(port, 'pass"word');
  await withServer('local-redis', port, client, { REDIS_PASSWORD_FILE: passwordFile }, async () => {
    const answer = execFileSync('redis-cli', ['-p', String(port), 'PING'], { encoding: 'utf8' });
    assert.match(answer, /NOAUTH/);
  });
});

test('local-redis with a user for loggers has all that they wrote after it was killed, and lets nobody else in', { timeout }, async () => {
  const port = await freePort();
  const client = new RedisClient(port, 'admin', '127.0.0.1', 'admin');
  const settings = { REDIS_USER: 'voting-logger', REDIS_PASSWORD: 'logger', REDIS_ADMIN_PASSWORD: 'admin' };
  const data = join(folder, 'killed-redis');
  const cli = (user, password, ...words) =>
    spawnSync('redis-cli', ['-p', String(port), ...user, ...words], { env: { ...process.env, REDISCLI_AUTH: password }, encoding: 'utf8' });
  for (const isFirst of [true, false]) {
    const part = new Part({
      name: 'killed-redis', log: join(folder, 'killed-redis.log'), command: [join(scripts, 'local-redis'), data, String(port)],
      env: settings, answers: () => client.answers(),
    }).start();
    try {
      await part.ready();
      // A script with several writes is a transaction in the append-only file.
      if (isFirst) {
        const text = "redis.call('SETNX', KEYS[1], 'x') return redis.call('SETNX', KEYS[2], 'y')";
        assert.equal(cli(['--user', 'admin'], 'admin', 'EVAL', text, '2', 'voted:12:1', 'voted:12:2').stdout.trim(), '1');
      }
      assert.equal(await client.countKeys('voted:*'), 2);
      assert.match(cli([], '', 'GET', 'voted:12:1').stdout, /NOAUTH/);
      assert.match(cli(['--user', 'default'], '', 'GET', 'voted:12:1').stdout, /NOAUTH|WRONGPASS/);
    } finally {
      part.kill();
      await part.ended;
    }
  }
});

test('local-postgres makes the database and the user that voting-recorder expects', { timeout }, async () => {
  const port = await freePort();
  const login = { user: 'admin', database: 'election' };
  const client = new PostgresClient({ port, ...login, password: 'pass"word' });
  await withServer('local-postgres', port, client, { POSTGRES_PASSWORD_FILE: passwordFile }, async () => {
    const stranger = new PostgresClient({ port, ...login, password: 'wrong' });
    assert.equal(await stranger.answers(), false);
  });
});

test('wrong arguments of the local servers end with exit code 2', () => {
  for (const script of ['local-redis', 'local-postgres']) {
    for (const words of [[], ['--nothing'], [join(folder, 'x'), 'port']]) {
      const { status, stderr } = spawnSync(join(scripts, script), words, { encoding: 'utf8' });
      assert.equal(status, 2, script);
      assert.match(stderr, /^usage: /);
    }
  }
});

test('addresses with ports are written and read in both IP versions', () => {
  for (const [host, port, text] of [['127.0.0.1', 80, '127.0.0.1:80'], ['::1', 8085, '[::1]:8085']]) {
    assert.equal(hostAndPort(host, port), text);
    assert.deepEqual(splitHostAndPort(text), { host, port });
  }
  for (const text of ['', 'host', 'host:', ':1', 'host:0', 'host:65536', '::1:80']) {
    assert.equal(splitHostAndPort(text), undefined, text);
  }
});
