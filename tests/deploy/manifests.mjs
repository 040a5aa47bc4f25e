// The manifests as objects, either rendered by kubectl or, where kubectl is missing or too old, read from
// the files of a folder.

import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const kubernetes = join(root, 'deploy/kubernetes');

const leastKustomize = 5;

export function parse(text) {
  return parseAllDocuments(text, { merge: true }).map((document) => {
    if (document.errors.length > 0) throw document.errors[0];
    return document.toJS();
  });
}

// Whether kubectl is new enough for our manifests: kubectl 1.27 and newer contain kustomize 5.
export function hasKubectl() {
  try {
    const version = JSON.parse(execFileSync('kubectl', ['version', '--client', '-o', 'json'], { encoding: 'utf8' }));
    return Number(/^v(\d+)/.exec(version.kustomizeVersion ?? '')?.[1] ?? 0) >= leastKustomize;
  } catch {
    return false;
  }
}

export function render(folder) {
  return parse(execFileSync('kubectl', ['kustomize', join(kubernetes, folder)], { encoding: 'utf8' }));
}

// The objects in a folder's files, without kustomize's own file and without patches.
export function objectsOf(folder) {
  const read = (name) => parse(readFileSync(join(kubernetes, folder, name), 'utf8'));
  const [kustomization] = read('kustomization.yaml');
  const patches = (kustomization.patches ?? []).map((patch) => patch.path);
  return readdirSync(join(kubernetes, folder))
    .filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml' && !patches.includes(name))
    .flatMap(read)
    .concat((kustomization.configMapGenerator ?? []).filter((map) => map.literals).map(configMap));
}

function configMap({ name, literals }) {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    data: Object.fromEntries(literals.map((pair) => pair.split(/=(.*)/s, 2))),
  };
}

export const nameOf = (object) => `${object.kind} ${object.metadata.name}`;

// All containers with the pod and the object that they belong to.
export function containersOf(objects) {
  return objects.flatMap((object) => {
    const pod = object.spec?.template?.spec;
    const containers = [...(pod?.initContainers ?? []), ...(pod?.containers ?? [])];
    return containers.map((container) => ({ object, pod, container }));
  });
}
