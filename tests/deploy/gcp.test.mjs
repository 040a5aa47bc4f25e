// The commands for Google Cloud against a gcloud that only remembers: what it is told to create, and
// who may do what. What the real one takes is its own documentation's.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';

import { root } from './manifests.mjs';

const folder = mkdtempSync(join(tmpdir(), 'pollbus-gcp-'));
after(() => rmSync(folder, { recursive: true }));
const project = ['--project', 'my-project'];

// A copy of the commands that a test may let write, and a PATH on which gcloud and docker are fakes.
function workplace(name) {
  const place = join(folder, name);
  mkdirSync(join(place, 'bin'), { recursive: true });
  cpSync(join(root, 'deploy'), join(place, 'deploy'), { recursive: true, filter: (path) => !path.endsWith('.env') || path.endsWith('project.env') });
  for (const program of ['gcloud', 'docker']) {
    cpSync(join(root, 'tests/deploy/fake-gcloud'), join(place, 'bin', program));
  }
  const statePath = join(place, 'state');
  const lines = (name) => (existsSync(join(statePath, name)) ? readFileSync(join(statePath, name), 'utf8').trim().split('\n') : []);
  const things = () =>
    Object.fromEntries(
      readdirSync(join(statePath, 'things')).map((name) => [name, readFileSync(join(statePath, 'things', name), 'utf8').slice(0, -1)]),
    );
  const state = () => (existsSync(statePath) ? { things: things(), grants: lines('grants'), log: lines('log') } : undefined);
  const run = (command, flags, environment = {}) =>
    spawnSync(join(place, 'deploy/gcp', command), flags, {
      encoding: 'utf8',
      env: { ...process.env, PATH: join(place, 'bin') + delimiter + process.env.PATH, STATE: statePath, ...environment },
    });
  const settings = () => readFileSync(join(place, 'deploy/kubernetes/overlays/gke/project.env'), 'utf8');
  return { run, state, settings };
}

const creations = ({ log }) => log.filter((line) => line.includes(' create '));

test('setup makes topics, filtered subscriptions, accounts and the repository, and a second time nothing', () => {
  const { run, state, settings } = workplace('setup');
  const first = run('setup', project);
  assert.equal(first.status, 0, first.stderr);
  const { things, grants } = state();
  const of = (topic, filter = '') => `projects/my-project/topics/${topic}\t${filter}`;
  assert.deepEqual(things, {
    'pubsub topics election': 'there',
    'pubsub topics election-quarantine': 'there',
    'pubsub subscriptions election-submit-sub': of('election', 'attributes.function="submit vote"'),
    'pubsub subscriptions election-record-sub': of('election', 'attributes.function="record vote"'),
    'pubsub subscriptions election-quarantine-sub': of('election-quarantine'),
    'iam service-accounts pollbus-logger': 'there',
    'iam service-accounts pollbus-recorder': 'there',
    'iam service-accounts pollbus-machine': 'there',
    'artifacts repositories pollbus': 'there',
  });
  assert.match(settings(), /^REGISTRY=europe-west1-docker\.pkg\.dev\/my-project\/pollbus$/m);

  const made = creations(state()).length;
  const second = run('setup', project);
  assert.equal(second.status, 0, second.stderr);
  assert.equal(creations(state()).length, made);
  assert.deepEqual(state().grants, grants);
});

test('each role may do what it does, and no more', () => {
  const { run, state } = workplace('roles');
  run('setup', project);
  run('add-machine', ['3', ...project]);
  const mayDo = (account) => state().grants.filter((grant) => grant.startsWith(`${account} `)).map((grant) => grant.slice(account.length + 1));
  const publishing = ['roles/pubsub.publisher election', 'roles/pubsub.publisher election-quarantine'];
  assert.deepEqual(mayDo('pollbus-logger'), [
    ...publishing,
    'roles/pubsub.subscriber election-submit-sub',
    'roles/pubsub.viewer election-submit-sub',
    'roles/pubsub.viewer election-record-sub',
  ]);
  assert.deepEqual(mayDo('pollbus-recorder'), [
    ...publishing,
    'roles/pubsub.subscriber election-record-sub',
    'roles/pubsub.viewer election-record-sub',
  ]);
  assert.deepEqual(mayDo('pollbus-machine'), [
    ...publishing,
    'roles/pubsub.subscriber election-result-3-sub',
    'roles/pubsub.viewer election-result-3-sub',
  ]);
  assert.ok(!state().grants.some((grant) => /admin|editor|owner/.test(grant)));
  assert.deepEqual(
    state().grants.filter((grant) => grant.includes('workloadIdentityUser')),
    ['logger', 'recorder'].map((role) => `my-project.svc.id.goog[pollbus/voting-${role}] roles/iam.workloadIdentityUser pollbus-${role}`),
  );
});

