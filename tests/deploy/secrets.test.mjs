import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

import { parse, root } from './manifests.mjs';

const folder = mkdtempSync(join(tmpdir(), 'pollbus-secrets-'));
after(() => rmSync(folder, { recursive: true }));

const run = (...flags) => spawnSync(join(root, 'scripts/secrets'), flags, { encoding: 'utf8' });
function secrets(...flags) {
  const { status, stdout, stderr } = run(...flags);
  assert.equal(status, 0, stderr);
  return stdout + stderr;
}
const printed = (...flags) => {
  const { status, stdout, stderr } = run(...flags);
  assert.equal(status, 0, stderr);
  return stdout;
};

const pairsIn = (text) => Object.fromEntries(text.trim().split('\n').map((line) => line.split('=')));
const valuesIn = (file) => pairsIn(readFileSync(file, 'utf8'));

const passwords = [
  ...['REDIS_PASSWORD', 'REDIS_ADMIN_PASSWORD'],
  ...['POSTGRES_OWNER_PASSWORD', 'POSTGRES_RECORDER_PASSWORD', 'POSTGRES_RESULTS_PASSWORD'],
];
const messageKeys = ['SUBMIT_KEY', 'RECORD_KEY', 'RESULT_KEY'];
const fixedKeys = ['LOGGER_KEY'];
const all = [...passwords, ...messageKeys, ...fixedKeys];
const parts = [
  ...['pubsub-broker', 'redis', 'postgres'],
  ...['voting-logger', 'voting-recorder', 'election-board', 'pedestrian', 'operator', 'machine-1'],
];

