// Tests of scripts/faults that need no election: its plan, what it reads, and how it judges.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { Bus } from '../faults/campaign/bus.mjs';
import { parseReply } from '../faults/campaign/dump.mjs';
import { parseFlags } from '../faults/campaign/flags.mjs';
import { votesInJournal } from '../faults/campaign/journals.mjs';
import { allKinds } from '../faults/campaign/kinds/all.mjs';
import { placesOf } from '../faults/campaign/kinds/services.mjs';
import { logEvents } from '../faults/campaign/kinds/signs.mjs';
import { endTracer } from '../faults/campaign/kinds/disks.mjs';
import { Ledger } from '../faults/campaign/ledger.mjs';
import { Locks } from '../faults/campaign/locks.mjs';
import { drawPlan } from '../faults/campaign/plan.mjs';
import { Proxy } from '../faults/campaign/proxy.mjs';
import { Random } from '../faults/campaign/random.mjs';
import { shortcomings, summariseFaults, unreachedPrograms } from '../faults/campaign/report.mjs';
import { everybody } from '../faults/campaign/roster.mjs';
import { FileFollower, Watch, parseMetrics, telling } from '../faults/campaign/watch.mjs';
import { Witness, pseudonymOf } from '../faults/campaign/witness.mjs';
import { Broker } from '../interop/broker.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const folder = mkdtempSync(join(tmpdir(), 'pollbus-faults-test-'));
after(() => rmSync(folder, { recursive: true }));

const describe = ({ id, kind, params }) => ({ id, kind: kind.name, params });

