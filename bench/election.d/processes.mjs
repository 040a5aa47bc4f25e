// What the kernel knows about processes: processor time, bytes written, peak memory, syncs.

import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

// Clock ticks of /proc, the same on all Linux systems that Debian supports.
const tickUs = 10_000;

function read(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process has ended
  }
}

// The fields of /proc/PID/stat after the name, which may contain spaces. See proc(5).
function stat(pid) {
  const text = read(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const us = (i) => Number(fields[i] ?? 0) * tickUs;
  return { parent: Number(fields[1]), own: us(11) + us(12), reaped: us(13) + us(14) };
}

const numberIn = (text, name) => Number(text.match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))?.[1] ?? 0);

// The process and its children. (PostgreSQL's sessions are children of its first process.)
export function family(pid) {
  const children = readdirSync('/proc').filter((name) => /^\d+$/.test(name) && stat(name).parent === pid);
  return [pid, ...children.map(Number)];
}

// { cpuUs, writtenBytes, peakBytes } of a process with its children, also those that have ended. The
// memory is that of the largest of them.
export function usage(pid) {
  const pids = family(pid);
  const sum = (values) => values.reduce((total, value) => total + value, 0);
  return {
    cpuUs: stat(pid).reaped + sum(pids.map((each) => stat(each).own)),
    writtenBytes: sum(pids.map((each) => numberIn(read(`/proc/${each}/io`), 'write_bytes'))),
    peakBytes: Math.max(...pids.map((each) => numberIn(read(`/proc/${each}/status`), 'VmHWM'))) * 1024,
  };
}

// The processor time of this process's children that have ended.
export const reapedUs = () => stat(process.pid).reaped;

// Counts the syncs of processes from now on. end() returns their number, or null where "perf stat"
// cannot count them.
export function countSyncs(pids) {
  const events = ['fsync', 'fdatasync', 'sync_file_range'].map((name) => `syscalls:sys_enter_${name}`);
  const child = spawn('perf', ['stat', '-x', ';', '-e', events.join(','), '-p', pids.join(',')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let text = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  const ended = new Promise((resolve) => {
    child.once('error', resolve);
    child.once('close', resolve);
  });
  return {
    async end() {
      child.kill('SIGINT');
      await ended;
      const counts = [...text.matchAll(/^(\d+);;syscalls/gm)].map((match) => Number(match[1]));
      return counts.length === 0 ? null : counts.reduce((total, count) => total + count, 0);
    },
  };
}
