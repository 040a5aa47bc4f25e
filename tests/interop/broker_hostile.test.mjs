// Clients that attack pubsub-broker over HTTP/2 and HTTP/1.1: it keeps serving others, and its memory stays bounded.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { isReady } from '../../scripts/local.d/http.mjs';
import { Random } from '../faults/campaign/random.mjs';
import { Broker, receive } from './broker.mjs';
import { makeCertificates } from './certificates.mjs';
import { RawConnection, callOf, field, flag, frame, frameType } from './http2.mjs';

const maxResidentMib = 600;
const deadlineMs = 30_000;
const publish = callOf('/google.pubsub.v1.Publisher/Publish');
const ping = frame(frameType.ping, 0, 0, Buffer.alloc(8));

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

// Connects as an honest client does; resolves when the broker answers a ping.
async function pingHonestly(url, options) {
  const session = connectHttp2(url, options);
  await once(session, 'connect');
  await new Promise((resolve, reject) => session.ping((error) => (error ? reject(error) : resolve())));
  session.close();
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

async function closedAttacks(of = broker) {
  const response = await fetch(`http://127.0.0.1:${of.http}/metrics`);
  return Number(/^broker_attacking_connections_total (\d+)/m.exec(await response.text())[1]);
}

const cheapFrames = {
  pings: ping,
  settings: frame(frameType.settings, 0, 0),
  priorities: frame(frameType.priority, 0, 1, Buffer.from([0, 0, 0, 0, 9])),
  'window updates of the connection': frame(frameType.windowUpdate, 0, 0, Buffer.from([0, 0, 0, 1])),
  'window updates of a call': frame(frameType.windowUpdate, 0, 1, Buffer.from([0, 0, 0, 1])),
  'data without content': frame(frameType.data, 0, 1),
  'ends of a call': frame(frameType.data, flag.endStream, 1),
  'frames of an unknown type': frame(77, 0, 0),
};

for (const [name, cheap] of Object.entries(cheapFrames)) {
  test(`a flood of ${name} ends its connection`, async () => {
    const before = await closedAttacks();
    const connection = await new RawConnection(broker.address).open();
    await connection.send(frame(frameType.headers, flag.endHeaders, 1, publish));
    const many = Buffer.concat(Array.from({ length: 1_000 }, () => cheap));
    for (let sent = 0; sent < 1_000 && (await connection.send(many)); ++sent);
    await connection.closed;
    assert.equal(await closedAttacks(), before + 1);
    await assertServes();
  });
}

test('over TLS the same limits hold', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pollbus-tls.'));
  const { authority, certificate, key } = makeCertificates(folder);
  const encrypted = await new Broker({ flags: ['--tls-cert', certificate, '--tls-key', key] }).start();
  const ca = readFileSync(authority);
  try {
    const endless = field('x', 'y'.repeat(120));
    const attacks = {
      resets: (stream) => [
        frame(frameType.headers, flag.endHeaders, stream, publish),
        frame(frameType.reset, 0, stream, Buffer.from([0, 0, 0, 8])),
      ],
      pings: () => [ping],
      headers: (stream) => [frame(stream === 1 ? frameType.headers : frameType.continuation, 0, 1, endless)],
    };
    for (const [name, attack] of Object.entries(attacks)) {
      const before = await closedAttacks(encrypted);
      const connection = await new RawConnection(encrypted.address, { ca }).open();
      for (let stream = 1, is = true; is && stream < 1_000_000; ) {
        const frames = [];
        for (let i = 0; i < 500; ++i, stream += 2) frames.push(...attack(stream));
        is = await connection.send(...frames);
      }
      await connection.closed;
      assert.equal(await closedAttacks(encrypted), before + 1, name);
    }
    await pingHonestly(`https://${encrypted.address}`, { ca });
  } finally {
    await encrypted.stop();
    rmSync(folder, { recursive: true });
  }
});

const methods = [
  ...['Publisher/Publish', 'Publisher/CreateTopic', 'Publisher/ListTopics', 'Subscriber/Pull'],
  ...['Subscriber/StreamingPull', 'Subscriber/Acknowledge', 'SchemaService/CreateSchema', 'Nothing/Nothing'],
];

const randomBytes = (random, most) =>
  Buffer.from(Array.from({ length: random.integer(0, most) }, () => random.integer(0, 255)));

