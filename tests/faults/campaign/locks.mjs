// Locks that let only one fault at a time hit a part.

export class Locks {
  constructor() {
    this.taken = new Set();
    this.waiting = [];
  }

  areFree(names) {
    return names.every((name) => !this.taken.has(name));
  }

  // Waits until all of them are free, and takes them.
  async take(names) {
    while (!this.areFree(names)) await new Promise((resolve) => this.waiting.push(resolve));
    for (const name of names) this.taken.add(name);
  }

  tryTake(names) {
    if (!this.areFree(names)) return false;
    for (const name of names) this.taken.add(name);
    return true;
  }

  give(names) {
    for (const name of names) this.taken.delete(name);
    for (const wake of this.waiting.splice(0)) wake();
  }
}