test('the help names every kind of fault', () => {
  const help = execFileSync(join(root, 'scripts', 'faults'), ['--help'], { encoding: 'utf8' });
  const words = new Set(help.split(/[\s;():.]+/));
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

test('all problems of the flags are reported together', () => {
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

test('with several Redis servers, each is hit, and the links to each', () => {
  const { storm } = drawPlan({ seed: 5, kinds: allKinds, faults: 500, alone: 0, redis: 2 });
  const targets = new Set(storm.map(({ params }) => params.target));
  for (const target of ['redis', 'redis-2', 'logger-2 to redis', 'logger-2 to redis-2', 'logger-1 to redis-2'])
    assert.ok(targets.has(target), target);
  const second = storm.find(({ kind, params }) => kind.name === 'kill-redis' && params.target === 'redis-2');
  assert.deepEqual(second.kind.locks(second.params), ['redis-2']);
  assert.match('pollbus_dependency_up{dependency="redis"} 0', second.kind.signs(second.params).metrics);
});

test('each fault of a plan has a target, a duration and signs by which it shows', () => {
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

test('one fault holds a lock at a time, and the next gets it when it is given back', async () => {
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

test('the end of recovery is when answers come at the rate again, and when every older vote has ended', () => {
  const ledger = new Ledger();
  const start = Date.now();
  const healed = start + 10_000;
  ledger.onCast('early', start);
  for (let i = 0; i < 100; i++) {
    ledger.onCast(i, healed + 3_000 + i * 100);
    ledger.onAnswer(i, healed + 3_000 + i * 100 + 10);
  }
  const after = ledger.recoveredAfter(healed, 9, 2_000, healed + 12_000);
  assert.ok(after >= 2_700 && after <= 3_300, String(after));
  assert.equal(ledger.recoveredAfter(healed, 9, 2_000, healed + 3_000), undefined);
  assert.equal(ledger.resolvedAfter(healed), undefined);
  ledger.onAnswer('early', healed + 6_000);
  ledger.onJournals(new Set(['early']), healed + 6_500, healed + 6_500);
  assert.equal(ledger.resolvedAfter(healed), undefined);
  ledger.onJournals(new Set(), healed + 7_000, healed + 7_000);
  assert.equal(ledger.resolvedAfter(healed), 7_000);
  assert.deepEqual([ledger.pending, ledger.cast, ledger.answered], [0, 101, 101]);
});

test('a vote does not end before its answer, and only its first answer counts', () => {
  const ledger = new Ledger();
  const now = Date.now();
  ledger.onCast('a', now);
  ledger.onJournals(new Set(), now + 10, now + 10);
  assert.equal(ledger.oldestPendingAt, now);
  ledger.onAnswer('a', now + 20);
  ledger.onAnswer('a', now + 30);
  ledger.onAnswer('never cast', now + 30);
  // These journals were read before the answer came.
  ledger.onJournals(new Set(), now + 15, now + 40);
  assert.equal(ledger.oldestPendingAt, now);
  assert.deepEqual([ledger.pending, ledger.answered], [0, 1]);
});

const message = (vote) =>
  JSON.stringify({ machine_ID: 3, voter_ID: 43, voting: 4, election_ID: 12, timestamp: 1, ...vote });
const uuidOf = (number) => `6ba7b810-9dad-41d1-80b4-${String(number).padStart(12, '0')}`;

test('the votes in a journal are read, and free or damaged records are skipped', () => {
  const record = (text) => {
    const bytes = Buffer.alloc(512);
    bytes.writeUInt16LE(text.length, 8);
    bytes.write(text, 16);
    return bytes;
  };
  const journal = Buffer.concat([
    record('pollbus voting-machine journal'),
    record(message({ UUID: uuidOf(1) })),
    Buffer.alloc(512),
    record(message({ UUID: uuidOf(2) }).slice(0, -20)),
    record(message({ UUID: uuidOf(3), voter_ID: 7 })),
    Buffer.alloc(100),
  ]);
  assert.deepEqual(votesInJournal(journal), [
    { uuid: uuidOf(1), election: 12, machine: 3, voter: 43, choice: 4 },
    { uuid: uuidOf(3), election: 12, machine: 3, voter: 7, choice: 4 },
  ]);
});

const key = '33'.repeat(32);

// The time of a message that the broker has had for so long.
const publishedAgo = (ms) => ({ seconds: String(Math.floor((Date.now() - ms) / 1_000)), nanos: 0 });

function witnessOf(messages) {
  const events = [];
  const problems = [];
  const witness = new Witness({
    bus: {},
    pseudonymKey: key,
    tell: (event) => events.push(event),
    report: (problem) => problems.push(problem),
  });
  messages.forEach(([attributes, text], i) =>
    witness.see({ publishTime: publishedAgo(7_000), messageId: String(i), data: Buffer.from(text), attributes }),
  );
  return { events, problems, witness };
}
const submit = { function: 'submit vote' };
const toMachine3 = { function: 'result', machineID: '3' };
const success = JSON.stringify({ result: 'successful', UUID: uuidOf(1) });

test('the witness sees a vote once per message, under a pseudonym of its voter', () => {
  const { events, witness } = witnessOf([
    [submit, message({ UUID: uuidOf(1).toUpperCase() })],
    [submit, message({ UUID: uuidOf(1) })],
    [toMachine3, success],
    [toMachine3, success],
  ]);
  witness.see({ messageId: '3', data: Buffer.from(success), attributes: toMachine3 });
  const voter = pseudonymOf(key, 12, 43);
  assert.match(voter, /^[0-9a-f]{32}$/);
  const nowUs = Number(process.hrtime.bigint() / 1_000n);
  for (const event of events.slice(0, 2)) {
    const agoUs = nowUs - event.published_us;
    assert.ok(agoUs > 7e6 && agoUs < 60e6, `${agoUs}`);
    delete event.published_us;
  }
  assert.deepEqual(events, [
    { event: 'cast', election: 12, machine: 3, uuid: uuidOf(1), voter, choice: 4 },
    { event: 'republished', machine: 3, uuid: uuidOf(1) },
    { event: 'answered', machine: 3, uuid: uuidOf(1), result: 'successful', ends: true },
    { event: 'answered', machine: 3, uuid: uuidOf(1), result: 'successful', ends: false },
  ]);
});

test('the witness ignores what the campaign publishes, and reports what must not be on the topic', () => {
  const { events, problems } = witnessOf([
    [{ ...submit, faultsPoison: '1' }, 'not JSON'],
    [{ ...submit, faultsForged: '1' }, message({ UUID: uuidOf(1), machine_ID: 999_999 })],
    [{ ...submit, faultsCopy: '1' }, message({ UUID: uuidOf(1) })],
    [{ function: 'result', machineID: '999999' }, JSON.stringify({ result: 'Rejected', UUID: uuidOf(1) })],
    [{ function: 'result', machineID: '999999' }, success],
    [{ function: 'record vote' }, message({ UUID: uuidOf(1) })],
  ]);
  assert.deepEqual(events, [{ event: 'forged success', uuid: uuidOf(1) }]);
  assert.equal(problems.length, 1);
  assert.match(problems[0], /names the voter/);
});

test('the answer to a machine that asks for its election is no answer to a vote', () => {
  const definition = JSON.stringify({ result: 'definition', UUID: uuidOf(1), elections: [], now_utc_ms: 1 });
  assert.deepEqual(witnessOf([[toMachine3, definition]]).events, []);
});

const sourcesBelow = (...folders) =>
  folders
    .flatMap((path) => readdirSync(join(root, path), { recursive: true }).map((name) => join(root, path, name)))
    .filter((path) => /\.(cc|h)$/.test(path) && !path.endsWith('_test.cc'))
    .map((path) => readFileSync(path, 'utf8'))
    .join('\n');

test('every log event by which a fault is recognised is logged somewhere', () => {
  const code = sourcesBelow('src').replaceAll(/"\s*\n\s*"/g, '');
  for (const event of Object.values(logEvents)) assert.ok(code.includes(`"${event}`), event);
});

test('every metric by which a fault is recognised exists', () => {
  const code = sourcesBelow('src');
  for (const kind of allKinds) {
    const { metrics } = kind.signs(kind.draw(new Random(1)));
    for (const name of metrics?.source.match(/(pollbus|broker)_[a-z_]+/g) ?? []) {
      assert.ok(code.includes(`"${name}`), `${kind.name}: ${name}`);
    }
  }
});

test('every metric by which a fault is recognised is noted when it changes', () => {
  for (const kind of allKinds) {
    const { metrics } = kind.signs(kind.draw(new Random(1)));
    for (const [series] of metrics?.source.matchAll(/(pollbus|broker|process)_[a-z_]+(\\\{outcome="[a-z ]+)?/g) ?? [])
      assert.match(series.replace('\\{', '{'), telling, kind.name);
  }
});

test('every place that a failpoint may have is a place of a faulty program', () => {
  const code = sourcesBelow('tests/faults/programs');
  for (const place of ['machine', 'logger', 'recorder', 'broker'].flatMap(placesOf)) {
    assert.ok(code.includes(`"${place}"`), place);
  }
});

test('slow recovery, votes without an answer and faults that do not show are reported', () => {
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
  assert.match(found[3], /does not show in log/);
  const rows = summariseFaults(
    [kind],
    [fault({ rateAfterMs: 900, resolvedAfterMs: 20_000 }), { kind, params }],
  );
  assert.deepEqual([rows[0].made, rows[0].alone, rows[0].rateAfterMs], [2, 1, 900]);
});

test('a faulty program whose failpoints are never reached is reported', () => {
  const failpoints = (target, count) =>
    Array.from({ length: count }, () => ({ params: { target, failpoint: 'x.y=crash(nth=1)' } }));
  const made = [
    ...failpoints('logger-1', 10),
    ...failpoints('recorder-1', 9),
    ...failpoints('broker', 20),
    { params: { target: 'redis' } },
  ];
  assert.deepEqual(unreachedPrograms(made, ['broker']), ['faulty-logger: none of 10 failpoints was reached']);
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

// A server that echoes what it receives, behind a proxy.
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

test('the proxy delivers the request, drops the answer and resets the connection', async () => {
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

test('two publishes at the same time each get the ids of their own messages', { timeout: 60_000 }, async () => {
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

test('a call whose answer was lost counts as done when the retry finds it done', { timeout: 10_000 }, async () => {
  const bus = new Bus({ address: {}, project: 'p', topic: 't' });
  const codes = { createSubscription: 6, deleteSubscription: 5 };
  for (const [method, code] of Object.entries(codes)) {
    const answers = [14, code];
    const client = { [method]: async () => Promise.reject({ code: answers.shift() }) };
    await bus.insist(client, method, {});
    assert.deepEqual(answers, []);
  }
});
