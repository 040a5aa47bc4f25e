// Collects what the parts report about themselves: each change of their metrics and each line of their
// logs, with the time at which it was seen.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

import { page } from '../../../scripts/local.d/http.mjs';

const intervalMs = 500;
const maxChunkBytes = 4 * 1024 * 1024;

// Reads the lines that are appended to a file.
export class FileFollower {
  constructor(file) {
    this.file = file;
    this.offset = 0;
    this.rest = '';
  }

  // Returns the complete lines since the last call.
  read() {
    let fd;
    try {
      fd = openSync(this.file, 'r');
    } catch {
      return [];
    }
    try {
      let text = this.rest;
      const { size } = fstatSync(fd);
      while (this.offset < size) {
        const buffer = Buffer.allocUnsafe(Math.min(maxChunkBytes, size - this.offset));
        const count = readSync(fd, buffer, 0, buffer.length, this.offset);
        if (count === 0) break;
        this.offset += count;
        text += buffer.toString('latin1', 0, count);
      }
      const lines = text.split('\n');
      this.rest = lines.pop();
      return lines;
    } finally {
      closeSync(fd);
    }
  }
}

// Reads Prometheus' text format into a map from series to value.
export function parseMetrics(text) {
  const values = new Map();
  for (const line of text.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const at = line.lastIndexOf(' ');
    values.set(line.slice(0, at), Number(line.slice(at + 1)));
  }
  return values;
}

// The metrics that show trouble, or its end. Plain counts of messages do not.
export const telling = new RegExp(
  `^(${[
    'pollbus_(dependency|process|clock|quarantined|unknown|not_authenticated|strays|votes_timed_out|bus_(lost|nacked|streams))',
    'pollbus_votes_total\\{outcome="(forwarded again|refused|uuid reused)',
    'process_start',
    'broker_subscription_(nacked|expired)',
  ].join('|')})`,
);

export class Watch {
  // `roles`: those with an HTTP endpoint have `http`, its current { host, port }.
  constructor(roles) {
    this.roles = roles;
    this.events = [];
    this.metrics = new Map();
    this.logs = new Map(roles.map((role) => [role, new FileFollower(role.log)]));
  }

  start() {
    this.stopped = false;
    this.done = this.run();
  }

  async run() {
    while (!this.stopped) {
      const begun = Date.now();
      await this.look();
      await new Promise((resolve) => setTimeout(resolve, Math.max(50, begun + intervalMs - Date.now())));
    }
  }

  async stop() {
    this.stopped = true;
    await this.done;
    await this.look();
  }

  async look() {
    await Promise.all(this.roles.filter((role) => role.http).map((role) => this.scrape(role)));
    for (const [role, follower] of this.logs) {
      for (const line of follower.read()) this.add(role.name, 'log', line);
    }
  }

  async scrape(role) {
    const text = await page(role.http, '/metrics');
    const before = this.metrics.get(role) ?? new Map();
    if (text === undefined) {
      if (!before.isSilent) this.add(role.name, 'metrics', 'silent');
      before.isSilent = true;
      this.metrics.set(role, before);
      return;
    }
    const now = parseMetrics(text);
    if (before.isSilent) this.add(role.name, 'metrics', 'answers');
    for (const [series, value] of now) {
      if (telling.test(series) && before.get(series) !== value)
        this.add(role.name, 'metrics', `${series} ${value}`);
    }
    this.metrics.set(role, now);
  }

  add(part, source, text) {
    this.events.push({ at: Date.now(), part, source, text });
  }

  // Returns the time of the first matching event of `parts` from `since` on.
  first({ since, until = Infinity, parts, source, pattern }) {
    return this.events.find(
      (event) =>
        event.at >= since &&
        event.at <= until &&
        event.source === source &&
        parts.includes(event.part) &&
        pattern.test(event.text),
    )?.at;
  }
}