// A message of gRPC, with its prefix: a flag for compression, and its length.
function randomMessage(random) {
  const content = random.pick([Buffer.alloc(0), randomBytes(random, 200), Buffer.alloc(random.integer(0, 9_000), '\x7a\0')]);
  const prefix = Buffer.alloc(5);
  prefix.writeUInt8(random.pick([0, 0, 0, 1, 7]), 0);
  prefix.writeUInt32BE(random.pick([content.length, content.length, 2 ** 32 - 1]), 1);
  return Buffer.concat([prefix, content]);
}

function randomCall(random, stream) {
  const headers = Buffer.concat([
    callOf(`/google.pubsub.v1.${random.pick(methods)}`),
    random.pick([Buffer.alloc(0), field('grpc-encoding', 'gzip'), field('content-type', 'text/plain')]),
  ]);
  const frames = [frame(frameType.headers, flag.endHeaders | random.pick([0, flag.endStream]), stream, headers)];
  if (random.chance(0.7)) {
    frames.push(frame(frameType.data, random.pick([0, flag.endStream]), stream, randomMessage(random)));
  }
  if (random.chance(0.3)) frames.push(frame(frameType.reset, 0, stream, Buffer.from([0, 0, 0, 8])));
  return frames;
}

function randomConversation(random) {
  const frames = [];
  for (let i = random.integer(1, 30), stream = 1; i > 0; --i, stream += 2) {
    if (random.chance(0.7)) {
      frames.push(...randomCall(random, stream));
    } else {
      frames.push(frame(random.integer(0, 255), random.integer(0, 255), random.integer(0, stream), randomBytes(random, 60)));
    }
  }
  const bytes = Buffer.concat(frames);
  for (let i = random.pick([0, 0, 1, 5]); i > 0; --i) bytes[random.integer(0, bytes.length - 1)] = random.integer(0, 255);
  return bytes.subarray(0, random.pick([bytes.length, random.integer(0, bytes.length)]));
}

test('random conversations with mistakes end nothing but their own connections', async (context) => {
  const seed = Date.now();
  context.diagnostic(`seed ${seed}`);
  const random = new Random(seed);
  const open = [];
  for (let i = 0; i < 600; ++i) {
    const connection = await new RawConnection(broker.address).open();
    await connection.send(randomConversation(random));
    open.push(connection);
    if (random.chance(0.7)) await open.splice(random.integer(0, open.length - 1), 1)[0].close();
  }
  await assertServes();
  for (const connection of open) await connection.close();
  assert.ok(residentMib() < maxResidentMib);
});

// Sends bytes on a connection of its own, and returns what the broker answers until it closes the
// connection.
async function answerTo(...parts) {
  const [host, port] = broker.address.split(':');
  const socket = connect(Number(port), host);
  socket.on('error', () => {});
  let text = '';
  socket.setEncoding('latin1').on('data', (part) => (text += part));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  for (const part of parts) {
    if (!socket.writable) break;
    if (!socket.write(part)) await Promise.race([once(socket, 'drain').catch(() => {}), closed]);
  }
  await closed;
  return text;
}

const post = (headers) => `POST /v1/projects/p/topics HTTP/1.1\r\nHost: x\r\n${headers}\r\n`;
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n';

