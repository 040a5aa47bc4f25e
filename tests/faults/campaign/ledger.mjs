// Keeps count while an election runs: how fast answers come, and which votes have not ended yet. A
// vote ends when its answer was published and it is no longer in its machine's journal.

const bucketMs = 100;
// A vote that takes longer than this from cast to end is remembered.
const slowMs = 1_000;

export class Ledger {
  constructor() {
    this.castAt = new Map(); // of the votes that have not ended
    this.answeredAt = new Map(); // of those among them that are answered
    this.answers = new Map(); // number of answers by bucket of time
    this.cast = 0;
    this.answered = 0;
    this.slow = []; // [cast, end] of votes
  }

  onCast(uuid, at = Date.now()) {
    this.cast++;
    this.castAt.set(uuid, at);
  }

  // Only the first answer to a vote counts.
  onAnswer(uuid, at = Date.now()) {
    if (!this.castAt.has(uuid) || this.answeredAt.has(uuid)) return;
    this.answeredAt.set(uuid, at);
    this.answered++;
    const bucket = Math.floor(at / bucketMs);
    this.answers.set(bucket, (this.answers.get(bucket) ?? 0) + 1);
  }

  // `kept`: the UUIDs in all journals, read between `begunAt` and `at`.
  onJournals(kept, begunAt = Date.now(), at = Date.now()) {
    for (const [uuid, answeredAt] of this.answeredAt) {
      if (answeredAt > begunAt || kept.has(uuid)) continue;
      const castAt = this.castAt.get(uuid);
      this.castAt.delete(uuid);
      this.answeredAt.delete(uuid);
      if (at - castAt > slowMs) this.slow.push([castAt, at]);
    }
  }

  // The number of votes without an answer.
  get pending() {
    return this.castAt.size - this.answeredAt.size;
  }

  // When the oldest vote that has not ended was cast.
  get oldestPendingAt() {
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

  // Milliseconds from `since` until answers came at `rate` for a whole window; undefined if they have
  // not yet.
  recoveredAfter(since, rate, windowMs, now) {
    for (let from = since; from + windowMs <= now; from += bucketMs) {
      if (this.rate(from, from + windowMs) >= rate) return from - since;
    }
    return undefined;
  }

  // Milliseconds from `since` until the last vote that was cast before `since` ended; undefined if one
  // has not.
  resolvedAfter(since) {
    const oldest = this.oldestPendingAt;
    if (oldest !== undefined && oldest < since) return undefined;
    let last = since;
    for (const [castAt, endedAt] of this.slow) {
      if (castAt < since && endedAt > last) last = endedAt;
    }
    return last - since;
  }
}
