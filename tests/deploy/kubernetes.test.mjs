import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { containersOf, hasKubectl, kubernetes, nameOf, objectsOf, parse, render, root } from './manifests.mjs';
import * as rules from './rules.mjs';
import { problemsOf } from './schema.mjs';

const rendered = hasKubectl();
if (!rendered) console.log('# kubectl 1.27 or newer is missing: the files are checked without being rendered');

// The objects of each overlay, rendered if kubectl can do it.
const board = rendered ? render('board') : objectsOf('components/board');
const objects = {
  local: rendered
    ? [...render('overlays/local'), ...render('demo'), ...board]
    : [...objectsOf('base'), ...objectsOf('overlays/local'), ...objectsOf('demo'), ...board],
  pedestrian: rendered
    ? [...render('overlays/local'), ...render('pedestrian'), ...board]
    : [...objectsOf('base'), ...objectsOf('overlays/local'), ...objectsOf('pedestrian'), ...board],
  gke: rendered ? render('overlays/gke') : [...objectsOf('base'), ...objectsOf('overlays/gke'), ...board],
};
// Only kubectl can add the components to the base.
if (rendered) objects.secured = [...render('overlays/secured'), ...render('demo-secured'), ...board];

function secretsMade() {
  const folder = mkdtempSync(join(tmpdir(), 'pollbus-secrets-'));
  try {
    const file = ['--file', join(folder, 'env')];
    execFileSync(join(root, 'scripts/secrets'), [...file, 'office', 'ab'.repeat(32)], { stdio: 'ignore' });
    const flags = ['--kubernetes', ...file];
    const text = execFileSync(join(root, 'scripts/secrets'), flags, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return parse(text);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const secrets = secretsMade();

for (const overlay of Object.keys(objects)) {
  const all = objects[overlay];

  test(`${overlay}: the API server accepts every object`, () => {
    assert.ok(all.length > 20);
    const problems = [...all, ...secrets].flatMap((object) => problemsOf(object).map((text) => `${nameOf(object)}: ${text}`));
    assert.deepEqual(problems, []);
  });

  test(`${overlay}: every container has probes, requests and limits`, () => {
    assert.deepEqual(rules.probesAndLimits(all), []);
  });

  test(`${overlay}: every pod meets the restricted standard and has a read-only root file system`, () => {
    assert.deepEqual(rules.security(all), []);
  });

  test(`${overlay}: no pod gets the variables that Kubernetes creates for Services`, () => {
    assert.deepEqual(rules.serviceLinks(all), []);
  });

  test(`${overlay}: health and metrics are served on IPv4 and IPv6`, () => {
    assert.deepEqual(rules.listenAddresses(all), []);
  });

  test(`${overlay}: volumes belong to the group of their pod, and private files on them stay private`, () => {
    assert.deepEqual(rules.volumeGroups(all), []);
  });

  test(`${overlay}: every selector matches a pod and every object that is named exists`, () => {
    const beside = overlay === 'gke' ? [{ kind: 'x', metadata: { name: 'machine' }, spec: machinePods }] : [];
    assert.deepEqual(rules.selectors([...all, ...beside]), []);
  });

  test(`${overlay}: the program reads every variable that is set`, () => {
    assert.deepEqual(rules.variables(all), []);
  });

  test(`${overlay}: scripts/secrets creates every secret, and no manifest contains one`, () => {
    assert.deepEqual(rules.secretFiles(all, rules.secretsMade(secrets)), []);
    assert.deepEqual(all.filter(({ kind }) => kind === 'Secret'), []);
  });

  test(`${overlay}: three loggers and three recorders, replaced one by one, and at least two stay available`, () => {
    for (const name of ['voting-logger', 'voting-recorder']) {
      const { spec } = find(all, 'Deployment', name);
      assert.equal(spec.replicas, 3);
      assert.equal(spec.strategy.rollingUpdate.maxUnavailable, 0);
      assert.equal(find(all, 'PodDisruptionBudget', name).spec.minAvailable, 2);
      assert.ok(find(all, 'HorizontalPodAutoscaler', name).spec.minReplicas >= 3);
      assert.equal(spec.template.spec.topologySpreadConstraints[0].topologyKey, 'kubernetes.io/hostname');
    }
  });

  test(`${overlay}: the stores keep their data on volumes and have the ports of the original programs`, () => {
    for (const [name, port] of [['redis', 6379], ['postgres', 5432]]) {
      const { spec } = find(all, 'StatefulSet', name);
      assert.equal(spec.volumeClaimTemplates.length, 1);
      const [container] = spec.template.spec.containers;
      assert.ok(container.volumeMounts.some((mount) => mount.name === 'data' && mount.mountPath === '/data'));
      assert.equal(find(all, 'Service', name).spec.ports[0].port, port);
    }
  });

  test(`${overlay}: loggers can connect to Redis only, recorders to PostgreSQL only`, () => {
    const reach = (from, to) => rules.mayReach(all, from, to, to);
    assert.equal(reach('voting-logger', 'redis'), true);
    assert.equal(reach('voting-logger', 'postgres'), false);
    assert.equal(reach('voting-recorder', 'postgres'), true);
    assert.equal(reach('voting-recorder', 'redis'), false);
    assert.equal(reach('election-board', 'postgres'), true);
    assert.equal(reach('election-board', 'redis'), false);
    assert.equal(reach('redis', 'postgres'), false);
    assert.equal(reach('postgres', 'redis'), false);
  });
}

for (const [overlay, all] of Object.entries(objects)) {
  test(`${overlay}: the board has replicas of which one always stays, and every browser can reach its pages`, () => {
    const { spec } = find(all, 'Deployment', 'election-board');
    assert.ok(spec.replicas >= 2);
    assert.equal(spec.strategy.rollingUpdate.maxUnavailable, 0);
    assert.equal(find(all, 'PodDisruptionBudget', 'election-board').spec.minAvailable, 1);
    const [port] = find(all, 'Service', 'election-board').spec.ports;
    const [container] = spec.template.spec.containers;
    assert.ok(container.ports.some(({ name }) => name === port.targetPort));
    const policy = find(all, 'NetworkPolicy', 'election-board-from-everybody');
    assert.deepEqual(policy.spec.ingress, [{ ports: [{ protocol: 'TCP', port: port.targetPort }] }]);
  });

  test(`${overlay}: loggers, recorders and board know the office, and loggers take votes in defined elections only, except to try Pollbus out`, () => {
    for (const name of ['voting-logger', 'voting-recorder', 'election-board']) {
      const { env } = containersOf(all).find(({ container }) => container.name === name).container;
      const key = env.find((one) => one.name === 'OFFICE_PUBLIC_KEY').valueFrom.secretKeyRef;
      assert.ok(rules.secretsMade(secrets).get(key.name).includes(key.key), name);
      assert.equal(key.optional, true, 'the office makes its key when the services run already');
    }
    const rule = all.filter(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.startsWith('elections')).at(-1);
    assert.equal(rule.data.ELECTIONS, ['secured', 'gke'].includes(overlay) ? 'defined' : 'any');
  });
}

test('the example of an ingress uses TLS and leads to the board', () => {
  const all = rendered ? render('board-ingress') : objectsOf('board-ingress');
  assert.deepEqual(all.flatMap(problemsOf), []);
  const { spec } = find(all, 'Ingress', 'election-board');
  assert.deepEqual(spec.tls[0].hosts, [spec.rules[0].host]);
  const { name, port } = spec.rules[0].http.paths[0].backend.service;
  assert.ok(find(objects.local, 'Service', name).spec.ports.some((one) => one.name === port.name));
});

// Policies of the base select machines too, which do not run in this overlay.
const machinePods = {
  selector: { matchLabels: {} },
  template: { metadata: { labels: { 'app.kubernetes.io/component': 'machine' } }, spec: { containers: [] } },
};

function find(all, kind, name) {
  const found = all.find((object) => object.kind === kind && object.metadata.name === name);
  assert.ok(found, `${kind} ${name}`);
  return found;
}

test('local: services and machines can connect to the broker, machines to no store, and the broker to nothing', () => {
  const reach = (from, to, port) => rules.mayReach(objects.local, from, to, port);
  for (const name of ['voting-logger', 'voting-recorder', 'voting-machine']) {
    assert.equal(reach(name, 'pubsub-broker', 'pubsub'), true, name);
    assert.equal(reach('pubsub-broker', name, 'http'), false, name);
  }
  assert.equal(reach('voting-machine', 'redis', 'redis'), false);
  assert.equal(reach('voting-machine', 'postgres', 'postgres'), false);
  assert.equal(reach('redis', 'pubsub-broker', 'pubsub'), false);
});

test('local: the broker keeps its data in a folder of its own below the root of a volume', () => {
  const { spec } = find(objects.local, 'StatefulSet', 'pubsub-broker');
  const [container] = spec.template.spec.containers;
  const folder = container.env.find(({ name }) => name === 'PUBSUB_BROKER_DATA_DIR').value;
  // The root of a volume belongs to root, so that the broker could not make it private.
  const mount = container.volumeMounts.find(({ mountPath }) => folder.startsWith(`${mountPath}/`));
  assert.ok(spec.volumeClaimTemplates.some(({ metadata }) => metadata.name === mount.name));
});

const seen = (all, name) => {
  const found = containersOf(all).find(({ container }) => container.name === name);
  return rules.secretsSeenBy(found, rules.secretsMade(secrets)).sort();
};
const files = (name) => ['ca.pem', 'cert.pem', 'key.pem'].map((file) => `${name}/${file}`);
const keys = (...names) => names.flatMap((name) => [name, `${name}_PREVIOUS`].map((one) => `${name.toLowerCase().replace('_', '-')}/${one}`));

test('every program sees its own secrets only, and only the migration sees the password of the owner', () => {
  for (const [overlay, all] of Object.entries(objects)) {
    const areKeysUsed = ['secured', 'gke'].includes(overlay) && rendered;
    const ifUsed = (...names) => (areKeysUsed ? keys(...names) : []);
    assert.deepEqual(
      seen(all, 'voting-logger'),
      ['logger-key/LOGGER_KEY', 'redis-password/REDIS_PASSWORD', ...files('voting-logger'), ...ifUsed('SUBMIT_KEY', 'RECORD_KEY', 'RESULT_KEY')].sort(),
    );
    assert.deepEqual(
      seen(all, 'voting-recorder'),
      ['postgres-recorder-password/POSTGRES_RECORDER_PASSWORD', ...files('voting-recorder'), ...ifUsed('RECORD_KEY', 'RESULT_KEY')].sort(),
    );
    assert.deepEqual(seen(all, 'election-board'), [...files('election-board'), 'postgres-results-password/POSTGRES_RESULTS_PASSWORD'].sort());
    assert.deepEqual(seen(all, 'migrate'), ['postgres-owner-password/POSTGRES_OWNER_PASSWORD', 'voting-recorder/ca.pem']);
    assert.deepEqual(seen(all, 'redis'), ['redis-admin-password/REDIS_ADMIN_PASSWORD', 'redis-password/REDIS_PASSWORD', ...files('redis')]);
  }
});

if (rendered) {
  test('secured: the broker serves TLS only, to clients of its table, and a machine has nothing but its own keys', () => {
    const all = objects.secured;
    assert.deepEqual(seen(all, 'pubsub-broker'), files('pubsub-broker'));
    const derived = ['MACHINE_RESULT_KEY', 'MACHINE_RESULT_KEY_PREVIOUS', 'MACHINE_SUBMIT_KEY', 'MACHINE_SUBMIT_KEY_PREVIOUS'];
    assert.deepEqual(seen(all, 'voting-machine'), [...derived.map((name) => `machine-1/${name}`), ...files('machine-1')]);
    const { env } = containersOf(all).find(({ container }) => container.name === 'pubsub-broker').container;
    for (const name of ['TLS_CERT', 'TLS_KEY', 'TLS_CLIENT_CA', 'CLIENTS']) {
      assert.ok(env.some((one) => one.name === `PUBSUB_BROKER_${name}`), name);
    }
    const table = all.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name.startsWith('broker-clients'));
    assert.equal(table.data.clients, readFileSync(join(kubernetes, 'components/bus-tls/clients'), 'utf8'));
  });
}

// By the addresses of policies, not by pods: DNS may be served by the node or by Google's metadata server.
const reachableAddresses = (all, port) =>
  all
    .filter(({ kind, spec }) => kind === 'NetworkPolicy' && spec.policyTypes.includes('Egress'))
    .flatMap(({ spec }) => spec.egress ?? [])
    .filter(({ ports }) => ['UDP', 'TCP'].every((protocol) => ports.some((one) => one.port === port && one.protocol === protocol)))
    .flatMap(({ to }) => to.map(({ ipBlock }) => ipBlock?.cidr))
    .filter(Boolean);

test('every overlay can use DNS from a cache on the node, and gke also from Cloud DNS', () => {
  const dns = 53;
  for (const all of Object.values(objects)) assert.ok(reachableAddresses(all, dns).includes('169.254.20.10/32'));
  assert.ok(reachableAddresses(objects.gke, dns).includes('169.254.169.254/32'));
});

test('docs/deploy.md states the sum of all requests', () => {
  const document = readFileSync(join(root, 'docs/deploy.md'), 'utf8');
  const parts = {
    '`overlays/local`': [...objectsOf('base'), ...objectsOf('overlays/local')],
    '`board`, in addition': objectsOf('components/board'),
    '`demo`, in addition': objectsOf('demo'),
    '`pedestrian`, in addition': objectsOf('pedestrian'),
  };
  for (const [part, all] of Object.entries(parts)) {
    const { cpu, memory } = rules.requests(all);
    assert.ok(document.includes(`| ${part} | ${cpu.toLocaleString('en')}m | ${memory.toLocaleString('en')} MiB |`), `${part}: ${cpu}m, ${memory} MiB`);
  }
});

if (rendered) {
  test('gke: project, service accounts, registry and version come from project.env', () => {
    const given = Object.fromEntries(
      readFileSync(join(kubernetes, 'overlays/gke/project.env'), 'utf8')
        .split('\n')
        .filter((line) => /^[A-Z]/.test(line))
        .map((line) => line.split('=')),
    );
    for (const { container } of containersOf(objects.gke)) {
      const image = container.name === 'migrate' ? 'voting-recorder' : container.name;
      assert.equal(container.image, `${given.REGISTRY}/${image}:${given.VERSION}`);
    }
    const map = objects.gke.find(({ kind, data }) => kind === 'ConfigMap' && 'GCP_PROJECT' in data);
    assert.equal(map.data.GCP_PROJECT, given.PROJECT);
    assert.equal('PUBSUB_EMULATOR_HOST' in map.data, false);
    for (const role of ['logger', 'recorder']) {
      const { annotations } = find(objects.gke, 'ServiceAccount', `voting-${role}`).metadata;
      assert.equal(annotations['iam.gke.io/gcp-service-account'], `pollbus-${role}@${given.SERVICE_ACCOUNT_DOMAIN}`);
    }
  });
}
