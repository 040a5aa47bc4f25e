// Every kind of fault, as an object with these members:
//   name, weight   kinds are drawn in proportion to their weights
//   needs          abilities of this machine that it needs (abilities.mjs)
//   draw(random)   draws the parameters of one fault: { target, durationMs, … }
//   locks(params)  what no other fault may hit at the same time (default: the target)
//   begin(system, params)  makes the fault, and returns a function that heals it
//   signs(params)  where and how the fault must show (signs.mjs)

import { deliveryKinds } from './deliveries.mjs';
import { diskKinds } from './disks.mjs';
import { forgeryKinds } from './forgeries.mjs';
import { kills, pauses } from './kill.mjs';
import { networkKinds } from './network.mjs';
import { postgresKinds } from './postgres.mjs';
import { refusalKinds } from './refusals.mjs';
import { serviceKinds } from './services.mjs';

export const allKinds = [
  ...kills,
  ...pauses,
  ...networkKinds,
  ...deliveryKinds,
  ...diskKinds,
  ...postgresKinds,
  ...serviceKinds,
  ...refusalKinds,
  ...forgeryKinds,
].map((kind) => ({ needs: [], locks: ({ target }) => [target], ...kind }));
