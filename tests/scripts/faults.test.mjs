// What of scripts/faults can be known without an election: its plan, what it reads, how it judges.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Bus } from '../../scripts/faults.d/bus.mjs';
import { parseReply } from '../../scripts/faults.d/dump.mjs';
import { parseFlags } from '../../scripts/faults.d/flags.mjs';
import { Histories, toWallMs } from '../../scripts/faults.d/histories.mjs';
import { allKinds } from '../../scripts/faults.d/kinds/all.mjs';
import { endTracer } from '../../scripts/faults.d/kinds/disks.mjs';
import { Locks } from '../../scripts/faults.d/locks.mjs';
import { drawPlan } from '../../scripts/faults.d/plan.mjs';
import { Proxy } from '../../scripts/faults.d/proxy.mjs';
import { Random } from '../../scripts/faults.d/random.mjs';
import { shortcomings, summariseFaults } from '../../scripts/faults.d/report.mjs';
import { everybody } from '../../scripts/faults.d/roster.mjs';
import { FileFollower, Watch, parseMetrics } from '../../scripts/faults.d/watch.mjs';
import { Broker } from '../interop/broker.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'pollbus-faults-test-'));
after(() => rmSync(folder, { recursive: true }));

const describe = ({ id, kind, params }) => ({ id, kind: kind.name, params });

test('the help names every kind of fault', () => {
  const help = execFileSync(join(root, 'scripts', 'faults'), ['--help'], { encoding: 'utf8' });
  const words = new Set(help.split(/[\s;().]+/));
  for (const { name } of allKinds) assert.ok(words.has(name), name);
});

test('flags have sane defaults, and a word stands for all kinds that it begins', () => {
  const { options, problems } = parseFlags([]);
  assert.deepEqual(problems, []);
  assert.equal(options.kinds.length, allKinds.length);
  assert.equal(options.alone, 1);
  assert.equal(parseFlags(['--seconds', '180']).options.alone, 0);
  const some = parseFlags(['--kinds', 'kill,delay', '--seed=7', '--votes', '100000']).options;
  assert.deepEqual(
    some.kinds.filter((name) => !name.startsWith('kill-')),
    ['delay'],
  );
  assert.equal(some.kinds.length, 7);
  assert.equal(some.seed, 7);
  assert.equal(some.votes, 100_000);
});

test('all problems of the flags are told at once', () => {
  const { problems } = parseFlags([
    '--votes',
    'many',
    '--kinds',
    'earthquake',
    '--what',
    '--output',
    root,
    '--seed',
  ]);
  assert.deepEqual(
    problems.map((problem) => problem.split(':')[0]),
    ['--votes', '--kinds', '--what', '--output', '--seed'],
  );
  assert.match(problems[1], /earthquake/);
});

test('a seed draws the same numbers and the same plan again, another one does not', () => {
  const numbers = (seed) => {
    const random = new Random(seed);
    return Array.from({ length: 50 }, () => random.integer(0, 1_000));
  };
  assert.deepEqual(numbers(1), numbers(1));
  assert.notDeepEqual(numbers(1), numbers(2));
  const plan = (seed) => {
    const { alone, storm } = drawPlan({ seed, kinds: allKinds, faults: 200, alone: 1 });
    return [...alone, ...storm].map(describe);
  };
  assert.deepEqual(plan(1), plan(1));
  assert.notDeepEqual(plan(1), plan(2));
});

test('a plan has as many faults as asked for, each kind alone first and each among the others', () => {
  const { alone, storm } = drawPlan({ seed: 3, kinds: allKinds, faults: 300, alone: 2 });
  assert.equal(alone.length + storm.length, 300);
  for (const kind of allKinds) {
    assert.equal(alone.filter((fault) => fault.kind === kind).length, 2);
    assert.ok(storm.some((fault) => fault.kind === kind));
  }
  const few = drawPlan({ seed: 3, kinds: allKinds, faults: 5, alone: 1 });
  assert.equal(few.alone.length, 5);
  assert.equal(few.storm.length, 0);
});

test('each fault of a plan hits somebody, lasts some time, and says how it is to be seen', () => {
  const { storm } = drawPlan({ seed: 4, kinds: allKinds, faults: 500, alone: 0 });
  for (const { kind, params } of storm) {
    assert.ok(typeof params.target === 'string', kind.name);
    assert.ok(params.durationMs >= 0 && params.durationMs < 20_000, kind.name);
    assert.ok(kind.locks(params).length > 0, kind.name);
    const { parts, metrics, log } = kind.signs(params);
    assert.ok(parts.length > 0 && (metrics ?? log) !== undefined, kind.name);
    for (const part of parts) assert.ok(everybody.includes(part.replace('-twin', '')), part);
  }
});

