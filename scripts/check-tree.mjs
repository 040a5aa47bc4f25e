// Checks the rules of the source tree (ARCHITECTURE.md): includes run downwards only, each external
// library is used only in its folders, one folder is one CMake target. Prints all breaches and exits
// with 1 if there are any. Usage: node scripts/check-tree.mjs

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const parts = ['base', 'election', 'bus', 'stores'];

// The folders that each folder of src/ may include, besides itself.
const mayKnow = {
  base: [],
  election: ['base'],
  bus: ['base'],
  'broker/core': ['base'],
  'broker/store': ['base', 'broker/core'],
  'broker/rest': ['base', 'broker/core'],
  'broker/schemas': ['base', 'broker/core'],
  'broker/service': ['base', 'web', 'broker/core', 'broker/rest', 'broker/schemas', 'broker/store'],
  broker: ['base', 'broker/core', 'broker/service'],
  stores: ['base', 'election'],
  web: ['base'],
  pedestrian: ['base', 'bus'],
  voting_machine: [...parts, 'web'],
  voting_logger: parts,
  voting_recorder: parts,
  election_office: ['base', 'election', 'bus'],
  election_board: ['base', 'election', 'stores', 'web'],
};

// External libraries that only some folders may use, with the form of their includes and targets.
const enclosed = [
  {
    name: 'gRPC',
    include: /^(grpc|grpcpp|google)\/(?!protobuf\/io\/)|\.pb\.h$/,
    target: /\bgRPC::|pollbus::google_apis/,
    folders: ['bus', 'broker', 'broker/rest', 'broker/schemas', 'broker/service'],
  },
  { name: 'hiredis', include: /^hiredis\//, target: /PkgConfig::hiredis/, folders: ['stores'] },
  { name: 'OpenSSL', include: /^openssl\//, target: /PkgConfig::openssl/, folders: ['base', 'election', 'stores', 'broker/rest', 'broker/service'] },
  { name: 'libpq', include: /^(libpq|pqxx|postgresql\/)/, target: /PkgConfig::libpq/, folders: ['stores'] },
  { name: 'RocksDB', include: /^rocksdb\//, target: /PkgConfig::rocksdb|RocksDB::/, folders: ['broker/store'] },
  { name: 'Asio and Beast', include: /^boost\/(asio|beast)/, target: /Boost::/, folders: ['broker/rest'] },
  { name: 'yaml-cpp', include: /^yaml-cpp\//, target: /PkgConfig::yaml/, folders: ['broker'] },
  { name: 'OpenCV', include: /^opencv2\//, target: /pollbus::opencv/, folders: ['pedestrian'] },
];

// The folder to which a path below src/ belongs: "broker/core" for "broker/core/filter.h".
function folderOf(path) {
  const words = path.split('/');
  const inner = words.slice(0, 2).join('/');
  return inner in mayKnow || words.length > 2 ? inner : words[0];
}

const folderOfFile = (file) => folderOf(file.replace(/^src\//, ''));

function includesOf(text) {
  return [...text.matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)].map((match) => match[1]);
}

// `files` maps paths like "src/bus/admin.h" to their text. Returns one sentence per breach.
export function breachesIn(files) {
  const code = Object.keys(files).filter((path) => ['.h', '.cc'].includes(extname(path)));
  return [
    ...code.flatMap((path) => includeBreaches(path, files)),
    ...code.filter((path) => path.endsWith('.h')).flatMap((path) => headerBreaches(path, files)),
    ...folderBreaches(files, code),
  ];
}

function includeBreaches(path, files) {
  const folder = folderOfFile(path);
  if (!(folder in mayKnow)) return [`${path}: check-tree.mjs has no rule for the folder ${folder}`];
  const upwards = includesOf(files[path])
    .filter((included) => `src/${included}` in files || included.split('/')[0] in mayKnow)
    .filter((included) => ![folder, ...mayKnow[folder]].includes(folderOf(included)))
    .map((included) => `${path}: ${folder} must not include ${included}`);
  const misplaced = enclosed
    .filter((library) => !library.folders.includes(folder))
    .flatMap((library) => {
      const chain = chainTo(library.include, path, files);
      return chain ? [`${path}: ${library.name} must stay out of ${folder}: ${chain.join(' -> ')}`] : [];
    });
  return [...upwards, ...misplaced];
}

// The chain of includes from `path`, through headers of this tree, to one that matches `pattern`;
// undefined if there is none.
function chainTo(pattern, path, files, visited = new Set()) {
  visited.add(path);
  for (const included of includesOf(files[path])) {
    const header = `src/${included}`;
    if (header in files) {
      const rest = visited.has(header) ? undefined : chainTo(pattern, header, files, visited);
      if (rest) return [included, ...rest];
    } else if (pattern.test(included)) {
      return [included];
    }
  }
  return undefined;
}

function headerBreaches(path, files) {
  return files[path].includes('#pragma once') ? [] : [`${path}: #pragma once is missing`];
}

function folderBreaches(files, code) {
  return Object.keys(mayKnow)
    .filter((folder) => Object.keys(files).some((path) => folderOfFile(path) === folder))
    .flatMap((folder) => {
      const list = `src/${folder}/CMakeLists.txt`;
      const text = files[list] ?? '';
      const sources = code.filter((path) => folderOfFile(path) === folder && path.endsWith('.cc'));
      const problems = [
        ...targetProblems(folder, text, sources),
        ...linkProblems(folder, text),
      ];
      return problems.map((problem) => `${list}: ${problem}`);
    });
}

// A folder makes one library with the folder's name, or one program, from all its sources.
function targetProblems(folder, text, sources) {
  const names = (rule) => [...text.matchAll(rule)].map((match) => match[1]);
  const libraries = names(/^\s*pollbus_library\(\s*([\w-]+)/gm);
  const programs = names(/^\s*pollbus_executable\(\s*([\w-]+)/gm);
  const name = folder.replaceAll('/', '_');
  const words = new Set(text.split(/[\s()]+/));
  const problems = sources
    .map((path) => relative(`src/${folder}`, path))
    .filter((source) => !words.has(source))
    .map((source) => `does not build ${source}`);
  const isOneTarget = libraries.join() === name || (libraries.length === 0 && programs.length === 1);
  if (sources.length > 0 && !isOneTarget) {
    problems.unshift(`must make the one library ${name}, makes ${libraries.join(', ') || 'none'}`);
  }
  return problems;
}

function linkProblems(folder, text) {
  const allowed = [folder, ...mayKnow[folder]].map((known) => known.replaceAll('/', '_'));
  const all = Object.keys(mayKnow).map((known) => known.replaceAll('/', '_'));
  const upwards = [...text.matchAll(/pollbus::(\w+)/g)]
    .map((match) => match[1])
    .filter((target) => all.includes(target) && !allowed.includes(target))
    .map((target) => `${folder} must not link pollbus::${target}`);
  const misplaced = enclosed
    .filter((library) => !library.folders.includes(folder) && library.target.test(text))
    .map((library) => `${library.name} must stay out of ${folder}`);
  return [...upwards, ...misplaced];
}

function readTree(root) {
  const files = {};
  const walk = (directory) => {
    for (const entry of readdirSync(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (/(\.h|\.cc|CMakeLists\.txt)$/.test(entry.name) && directory !== join(root, 'src')) {
        files[relative(root, path)] = readFileSync(path, 'utf8');
      }
    }
  };
  walk(join(root, 'src'));
  return files;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const breaches = breachesIn(readTree(join(dirname(fileURLToPath(import.meta.url)), '..')));
  for (const breach of breaches) console.error(breach);
  process.exitCode = breaches.length === 0 ? 0 : 1;
}
