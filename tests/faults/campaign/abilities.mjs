// Finds out which faults this machine can make, and why it cannot make the others.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const faketimeLibrary = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1';

const works = (words, env = process.env) =>
  run(words[0], words.slice(1), { env }).then(
    () => true,
    () => false,
  );

// Why the wall clock of the programs cannot be moved, or undefined. Programs built with sanitizers do
// not start with another library loaded first.
async function whyNoFaketime(program) {
  const library = findFaketime();
  if (!library) return 'needs libfaketime';
  const starts = await works([program, '--help'], {
    ...process.env,
    LD_PRELOAD: library,
    FAKETIME_DISABLE_SHM: '1',
  });
  return starts ? undefined : 'needs programs that run with libfaketime';
}

// The library that moves the clock of Redis.
export const redisClock = (programs) => join(programs, 'moved-clock.so');

async function whyNoRedisClock(programs) {
  const library = redisClock(programs);
  if (!existsSync(library)) return 'needs moved-clock.so';
  const starts = await works(['redis-server', '--version'], { ...process.env, LD_PRELOAD: library });
  return starts ? undefined : 'needs programs without sanitizers';
}

// Why the services cannot make this mistake, or undefined.
export async function whyNoMutant({ programs, mutant }) {
  if (!mutant) return undefined;
  const program = join(programs, 'faulty-logger');
  const isKnown = await works([program, '--help'], { ...process.env, POLLBUS_MUTANT: mutant });
  return isKnown ? undefined : `${program} does not know the mutant ${mutant}; election-sim --list-mutants lists them`;
}

// The library that moves the wall clock of a process, or undefined.
export function findFaketime() {
  if (existsSync(faketimeLibrary)) return faketimeLibrary;
  const other = faketimeLibrary.replace('x86_64-linux-gnu', 'aarch64-linux-gnu');
  return existsSync(other) ? other : undefined;
}

// `isolated`: whether scripts/faults could give this process namespaces of its own. `programs`: the
// folder of the programs. Returns { ability: undefined, or why it is missing }.
export async function findAbilities({ isolated, programs }) {
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
    faketime: await whyNoFaketime(join(programs, 'voting-logger')),
    redisClock: await whyNoRedisClock(programs),
    failpoints: ['broker', 'logger', 'recorder', 'machine'].every((part) =>
      existsSync(join(programs, `faulty-${part}`)),
    )
      ? undefined
      : 'needs the programs faulty-broker, faulty-logger, faulty-recorder and faulty-machine',
  };
}