test('a lock is one fault’s at a time, and who waits gets it when it is given back', async () => {
  const locks = new Locks();
  assert.ok(locks.tryTake(['redis', 'logger-1']));
  assert.ok(!locks.tryTake(['logger-1']));
  const waiting = locks.take(['logger-1']);
  locks.give(['redis', 'logger-1']);
  await waiting;
  assert.ok(!locks.tryTake(['logger-1']));
  assert.ok(locks.tryTake(['redis']));
});

test('a file is followed line by line while it grows', () => {
  const file = join(folder, 'grows');
  const follower = new FileFollower(file);
  assert.deepEqual(follower.read(), []);
  writeFileSync(file, 'one\ntwo\nthr');
  assert.deepEqual(follower.read(), ['one', 'two']);
  appendFileSync(file, 'ee\n');
  assert.deepEqual(follower.read(), ['three']);
  assert.deepEqual(follower.read(), []);
});

test('metrics are read as series and values', () => {
  const values = parseMetrics('# HELP a b\na 1\nb{c="d e"} 2.5\n');
  assert.deepEqual(
    [...values],
    [
      ['a', 1],
      ['b{c="d e"}', 2.5],
    ],
  );
});

test('an event is found by part, source, time and pattern', () => {
  const watch = new Watch([]);
  watch.add('logger-1', 'log', 'not ready redis');
  const [{ at }] = watch.events;
  const query = { since: at, parts: ['logger-1'], source: 'log', pattern: /redis/ };
  assert.equal(watch.first(query), at);
  for (const other of [
    { since: at + 1 },
    { parts: ['logger-2'] },
    { source: 'metrics' },
    { pattern: /bus/ },
  ]) {
    assert.equal(watch.first({ ...query, ...other }), undefined);
  }
});

const line = (event, uuid, atMs) =>
  JSON.stringify({ event, uuid, t_us: Math.round((atMs - toWallMs(0)) * 1_000) });

test('recovery is when answers come at the rate again, and when the last vote cast before is answered', () => {
  const histories = new Histories([]);
  const start = Date.now();
  const healed = start + 10_000;
  histories.take(line('cast', 'early', start));
  for (let i = 0; i < 100; i++) histories.take(line('cast', i, healed + 3_000 + i * 100));
  for (let i = 0; i < 100; i++) histories.take(line('answered', i, healed + 3_000 + i * 100 + 10));
  const after = histories.recoveredAfter(healed, 9, 2_000, healed + 12_000);
  assert.ok(after >= 2_700 && after <= 3_300, String(after));
  assert.equal(histories.recoveredAfter(healed, 9, 2_000, healed + 3_000), undefined);
  assert.equal(histories.resolvedAfter(healed), undefined);
  histories.take(line('answered', 'early', healed + 7_000));
  assert.ok(Math.abs(histories.resolvedAfter(healed) - 7_000) < 5);
  assert.equal(histories.pending, 0);
  assert.equal(histories.cast, 101);
});

test('what is torn by a crash or comes twice does not count', () => {
  const histories = new Histories([]);
  const now = Date.now();
  histories.take(line('cast', 'a', now));
  histories.take(line('answered', 'a', now + 5));
  histories.take(line('answered', 'a', now + 6));
  histories.take('{"event":"cast","uuid":"b","t_');
  assert.deepEqual([histories.cast, histories.answered, histories.pending], [1, 1, 0]);
});

test('slow recovery, votes that stay without an answer and faults that nobody sees are told', () => {
  const [kind] = allKinds;
  const params = kind.draw(new Random(1));
  const seen = { metricsAfterMs: 400, logAfterMs: 300 };
  const fault = (alone, more = {}) => ({
    kind,
    params,
    seen,
    isVisible: true,
    alone: { isMeasured: true, ...alone },
    ...more,
  });
  assert.deepEqual(
    shortcomings([fault({ rateAfterMs: 900, resolvedAfterMs: 20_000 }), { kind, params }]),
    [],
  );
  const found = shortcomings([
    fault({ rateAfterMs: 10_100, resolvedAfterMs: 0 }),
    fault({ rateAfterMs: 0, resolvedAfterMs: 61_000 }),
    fault({ rateAfterMs: undefined, resolvedAfterMs: 0 }),
    fault({ rateAfterMs: 0, resolvedAfterMs: 0 }, { isVisible: false, seen: { metricsAfterMs: 5 } }),
  ]);
  assert.equal(found.length, 4);
  assert.match(found[3], /not to be seen in log/);
  const rows = summariseFaults(
    [kind],
    [fault({ rateAfterMs: 900, resolvedAfterMs: 20_000 }), { kind, params }],
  );
  assert.deepEqual([rows[0].made, rows[0].alone, rows[0].rateAfterMs], [2, 1, 900]);
});

