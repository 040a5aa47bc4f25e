// What the machines have lived through, read while they write it: how fast answers come, and
// which votes wait for theirs.

import { FileFollower } from './watch.mjs';

const bucketMs = 100;
const intervalMs = 250;

// The wall clock at zero of the clock that histories use.
const wallAtZeroMs = Date.now() - Number(process.hrtime.bigint() / 1_000_000n);
export const toWallMs = (t_us) => wallAtZeroMs + t_us / 1_000;

function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // cut off by a crash; the checker has its own opinion
  }
}

export class Histories {
  // `absent`: files of machines that are away for most of the time, whose votes wait until they are
  // back: they count among the votes, not among those that wait.
  constructor(files, absent = []) {
    this.followers = files.map((file) => new FileFollower(file));
    this.absent = absent.map((file) => new FileFollower(file));
    this.castAt = new Map(); // of the votes without an answer
    this.answers = new Map(); // by bucket of time
    this.cast = 0;
    this.answered = 0;
    // [cast, answered] of each vote that had to wait for long.
    this.slow = [];
    this.absentVotes = new Set();
  }

  start() {
    this.timer = setInterval(() => this.read(), intervalMs);
  }

  stop() {
    clearInterval(this.timer);
    this.read();
  }

  read() {
    for (const follower of this.followers) {
      for (const line of follower.read()) this.take(line);
    }
    for (const follower of this.absent) {
      for (const line of follower.read()) this.takeAbsent(line);
    }
  }

  take(line) {
    const event = parsed(line);
    if (!event) return;
    const at = toWallMs(event.t_us);
    if (event.event === 'cast') {
      this.cast++;
      this.castAt.set(event.uuid, at);
    } else if (event.event === 'answered') {
      this.onAnswer(event.uuid, at);
    }
  }

  takeAbsent(line) {
    const event = parsed(line);
    if (event?.event === 'cast') {
      this.cast++;
      this.absentVotes.add(event.uuid);
    } else if (event?.event === 'answered' && this.absentVotes.delete(event.uuid)) {
      this.answered++;
    }
  }

  onAnswer(uuid, at) {
    const castAt = this.castAt.get(uuid);
    if (castAt === undefined) return;
    this.castAt.delete(uuid);
    this.answered++;
    const bucket = Math.floor(at / bucketMs);
    this.answers.set(bucket, (this.answers.get(bucket) ?? 0) + 1);
    if (at - castAt > 1_000) this.slow.push([castAt, at]);
  }

  get pending() {
    return this.castAt.size + this.absentVotes.size;
  }

  // When the vote that waits for longest was cast.
  get oldestPendingAt() {
    // Maps keep the order of insertion, and each file's votes come in order.
    let oldest;
    for (const at of this.castAt.values()) {
      if (oldest === undefined || at < oldest) oldest = at;
    }
    return oldest;
  }

  // Answers a second between two times.
  rate(fromMs, toMs) {
    let count = 0;
    for (let bucket = Math.floor(fromMs / bucketMs); bucket < Math.floor(toMs / bucketMs); bucket++) {
      count += this.answers.get(bucket) ?? 0;
    }
    return (count * 1_000) / (toMs - fromMs);
  }

  // Milliseconds from `since` until answers came at `rate` for a whole window; undefined: not yet.
  recoveredAfter(since, rate, windowMs, now) {
    for (let from = since; from + windowMs <= now; from += bucketMs) {
      if (this.rate(from, from + windowMs) >= rate) return from - since;
    }
    return undefined;
  }

  // Milliseconds from `since` until the last vote cast before was answered; undefined: not yet.
  resolvedAfter(since) {
    const oldest = this.oldestPendingAt;
    if (oldest !== undefined && oldest < since) return undefined;
    let last = since;
    for (const [castAt, answeredAt] of this.slow) {
      if (castAt < since && answeredAt > last) last = answeredAt;
    }
    return last - since;
  }
}
