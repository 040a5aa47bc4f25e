// Draws the faults from a seed. The plan does not depend on how fast anything runs.

import { Random } from './random.mjs';
import * as roster from './roster.mjs';

function drawWeighted(random, kinds) {
  let left = random.next() * kinds.reduce((sum, { weight }) => sum + weight, 0);
  return kinds.find(({ weight }) => (left -= weight) < 0) ?? kinds.at(-1);
}

// A fault of Redis, or of a link to it, hits one of the servers.
function atOneServer(params, server) {
  const named = (value) => (typeof value === 'string' ? value.replace(/\bredis$/, server) : value);
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, named(value)]));
}

// Returns { alone, storm }: faults as { id, kind, params }. `alone` has each kind as often as asked for;
// `storm` has the rest, in which each kind comes once before kinds are drawn by their weights.
export function drawPlan({ seed, kinds, faults, alone, redis = 1 }) {
  const random = new Random(`faults ${seed}`);
  let id = 0;
  const draw = (kind) => {
    const params = atOneServer(kind.draw(random), random.pick(roster.redisServers(redis)));
    return { id: ++id, kind, params };
  };
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
