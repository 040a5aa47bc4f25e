// The commands for Google Cloud with a fake gcloud: what they create, in which order, and which rights
// they give. Nothing here shows that the real gcloud accepts the same commands.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, test } from 'node:test';

import { commandsOf } from './documents.mjs';
import { root } from './manifests.mjs';

const folder = mkdtempSync(join(tmpdir(), 'pollbus-gcp-'));
after(() => rmSync(folder, { recursive: true }));
const project = ['--project', 'my-project'];
const fakes = ['gcloud', 'docker', 'kubectl', 'voting-machine'];

// A copy of the commands, which may write into it, and fakes of the programs that they call.
function workplace(name) {
  const place = join(folder, name);
  mkdirSync(join(place, 'bin'), { recursive: true });
  const isCopied = (path) => (!path.endsWith('.env') || path.endsWith('project.env')) && !path.endsWith('deploy/secrets');
  cpSync(join(root, 'deploy'), join(place, 'deploy'), { recursive: true, filter: isCopied });
  cpSync(join(root, 'scripts/secrets'), join(place, 'scripts/secrets'));
  cpSync(join(root, 'scripts/secrets.d'), join(place, 'scripts/secrets.d'), { recursive: true });
  for (const program of fakes) cpSync(join(root, 'tests/deploy/fake-gcloud'), join(place, 'bin', program));
  const statePath = join(place, 'state');
  const lines = (file) => (existsSync(join(statePath, file)) ? readFileSync(join(statePath, file), 'utf8').trim().split('\n') : []);
  const things = () =>
    Object.fromEntries(
      readdirSync(join(statePath, 'things'))
        .filter((thing) => !thing.startsWith('api '))
        .map((thing) => [thing, readFileSync(join(statePath, 'things', thing), 'utf8').slice(0, -1)]),
    );
  const state = () => (existsSync(statePath) ? { things: things(), grants: lines('grants'), log: lines('log') } : undefined);
  const options = (environment) => ({
    encoding: 'utf8',
    cwd: place,
    env: {
      ...process.env,
      PATH: join(place, 'bin') + delimiter + process.env.PATH,
      STATE: statePath,
      GIT_DIR: join(root, '.git'),
      ...environment,
    },
  });
  const run = (command, flags, environment = {}) => spawnSync(join(place, 'deploy/gcp', command), flags, options(environment));
  const shell = (text) => spawnSync('bash', ['-euo', 'pipefail', '-c', text], options({}));
  const settings = () => readFileSync(join(place, 'deploy/kubernetes/overlays/gke/project.env'), 'utf8');
  const createCluster = () => shell('gcloud container clusters create-auto pollbus --project my-project --region europe-west1');
  return { run, shell, state, settings, createCluster };
}

const creations = ({ log }) => log.filter((line) => line.includes(' create '));

test('with RESULT_TOPICS the subscription of a machine is on one of the topics of results', () => {
  const { run, state } = workplace('results');
  const environment = { RESULT_TOPICS: '2' };
  const made = run('setup', project, environment);
  assert.equal(made.status, 0, made.stderr);
  for (const id of ['3', '4']) {
    const added = run('add-machine', [id, ...project], environment);
    assert.equal(added.status, 0, added.stderr);
  }
  const { things, grants } = state();
  assert.match(things['pubsub subscriptions election-result-3-sub'], /topics\/election-results-1\b/);
  assert.match(things['pubsub subscriptions election-result-4-sub'], /topics\/election-results-0\b/);
  for (const role of ['logger', 'recorder'])
    assert.ok(grants.some((grant) => grant.startsWith(`pollbus-${role} `) && grant.includes('election-results-1')), role);
});

test('setup creates topics, filtered subscriptions, accounts and the repository; run again, it creates nothing', () => {
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
    'pubsub subscriptions election-logger-office-sub': of('election', 'attributes.function="office command" AND attributes.to="logger"'),
    'pubsub subscriptions election-recorder-office-sub': of(
      'election',
      '(attributes.function="office command" AND attributes.to="recorder") OR attributes.function="describe election"',
    ),
    'pubsub subscriptions election-quarantine-sub': of('election-quarantine'),
    'iam service-accounts pollbus-logger': 'there',
    'iam service-accounts pollbus-recorder': 'there',
    'iam service-accounts pollbus-office': 'there',
    'iam roles pollbusOffice': 'there',
    'artifacts repositories pollbus': 'there',
  });
  assert.match(settings(), /^REGISTRY=europe-west1-docker\.pkg\.dev\/my-project\/pollbus$/m);

  const made = creations(state()).length;
  const second = run('setup', project);
  assert.equal(second.status, 0, second.stderr);
  assert.equal(creations(state()).length, made);
  assert.deepEqual(state().grants, grants);
});

