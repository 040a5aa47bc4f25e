// The alert rules for Prometheus: their form, and that they use metrics that the programs export.
// Where promtool (Debian's package prometheus) is installed, also what they do.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

import { parse, root } from './manifests.mjs';

const path = 'deploy/prometheus/alerts.yaml';
const [{ groups }] = parse(readFileSync(join(root, path), 'utf8'));
const rules = groups.flatMap((group) => group.rules);

// The text of all programs, without tests.
const sources = readdirSync(join(root, 'src'), { recursive: true })
  .filter((name) => /\.(cc|h)$/.test(name) && !/_test/.test(name))
  .map((name) => readFileSync(join(root, 'src', name), 'utf8'))
  .join('\n');
const isLiteral = (text) => sources.includes(`"${text}"`);

// Most names of metrics are literals. ElectionCountsWatch puts "marks" or "rows" into its names.
const counted = [...sources.matchAll(/\bElectionCountsWatch \w+\("(\w+)"/g)].map((match) => match[1]);
const suffixes = [...sources.matchAll(/"pollbus_" \+ what_(?: \+ "(\w+)")?/g)].map((match) => match[1] ?? '');
const composed = counted.flatMap((what) => suffixes.map((suffix) => `pollbus_${what}${suffix}`));
const isMetric = (name) => isLiteral(name) || composed.includes(name);

test('every alert has a name of its own, a severity, a summary and a description', () => {
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length);
  for (const { alert, expr, labels, annotations } of rules) {
    assert.ok(expr, alert);
    assert.match(labels.severity, /^(page|ticket)$/, alert);
    assert.ok(annotations.summary && annotations.description, alert);
  }
});

test('every metric in an alert exists in the programs', () => {
  for (const { alert, expr } of rules) {
    const metrics = expr.match(/\b(pollbus|broker)_[a-z_]+/g);
    assert.ok(metrics, alert);
    const missing = metrics.filter((name) => !isMetric(name) && !isMetric(name.replace(/_(bucket|sum|count)$/, '')));
    assert.deepEqual(missing, [], alert);
  }
});

test('every label and every value of a label in an alert exists in the programs', () => {
  for (const { alert, expr } of rules) {
    const labels = [...expr.matchAll(/\b(?:by|on) \(([a-z_]+)\)/g)].map((match) => match[1]);
    const matchers = [...expr.matchAll(/\b([a-z_]+)="([^"]+)"/g)].flatMap((match) => match.slice(1));
    assert.deepEqual([...labels, ...matchers].filter((text) => !isLiteral(text)), [], alert);
  }
});

test('docs/deploy.md lists every alert and no other', () => {
  const document = readFileSync(join(root, 'docs/deploy.md'), 'utf8');
  const listed = [...document.matchAll(/^\| `(Pollbus\w+)` \|/gm)].map((match) => match[1]);
  assert.deepEqual(listed, rules.map(({ alert }) => alert));
});

if (spawnSync('promtool', ['--version']).status === 0) {
  test('promtool: each alert fires when it should, and not otherwise', () => {
    const { status, stdout, stderr } = spawnSync('promtool', ['test', 'rules', join(root, 'tests/deploy/alerts.promtool.yaml')], { encoding: 'utf8' });
    assert.equal(status, 0, stdout + stderr);
  });
} else {
  console.log('# promtool is missing: the alert rules are not evaluated');
}
