// A process that a script runs: a server, a service or a machine.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const readyDeadlineMs = 90_000;
const pollIntervalMs = 50;
const stopDeadlineMs = 15_000;
const shownLogLines = 20;

// A failure that its message explains completely; no stack trace is shown.
export class LocalFailure extends Error {}

// A part failed; its log tells more.
export class PartFailure extends LocalFailure {
  constructor(part, what) {
    super(`${part.name} ${what}`);
    this.part = part;
  }
}

// Parts inherit only these variables, so that the caller's environment does not configure them.
const inherited = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
export function baseEnvironment() {
  return Object.fromEntries(
    inherited.filter((name) => name in process.env).map((name) => [name, process.env[name]]),
  );
}

export class Part {
  // `answers` is a function that returns, or promises, whether the part is ready. `stdout` is 'log'
  // or 'pipe'.
  constructor({ name, log, command, env = {}, answers, stopSignal = 'SIGTERM', stdout = 'log' }) {
    Object.assign(this, { name, log, command, env, answers, stopSignal, stdout });
    this.stopping = false;
    this.isReady = false;
    // Undefined while the part runs, then { code, signal }.
    this.end = undefined;
  }

  // Runs the part in a session of its own, so that Ctrl-C on a terminal reaches only the script. If
  // the script is killed, the kernel kills the part (setpriv --pdeathsig).
  start() {
    const fd = openSync(this.log, 'a', 0o600);
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...this.command], {
      detached: true,
      env: { ...baseEnvironment(), ...this.env },
      stdio: ['ignore', this.stdout === 'pipe' ? 'pipe' : fd, fd],
    });
    closeSync(fd);
    this.ended = new Promise((resolve) => {
      const finish = (end) => {
        this.end ??= end;
        resolve(this.end);
      };
      this.child.once('close', (code, signal) => finish({ code, signal }));
      this.child.once('error', (error) => finish({ code: null, signal: error.message }));
    });
    return this;
  }

  // Returns when the part is ready. Throws when it ends before, or is not ready within 90 s.
  async ready() {
    const deadline = Date.now() + readyDeadlineMs;
    while (!(await this.answers())) {
      if (this.end) throw new PartFailure(this, describeEnd(this.end));
      if (Date.now() > deadline) throw new PartFailure(this, `is not ready after ${readyDeadlineMs / 1_000} s`);
      await pause(pollIntervalMs);
    }
    this.isReady = true;
  }

  // Throws as soon as the part ends without having been stopped.
  async guard() {
    const end = await this.ended;
    if (!this.stopping) throw new PartFailure(this, describeEnd(end));
  }

  // Asks the part to end, and kills it if it does not do so within 15 s. Returns whether it ended well.
  async stop() {
    this.stopping = true;
    if (!this.child || this.end) return true;
    // A part that is still starting has nothing to lose and may not handle signals yet.
    if (this.isReady) this.child.kill(this.stopSignal);
    else this.kill();
    const timer = setTimeout(() => this.kill(), stopDeadlineMs);
    const end = await this.ended;
    clearTimeout(timer);
    return end.code === 0 || !this.isReady;
  }

  // Kills the part and every process that it started.
  kill() {
    this.stopping = true;
    if (!this.child?.pid || this.end) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch (error) {
      // ESRCH: it ended a moment ago, and its 'close' event has not arrived yet.
      if (error.code !== 'ESRCH') throw error;
    }
  }

  logTail() {
    if (!existsSync(this.log)) return [];
    return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-shownLogLines);
  }
}

export function describeEnd({ code, signal }) {
  return code === null ? `ended unexpectedly (${signal})` : `ended unexpectedly (exit ${code})`;
}
