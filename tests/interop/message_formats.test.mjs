// Messages in every odd form that JSON and its readers allow or forbid, at the logger, the recorder and the
// machine. What a strict reader of RFC 8259 accepts counts; everything else is rejected, leaves one notice
// in the quarantine topic, and stops nothing.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, afterEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';

import { ForeignMachine, System } from './support.mjs';

const machineId = 77;
const deadlineMs = 60_000;
const [accepted, rejected, silent] = ['accepted', 'rejected', 'silent'];

let system;

before(async () => {
  system = await new System().start();
});
beforeEach(() => system.beginElection());
afterEach(() => system.endElection());
after(() => system?.stop());

async function until(condition, what) {
  const deadline = Date.now() + deadlineMs;
  while (!condition()) {
    assert.ok(Date.now() < deadline, `waited in vain until ${what()}`);
    await pause(20);
  }
}

const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part)));
const nested = (depth) => '['.repeat(depth) + ']'.repeat(depth);

// Each kind writes an object: `f` has its fields as pairs of name and JSON text, first machine and UUID, so
// that a reader knows the sender when it comes to an error. `o` joins fields.
const o = (fields) => `{${fields.map(([name, value]) => `"${name}":${value}`).join(',')}}`;
const open = (f) => o(f).slice(0, -1);
const change = (f, name, value) => o(f.map(([own, old]) => [own, own === name ? value : old]));
const without = (f, name) => o(f.filter(([own]) => own !== name));
const more = (text) => (f) => `${open(f)},${text}}`;
const moreBytes = (...raw) => (f) => bytes(`${open(f)},"x":"`, Buffer.from(raw), '"}');

