// A process that a script runs: a server, a service or a machine.

import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

const readyDeadlineMs = 90_000;
const pollIntervalMs = 50;
const stopDeadlineMs = 15_000;
const shownLogLines = 20;

// Trouble that a sentence tells enough of.
export class LocalFailure extends Error {}

// A part that did not do what it should; its log tells more.
export class PartFailure extends LocalFailure {
  constructor(part, what) {
    super(`${part.name} ${what}`);
    this.part = part;
  }
}

// What our processes see of the caller's environment: nothing that would configure them.
const inherited = ['PATH', 'HOME', 'USER', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];
export function baseEnvironment() {
  return Object.fromEntries(
    inherited.filter((name) => name in process.env).map((name) => [name, process.env[name]]),
  );
}

export class Part {
  // `answers`: a function that tells, or promises, whether it is ready. `stdout`: 'log' or 'pipe'.
  constructor({ name, log, command, env = {}, answers, stopSignal = 'SIGTERM', stdout = 'log' }) {
    Object.assign(this, { name, log, command, env, answers, stopSignal, stdout });
    this.stopping = false;
    this.isReady = false;
    // undefined while it runs; then { code, signal }.
    this.end = undefined;
  }

  // In a session of its own, so that a terminal's Ctrl-C reaches the script alone. setpriv has the
  // kernel kill it should the script die without stopping it.
  start() {
    const fd = openSync(this.log, 'a', 0o600);
    this.child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...this.command], {
      detached: true,
      env: { ...baseEnvironment(), ...this.env },
      stdio: ['ignore', this.stdout === 'pipe' ? 'pipe' : fd, fd],
    });
    closeSync(fd);
    this.ended = new Promise((resolve) => {
      const settle = (end) => {
        this.end ??= end;
        resolve(this.end);
      };
      this.child.once('close', (code, signal) => settle({ code, signal }));
      this.child.once('error', (error) => settle({ code: null, signal: error.message }));
    });
    return this;
  }

  async ready() {
    const deadline = Date.now() + readyDeadlineMs;
    while (!(await this.answers())) {
      if (this.end) throw new PartFailure(this, describeEnd(this.end));
      if (Date.now() > deadline) throw new PartFailure(this, `is not ready after ${readyDeadlineMs / 1_000} s`);
      await pause(pollIntervalMs);
    }
    this.isReady = true;
  }

  // Rejects as soon as it ends without having been asked to.
  async guard() {
    const end = await this.ended;
    if (!this.stopping) throw new PartFailure(this, describeEnd(end));
  }

  // Asks it to end, and makes it when it does not within the deadline. Whether it ended well.
  async stop() {
    this.stopping = true;
    if (!this.child || this.end) return true;
    // One that still starts has nothing to lose, and may not be listening to signals yet.
    if (this.isReady) this.child.kill(this.stopSignal);
    else this.kill();
    const timer = setTimeout(() => this.kill(), stopDeadlineMs);
    const end = await this.ended;
    clearTimeout(timer);
    return end.code === 0 || !this.isReady;
  }

  // With all that it started.
  kill() {
    this.stopping = true;
    if (!this.child?.pid || this.end) return;
    try {
      process.kill(-this.child.pid, 'SIGKILL');
    } catch (error) {
      // It ended a moment ago, and we have not been told yet.
      if (error.code !== 'ESRCH') throw error;
    }
  }

  logTail() {
    if (!existsSync(this.log)) return [];
    return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-shownLogLines);
  }
}

function describeEnd({ code, signal }) {
  return code === null ? `ended unexpectedly (${signal})` : `ended unexpectedly (exit ${code})`;
}
