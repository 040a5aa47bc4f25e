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
if (!rendered) console.log('# no kubectl from 1.27 on: the files are checked as they are, not rendered');

// Each overlay as it would be applied, or as near as its files come without kubectl.
const objects = {
  local: rendered
    ? [...render('overlays/local'), ...render('demo')]
    : [...objectsOf('base'), ...objectsOf('overlays/local'), ...objectsOf('demo')],
  pedestrian: rendered
    ? [...render('overlays/local'), ...render('pedestrian')]
    : [...objectsOf('base'), ...objectsOf('overlays/local'), ...objectsOf('pedestrian')],
  gke: rendered ? render('overlays/gke') : [...objectsOf('base'), ...objectsOf('overlays/gke')],
};

function secretsMade() {
  const folder = mkdtempSync(join(tmpdir(), 'pollbus-secrets-'));
  try {
    const flags = ['--kubernetes', '--file', join(folder, 'env')];
    const text = execFileSync(join(root, 'scripts/secrets'), flags, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return parse(text);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
const secrets = secretsMade();

for (const overlay of Object.keys(objects)) {
  const all = objects[overlay];

  test(`${overlay}: every object is one that the API server takes`, () => {
    assert.ok(all.length > 20);
    const problems = [...all, ...secrets].flatMap((object) => problemsOf(object).map((text) => `${nameOf(object)}: ${text}`));
    assert.deepEqual(problems, []);
  });

  test(`${overlay}: every container has its probes, requests and limits`, () => {
    assert.deepEqual(rules.probesAndLimits(all), []);
  });

  test(`${overlay}: every pod keeps to the restricted standard on a read-only file system`, () => {
    assert.deepEqual(rules.security(all), []);
  });

  test(`${overlay}: no pod gets the variables that Kubernetes makes of Services`, () => {
    assert.deepEqual(rules.serviceLinks(all), []);
  });

  test(`${overlay}: every selector matches, every name that is mentioned exists`, () => {
    const beside = overlay === 'gke' ? [{ kind: 'x', metadata: { name: 'machine' }, spec: machinePods }] : [];
    assert.deepEqual(rules.selectors([...all, ...beside]), []);
  });

  test(`${overlay}: every variable is one that the program reads`, () => {
    assert.deepEqual(rules.variables(all), []);
  });

  test(`${overlay}: every secret is one that scripts/secrets makes, and in no manifest`, () => {
    assert.deepEqual(rules.secretFiles(all, rules.secretsMade(secrets)), []);
    assert.deepEqual(all.filter(({ kind }) => kind === 'Secret'), []);
  });

  test(`${overlay}: three loggers and three recorders, replaced one by one, never fewer than two`, () => {
    for (const name of ['voting-logger', 'voting-recorder']) {
      const { spec } = find(all, 'Deployment', name);
      assert.equal(spec.replicas, 3);
      assert.equal(spec.strategy.rollingUpdate.maxUnavailable, 0);
      assert.equal(find(all, 'PodDisruptionBudget', name).spec.minAvailable, 2);
      assert.ok(find(all, 'HorizontalPodAutoscaler', name).spec.minReplicas >= 3);
      assert.equal(spec.template.spec.topologySpreadConstraints[0].topologyKey, 'kubernetes.io/hostname');
    }
  });

  test(`${overlay}: the stores keep their data on volumes, under the names of the original`, () => {
    for (const [name, port] of [['redis', 6379], ['postgres', 5432]]) {
      const { spec } = find(all, 'StatefulSet', name);
      assert.equal(spec.volumeClaimTemplates.length, 1);
      const [container] = spec.template.spec.containers;
      assert.ok(container.volumeMounts.some((mount) => mount.name === 'data' && mount.mountPath === '/data'));
      assert.equal(find(all, 'Service', name).spec.ports[0].port, port);
    }
  });

  test(`${overlay}: a logger reaches Redis and not PostgreSQL, a recorder PostgreSQL and not Redis`, () => {
    const reach = (from, to) => rules.mayReach(all, from, to, to);
    assert.equal(reach('voting-logger', 'redis'), true);
    assert.equal(reach('voting-logger', 'postgres'), false);
    assert.equal(reach('voting-recorder', 'postgres'), true);
    assert.equal(reach('voting-recorder', 'redis'), false);
    assert.equal(reach('redis', 'postgres'), false);
    assert.equal(reach('postgres', 'redis'), false);
  });
}

// Policies of the base speak of machines too, which run elsewhere than in this overlay.
const machinePods = {
  selector: { matchLabels: {} },
  template: { metadata: { labels: { 'app.kubernetes.io/component': 'machine' } }, spec: { containers: [] } },
};

function find(all, kind, name) {
  const found = all.find((object) => object.kind === kind && object.metadata.name === name);
  assert.ok(found, `${kind} ${name}`);
  return found;
}

test('local: the services and a machine reach the broker, a machine no store, and the broker nobody', () => {
  const reach = (from, to, port) => rules.mayReach(objects.local, from, to, port);
  for (const name of ['voting-logger', 'voting-recorder', 'voting-machine']) {
    assert.equal(reach(name, 'pubsub-broker', 'pubsub'), true, name);
    assert.equal(reach('pubsub-broker', name, 'http'), false, name);
  }
  assert.equal(reach('voting-machine', 'redis', 'redis'), false);
  assert.equal(reach('voting-machine', 'postgres', 'postgres'), false);
  assert.equal(reach('redis', 'pubsub-broker', 'pubsub'), false);
});

test('local: the broker keeps its data on a volume', () => {
  const { spec } = find(objects.local, 'StatefulSet', 'pubsub-broker');
  const [container] = spec.template.spec.containers;
  const folder = container.env.find(({ name }) => name === 'PUBSUB_BROKER_DATA_DIR').value;
  const mount = container.volumeMounts.find(({ mountPath }) => mountPath === folder);
  assert.ok(spec.volumeClaimTemplates.some(({ metadata }) => metadata.name === mount.name));
});

if (rendered) {
  test('gke: project, service accounts, registry and version all come from project.env', () => {
    const given = Object.fromEntries(
      readFileSync(join(kubernetes, 'overlays/gke/project.env'), 'utf8')
        .split('\n')
        .filter((line) => /^[A-Z]/.test(line))
        .map((line) => line.split('=')),
    );
    for (const { container } of containersOf(objects.gke)) {
      assert.equal(container.image, `${given.REGISTRY}/${container.name}:${given.VERSION}`);
    }
    const map = objects.gke.find(({ kind }) => kind === 'ConfigMap');
    assert.equal(map.data.GCP_PROJECT, given.PROJECT);
    assert.equal('PUBSUB_EMULATOR_HOST' in map.data, false);
    for (const role of ['logger', 'recorder']) {
      const { annotations } = find(objects.gke, 'ServiceAccount', `voting-${role}`).metadata;
      assert.equal(annotations['iam.gke.io/gcp-service-account'], `pollbus-${role}@${given.SERVICE_ACCOUNT_DOMAIN}`);
    }
  });
}
