// What the documents say about this tree must be true: links, commands, flags, variables, metrics.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, join, normalize, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { anchorsIn, codeSpansIn, linksIn, shellTextIn, simpleCommands } from './documents.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const programs = process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'dev', 'bin');
const skippedFolders = new Set(['.git', 'node_modules', 'build', '.demo', 'corpus']);
const helpTimeoutMs = 20_000;

// Commands that documents use and that are not a part of this tree.
const externalCommands = new Set(
  `awk cat cd chmod chown cmake cp curl docker docker-compose echo eval exec exit export gcloud git grep grpcurl gunzip head
   id jobs kill kind kubectl ln ls mkdir mv ninja node npm od openssl pip pip3 pg_dump perf ps psql python python3 read
   redis-cli rm sed seq set sleep sort source sudo tail tar test touch tr trap umask unset until wait wc wget xargs
   apt-get service systemctl useradd usermod sh bash true false printf time taskset virtualenv . [`.split(/\s+/),
);

function* filesBelow(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!skippedFolders.has(entry.name)) yield* filesBelow(path);
    } else if (entry.isFile()) {
      yield path;
    }
  }
}

const files = [...filesBelow(root)].map((path) => relative(root, path));
const textOf = (file) => readFileSync(join(root, file), 'utf8');
const documents = files.filter((file) => file.endsWith('.md')).map((file) => ({ file, text: textOf(file) }));

// --- Links -------------------------------------------------------------------------------------

function brokenLink({ file, text }, target) {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [path, anchor] = target.split('#');
  const linked = path === '' ? file : normalize(join(dirname(file), decodeURI(path)));
  if (!existsSync(join(root, linked))) return `${target}: no such file`;
  if (anchor === undefined || !linked.endsWith('.md')) return undefined;
  const anchors = anchorsIn(path === '' ? text : textOf(linked));
  return anchors.has(anchor) ? undefined : `${target}: ${linked} has no heading for that anchor`;
}

test('all links in documents lead to a file and a heading that exist', () => {
  assert.ok(documents.length > 10);
  const broken = documents.flatMap((document) =>
    linksIn(document.text).flatMap(({ target, number }) => {
      const problem = brokenLink(document, target);
      return problem ? [`${document.file}:${number}: ${problem}`] : [];
    }),
  );
  assert.deepEqual(broken, []);
});

// --- Commands ----------------------------------------------------------------------------------