test('add-machine makes the subscription of one machine, with its filter, once', () => {
  const { run, state } = workplace('machine');
  for (let round = 0; round < 2; ++round) assert.equal(run('add-machine', ['3', ...project]).status, 0);
  assert.equal(creations(state()).length, 1);
  assert.equal(
    state().things['pubsub subscriptions election-result-3-sub'],
    'projects/my-project/topics/election\tattributes.function="result" AND attributes.machineID="3"',
  );
});

test('a machine id that is none, and a missing project, are refused before anything is asked', () => {
  const { run, state } = workplace('refused');
  for (const id of ['-1', '03', 'x', '3"', '9007199254740992']) {
    const { status, stderr } = run('add-machine', [...project, '--', id].filter((word) => word !== '--'));
    assert.equal(status, 2, id);
    assert.match(stderr, /machine's id|what is/);
  }
  const { status, stderr } = run('setup', [], { GCP_PROJECT: '' });
  assert.equal(status, 2);
  assert.match(stderr, /--project/);
  assert.equal(state(), undefined);
});

test('a subscription with another filter is refused, and says what was found', () => {
  const { run } = workplace('foreign');
  run('setup', project);
  const subscription = join(folder, 'foreign/state/things/pubsub subscriptions election-submit-sub');
  writeFileSync(subscription, 'projects/my-project/topics/election\tattributes.function="all"\n');
  const { status, stderr } = run('setup', project);
  assert.equal(status, 1);
  assert.match(stderr, /election-submit-sub is '.*"all"'/);
});

test('what cannot be looked at is not taken for missing', () => {
  const { run, state } = workplace('denied');
  const { status, stderr } = run('add-machine', ['3', ...project], { TROUBLE: 'no right to look' });
  assert.equal(status, 1);
  assert.match(stderr, /no right to look/);
  assert.deepEqual(creations(state()), []);
});

test('a dry run prints every command and runs none', () => {
  const { run, state, settings } = workplace('dry');
  const before = settings();
  const commands = ['setup', 'add-machine', 'push-images'].map((command) => {
    const own = { 'add-machine': ['3'], 'push-images': ['--version', 'v1'] }[command] ?? [];
    const { status, stdout, stderr } = run(command, [...own, ...project, '--dry-run'], { GIT_DIR: join(root, '.git') });
    assert.equal(status, 0, stderr);
    return stdout;
  });
  assert.equal(state(), undefined);
  assert.equal(settings(), before);
  const [setup, machine, push] = commands;
  assert.match(setup, /^\+ gcloud pubsub subscriptions create election-submit-sub .*--message-filter attributes\.function=\\"submit\\ vote\\"/m);
  assert.match(setup, /^\+ gcloud artifacts repositories create pollbus /m);
  assert.match(machine, /^\+ gcloud pubsub subscriptions create election-result-3-sub /m);
  for (const image of ['pubsub-broker', 'voting-logger', 'voting-recorder', 'voting-machine', 'redis', 'postgres']) {
    assert.match(push, new RegExp(`^\\+ docker build .*--target ${image} --tag europe-west1-docker\\.pkg\\.dev/my-project/pollbus/${image}:v1 `, 'm'));
    assert.match(push, new RegExp(`^\\+ docker push europe-west1-docker\\.pkg\\.dev/my-project/pollbus/${image}:v1$`, 'm'));
  }
});
