// Clients that attack pubsub-broker over HTTP/2: it keeps serving others, and its memory stays bounded.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { isReady } from '../../scripts/local.d/http.mjs';
import { Broker, receive } from './broker.mjs';
import { RawConnection, callOf, field, flag, frame, frameType } from './http2.mjs';

const maxResidentMib = 600;
const deadlineMs = 30_000;
const publish = callOf('/google.pubsub.v1.Publisher/Publish');

let broker;

before(async () => {
  broker = await new Broker().start();
});

after(() => broker?.stop());

function residentMib(of = broker) {
  const status = readFileSync(`/proc/${of.part.child.pid}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)[1]) / 1_024;
}

async function until(condition, what) {
  const deadline = Date.now() + deadlineMs;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `waited in vain until ${what}`);
    await pause(50);
  }
}

// Runs attacks at the same time, and returns the highest memory of the broker meanwhile.
async function peakDuring(attacks) {
  let peak = 0;
  const timer = setInterval(() => (peak = Math.max(peak, residentMib())), 20);
  await Promise.all(attacks);
  clearInterval(timer);
  return peak;
}

// A well-behaved client publishes and receives.
async function assertServes(of = broker) {
  const client = of.client('honest');
  const name = `t${Date.now()}${Math.floor(Math.random() * 1e6)}`;
  const [topic] = await client.createTopic(name);
  const [subscription] = await topic.createSubscription(name);
  await topic.publishMessage({ data: Buffer.from('vote') });
  assert.deepEqual(await receive(subscription, 1), ['vote']);
}

test('streams that are opened and reset at once do not take memory', async () => {
  const attack = async () => {
    const connection = await new RawConnection(broker.address).open();
    for (let stream = 1, is = true; is && stream < 100_000; ) {
      const frames = [];
      for (let i = 0; i < 500; ++i, stream += 2) {
        frames.push(frame(frameType.headers, flag.endHeaders, stream, publish));
        frames.push(frame(frameType.reset, 0, stream, Buffer.from([0, 0, 0, 8])));
      }
      is = await connection.send(...frames);
    }
    await connection.close();
  };
  assert.ok((await peakDuring(Array.from({ length: 4 }, attack))) < maxResidentMib);
  await assertServes();
});

test('a header block that never ends is refused', async () => {
  const filler = Buffer.concat(Array.from({ length: 64 }, () => field('x', 'y'.repeat(120))));
  const attack = async () => {
    const connection = await new RawConnection(broker.address).open();
    let sent = 0;
    let isOpen = await connection.send(frame(frameType.headers, 0, 1, publish));
    while (isOpen && sent < 256 << 20) {
      isOpen = await connection.send(frame(frameType.continuation, 0, 1, filler));
      sent += filler.length;
    }
    await connection.close();
  };
  assert.ok((await peakDuring([attack(), attack()])) < maxResidentMib);
  await assertServes();
});

test('one header that never ends is refused', async () => {
  const attack = async () => {
    const connection = await new RawConnection(broker.address).open();
    // A literal whose value has 1 GiB (RFC 7541, 5.1 and 5.2).
    const begin = Buffer.from([0, 1, 0x78, 0x7f, 0x81, 0xff, 0xff, 0xff, 0x03]);
    let isOpen = await connection.send(
      frame(frameType.headers, 0, 1, Buffer.concat([publish, begin])),
    );
    const part = Buffer.alloc(16_000, 0x79);
    for (let sent = 0; isOpen && sent < 256 << 20; sent += part.length) {
      isOpen = await connection.send(frame(frameType.continuation, 0, 1, part));
    }
    await connection.close();
  };
  assert.ok((await peakDuring([attack(), attack()])) < maxResidentMib);
  await assertServes();
});

test('calls that never send their request do not take memory', async () => {
  const attack = async () => {
    const connection = await new RawConnection(broker.address).open();
    for (let stream = 1, is = true; is && stream < 40_000; ) {
      const frames = [];
      for (let i = 0; i < 500; ++i, stream += 2) {
        frames.push(frame(frameType.headers, flag.endHeaders, stream, publish));
      }
      is = await connection.send(...frames);
    }
    await pause(500);
    await connection.close();
  };
  assert.ok((await peakDuring([attack(), attack()])) < maxResidentMib);
  await assertServes();
});

test('bytes that are not HTTP/2 end their connection only', async () => {
  for (const bytes of ['GET / HTTP/1.1\r\nHost: x\r\n\r\n', '\0'.repeat(100), 'x'.repeat(100_000)]) {
    const connection = new RawConnection(broker.address);
    await once(connection.socket, 'connect');
    connection.socket.write(bytes);
    await connection.closed;
  }
  await assertServes();
});

test('after running out of descriptors the broker accepts again, and is not ready meanwhile', async () => {
  const small = await new Broker({ prefix: ['prlimit', '--nofile=256:256'] }).start();
  try {
    const [host, port] = small.address.split(':');
    const sockets = [];
    for (let i = 0; i < 400; ++i) {
      const socket = connect(Number(port), host);
      socket.on('error', () => {});
      sockets.push(socket);
    }
    await until(async () => !(await isReady({ port: small.http })), 'the broker is not ready');
    for (const socket of sockets) socket.destroy();
    await until(() => isReady({ port: small.http }), 'the broker is ready again');
    await assertServes(small);
  } finally {
    await small.stop();
  }
});