const cmakePrograms = new Set(
  files
    .filter((file) => file.endsWith('CMakeLists.txt') || file.endsWith('.cmake'))
    .flatMap((file) => [...textOf(file).matchAll(/(?:pollbus_executable|pollbus_program|add_executable)\(\s*([\w-]+)/g)])
    .map(([, name]) => name),
);
const isProgram = (name) => cmakePrograms.has(name) || existsSync(join(programs, name));

// The script or program of this tree that a command runs, and the words that follow: { name, path,
// words }, with `missing` when there is no such file. Undefined for any other command.
function ours(words) {
  const at = words.findIndex((word, i) => isOurs(word, i, words));
  if (at < 0) return undefined;
  const word = words[at];
  const rest = words.slice(at + 1);
  if (/^(\.\/)?(scripts|deploy|tests)\//.test(word)) {
    const path = join(root, word);
    const isFolder = existsSync(path) && statSync(path).isDirectory();
    return { name: word, path, words: rest, missing: !existsSync(path) || (isFolder && rest.length > 0), isFolder };
  }
  const name = basename(word);
  const path = join(programs, name);
  return { name: word, path, words: rest, missing: !isProgram(name), unbuilt: !existsSync(path) };
}

function isOurs(word, i, words) {
  if (/^(\S*\/bin|\$\w+)\/[\w-]+$/.test(word) && isProgram(basename(word))) return true;
  // Containers are named after the program that they run.
  if (i > 0) return words[0].startsWith('docker') && words.slice(0, i).includes('run') && isProgram(word);
  return /^(\.\/)?(scripts|deploy|tests)\/\S+$/.test(word) || /^build\/\w+\/bin\//.test(word) || isProgram(word);
}

const helps = new Map();
function helpOf(path) {
  if (!helps.has(path)) {
    helps.set(path, execFileSync(path, ['--help'], { encoding: 'utf8', timeout: helpTimeoutMs, stdio: 'pipe' }));
  }
  return helps.get(path);
}

const flagsIn = (text) => new Set(text.match(/(?<![\w-])--[a-z][\w-]*/g) ?? []);

function problemsOf(words, isShell) {
  const found = ours(words);
  if (!found) {
    const known = !isShell || externalCommands.has(basename(words[0])) || words[0].startsWith('$');
    return known ? [] : [`${words[0]}: no program, script or known command has this name`];
  }
  if (found.missing) return [`${found.name}: no such file`];
  // Without OpenCV, the programs of the pedestrian system are not built.
  if (found.unbuilt || found.isFolder || found.path.endsWith('.yaml') || found.path.endsWith('.mjs')) return [];
  const flags = flagsIn(found.words.filter((word) => word.startsWith('--')).join('\n'));
  if (flags.size === 0) return [];
  const known = flagsIn(helpOf(found.path));
  return [...flags].filter((flag) => flag !== '--help' && !known.has(flag)).map((flag) => `${found.name} has no flag ${flag}`);
}

test('all commands in documents name programs, scripts and flags that exist', () => {
  const problems = documents.flatMap(({ file, text }) => {
    const spans = codeSpansIn(text).filter(({ code }) => /^[\w./=$-]+ /.test(code) || /^(scripts|tests|deploy)\/[\w-]+$/.test(code));
    return [...shellTextIn(text), ...spans].flatMap(({ code, number, isShell = false }) =>
      simpleCommands(code)
        .flatMap((words) => problemsOf(words, isShell))
        .map((problem) => `${file}:${number}: ${problem}`),
    );
  });
  assert.deepEqual(problems, []);
});

test('every script prints a usage text with --help', () => {
  const scripts = files.filter((file) => /^scripts\/[\w-]+$/.test(file) && statSync(join(root, file)).mode & 0o100);
  assert.ok(scripts.length >= 10);
  for (const script of scripts) assert.match(helpOf(join(root, script)), /^usage: \S*\b[\w/-]+/, script);
});

// --- Names -------------------------------------------------------------------------------------

// Files that users of the documents make.
const userFiles = new Set(['deploy/.env', 'deploy/kubernetes/overlays/mine/kustomization.yaml']);
const isMadeByUsers = (path) => userFiles.has(path) || /^deploy\/secrets($|\/)/.test(path);

test('all paths of this tree that documents name exist', () => {
  const path = /^(src|tests|scripts|deploy|docs|sql|bench|cmake)\/[\w./-]*$/;
  const missing = documents.flatMap(({ file, text }) =>
    codeSpansIn(text)
      .filter(({ code }) => path.test(code) && !isMadeByUsers(code) && !existsSync(join(root, code)))
      .map(({ code, number }) => `${file}:${number}: ${code}`),
  );
  assert.deepEqual(missing, []);
});

// Names of gRPC and Kubernetes that no source file spells out.
const externalNames = new Set(['NOT_SERVING', 'ImagePullBackOff', 'ContainerCreating']);

test('all variables, metrics, classes and functions that documents name occur in the sources', () => {
  const sources = files
    .filter((file) => !file.endsWith('.md') && /\.(h|cc|mjs|sh|yaml|txt|sql|json|env)$|^[^.]*$|Dockerfile/.test(file))
    .map(textOf)
    .join('\n');
  const names = [
    /^[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?==|$)/, // PUBSUB_EMULATOR_HOST=…
    /^(?:pollbus|broker)_[a-z0-9_]+(?=\{|$)/, // pollbus_votes_total{…}
    /^(?:[A-Z][a-z0-9]+){2,}(?=::|$)/, // VoteClient
    /(?<=^[A-Z]\w*::)\w+$/, // VoteClient::cast
  ];
  const unknown = documents.flatMap(({ file, text }) =>
    codeSpansIn(text).flatMap(({ code, number }) =>
      names
        .map((name) => code.match(name)?.[0])
        .filter((name) => name !== undefined && !externalNames.has(name) && !sources.includes(name))
        .map((name) => `${file}:${number}: ${name}`),
    ),
  );
  assert.deepEqual(unknown, []);
});

// --- This test itself --------------------------------------------------------------------------

test('shell text is split into simple commands', () => {
  const cases = {
    'A=1 B="x y" program --flag value': [['program', '--flag', 'value']],
    'one | two && three; four &': [['one'], ['two'], ['three'], ['four']],
    'one --a \\\n  --b # comment': [['one', '--a', '--b']],
    'P=$(cat file) psql -c "SELECT 1; x"': [['cat', 'file'], ['psql', '-c', 'SELECT 1; x']],
    "x 'a | b' > out 2>&1": [['x', 'a | b']],
    'for t in a b; do build $t; done': [['build', '$t']],
    'x 2>log &\ny': [['x'], ['y']],
  };
  for (const [code, commands] of Object.entries(cases)) assert.deepEqual(simpleCommands(code), commands, code);
});

test('anchors are those of GitHub', () => {
  const text = '# A title: with `code`, and [a link](x.md)\n## Twice\n## Twice\n```\n# none\n```\n';
  assert.deepEqual([...anchorsIn(text)], ['a-title-with-code-and-a-link', 'twice', 'twice-1']);
});

test('what does not exist is found', () => {
  assert.deepEqual(problemsOf(['scripts/nothing', '--x'], false), ['scripts/nothing: no such file']);
  assert.deepEqual(problemsOf(['scripts/demo', '--exit', '--crowd=1'], false), ['scripts/demo has no flag --crowd']);
  assert.deepEqual(problemsOf(['build/release/bin/voting-machine', '--nothing'], false), [
    'build/release/bin/voting-machine has no flag --nothing',
  ]);
  assert.deepEqual(problemsOf(['docker', 'compose', 'run', '--rm', 'voting-machine', '--nothing'], true), [
    'voting-machine has no flag --nothing',
  ]);
  assert.equal(problemsOf(['frobnicate'], true).length, 1);
  const document = { file: 'README.md', text: '# One\n' };
  assert.equal(brokenLink(document, '#one'), undefined);
  assert.match(brokenLink(document, '#two'), /no heading/);
  assert.match(brokenLink(document, 'docs/nothing.md'), /no such file/);
});