test('setup enables every API before it uses one, also those of clusters and of workload identity', () => {
  const { run, state } = workplace('apis');
  run('setup', project);
  const [first] = state().log;
  assert.match(first, /^services enable /);
  for (const api of ['pubsub', 'artifactregistry', 'iam', 'iamcredentials', 'container']) {
    assert.match(first, new RegExp(` ${api}\\.googleapis\\.com `));
  }
});

test('setup works in a project that has no cluster, whose identity pool does not exist yet', () => {
  const { run, state } = workplace('no-cluster');
  assert.equal(run('setup', project).status, 0);
  assert.ok(!state().log.some((line) => line.includes('svc.id.goog')));
});

test('bind-pods before the first cluster says at once that the cluster must be created', () => {
  const { run, state } = workplace('too-early');
  run('setup', project);
  const { status, stderr } = run('bind-pods', project);
  assert.equal(status, 1);
  assert.match(stderr, /create the cluster/);
  assert.equal(state().log.filter((line) => line.includes('svc.id.goog')).length, 1);
});

test('bind-pods lets the pods of loggers and recorders act as their service accounts', () => {
  const { run, state, createCluster } = workplace('bind-pods');
  run('setup', project);
  createCluster();
  const { status, stderr } = run('bind-pods', project);
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    state().grants.filter((grant) => grant.includes('workloadIdentityUser')),
    ['logger', 'recorder'].map((role) => `my-project.svc.id.goog[pollbus/voting-${role}] roles/iam.workloadIdentityUser pollbus-${role}`),
  );
});

test('the steps of docs/deploy.md for Google Cloud work in the order in which they stand there', () => {
  const { shell, state } = workplace('document');
  const commands = commandsOf('docs/deploy.md', 'Google Cloud');
  const { status, stderr, stdout } = shell(commands.join('\n'));
  assert.equal(status, 0, stdout + stderr);
  const { log } = state();
  const steps = [
    /^services enable /,
    /^docker push .*voting-logger/,
    /^container clusters create-auto /,
    /^iam service-accounts add-iam-policy-binding .*svc\.id\.goog/,
    /^kubectl apply -n pollbus -f -/,
    /^kubectl apply -k deploy\/kubernetes\/overlays\/gke/,
    /^pubsub subscriptions create election-result-3-sub /,
    /^voting-machine /,
  ];
  const order = steps.map((step) => log.findIndex((line) => step.test(line)));
  assert.ok(order.every((at, i) => at >= 0 && (i === 0 || at > order[i - 1])), `${order}\n${log.join('\n')}`);
});

test('each role has the rights that it needs and no others', () => {
  const { run, state } = workplace('roles');
  run('setup', project);
  run('add-machine', ['3', '4', ...project]);
  const rightsOf = (account) => state().grants.filter((grant) => grant.startsWith(`${account} `)).map((grant) => grant.slice(account.length + 1));
  const publishing = ['roles/pubsub.publisher election', 'roles/pubsub.publisher election-quarantine'];
  assert.deepEqual(rightsOf('pollbus-logger'), [
    ...publishing,
    'roles/pubsub.subscriber election-submit-sub',
    'roles/pubsub.viewer election-submit-sub',
    'roles/pubsub.viewer election-record-sub',
    'roles/pubsub.subscriber election-logger-office-sub',
    'roles/pubsub.viewer election-logger-office-sub',
  ]);
  assert.deepEqual(rightsOf('pollbus-recorder'), [
    ...publishing,
    'roles/pubsub.subscriber election-record-sub',
    'roles/pubsub.viewer election-record-sub',
    'roles/pubsub.subscriber election-recorder-office-sub',
    'roles/pubsub.viewer election-recorder-office-sub',
  ]);
  for (const id of [3, 4]) {
    assert.deepEqual(rightsOf(`pollbus-m-${id}`), [
      ...publishing,
      `roles/pubsub.subscriber election-result-${id}-sub`,
      `roles/pubsub.viewer election-result-${id}-sub`,
    ]);
  }
  assert.deepEqual(rightsOf('pollbus-office'), [...publishing, 'projects/my-project/roles/pollbusOffice my-project']);
  assert.ok(!state().grants.some((grant) => /admin|editor|owner/.test(grant)));
});