test('each secret has 256 random bits, is readable by its owner only and is not printed', () => {
  const file = join(folder, 'new');
  const told = secrets('--file', file);
  const { COMPOSE_PROJECT_NAME: project, ...values } = valuesIn(file);
  assert.equal(project, 'pollbus');
  assert.deepEqual(Object.keys(values), all);
  assert.equal(new Set(Object.values(values)).size, all.length);
  for (const value of Object.values(values)) {
    assert.match(value, /^[0-9a-f]{64}$/);
    assert.ok(!told.includes(value));
  }
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('existing values and certificates are kept and missing ones are added', () => {
  const file = join(folder, 'old');
  writeFileSync(file, 'BROKER_PORT=9000\nLOGGER_KEY=ours');
  secrets('--file', file);
  const content = () => [file, join(`${file}.d`, 'ca.pem'), join(`${file}.d`, 'redis', 'key.pem')].map((one) => readFileSync(one, 'utf8'));
  const before = content();
  assert.equal(secrets('--file', file), '');
  assert.deepEqual(content(), before);
  assert.equal(valuesIn(file).LOGGER_KEY, 'ours');
  assert.equal(valuesIn(file).BROKER_PORT, '9000');
  assert.match(valuesIn(file).REDIS_PASSWORD, /^[0-9a-f]{64}$/);
});

// What libsodium's crypto_kdf_derive_from_key(32 bytes) returns for the key 00 01 02 … 1f.
const derived = {
  'machine 0': { SUBMIT: '62e7a98a80610b26a22455faae6bafd0e5a5b7ab3a9de1859c01da409c75b234', RESULT: 'b6f5586588a89686c0b9e87767a381611b81ef72fe8b9c478a45779b03f24a6b' },
  'machine 3': { SUBMIT: '79f6de92c8ee10b440a28c3843e1123b7f0781cc7941f56179f95e8b1eb044c5', RESULT: 'cd8e512433d4f44c55b698bfb04ab25101a8ce4670a8ff33b2661d04b7f53622' },
  'machine 9007199254740991': { SUBMIT: '9091445baa590242388b54267ab552d7d3900a9385dba9b72468dbace3ea57fc', RESULT: '3f96fcaa264cc98f1a0158ce7265b0c31b83805a85e570a530ce309e76f50a65' },
  office: { RESULT: 'afb91a210c81ae672f74a34d3bcc9d406d2a6abb9ccb82fdcd798252138028b7' },
};

test('the keys of machines and office are those that libsodium derives', () => {
  const file = join(folder, 'derived');
  const master = Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString('hex');
  writeFileSync(file, messageKeys.map((name) => `${name}=${master}\n`).join(''));
  for (const [holder, keys] of Object.entries(derived)) {
    const words = holder.split(' ');
    const prefix = words[0].toUpperCase();
    const lines = pairsIn(printed('--file', file, ...words, '--print'));
    for (const [name, key] of Object.entries(keys)) {
      assert.equal(lines[`${prefix}_${name}_KEY`], key, holder);
      assert.equal(lines[`${prefix}_${name}_KEY_PREVIOUS`], key, holder);
    }
    assert.equal(Object.keys(lines).length, 2 * Object.keys(keys).length);
  }
});

test('the folder of a machine has its derived keys and its certificate, and no key of the services', () => {
  const file = join(folder, 'machine');
  secrets('--file', file, 'machine', '3', '7');
  const values = Object.values(valuesIn(file));
  for (const id of ['3', '7']) {
    const own = join(`${file}.d`, `machine-${id}`);
    const keys = ['MACHINE_RESULT_KEY', 'MACHINE_RESULT_KEY_PREVIOUS', 'MACHINE_SUBMIT_KEY', 'MACHINE_SUBMIT_KEY_PREVIOUS'];
    assert.deepEqual(readdirSync(own), [...keys, 'ca.pem', 'cert.pem', 'key.pem']);
    const lines = pairsIn(printed('--file', file, 'machine', id, '--print'));
    for (const key of keys) assert.equal(readFileSync(join(own, key), 'utf8'), `${lines[key]}\n`);
    for (const name of readdirSync(own)) {
      const text = readFileSync(join(own, name), 'utf8');
      assert.ok(!values.some((value) => text.includes(value)), name);
    }
  }
  for (const id of ['-1', '01', '9007199254740992', '18446744073709551617', 'x']) {
    assert.equal(run('--file', file, 'machine', id).status, 2, id);
  }
});

test('the authority issues a certificate for each program, with which no other certificate can be issued', () => {
  const file = join(folder, 'new');
  const authority = new X509Certificate(readFileSync(join(`${file}.d`, 'ca.pem')));
  for (const part of parts) {
    const read = (name) => readFileSync(join(`${file}.d`, part, name));
    const certificate = new X509Certificate(read('cert.pem'));
    assert.equal(certificate.subject, `CN=${part}`);
    assert.ok(certificate.verify(authority.publicKey), part);
    assert.ok(certificate.checkPrivateKey(createPrivateKey(read('key.pem'))), part);
    assert.equal(certificate.checkHost(part), part);
    assert.equal(certificate.ca, false);
    assert.deepEqual(read('ca.pem'), readFileSync(join(`${file}.d`, 'ca.pem')));
    execFileSync('openssl', ['verify', '-CAfile', join(`${file}.d`, 'ca.pem'), join(`${file}.d`, part, 'cert.pem')]);
  }
  const broker = new X509Certificate(readFileSync(join(`${file}.d`, 'pubsub-broker', 'cert.pem')));
  assert.equal(broker.checkIP('127.0.0.1'), '127.0.0.1');
});

test('only the owner of the folder can reach a private key, and a container with another user can read it', () => {
  const certificates = join(folder, 'new.d');
  assert.equal(statSync(certificates).mode & 0o777, 0o700);
  assert.equal(statSync(join(certificates, 'ca.key')).mode & 0o777, 0o600);
  assert.equal(statSync(join(certificates, 'redis')).mode & 0o777, 0o755);
  assert.equal(statSync(join(certificates, 'redis', 'key.pem')).mode & 0o777, 0o644);
});

test('without the key of the authority nothing is issued, and the certificates stay as they are', () => {
  const file = join(folder, 'authority');
  secrets('--file', file, 'certificate', 'one', 'one.example', '192.0.2.1');
  const certificate = new X509Certificate(readFileSync(join(`${file}.d`, 'one', 'cert.pem')));
  assert.equal(certificate.subjectAltName, 'DNS:one, DNS:one.example, IP Address:192.0.2.1');
  rmSync(join(`${file}.d`, 'ca.key'));
  assert.equal(secrets('--file', file, 'certificate', 'one'), '', 'nothing has to be issued');
  const { status, stderr } = run('--file', file, 'certificate', 'two');
  assert.equal(status, 1);
  assert.match(stderr, /ca\.key: the key of the authority is missing/);
});

test('a replaced key stays as the previous one until it is forgotten, also for the machines', () => {
  const file = join(folder, 'rotated');
  secrets('--file', file, 'machine', '5');
  const before = valuesIn(file);
  const machineKey = (name) => readFileSync(join(`${file}.d`, 'machine-5', name), 'utf8');
  const old = machineKey('MACHINE_RESULT_KEY');
  secrets('--file', file, 'rotate', 'RESULT_KEY', 'REDIS_PASSWORD');
  const after = valuesIn(file);
  assert.equal(after.RESULT_KEY_PREVIOUS, before.RESULT_KEY);
  assert.notEqual(after.RESULT_KEY, before.RESULT_KEY);
  assert.notEqual(after.REDIS_PASSWORD, before.REDIS_PASSWORD);
  assert.ok(!('REDIS_PASSWORD_PREVIOUS' in after));
  assert.equal(after.SUBMIT_KEY, before.SUBMIT_KEY);
  assert.notEqual(machineKey('MACHINE_RESULT_KEY'), old);
  assert.equal(machineKey('MACHINE_RESULT_KEY_PREVIOUS'), old);
  assert.equal(statSync(file).mode & 0o777, 0o600);

  const again = run('--file', file, 'rotate', 'RESULT_KEY');
  assert.equal(again.status, 1);
  assert.match(again.stderr, /first run scripts\/secrets forget RESULT_KEY/);
  secrets('--file', file, 'forget', 'RESULT_KEY');
  assert.ok(!('RESULT_KEY_PREVIOUS' in valuesIn(file)));
  assert.equal(machineKey('MACHINE_RESULT_KEY_PREVIOUS'), machineKey('MACHINE_RESULT_KEY'));
});

test('the key of the loggers is not replaced, because an election depends on it', () => {
  const { status, stderr } = run('--file', join(folder, 'rotated'), 'rotate', 'LOGGER_KEY');
  assert.equal(status, 1);
  assert.match(stderr, /LOGGER_KEY must stay the same/);
});

test('wrong commands are refused with exit code 2, before anything is created', () => {
  const file = join(folder, 'untouched');
  for (const words of [['what'], ['machine'], ['rotate'], ['office', 'x'], ['--what'], ['--file']]) {
    assert.equal(run(...(words[0] === '--file' ? words : ['--file', file, ...words])).status, 2, words.join(' '));
  }
  assert.ok(!readdirSync(folder).includes('untouched'));
});

const kubernetesSecrets = (file) => new Map(parse(printed('--file', file, '--kubernetes')).map((secret) => [secret.metadata.name, secret]));
const decoded = (secret, key) => Buffer.from(secret.data[key], 'base64').toString();
const nameOf = (name) => name.toLowerCase().replaceAll('_', '-');

test('there is one Kubernetes Secret for each value, and one for each program and machine', () => {
  const file = join(folder, 'kubernetes');
  secrets('--file', file);
  const made = kubernetesSecrets(file);
  assert.deepEqual([...made.keys()], [...all.map(nameOf), ...parts]);
  const values = valuesIn(file);
  for (const name of all) assert.equal(decoded(made.get(nameOf(name)), name), values[name]);
  // A pod's file must exist, so without a previous key the current one is there twice.
  for (const name of messageKeys) assert.equal(decoded(made.get(nameOf(name)), `${name}_PREVIOUS`), values[name]);
  for (const part of parts) {
    const pem = readFileSync(join(`${file}.d`, part, 'key.pem'), 'utf8').trim();
    assert.equal(decoded(made.get(part), 'key.pem').trim(), pem);
  }
  assert.equal(decoded(made.get('machine-1'), 'MACHINE_SUBMIT_KEY'), pairsIn(printed('--file', file, 'machine', '1', '--print')).MACHINE_SUBMIT_KEY);
  const text = JSON.stringify([...made.values()].map(({ data }) => Object.values(data).map((one) => Buffer.from(one, 'base64').toString())));
  assert.ok(!text.includes(readFileSync(join(`${file}.d`, 'ca.key'), 'utf8').split('\n')[1]));
});

// The kubelet caches an immutable Secret as long as a pod on its node uses it, even if it is deleted and
// created again: pods that start after a change of password would still get the old one.
test('what can be changed is a mutable Secret; the key of the loggers is immutable', () => {
  const made = kubernetesSecrets(join(folder, 'kubernetes'));
  for (const [name, { immutable }] of made) assert.equal(immutable ?? false, name === 'logger-key', name);
});
