// Every kind of fault. One is:
//   name, weight   how often it is drawn in proportion to the others
//   needs          abilities of this machine (abilities.mjs)
//   draw(random)   what exactly: { target, durationMs, … }
//   locks(params)  what no other fault may hit meanwhile (default: the target)
//   begin(system, params)  makes it, and returns what heals it
//   signs(params)  where and how it must show (signs.mjs)

import { deliveryKinds } from './deliveries.mjs';
import { diskKinds } from './disks.mjs';
import { kills, pauses } from './kill.mjs';
import { networkKinds } from './network.mjs';
import { postgresKinds } from './postgres.mjs';
import { serviceKinds } from './services.mjs';

export const allKinds = [
  ...kills,
  ...pauses,
  ...networkKinds,
  ...deliveryKinds,
  ...diskKinds,
  ...postgresKinds,
  ...serviceKinds,
].map((kind) => ({ needs: [], locks: ({ target }) => [target], ...kind }));