// Forms of any message.
const wellFormed = {
  'as it is': (f) => o(f),
  'white space everywhere': (f) => ` \n\t${o(f).replaceAll(',', ' ,\r\n').replaceAll('":', '"\t: ')}\n\n`,
  'fields in another order': (f) => o([...f].reverse()),
  'unknown fields of every type': more('"a":null,"b":true,"c":[1,"x",{}],"d":{"e":[]},"f":"","g":-1.5E-10'),
  'an unknown field given twice': more('"x":1,"x":2'),
  'an empty name': more('"":1'),
  'names that mean something in JavaScript': more('"__proto__":{"voting":1},"constructor":1,"toString":1'),
  'known names inside an unknown field': more('"x":{"UUID":"y","result":"z","voting":9,"machine_ID":1}'),
  'escapes in a name': (f) => o(f).replace('"UUID"', '"\\u0055U\\u0049D"'),
  'escapes in the UUID': (f) => o(f).replace(/"UUID":"(.)/, (_, c) => `"UUID":"\\u00${c.charCodeAt(0).toString(16)}`),
  'a pair of surrogates': more('"x":"\\ud83d\\ude00"'),
  'characters of four bytes': more('"x":"😀𝟘\u{10ffff}"'),
  'text that runs from right to left': more('"x":"\u202eabc\u0627\u0644"'),
  'a byte order mark': (f) => `\ufeff${o(f)}`,
  'an unknown field of 60 KB': more(`"x":"${'x'.repeat(60_000)}"`),
  'an unknown field with 15,000 levels': more(`"x":${nested(15_000)}`),
  'five thousand unknown fields': more(Array.from({ length: 5_000 }, (_, i) => `"a${i}":${i}`).join(',')),
  'a NUL in an escape': more('"x":"\\u0000"'),
};
const malformed = {
  'a comma at the end': (f) => `${open(f)},}`,
  'two commas': (f) => o(f).replace(/,(?="[^"]*":[^,]*$)/, ',,'),
  'a comment': (f) => `${open(f)}/* x */}`,
  'a comment at the end of the line': (f) => `${o(f)}//`,
  'single quotes': more("'x':1"),
  'a name without quotes': more('x:1'),
  'a name without a value': more('"x"'),
  NaN: more('"x":NaN'),
  Infinity: more('"x":-Infinity'),
  'a number beyond every range': more('"x":1e400'),
  'a hexadecimal number': more('"x":0x10'),
  'a leading zero': more('"x":01'),
  'a plus sign': more('"x":+1'),
  'a number that begins with a point': more('"x":.5'),
  'a number that ends with a point': more('"x":5.'),
  'True of Python': more('"x":True'),
  'None of Python': more('"x":None'),
  'a line break in a text': more('"x":"a\nb"'),
  'a tabulator in a text': more('"x":"a\tb"'),
  'an unknown escape': more('"x":"\\q"'),
  'a hexadecimal escape': more('"x":"\\x41"'),
  'half a pair of surrogates': more('"x":"\\ud800"'),
  'surrogates in the wrong order': more('"x":"\\ude00\\ud83d"'),
  'an invalid byte': moreBytes(0xff),
  'an overlong character': moreBytes(0xc0, 0xaf),
  'a surrogate in UTF-8': moreBytes(0xed, 0xa0, 0x80),
  'a character beyond Unicode': moreBytes(0xf4, 0x90, 0x80, 0x80),
  'half a character': moreBytes(0xe2, 0x82),
  'Latin-1': moreBytes(0xe9, 0x74, 0xe9),
  'cut off': (f) => open(f),
  'cut off in a text': (f) => `${open(f)},"x":"`,
  'two objects': (f) => o(f) + o(f),
  'a bracket too many': (f) => `${o(f)}}`,
  'the wrong bracket': (f) => `${open(f)}]`,
  'a NUL at the end': (f) => `${o(f)}\0`,
  'deeply nested and cut off': (f) => `${open(f)},"x":${'[{"x":'.repeat(8_000)}`,
  'a megabyte and cut off': (f) => `${open(f)},"x":"${'x'.repeat(1_000_000)}`,
};
const notAnObject = {
  nothing: () => '',
  'white space only': () => ' \n ',
  null: () => 'null',
  true: () => 'true',
  'a number': () => '4',
  'a text': () => '"vote"',
  'an empty array': () => '[]',
  'an empty object': () => '{}',
  'an array of it': (f) => `[${o(f)}]`,
  'a text of it': (f) => JSON.stringify(o(f)),
  'base64 of it': (f) => Buffer.from(o(f)).toString('base64'),
  'UTF-16, little endian': (f) => Buffer.from(o(f), 'utf16le'),
  'UTF-16, big endian': (f) => Buffer.from(`\ufeff${o(f)}`, 'utf16le').swap16(),
  gzip: (f) => gzipSync(o(f)),
  XML: () => '<vote/>',
  Python: (f) => o(f).replaceAll('"', "'"),
  'a form': () => 'machine_ID=77&voting=4',
  '60,000 brackets': () => '['.repeat(60_000),
};
const badUuids = {
  'UUID missing': (f) => without(f, 'UUID'),
  'UUID null': (f) => change(f, 'UUID', 'null'),
  'UUID a number': (f) => change(f, 'UUID', '7'),
  'UUID an array': (f) => change(f, 'UUID', '["x"]'),
  'UUID given twice': (f) => `${open(f)},"UUID":"x"}`,
  'UUID given twice, once with escapes': (f) => `${open(f)},"UU\\u0049D":"x"}`,
  'UUID in lower case letters': (f) => o(f).replace('"UUID"', '"uuid"'),
  'UUID empty': (f) => change(f, 'UUID', '""'),
  'UUID of 50 KB': (f) => change(f, 'UUID', `"${'x'.repeat(50_000)}"`),
};
const badMachines = {
  'machine missing': (f) => without(f, 'machine_ID'),
  'machine negative': (f) => change(f, 'machine_ID', '-77'),
  'machine a text': (f) => change(f, 'machine_ID', '"77"'),
  'machine a fraction': (f) => change(f, 'machine_ID', '77.0'),
  'machine too large': (f) => change(f, 'machine_ID', '9007199254740992'),
  'machine given twice': (f) => `${open(f)},"machine_ID":77}`,
};
const notNumbers = {
  missing: undefined,
  null: 'null',
  true: 'true',
  'a text': '"4"',
  'an array': '[4]',
  'an object': '{"voting":4}',
  'with a point': '4.0',
  'with an exponent': '4e0',
  negative: '-1',
  'a bit too large': '9007199254740992',
  'of 64 bits': '18446744073709551615',
  'of 65 bits': '18446744073709551616',
  'of 200 digits': '1'.repeat(200),
};

const all = (kinds, expected) => Object.entries(kinds).map(([name, write]) => ({ name, write, expected }));

function kindsOfVotes(numbers) {
  const bad = numbers.flatMap((field) => [
    ...Object.entries(notNumbers).map(([what, value]) => ({
      name: `${field} ${what}`,
      write: (f) => (value === undefined ? without(f, field) : change(f, field, value)),
      expected: rejected,
    })),
    { name: `${field} given twice`, write: (f) => `${open(f)},"${field}":1}`, expected: rejected },
    { name: `${field} in capitals`, write: (f) => o(f).replace(`"${field}"`, `"${field.toUpperCase()}"`), expected: rejected },
  ]);
  return [
    ...all(wellFormed, accepted),
    ...all(malformed, rejected),
    ...all(notAnObject, silent),
    ...all(badUuids, silent).map((kind) => (kind.name === 'UUID empty' ? { ...kind, expected: undefined } : kind)),
    ...all(badMachines, silent),
    ...bad,
  ];
}

// The attributes of the messages in the quarantine topic from now on.
async function watchQuarantine() {
  const client = system.client();
  const [topic] = await client.topic('election-quarantine').get({ autoCreate: true });
  const [subscription] = await topic.createSubscription(`watch-${randomUUID()}`);
  const notices = [];
  subscription.on('message', (message) => {
    notices.push(message);
    message.ack();
  });
  return { notices, close: () => subscription.close() };
}

