// What this machine lets us do: which faults can be made, and why the others cannot.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);
const faketimeLibrary = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';

const works = (words, env = process.env) =>
  run(words[0], words.slice(1), { env }).then(
    () => true,
    () => false,
  );

// Why the wall clock of our programs cannot be moved; some builds (sanitizers) bear no library
// before their own.
async function whyNoFaketime(program) {
  const library = findFaketime();
  if (!library) return 'needs libfaketime';
  const bears = await works([program, '--help'], {
    ...process.env,
    LD_PRELOAD: library,
    FAKETIME_DISABLE_SHM: '1',
  });
  return bears ? undefined : 'needs programs that run with libfaketime';
}

// Whether the programs know failpoints.
async function hasFailpoints(program) {
  const { stdout } = await run(program, ['--help']);
  return stdout.includes('POLLBUS_FAILPOINTS');
}

// The library that the dynamic linker shall load first, or undefined.
export function findFaketime() {
  if (existsSync(faketimeLibrary)) return faketimeLibrary;
  const other = faketimeLibrary.replace('x86_64-linux-gnu', 'aarch64-linux-gnu');
  return existsSync(other) ? other : undefined;
}

// `isolated`: whether scripts/faults could give this process namespaces of its own. `program`: one
// of ours. Returns { ability: undefined, or why it is not there }.
export async function findAbilities({ isolated, program }) {
  const namespaces = isolated
    ? undefined
    : 'needs namespaces for network and mounts, that is, root with CAP_SYS_ADMIN (and ip of iproute2)';
  const partitions =
    namespaces ?? ((await works(['iptables', '-w', '-S'])) ? undefined : 'needs a working iptables');
  return {
    partitions,
    mounts: namespaces,
    strace: (await works(['strace', '-f', '-e', 'trace=none', '-o', '/dev/null', 'true']))
      ? undefined
      : 'needs strace, and the right to trace',
    faketime: await whyNoFaketime(program),
    failpoints: (await hasFailpoints(program))
      ? undefined
      : 'needs programs that were built with POLLBUS_FAILPOINTS',
  };
}
