import assert from 'node:assert/strict';
import { test } from 'node:test';

import { problemsOf } from './schema.mjs';

const deployment = (change = () => {}) => {
  const object = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'a', labels: { any: 'label' } },
    spec: {
      selector: { matchLabels: { any: 'label' } },
      template: {
        metadata: { labels: { any: 'label' } },
        spec: {
          containers: [
            {
              name: 'a',
              image: 'a:1',
              ports: [{ name: 'http', containerPort: 8080 }],
              livenessProbe: { httpGet: { path: '/healthz', port: 'http' } },
              resources: { limits: { cpu: 1, memory: '64Mi' } },
            },
          ],
        },
      },
    },
  };
  change(object.spec.template.spec.containers[0], object);
  return object;
};

test('a valid object has no problems', () => {
  assert.deepEqual(problemsOf(deployment()), []);
});

test('a misspelt field is reported at any depth', () => {
  assert.deepEqual(problemsOf(deployment((container) => (container.livenessProbe.timeoutSecond = 3))), [
    '/spec/template/spec/containers/0/livenessProbe/timeoutSecond: no such field',
  ]);
});

test('a wrong type and a missing field are reported', () => {
  assert.match(problemsOf(deployment((container) => (container.ports[0].containerPort = '8080'))).join(), /containerPort/);
  assert.match(problemsOf(deployment((_, object) => delete object.spec.selector)).join(), /selector/);
});

test('an unknown kind is reported', () => {
  assert.deepEqual(problemsOf({ ...deployment(), apiVersion: 'apps/v9' }), ['no schema knows apps/v9 Deployment']);
});
