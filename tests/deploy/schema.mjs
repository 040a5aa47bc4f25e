// Checks objects against the schemas of the Kubernetes API 1.27. kubernetes-models compiles them from
// the API server's OpenAPI document.

import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

function validatorOf({ apiVersion, kind }) {
  const found = require(`kubernetes-models/${apiVersion}/${kind}`)[kind];
  // Only an instance has validate(); the constructor stores the object as it is.
  return (object) => {
    try {
      new found(object).validate();
      return [];
    } catch (error) {
      if (!error.errors) throw error;
      return error.errors;
    }
  };
}

const pointer = (path) => path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');

function pathsOf(value, path = []) {
  if (value === null || typeof value !== 'object') return [path];
  return [path, ...Object.keys(value).flatMap((key) => pathsOf(value[key], [...path, key]))];
}

// A value that no schema accepts. Where a field exists, the schema reports the value as an error.
const impossible = () => {};

function withValue(object, path, value) {
  if (path.length === 0) return value;
  const copy = Array.isArray(object) ? [...object] : { ...object };
  copy[path[0]] = withValue(object[path[0]], path.slice(1), value);
  return copy;
}

// One sentence for each problem: everything that the API server would refuse, and fields that do not
// exist, like `kubectl --validate=strict`.
export function problemsOf(object) {
  let validate;
  try {
    validate = validatorOf(object);
  } catch {
    return [`no schema knows ${object.apiVersion} ${object.kind}`];
  }
  const wrong = validate(object).map((error) => `${error.instancePath}: ${error.message}`);
  if (wrong.length > 0) return wrong;
  return pathsOf(object)
    .filter((path) => path.length > 0 && !['apiVersion', 'kind'].includes(path.join()))
    .filter((path) => {
      const at = pointer(path);
      return !validate(withValue(object, path, impossible)).some((error) => error.instancePath === at);
    })
    .map((path) => `${pointer(path)}: no such field`);
}
