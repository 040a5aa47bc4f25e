// An implementation of its own reproduces the examples of docs/wire-format.md.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { deriveKey, macOf } from '../support/authentication.mjs';
import { blake2b } from '../support/blake2b.mjs';

const page = readFileSync(fileURLToPath(new URL('../../docs/wire-format.md', import.meta.url)), 'utf8');

// The rows of the table that follows `heading`, as arrays of cells without backticks.
function tableAfter(heading) {
  const lines = page.slice(page.indexOf(heading)).split('\n');
  const first = lines.findIndex((line) => line.startsWith('|---'));
  const length = lines.slice(first).findIndex((line) => !line.startsWith('|'));
  return lines.slice(first + 1, first + length).map((line) =>
    line.split('|').slice(1, -1).map((cell) => cell.trim().replace(/^`|`$/g, '')),
  );
}

const keys = Object.fromEntries(
  tableAfter('### Examples of keys').map(([name, hex]) => [name, Buffer.from(hex, 'hex')]),
);
const contexts = { SUBMIT_KEY: 'pollbusS', RESULT_KEY: 'pollbusR' };

test('the BLAKE2b of these tests is that of Node', () => {
  for (const length of [0, 1, 127, 128, 129, 256, 1000]) {
    const data = Buffer.alloc(length, 'pollbus');
    const expected = createHash('blake2b512').update(data).digest('hex');
    assert.equal(blake2b(data, { digestBytes: 64 }).toString('hex'), expected);
  }
});

test('derived keys are those of the documentation', () => {
  const derived = Object.keys(keys).filter((name) => name.startsWith('KDF('));
  assert.equal(derived.length, 3);
  for (const name of derived) {
    const [, main, id] = /^KDF\((\w+), (\d+)\)$/.exec(name);
    assert.deepEqual(deriveKey(keys[main], contexts[main], id), keys[name], name);
  }
});

test('MACs are those of the documentation', () => {
  const examples = tableAfter('### Examples of MACs');
  assert.equal(examples.length, 4);
  for (const [key, functionName, machine, data, mac] of examples) {
    assert.equal(macOf(keys[key], { functionName, machine, data }), mac, functionName);
  }
});
