// pubsub-broker on machines without IPv6, as containers of Docker often are, and without IPv4.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { programs } from './broker.mjs';

// Starts a broker on all addresses of a network of its own, and waits until it is ready.
const script = `
ip link set lo up
eval "$1"
export HTTP_HOST=:: HTTP_PORT=8080
"$2" --in-memory --host 0.0.0.0 --port 8085 &
for attempt in $(seq 100); do
  "$2" --check-health && is_ready=yes && break
  sleep 0.1
done
kill $! && wait $! && [[ -v is_ready ]]
`;

function answerIn(network) {
  const user = process.getuid() === 0 ? [] : ['--user', '--map-root-user'];
  const words = [...user, '--net', 'bash', '-c', script, 'bash', network, join(programs, 'pubsub-broker')];
  return spawnSync('unshare', words, { encoding: 'utf8', timeout: 60_000 });
}

for (const [name, network] of [
  ['without IPv6', 'echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6'],
  ['without addresses of IPv4', 'ip -4 address flush dev lo'],
]) {
  test(`on a machine ${name}, a broker that listens on all addresses becomes ready`, () => {
    const { status, stdout, stderr } = answerIn(network);
    assert.equal(status, 0, stdout + stderr);
  });
}