test('add-machine creates the subscription of one machine, with its filter, its account and its keys, once', () => {
  const { run, state } = workplace('machine');
  run('setup', project);
  const before = creations(state()).length;
  for (let round = 0; round < 2; ++round) assert.equal(run('add-machine', ['3', ...project]).status, 0);
  assert.equal(creations(state()).length, before + 2);
  assert.ok(readdirSync(join(folder, 'machine/deploy/secrets/machine-3')).includes('MACHINE_SUBMIT_KEY'));
  assert.equal(
    state().things['pubsub subscriptions election-result-3-sub'],
    'projects/my-project/topics/election\tattributes.function="result" AND attributes.machineID="3"',
  );
});

test('an invalid machine ID and a missing project are refused before gcloud is called', () => {
  const { run, state } = workplace('refused');
  for (const id of ['-1', '03', 'x', '3"', '9007199254740992']) {
    const { status, stderr } = run('add-machine', [...project, id]);
    assert.equal(status, 2, id);
    assert.match(stderr, /machine ID|unknown flag/);
  }
  const { status, stderr } = run('setup', [], { GCP_PROJECT: '' });
  assert.equal(status, 2);
  assert.match(stderr, /--project/);
  assert.equal(state(), undefined);
});

test('a subscription with another filter is an error that names the filter found', () => {
  const { run } = workplace('foreign');
  run('setup', project);
  const subscription = join(folder, 'foreign/state/things/pubsub subscriptions election-submit-sub');
  writeFileSync(subscription, 'projects/my-project/topics/election\tattributes.function="all"\n');
  const { status, stderr } = run('setup', project);
  assert.equal(status, 1);
  assert.match(stderr, /election-submit-sub has .*"all"'/);
});

test('nothing is created when gcloud cannot tell whether it exists', () => {
  const { run, state } = workplace('denied');
  const { status, stderr } = run('add-machine', ['3', ...project], { TROUBLE: 'no right to look' });
  assert.equal(status, 1);
  assert.match(stderr, /no right to look/);
  assert.deepEqual(creations(state()), []);
});

test('a dry run prints every command and runs none', () => {
  const { run, state, settings } = workplace('dry');
  const before = settings();
  const ownFlags = { 'add-machine': ['3'], 'push-images': ['--version', 'v1'] };
  const [setup, bindPods, machine, push] = ['setup', 'bind-pods', 'add-machine', 'push-images'].map((command) => {
    const { status, stdout, stderr } = run(command, [...(ownFlags[command] ?? []), ...project, '--dry-run']);
    assert.equal(status, 0, stderr);
    return stdout;
  });
  assert.equal(state(), undefined);
  assert.equal(settings(), before);
  assert.match(setup, /^\+ gcloud services enable .*container\.googleapis\.com/);
  assert.match(setup, /^\+ gcloud pubsub subscriptions create election-submit-sub .*--message-filter attributes\.function=\\"submit\\ vote\\"/m);
  assert.match(setup, /^\+ gcloud artifacts repositories create pollbus /m);
  assert.doesNotMatch(setup, /svc\.id\.goog/);
  assert.match(bindPods, /^\+ gcloud iam service-accounts add-iam-policy-binding pollbus-logger@.*svc\.id\.goog/m);
  assert.match(machine, /^\+ gcloud pubsub subscriptions create election-result-3-sub /m);
  assert.match(machine, /^\+ gcloud iam service-accounts create pollbus-m-3 /m);
  assert.match(machine, /^\+ \.\.\/\.\.\/scripts\/secrets machine 3$/m);
  for (const image of ['pubsub-broker', 'voting-logger', 'voting-recorder', 'voting-machine', 'redis', 'postgres']) {
    assert.match(push, new RegExp(`^\\+ docker build .*--target ${image} --tag europe-west1-docker\\.pkg\\.dev/my-project/pollbus/${image}:v1 `, 'm'));
    assert.match(push, new RegExp(`^\\+ docker push europe-west1-docker\\.pkg\\.dev/my-project/pollbus/${image}:v1$`, 'm'));
  }
});
