import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { parseFlags } from '../../scripts/demo.d/flags.mjs';

test('the default is three machines, three loggers and three recorders on pubsub-broker', () => {
  const { options, problems } = parseFlags([]);
  assert.deepEqual(problems, []);
  assert.equal(options.machines, 3);
  assert.equal(options.loggers, 3);
  assert.equal(options.recorders, 3);
  assert.equal(options.bus, 'broker');
  assert.equal(options.exit, false);
  assert.equal(options.open, false);
});

test('a value follows its flag after a space or an equals sign', () => {
  const { options, problems } = parseFlags([
    ...['--machines', '2', '--votes=5', '--voters', '7', '--rate', '2.5', '--in-flight=2000'],
    ...['--bus', 'localhost:8085', '--exit', '--seed', '0', '--summary', 's.json', '--keep', '--open'],
  ]);
  assert.deepEqual(problems, []);
  assert.deepEqual(options, {
    machines: 2,
    votes: 5,
    voters: 7,
    loggers: 3,
    recorders: 3,
    rate: 2.5,
    inFlight: 2000,
    bus: 'localhost:8085',
    exit: true,
    keep: true,
    open: true,
    seed: 0,
    summary: 's.json',
    people: false,
    elections: [],
  });
});

test('all problems are reported at once, each with the expected value', () => {
  const { problems } = parseFlags(['--machines', '0', '--votes', 'many', '--bus', 'nowhere', '--what', '--seed']);
  assert.deepEqual(problems, [
    '--machines: expected an integer from 1 to 100, got "0"',
    '--votes: expected an integer from 1 to 100000000, got "many"',
    '--bus: expected broker or HOST:PORT, got "nowhere"',
    '--what: unknown flag (--help lists all flags)',
    '--seed: a value is missing',
  ]);
});

test('numbers must be plain decimal digits', () => {
  for (const value of ['1e3', '-1', '0x10', ' 5', '5.5', '']) {
    assert.equal(parseFlags([`--votes=${value}`]).problems.length, 1, value);
  }
});

test('the bus is a host, or an IPv6 address in brackets, with a port from 1 to 65535', () => {
  for (const bus of ['host:0', 'host:65536', 'host:', ':80', 'http://host:80', '::1:80', '[::1]']) {
    assert.equal(parseFlags(['--bus', bus]).problems.length, 1, bus);
  }
  for (const bus of ['host:65535', '127.0.0.1:1', '[::1]:8085']) {
    assert.deepEqual(parseFlags(['--bus', bus]).problems, [], bus);
  }
});

test('the folder of the summary must exist', () => {
  assert.equal(parseFlags(['--summary', '/no/such/folder/s.json']).problems.length, 1);
});

test('--people holds the two elections of the demo, unless --election names others', () => {
  const { options, problems } = parseFlags(['--people']);
  assert.deepEqual(problems, []);
  assert.deepEqual(options.elections.map((file) => JSON.parse(readFileSync(file, 'utf8')).election_ID), [12, 13]);
  const [mayor] = options.elections;
  assert.deepEqual(parseFlags(['--people', '--election', mayor]).options.elections, [mayor]);
  assert.equal(parseFlags(['--election', mayor, '--rate', '5']).options.rate, 5);
});

test('an election with a definition has a roll that can be written, and files that exist', () => {
  const [mayor] = parseFlags(['--people']).options.elections;
  assert.equal(parseFlags(['--election', '/no/such/file']).problems.length, 1);
  assert.equal(parseFlags(['--people', '--voters', '1000001']).problems.length, 1);
  assert.equal(parseFlags(['--people', '--voters', '1', '--machines', '2']).problems.length, 1);
  assert.equal(parseFlags(['--election', mayor, '--summary', 's.json']).problems.length, 1);
});
