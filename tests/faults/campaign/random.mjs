// Random numbers that a seed repeats (the generator sfc32 of PractRand).

function seedOf(text) {
  // FNV-1a.
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

const warmUpRounds = 20;

export class Random {
  // `seed`: any value with a text form.
  constructor(seed) {
    this.state = ['a', 'b', 'c', 'd'].map((name) => seedOf(`${name}:${seed}`));
    for (let i = 0; i < warmUpRounds; i++) this.next();
  }

  // Returns a number from 0 up to, but not including, 1.
  next() {
    let [a, b, c, d] = this.state;
    const sum = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    this.state = [a, b, c, d];
    return (sum >>> 0) / 2 ** 32;
  }

  integer(least, most) {
    return least + Math.floor(this.next() * (most - least + 1));
  }

  chance(probability) {
    return this.next() < probability;
  }

  pick(list) {
    return list[this.integer(0, list.length - 1)];
  }

  shuffled(list) {
    const result = [...list];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.integer(0, i);
      [result[i], result[j]] = [result[j], result[i]];
    }
    return result;
  }
}
