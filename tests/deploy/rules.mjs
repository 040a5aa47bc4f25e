// The project's own rules for Kubernetes objects. Each rule returns one sentence for each violation.

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

// The environment variables that the program or the start script of an image reads.
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
  const named = [...script.matchAll(/\b(?:REDIS|POSTGRES)_[A-Z_]+\b/g)].map(([name]) => name);
  return new Set(named.flatMap((name) => (name.endsWith('_PASSWORD') ? [name, `${name}_FILE`] : [name])));
}

// The Secrets of scripts/secrets: a map from the name of a Secret to its keys.
export function secretsMade(listing) {
  return new Map(listing.map((secret) => [secret.metadata.name, Object.keys(secret.data)]));
}

// Init containers run once before the others, and have no probes.
const isInit = ({ pod, container }) => (pod.initContainers ?? []).includes(container);

export function probesAndLimits(objects) {
  return containersOf(objects).flatMap((found) => {
    const { container } = found;
    const violations = [];
    for (const probe of isInit(found) ? [] : ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      if (!container[probe]) violations.push(`${where(found)}: no ${probe}`);
      const port = container[probe]?.httpGet?.port;
      if (port && !container.ports?.some(({ name }) => name === port)) violations.push(`${where(found)}: ${probe} uses a port that the container does not have`);
    }
    for (const kind of ['requests', 'limits']) {
      for (const what of ['cpu', 'memory']) {
        if (!container.resources?.[kind]?.[what]) violations.push(`${where(found)}: no ${kind} of ${what}`);
      }
    }
    return violations;
  });
}

// The "restricted" Pod Security Standard, no token for the API server and a read-only root file system.
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
      'gets a token for the API server': found.pod.automountServiceAccountToken === false,
      'shares something of the node': !['hostNetwork', 'hostPID', 'hostIPC'].some((key) => found.pod[key]),
    };
    const broken = Object.keys(rules).filter((rule) => !rules[rule]);
    return broken.map((rule) => `${where(found)}: ${rule}`);
  });
}

// Without this setting, Kubernetes sets <SERVICE>_PORT=tcp://... for each Service in each container. The
// variables of the Services "redis" and "postgres" have the names of our REDIS_PORT and POSTGRES_PORT.
export function serviceLinks(objects) {
  return containersOf(objects)
    .filter(({ pod }) => pod.enableServiceLinks !== false)
    .map((found) => `${where(found)}: enableServiceLinks is not false`);
}

// A pod that writes to a volume needs its group's rights there. They are set only where they are missing:
// otherwise Kubernetes would change the modes of all files, also of private ones, at each start.
export function volumeGroups(objects) {
  return objects
    .filter(({ spec }) => spec?.volumeClaimTemplates)
    .filter(({ spec: { template } }) => {
      const { fsGroup, runAsGroup, fsGroupChangePolicy } = template.spec.securityContext;
      return fsGroup !== runAsGroup || fsGroupChangePolicy !== 'OnRootMismatch';
    })
    .map((object) => `${nameOf(object)}: fsGroup or fsGroupChangePolicy is missing`);
}

// Probes and Prometheus use the address of the pod, which may be IPv4 or IPv6. "::" accepts both.
export function listenAddresses(objects) {
  return containersOf(objects)
    .filter(({ container }) => container.env?.some(({ name, value }) => name === 'HTTP_HOST' && value !== '::'))
    .map((found) => `${where(found)}: HTTP_HOST is not "::"`);
}

// The sum of what the pods request while they run: { cpu: in thousandths of a processor, memory: in MiB }.
export function requests(objects) {
  const unitsOf = { cpu: { m: 1, '': 1000 }, memory: { Mi: 1, Gi: 1024 } };
  const sum = { cpu: 0, memory: 0 };
  for (const { object, container } of containersOf(objects).filter((found) => !isInit(found))) {
    for (const [resource, units] of Object.entries(unitsOf)) {
      const [, number, unit] = /^([\d.]+)(\w*)$/.exec(container.resources.requests[resource]);
      sum[resource] += object.spec.replicas * Number(number) * units[unit];
    }
  }
  return sum;
}

