import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const read = (path) => readFileSync(join(root, path), 'utf8');

const enumerators = (name) => {
  const [, body] = read('src/base/failpoint.h').match(new RegExp(`enum class ${name} \\{([^}]*)\\}`));
  return body.match(/\bk\w+/g);
};

const codeIn = (folder) =>
  readdirSync(join(root, folder), { recursive: true })
    .filter((path) => /\.(cc|h)$/.test(path) && !/_test\.cc$|failpoint\.(cc|h)$/.test(path))
    .map((path) => read(join(folder, path)))
    .join('\n');

test('every failpoint that has a name stands in the code, in one place', () => {
  const code = codeIn('src');
  for (const place of enumerators('Failpoint')) {
    assert.equal(code.split(`failpoint(Failpoint::${place})`).length - 1, 1, place);
  }
});

test('every mutant that has a name is made somewhere', () => {
  const code = codeIn('src') + codeIn('tests/faults');
  for (const mutant of enumerators('Mutant')) assert.match(code, new RegExp(`Mutant::${mutant}\\b`));
});