const malformed = {
  'bytes that are not HTTP': ['\0'.repeat(100), 400],
  'a request line that never ends': ['x'.repeat(100_000), 431],
  'a line that ends without CR': ['GET / HTTP/1.1\nHost: x\n\n', 400],
  'two lengths': [post('Content-Length: 3\r\nContent-Length: 60\r\n') + smuggled, 400],
  'the same length twice': [post('Content-Length: 3\r\nContent-Length: 3\r\n') + smuggled, 400],
  'a list of lengths': [post('Content-Length: 3, 3\r\n') + smuggled, 400],
  'a hexadecimal length': [post('Content-Length: 0x3\r\n') + smuggled, 400],
  'a length with a sign': [post('Content-Length: +3\r\n') + smuggled, 400],
  'a length that is too large': [post('Content-Length: 99999999999999999999\r\n'), 400],
  'a length and chunks': [post('Content-Length: 3\r\nTransfer-Encoding: chunked\r\n') + smuggled, 400],
  'chunks and a length': [post('Transfer-Encoding: chunked\r\nContent-Length: 3\r\n') + smuggled, 400],
  'another transfer encoding': [post('Transfer-Encoding: xchunked\r\n') + smuggled, 501],
  'a transfer encoding after a control character': [post('Transfer-Encoding: \x0bchunked\r\n') + smuggled, 400],
  'a transfer encoding with a parameter': [post('Transfer-Encoding: chunked;q=1\r\n') + smuggled, 501],
  'chunks in HTTP/1.0': ['POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' + smuggled, 400],
  'two transfer encodings': [post('Transfer-Encoding: gzip, chunked\r\n') + smuggled, 501],
  'a blank before a colon': [post('Content-Length : 3\r\n') + smuggled, 400],
  'a header on two lines': [post('X: y\r\n Content-Length: 30\r\n') + smuggled, 400],
  'a transfer encoding on two lines': [post('Transfer-Encoding:\r\n\tchunked\r\n') + '0\r\n\r\n' + smuggled, 400],
  'a header without a name': [post(': x\r\n') + smuggled, 400],
  'a CR in a header': [post('X: y\rContent-Length: 3\r\n') + smuggled, 400],
  'a line break without CR in a header': [post('X: y\nContent-Length: 3\r\n') + smuggled, 400],
  'a NUL in a header': [post('X: y\0\r\n') + smuggled, 400],
  'a NUL in a path': ['GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n' + smuggled, 400],
  'a blank in a path': ['GET /a b HTTP/1.1\r\nHost: x\r\n\r\n' + smuggled, 400],
  'a chunk with a sign': [post('Transfer-Encoding: chunked\r\n') + '-1\r\nabc\r\n0\r\n\r\n' + smuggled, 400],
  'a chunk whose size is too large': [post('Transfer-Encoding: chunked\r\n') + '10000000000000003\r\nabc\r\n' + smuggled, 400],
  'a chunk that is longer than its size': [post('Transfer-Encoding: chunked\r\n') + '3\r\nabcxx0\r\n\r\n' + smuggled, 400],
  'a chunk that ends without CR': [post('Transfer-Encoding: chunked\r\n') + '3\nabc\r\n0\r\n\r\n' + smuggled, 400],
  'an extension of a chunk that ends without CR': [post('Transfer-Encoding: chunked\r\n') + '3;x\nabc\r\n0\r\n\r\n' + smuggled, 400],
  'a length after the chunks': [post('Transfer-Encoding: chunked\r\n') + '0\r\nContent-Length: 40\r\n\r\n' + smuggled, 400],
  'a chunk whose size is no number': [post('Transfer-Encoding: chunked\r\n') + 'zz\r\n', 400],
  'no host': ['GET / HTTP/1.1\r\n\r\n', 400],
  'two hosts': ['GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', 400],
  'two hosts in one header': ['GET / HTTP/1.1\r\nHost: x, y\r\n\r\n' + smuggled, 400],
  'a later version': ['GET / HTTP/3.7\r\nHost: x\r\n\r\n', 400],
  'a body that is too large': [post('Content-Length: 30000000\r\n'), 413],
  'a compressed body': [post('Content-Encoding: gzip\r\nContent-Length: 3\r\n') + 'abc', 415],
  'a web page of another server': [post('Origin: http://evil.example\r\nContent-Length: 2\r\n') + '{}', 403],
};

for (const [name, [bytes, status]] of Object.entries(malformed)) {
  test(`HTTP/1.1: ${name} is refused, and nothing that follows is answered`, async () => {
    const answers = (await answerTo(bytes)).split('HTTP/1.1 ').slice(1);
    assert.deepEqual(
      answers.map((answer) => Number(answer.slice(0, 3))),
      [status],
    );
    assert.match(answers[0], /\r\nConnection: close\r\n/);
  });
}

test('HTTP/1.1: headers and bodies without end are refused, and memory stays bounded', async () => {
  const many = (part, count) => Array.from({ length: count }, () => part);
  const chunked = post('Transfer-Encoding: chunked\r\n');
  const attacks = async () => {
    assert.match(await answerTo('GET / HTTP/1.1\r\n', ...many('x: y\r\n'.repeat(1_000), 100)), /^HTTP\/1.1 4/);
    assert.match(await answerTo('GET / HTTP/1.1\r\nx: ', ...many('y'.repeat(10_000), 100)), /^HTTP\/1.1 4/);
    assert.match(await answerTo(chunked, ...many(`fff0\r\n${'x'.repeat(0xfff0)}\r\n`, 1_000)), /^HTTP\/1.1 413/);
    assert.match(await answerTo(chunked, ...many(`1;${'e'.repeat(500)}\r\nx\r\n`.repeat(100), 1_000)), /^HTTP\/1.1 4/);
    assert.match(await answerTo(chunked, `1;${'e'.repeat(200_000)}`), /^HTTP\/1.1 4/);
  };
  assert.ok((await peakDuring([attacks(), attacks(), attacks(), attacks()])) < maxResidentMib);
  await assertServes();
});