test('replies of Redis are read whole or not at all', () => {
  const bytes = Buffer.from('*3\r\n$2\r\nab\r\n$-1\r\n:5\r\n+OK\r\n');
  const { value, end } = parseReply(bytes, 0);
  assert.deepEqual(
    value.map((one) => one && one.toString()),
    ['ab', null, '5'],
  );
  assert.equal(parseReply(bytes, end).value.toString(), 'OK');
  for (let size = 0; size < end; size++) assert.equal(parseReply(bytes.subarray(0, size), 0), undefined);
});

// A server that says what it was told, and a proxy before it.
async function echoBehindProxy() {
  const heard = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (bytes) => {
      heard.push(bytes.toString());
      socket.write(bytes);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = new Proxy({
    name: 'p',
    target: { host: '127.0.0.1', port: server.address().port },
    host: '127.0.0.1',
    port: 0,
  });
  await proxy.start();
  const client = connect(proxy.server.address().port, '127.0.0.1');
  await once(client, 'connect');
  const end = () => [client.destroy(), proxy.stop(), server.close()];
  return { heard, proxy, client, end };
}

test('the proxy passes bytes on, late when it is told to', async () => {
  const { proxy, client, end } = await echoBehindProxy();
  client.write('one');
  assert.equal(String((await once(client, 'data'))[0]), 'one');
  proxy.delayMs = 100;
  const begun = Date.now();
  client.write('two');
  assert.equal(String((await once(client, 'data'))[0]), 'two');
  assert.ok(Date.now() - begun >= 195);
  end();
});

test('the proxy lets the server do it, drops the answer and resets the connection', async () => {
  const { heard, proxy, client, end } = await echoBehindProxy();
  proxy.mode = 'drop answers';
  client.on('data', () => assert.fail('an answer came'));
  const failed = once(client, 'error');
  client.write('commit');
  const [error] = await failed;
  assert.equal(error.code, 'ECONNRESET');
  assert.deepEqual(heard, ['commit']);
  assert.equal(proxy.harm, 1);
  end();
});

test('a tracer that does not end when it is asked to is killed', { timeout: 20_000 }, async () => {
  const deaf = spawn('bash', ['-c', 'trap "" INT; echo ready; while :; do sleep 0.1; done'], { stdio: 'pipe' });
  const ended = once(deaf, 'close');
  await once(deaf.stdout, 'data');
  await endTracer(deaf, ended);
  assert.equal(deaf.signalCode, 'SIGKILL');
});

test('two publishes at the same time get each the ids of its own messages', { timeout: 60_000 }, async () => {
  const broker = await new Broker().start();
  const [host, port] = broker.address.split(':');
  const bus = new Bus({ address: { host, port: Number(port) }, project: 'p', topic: 'election' });
  await bus.start();
  await bus.publisher.createTopic({ name: bus.path('topics', 'election') });
  const messages = (count) => Array.from({ length: count }, (_, i) => ({ data: Buffer.from(`${i}`) }));
  const ids = await Promise.all([bus.publish(messages(2)), bus.publish(messages(3))]);
  assert.deepEqual(ids.map(({ length }) => length), [2, 3]);
  assert.equal(new Set(ids.flat()).size, 5);
  bus.stop();
  await broker.stop();
});

test('what an earlier try has done, whose answer was lost, is done', { timeout: 10_000 }, async () => {
  const bus = new Bus({ address: {}, project: 'p', topic: 't' });
  const codes = { createSubscription: 6, deleteSubscription: 5 };
  for (const [method, code] of Object.entries(codes)) {
    const answers = [14, code];
    const client = { [method]: async () => Promise.reject({ code: answers.shift() }) };
    await bus.insist(client, method, {});
    assert.deepEqual(answers, []);
  }
});
