// Checks the rules of the source tree (ARCHITECTURE.md): includes run downwards only, each library
// stays where it belongs, one folder is one CMake target. Prints each breach, exit 1.
//   node scripts/check-tree.mjs

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const parts = ['base', 'election', 'bus', 'stores'];

// Whom each folder of src/ may include, besides itself.
const mayKnow = {
  base: [],
  election: ['base'],
  bus: ['base'],
  broker: ['base'],
  stores: ['base', 'election'],
  voting_machine: parts,
  voting_logger: parts,
  voting_recorder: parts,
};

// Libraries that only some folders may touch, by how their includes and their targets look.
const enclosed = [
  {
    name: 'gRPC',
    include: /^(grpc|grpcpp|google)\/|\.pb\.h$/,
    target: /\bgRPC::|pollbus::google_apis/,
    folders: ['bus', 'broker'],
  },
  { name: 'hiredis', include: /^hiredis\//, target: /PkgConfig::hiredis/, folders: ['stores'] },
  { name: 'libpq', include: /^(libpq|pqxx|postgresql\/)/, target: /PkgConfig::libpq/, folders: ['stores'] },
  { name: 'RocksDB', include: /^rocksdb\//, target: /RocksDB::/, folders: ['broker'] },
];

const folderOf = (path) => path.split('/')[1];

function includesOf(text) {
  return [...text.matchAll(/^\s*#\s*include\s*[<"]([^>"]+)[>"]/gm)].map((match) => match[1]);
}

// `files` maps paths like "src/bus/admin.h" to their text. Returns sentences, one a breach.
export function breachesIn(files) {
  const code = Object.keys(files).filter((path) => ['.h', '.cc'].includes(extname(path)));
  return [
    ...code.flatMap((path) => includeBreaches(path, files)),
    ...code.filter((path) => path.endsWith('.h')).flatMap((path) => headerBreaches(path, files)),
    ...folderBreaches(files, code),
  ];
}

function includeBreaches(path, files) {
  const folder = folderOf(path);
  if (!(folder in mayKnow)) return [`${path}: no rule knows the folder ${folder}`];
  const upwards = includesOf(files[path])
    .filter((included) => included.split('/')[0] in mayKnow)
    .filter((included) => ![folder, ...mayKnow[folder]].includes(included.split('/')[0]))
    .map((included) => `${path}: ${folder} must not include ${included}`);
  const strangers = enclosed
    .filter((library) => !library.folders.includes(folder))
    .flatMap((library) => {
      const chain = chainTo(library.include, path, files);
      return chain ? [`${path}: ${library.name} must stay out of ${folder}: ${chain.join(' -> ')}`] : [];
    });
  return [...upwards, ...strangers];
}

// How `path` comes to an include that matches, through headers of ours; undefined: it does not.
function chainTo(pattern, path, files, visited = new Set()) {
  visited.add(path);
  for (const included of includesOf(files[path])) {
    const ours = `src/${included}`;
    if (ours in files) {
      const rest = visited.has(ours) ? undefined : chainTo(pattern, ours, files, visited);
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
  return Object.keys(mayKnow).flatMap((folder) => {
    const own = Object.keys(files).filter((path) => folderOf(path) === folder);
    const list = `src/${folder}/CMakeLists.txt`;
    const text = files[list] ?? '';
    const breaches = own
      .filter((path) => path.endsWith('/CMakeLists.txt') && path !== list)
      .map((path) => `${path}: one folder of src/ is one target, in ${list}`);
    const libraries = [...text.matchAll(/^\s*pollbus_library\(\s*(\w+)/gm)].map((match) => match[1]);
    const sources = code.filter((path) => folderOf(path) === folder && path.endsWith('.cc'));
    if (sources.length > 0 && libraries.join() !== folder) {
      breaches.push(`${list}: must make the one library ${folder}, makes ${libraries.join(', ') || 'none'}`);
    }
    const words = new Set(text.split(/[\s()]+/));
    for (const path of sources) {
      const name = relative(`src/${folder}`, path);
      if (!words.has(name)) breaches.push(`${list}: does not build ${name}`);
    }
    for (const [, target] of text.matchAll(/pollbus::(\w+)/g)) {
      if (target in mayKnow && ![folder, ...mayKnow[folder]].includes(target)) {
        breaches.push(`${list}: ${folder} must not link pollbus::${target}`);
      }
    }
    for (const library of enclosed) {
      if (!library.folders.includes(folder) && library.target.test(text)) {
        breaches.push(`${list}: ${library.name} must stay out of ${folder}`);
      }
    }
    return breaches;
  });
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