// Publishes each kind of vote as `functionName`, and valid ones among them; checks the answers and notices.
async function expectEachIsHandled(functionName, kinds, fieldsOf) {
  const quarantine = await watchQuarantine();
  const machine = await new ForeignMachine(system.client(), machineId).start();
  const topic = system.client().topic('election');
  const attributes = { function: functionName };
  const sent = kinds.map((kind, i) => ({ ...kind, uuid: randomUUID(), valid: randomUUID(), voter: 2 * i }));
  await Promise.all(
    sent.flatMap(({ write, uuid, valid, voter }) => [
      topic.publishMessage({ data: Buffer.from(write(fieldsOf(uuid, voter))), attributes }),
      topic.publishMessage({ data: Buffer.from(o(fieldsOf(valid, voter + 1))), attributes }),
    ]),
  );
  const result = (uuid) => machine.answersTo(uuid)[0]?.result;
  const isAnswered = ({ expected, uuid, valid }) =>
    result(valid) !== undefined && (expected === silent || expected === undefined || result(uuid) !== undefined);
  const left = () => sent.filter((kind) => !isAnswered(kind)).map(({ name }) => name);
  await until(() => left().length === 0, () => `these are answered: ${left().join('; ')}`);
  const bad = sent.filter(({ expected }) => expected !== accepted).length;
  await until(() => quarantine.notices.length >= bad, () => `${bad} notices have come, not ${quarantine.notices.length}`);
  for (const { name, expected, uuid, valid } of sent) {
    assert.equal(result(valid), 'successful', `the vote after "${name}"`);
    if (expected === undefined) continue;
    const wanted = { [accepted]: 'successful', [rejected]: 'Rejected', [silent]: undefined }[expected];
    assert.equal(result(uuid), wanted, name);
  }
  assert.equal(quarantine.notices.length, bad);
  for (const notice of quarantine.notices) {
    assert.equal(notice.data.length, 0, 'a notice has no payload');
    assert.ok(notice.attributes.reason);
  }
  const good = sent.length - bad;
  assert.equal(await system.rowCount(), sent.length + good);
  await Promise.all([machine.close(), quarantine.close()]);
}

const fieldsOfVote = (uuid) => [
  ['machine_ID', String(machineId)],
  ['UUID', JSON.stringify(uuid)],
  ['voting', '4'],
  ['election_ID', String(system.election)],
];

test('a logger handles every form of a vote', async () => {
  await Promise.all([system.startRecorder(), system.startLogger()]);
  const kinds = kindsOfVotes(['voting', 'election_ID', 'voter_ID']);
  await expectEachIsHandled('submit vote', kinds, (uuid, voter) => [...fieldsOfVote(uuid), ['voter_ID', String(voter)]]);
});

test('a recorder handles every form of a vote', async () => {
  await system.startRecorder();
  await expectEachIsHandled('record vote', kindsOfVotes(['voting', 'election_ID']), fieldsOfVote);
});

test('a machine takes only a well-formed answer', async () => {
  const quarantine = await watchQuarantine();
  const topic = system.client().topic('election');
  const [submitted] = await topic.createSubscription('submitted', { filter: 'attributes.function="submit vote"' });
  const vote = new Promise((resolve) => {
    submitted.on('message', (message) => {
      message.ack();
      resolve(JSON.parse(message.data));
    });
  });
  const summary = system.runMachine(machineId, ['--votes', 1]);
  const uuid = (await vote).UUID;
  const attributes = { function: 'result', machineID: String(machineId) };
  const answer = (data) => topic.publishMessage({ data: Buffer.from(data), attributes });
  const fields = [
    ['UUID', JSON.stringify(uuid)],
    ['result', '"successful"'],
  ];
  const texts = ['null', 'true', '4', '""', '"Successful"', '"successful "', '"rejected"', '["successful"]', '{}'];
  const kinds = [
    ...[malformed, notAnObject, badUuids].flatMap(Object.values),
    ...texts.map((text) => (f) => change(f, 'result', text)),
    (f) => without(f, 'result'),
    (f) => `${open(f)},"result":"Rejected"}`,
  ].filter((kind) => kind !== badUuids['UUID empty'] && kind !== badUuids['UUID of 50 KB']);
  await Promise.all(kinds.map((write) => answer(write(fields))));
  await until(() => quarantine.notices.length >= kinds.length, () => `${kinds.length} notices have come, not ${quarantine.notices.length}`);
  await answer(wellFormed['white space everywhere'](fields));
  const { sent, successful, rejected: refused, pending } = await summary;
  assert.deepEqual({ sent, successful, refused, pending }, { sent: 1, successful: 1, refused: 0, pending: 0 });
  assert.equal(quarantine.notices.length, kinds.length);
  await Promise.all([submitted.close(), quarantine.close()]);
});
