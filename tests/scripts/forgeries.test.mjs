// What the fault campaign forges must differ from what is genuine: a copy would rightly be accepted.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { forge } from '../faults/campaign/kinds/forgeries.mjs';
import { Random } from '../faults/campaign/random.mjs';

const uuid = '6ba7b810-9dad-41d1-80b4-00c04fd430c8';
const mac = 'ab'.repeat(32);
const signature = 'cd'.repeat(64);
const vote = { UUID: uuid, election_ID: 12, machine_ID: 3, voter_ID: 43, voting: 4 };
const record = { UUID: uuid, election_ID: 12, machine_ID: 3, voting: 4 };
const genuine = {
  'submit vote': [{ data: JSON.stringify(vote), attributes: { function: 'submit vote', mac } }],
  'record vote': [{ data: JSON.stringify(record), attributes: { function: 'record vote', mac } }],
  'office command': [
    { UUID: uuid, kind: 'status' },
    { UUID: uuid, election_ID: 12, from: 1, kind: 'history' },
    { election_ID: 12, kind: 'pause', sequence: 4 },
  ].map((command) => ({ data: JSON.stringify(command), attributes: { function: 'office command', signature } })),
};
const forgeriesOfEach = 100;

for (const [functionName, messages] of Object.entries(genuine)) {
  test(`a forged "${functionName}" is never a copy of a genuine one`, () => {
    const random = new Random('forgeries');
    for (const message of messages) {
      for (let i = 0; i < forgeriesOfEach; i++)
        assert.notDeepEqual(forge(random, functionName, [message]), message);
    }
  });
}