test('a hello of TLS on a port in plain text ends its connection', async () => {
  assert.equal(await answerTo(Buffer.from([22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3])), '');
  await assertServes();
});

// Connections of their own, each of which sends these bytes and then nothing.
async function silentConnections(count, bytes) {
  const [host, port] = broker.address.split(':');
  const sockets = Array.from({ length: count }, () => connect(Number(port), host));
  await Promise.all(
    sockets.map(async (socket) => {
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(bytes);
    }),
  );
  return sockets;
}

test('beside 300 slow connections, and 5,000 idle ones, requests are answered at once', async () => {
  const slow = [
    '',
    'P',
    'GET / HTTP/1.1\r\nHost',
    post('Content-Length: 100\r\n') + '{',
    post('Transfer-Encoding: chunked\r\n') + '64\r\n{',
    'PRI * HTTP/2.0\r\n',
  ];
  const sockets = (await Promise.all(slow.map((bytes) => silentConnections(50, bytes)))).flat();
  sockets.push(...(await silentConnections(5_000, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')));
  try {
    for (let i = 0; i < 20; ++i) {
      const begin = Date.now();
      assert.equal(await (await fetch(`http://${broker.address}/`)).text(), 'Ok\n');
      assert.ok(await isReady({ port: broker.http }));
      await assertServes();
      assert.ok(Date.now() - begin < 2_000, `took ${Date.now() - begin} ms`);
    }
    assert.ok(residentMib() < maxResidentMib);
  } finally {
    for (const socket of sockets) socket.destroy();
  }
});

test('a client that sends many requests before it reads an answer gets all of them in order', async () => {
  const paths = Array.from({ length: 2_000 }, (_, i) => (i % 3 === 0 ? '/' : `/nothing/${i}`));
  const requests = paths.map((path, i) =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\n${i === paths.length - 1 ? 'Connection: close\r\n' : ''}\r\n`);
  const answers = (await answerTo(requests.join(''))).split('HTTP/1.1 ').slice(1);
  assert.deepEqual(answers.map((answer) => answer.slice(0, 3)), paths.map((path) => (path === '/' ? '200' : '404')));
});

test('many large requests at once are held within a bound', async () => {
  const headers = post('Content-Length: 19000000\r\n');
  const sockets = [];
  const [host, port] = broker.address.split(':');
  const body = Buffer.alloc(1 << 20, 0x20);
  let refused = 0;
  const attack = async () => {
    const socket = connect(Number(port), host);
    socket.on('error', () => {});
    socket.setEncoding('latin1').on('data', (part) => (refused += part.startsWith('HTTP/1.1 429') ? 1 : 0));
    sockets.push(socket);
    socket.write(headers);
    // All but the end, so that each body is held.
    for (let i = 0; i < 18 && socket.writable; ++i) {
      if (!socket.write(body)) await Promise.race([once(socket, 'drain').catch(() => {}), once(socket, 'close')]);
    }
  };
  assert.ok((await peakDuring(Array.from({ length: 30 }, attack))) < maxResidentMib);
  await until(() => refused > 0, 'some requests are refused');
  for (const socket of sockets) socket.destroy();
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

test('what clients send does not fill the log', async () => {
  const connection = await new RawConnection(broker.address).open();
  // Each of these headers is an error for gRPC.
  const bad = Buffer.concat([publish, field('grpc-encoding', '\xff'), field('te', 'what\nerror')]);
  for (let i = 0, stream = 1; i < 2; ++i) {
    const frames = [];
    for (let j = 0; j < 200; ++j, stream += 2) {
      frames.push(frame(frameType.headers, flag.endHeaders | flag.endStream, stream, bad));
    }
    await connection.send(...frames);
  }
  await pingHonestly(`http://${broker.address}`);
  await connection.close();
  const log = readFileSync(join(broker.folder, 'broker.log'), 'utf8').trimEnd().split('\n');
  assert.deepEqual(log.filter((line) => !/^\d{4}-\d\d-\d\dT/.test(line)), []);
  assert.ok(log.length < 100, `${log.length} lines`);
});
