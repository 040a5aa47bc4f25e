// The project's own rules for what runs on Kubernetes. Each gives sentences, one a breach.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { containersOf, nameOf, root } from './manifests.mjs';

const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build/dev/bin');
const stores = ['redis', 'postgres'];

const where = ({ object, container }) => `${nameOf(object)}, container ${container.name}`;
const labelsOf = (object) => object.spec?.template?.metadata?.labels ?? {};
const selects = (selector, labels) =>
  Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
  (selector.matchExpressions ?? []).every(({ key, operator, values }) => operator === 'In' && values.includes(labels[key]));

// The variables that an image's program or start script reads.
const known = new Map();
export function variablesOf(image) {
  const name = image.replace(/^.*\//, '').replace(/:.*$/, '');
  if (!known.has(name)) known.set(name, stores.includes(name) ? variablesOfStore(name) : variablesOfProgram(name));
  return known.get(name);
}

function variablesOfProgram(name) {
  const help = execFileSync(join(programs, name), ['--help'], { encoding: 'utf8' });
  const named = [...help.matchAll(/^ {2}--.*\(([A-Z0-9_, or]+)\)$/gm)];
  return new Set(named.flatMap((match) => match[1].split(/, or |, /)));
}

function variablesOfStore(name) {
  const script = readFileSync(join(root, `deploy/docker/${name}-start`), 'utf8');
  return new Set([...script.matchAll(/\$\{?([A-Z][A-Z0-9_]+)/g)].map((match) => match[1]));
}

// What scripts/secrets makes: { secret: key }.
export function secretsMade(listing) {
  return new Map(listing.map((secret) => [secret.metadata.name, Object.keys(secret.data)]));
}

export function probesAndLimits(objects) {
  return containersOf(objects).flatMap((found) => {
    const { container } = found;
    const breaches = [];
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      if (!container[probe]) breaches.push(`${where(found)}: no ${probe}`);
      const port = container[probe]?.httpGet?.port;
      if (port && !container.ports?.some(({ name }) => name === port)) breaches.push(`${where(found)}: ${probe} asks no port of it`);
    }
    for (const kind of ['requests', 'limits']) {
      for (const what of ['cpu', 'memory']) {
        if (!container.resources?.[kind]?.[what]) breaches.push(`${where(found)}: no ${kind} of ${what}`);
      }
    }
    return breaches;
  });
}

// The "restricted" Pod Security Standard, and a read-only root file system.
export function security(objects) {
  return containersOf(objects).flatMap((found) => {
    const pod = found.pod.securityContext ?? {};
    const own = found.container.securityContext ?? {};
    const rules = {
      'runs as root': pod.runAsNonRoot === true && pod.runAsUser > 0 && pod.runAsGroup > 0,
      'has no seccomp profile': pod.seccompProfile?.type === 'RuntimeDefault',
      'may gain privileges': own.allowPrivilegeEscalation === false && own.privileged !== true,
      'may write its root file system': own.readOnlyRootFilesystem === true,
      'keeps capabilities': own.capabilities?.drop?.join() === 'ALL' && !own.capabilities.add,
      'gets a token of the API server': found.pod.automountServiceAccountToken === false,
      'shares something of the node': !['hostNetwork', 'hostPID', 'hostIPC'].some((key) => found.pod[key]),
    };
    const broken = Object.keys(rules).filter((rule) => !rules[rule]);
    return broken.map((rule) => `${where(found)}: ${rule}`);
  });
}

// Kubernetes adds a variable <SERVICE>_PORT=tcp://... for each Service to each container, unless the pod
// says no. Those of the Services "redis" and "postgres" would replace our REDIS_PORT and POSTGRES_PORT.
export function serviceLinks(objects) {
  return containersOf(objects)
    .filter(({ pod }) => pod.enableServiceLinks !== false)
    .map((found) => `${where(found)}: enableServiceLinks is not false`);
}

export function selectors(objects) {
  const pods = objects.filter((object) => object.spec?.template).map(labelsOf);
  const named = (kind, name) => objects.some((object) => object.kind === kind && object.metadata.name === name);
  const breaches = [];
  const mustMatch = (object, selector) => {
    if (!pods.some((labels) => selects(selector, labels))) breaches.push(`${nameOf(object)}: selects no pod`);
  };
  for (const object of objects) {
    const { kind, spec } = object;
    if (spec?.template && !selects(spec.selector, labelsOf(object))) breaches.push(`${nameOf(object)}: does not select its pods`);
    for (const spread of spec?.template?.spec.topologySpreadConstraints ?? []) {
      if (!selects(spread.labelSelector, labelsOf(object))) breaches.push(`${nameOf(object)}: spreads other pods`);
    }
    if (kind === 'Service') mustMatch(object, { matchLabels: spec.selector });
    if (kind === 'PodDisruptionBudget') mustMatch(object, spec.selector);
    if (kind === 'NetworkPolicy') {
      const peers = [...(spec.ingress ?? []), ...(spec.egress ?? [])].flatMap((rule) => [...(rule.from ?? []), ...(rule.to ?? [])]);
      for (const peer of peers.filter((one) => one.podSelector)) mustMatch(object, peer.podSelector);
      mustMatch(object, spec.podSelector);
    }
    const target = spec?.scaleTargetRef;
    if (target && !named(target.kind, target.name)) breaches.push(`${nameOf(object)}: scales nothing`);
    if (kind === 'StatefulSet' && stores.includes(spec.serviceName) && !named('Service', spec.serviceName)) {
      breaches.push(`${nameOf(object)}: has no service`);
    }
    const account = spec?.template?.spec.serviceAccountName;
    if (account && !named('ServiceAccount', account)) breaches.push(`${nameOf(object)}: no service account ${account}`);
  }
  return breaches;
}

const isMap = (name) => (object) =>
  object.kind === 'ConfigMap' && (object.metadata.name === name || object.metadata.name.startsWith(`${name}-`));

// Every variable is one that the program reads; what it is taken from exists.
export function variables(objects) {
  return containersOf(objects).flatMap((found) => {
    const read = variablesOf(found.container.image);
    const set = (found.container.env ?? []).map(({ name }) => name);
    const breaches = [];
    for (const { configMapRef } of found.container.envFrom ?? []) {
      const map = objects.find(isMap(configMapRef.name));
      if (map) set.push(...Object.keys(map.data));
      else breaches.push(`${where(found)}: no config map ${configMapRef.name}`);
    }
    for (const { name, valueFrom } of found.container.env ?? []) {
      const key = valueFrom?.configMapKeyRef;
      if (key && !(key.key in (objects.find(isMap(key.name))?.data ?? {}))) breaches.push(`${where(found)}: ${name} of no config key`);
    }
    return [...breaches, ...set.filter((name) => !read.has(name)).map((name) => `${where(found)}: does not read ${name}`)];
  });
}

// Files of secrets that a container is pointed to are mounted, of Secrets that scripts/secrets makes.
export function secretFiles(objects, made) {
  return containersOf(objects).flatMap((found) => {
    const { pod, container } = found;
    const breaches = [];
    const files = new Set();
    for (const mount of container.volumeMounts ?? []) {
      const volume = (pod.volumes ?? []).find(({ name }) => name === mount.name);
      const claimed = found.object.spec.volumeClaimTemplates?.some(({ metadata }) => metadata.name === mount.name);
      if (!volume && !claimed) breaches.push(`${where(found)}: mounts no volume ${mount.name}`);
      const single = volume?.secret && { name: volume.secret.secretName };
      for (const secret of [single, ...(volume?.projected?.sources ?? []).map((source) => source.secret)].filter(Boolean)) {
        if (!made.has(secret.name)) breaches.push(`${where(found)}: nobody makes the secret ${secret.name}`);
        for (const key of made.get(secret.name) ?? []) files.add(`${mount.mountPath}/${key}`);
      }
    }
    for (const { name, value } of container.env ?? []) {
      if (name.endsWith('_FILE') && name !== 'JOURNAL_FILE' && !files.has(value)) breaches.push(`${where(found)}: ${name} is no secret's file`);
    }
    return breaches;
  });
}

// Whether `from`, a pod's name label, may open a connection to `to`'s port, by both sides' policies.
export function mayReach(objects, from, to, port) {
  const pod = (name) => objects.map(labelsOf).find((labels) => labels['app.kubernetes.io/name'] === name);
  const allowed = (labels, peer, direction, list, side) => {
    const policies = objects.filter(
      ({ kind, spec }) => kind === 'NetworkPolicy' && spec.policyTypes.includes(direction) && selects(spec.podSelector, labels),
    );
    if (policies.length === 0) return true;
    return policies.some(({ spec }) =>
      (spec[list] ?? []).some(
        (rule) =>
          rule.ports.some((one) => one.port === port) &&
          rule[side].some((one) => one.podSelector && !one.namespaceSelector && selects(one.podSelector, peer)),
      ),
    );
  };
  return (
    allowed(pod(from), pod(to), 'Egress', 'egress', 'to') && allowed(pod(to), pod(from), 'Ingress', 'ingress', 'from')
  );
}
