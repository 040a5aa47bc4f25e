// Draws the faults from a seed. The plan does not depend on how fast anything runs.

import { Random } from './random.mjs';

function drawWeighted(random, kinds) {
  let left = random.next() * kinds.reduce((sum, { weight }) => sum + weight, 0);
  return kinds.find(({ weight }) => (left -= weight) < 0) ?? kinds.at(-1);
}

// Returns { alone, storm }: faults as { id, kind, params }. `alone` has each kind as often as asked for;
// `storm` has the rest, in which each kind comes once before kinds are drawn by their weights.
export function drawPlan({ seed, kinds, faults, alone }) {
  const random = new Random(`faults ${seed}`);
  let id = 0;
  const draw = (kind) => ({ id: ++id, kind, params: kind.draw(random) });
  const inAll = kinds.length === 0 ? 0 : faults;
  const rounds = Array.from({ length: alone }, () => random.shuffled(kinds)).flat();
  const first = rounds.slice(0, inAll).map(draw);
  const once = random
    .shuffled(kinds)
    .slice(0, inAll - first.length)
    .map(draw);
  const rest = Array.from({ length: inAll - first.length - once.length }, () =>
    draw(drawWeighted(random, kinds)),
  );
  return { alone: first, storm: [...once, ...rest] };
}