export function selectors(objects) {
  const pods = objects.filter((object) => object.spec?.template).map(labelsOf);
  const named = (kind, name) => objects.some((object) => object.kind === kind && object.metadata.name === name);
  const violations = [];
  const mustMatch = (object, selector) => {
    if (!pods.some((labels) => selects(selector, labels))) violations.push(`${nameOf(object)}: selects no pod`);
  };
  for (const object of objects) {
    const { kind, spec } = object;
    if (spec?.template && !selects(spec.selector, labelsOf(object))) violations.push(`${nameOf(object)}: does not select its own pods`);
    for (const spread of spec?.template?.spec.topologySpreadConstraints ?? []) {
      if (!selects(spread.labelSelector, labelsOf(object))) violations.push(`${nameOf(object)}: spreads pods of another object`);
    }
    if (kind === 'Service') mustMatch(object, { matchLabels: spec.selector });
    if (kind === 'PodDisruptionBudget') mustMatch(object, spec.selector);
    if (kind === 'NetworkPolicy') {
      const peers = [...(spec.ingress ?? []), ...(spec.egress ?? [])].flatMap((rule) => [...(rule.from ?? []), ...(rule.to ?? [])]);
      for (const peer of peers.filter((one) => one.podSelector)) mustMatch(object, peer.podSelector);
      mustMatch(object, spec.podSelector);
    }
    const target = spec?.scaleTargetRef;
    if (target && !named(target.kind, target.name)) violations.push(`${nameOf(object)}: its scale target does not exist`);
    if (kind === 'StatefulSet' && !named('Service', spec.serviceName)) {
      violations.push(`${nameOf(object)}: its Service does not exist`);
    }
    const account = spec?.template?.spec.serviceAccountName;
    if (account && !named('ServiceAccount', account)) violations.push(`${nameOf(object)}: its service account ${account} does not exist`);
  }
  return violations;
}

const isMap = (name) => (object) =>
  object.kind === 'ConfigMap' && (object.metadata.name === name || object.metadata.name.startsWith(`${name}-`));

// Every variable that is set is one that the program reads, and every ConfigMap that is used exists.
export function variables(objects) {
  return containersOf(objects).flatMap((found) => {
    const read = variablesOf(found.container.image);
    const set = (found.container.env ?? []).map(({ name }) => name);
    const violations = [];
    for (const { configMapRef } of found.container.envFrom ?? []) {
      const map = objects.find(isMap(configMapRef.name));
      if (map) set.push(...Object.keys(map.data));
      else violations.push(`${where(found)}: the ConfigMap ${configMapRef.name} does not exist`);
    }
    for (const { name, valueFrom } of found.container.env ?? []) {
      const key = valueFrom?.configMapKeyRef;
      if (key && !(key.key in (objects.find(isMap(key.name))?.data ?? {}))) violations.push(`${where(found)}: ${name} comes from a key that does not exist`);
    }
    return [...violations, ...set.filter((name) => !read.has(name)).map((name) => `${where(found)}: the program does not read ${name}`)];
  });
}

// Every secret's file that a variable names is mounted, from a Secret that scripts/secrets creates.
export function secretFiles(objects, made) {
  return containersOf(objects).flatMap((found) => {
    const { pod, container } = found;
    const violations = [];
    const files = new Set();
    for (const mount of container.volumeMounts ?? []) {
      const volume = (pod.volumes ?? []).find(({ name }) => name === mount.name);
      const claimed = found.object.spec.volumeClaimTemplates?.some(({ metadata }) => metadata.name === mount.name);
      if (!volume && !claimed) violations.push(`${where(found)}: the volume ${mount.name} does not exist`);
      const single = volume?.secret && { name: volume.secret.secretName };
      for (const secret of [single, ...(volume?.projected?.sources ?? []).map((source) => source.secret)].filter(Boolean)) {
        if (!made.has(secret.name)) violations.push(`${where(found)}: scripts/secrets does not create the Secret ${secret.name}`);
        for (const key of made.get(secret.name) ?? []) files.add(`${mount.mountPath}/${key}`);
      }
    }
    for (const { name, value } of container.env ?? []) {
      if (name.endsWith('_FILE') && name !== 'JOURNAL_FILE' && !files.has(value)) violations.push(`${where(found)}: ${name} names a file that is not mounted`);
    }
    return violations;
  });
}

// The files of Secrets that a container sees, each as "<name of the Secret>/<key>".
export function secretsSeenBy({ pod, container }, made) {
  return (container.volumeMounts ?? []).flatMap((mount) => {
    const volume = (pod.volumes ?? []).find(({ name }) => name === mount.name);
    const single = volume?.secret && { name: volume.secret.secretName };
    const all = [single, ...(volume?.projected?.sources ?? []).map(({ secret }) => secret)].filter(Boolean);
    return all.flatMap(({ name, items }) => (items?.map(({ key }) => key) ?? made.get(name) ?? []).map((key) => `${name}/${key}`));
  });
}

// Whether the network policies allow the pod named `from` to connect to a port of the pod named `to`.
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
