// Serves the kiosk's page with a state that a test sets, so that every page can be looked at in every
// language, size and theme without an election. The real machine is in kiosk.test.mjs.

import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const types = { '.html': 'text/html', '.css': 'text/css', '.mjs': 'text/javascript', '.json': 'application/json', '.svg': 'image/svg+xml' };
const folders = ['src/web', 'src/voting_machine'].map((folder) => join(root, folder));

export const languages = ['en', 'de', 'es', 'fr', 'ar'];
export const catalogue = (tag) =>
  Object.assign({}, ...folders.map((folder) => JSON.parse(readFileSync(join(folder, 'languages', `${tag}.json`), 'utf8'))));

function files() {
  const found = new Map();
  for (const folder of folders) {
    for (const name of readdirSync(join(folder, 'pages')))
      found.set(`/${name}`, { type: types[extname(name)], body: readFileSync(join(folder, 'pages', name)) });
  }
  found.set('/', found.get('/index.html'));
  for (const tag of languages)
    found.set(`/languages/${tag}.json`, { type: types['.json'], body: JSON.stringify(catalogue(tag)) });
  return found;
}

// What every state has; a stage adds its own fields.
export function stateWith(stage, fields = {}, display = {}) {
  const language = display.language ?? 'en';
  return {
    session: 'a-session', revision: 1, stage, notice: '', event: 'City elections 2026', is_test: false, can_print: true, cast_sessions: [],
    contests: 2, idle_ms: 300_000, warning_ms: 45_000,
    languages: languages.map((tag) => {
      const texts = catalogue(tag);
      return { tag, name: texts['language.name'], direction: texts['language.direction'], start: texts['kiosk.start'] };
    }),
    display: { size: 'm', theme: 'light', ...display, language, direction: catalogue(language)['language.direction'] },
    ...fields,
  };
}

const named = (text, language = 'en') => ({ text, language });
// The last two have combining marks: Vietnamese, decomposed, and Hindi.
const people = [
  ...['Ada Lovelace', 'Alan Turing', 'Grace Hopper', 'محمد بن موسى الخوارزمي', 'Émilie du Châtelet', 'Zuzana Ďurišová-Nováková'],
  ...['Nguyễn Thị Ánh Tuyết'.normalize('NFD'), 'श्रीनिवास रामानुजन्'],
];
const longNamePlace = 8;
const choices = (count) =>
  Array.from({ length: count }, (_, i) => ({
    voting: i,
    name: i === longNamePlace
      ? named('A list of candidates whose name is as long as a definition allows: '.padEnd(200, 'long names must wrap and never be cut off, '))
      : named(i < people.length ? people[i] : `Candidate number ${i + 1}`, i === 3 ? 'ar' : 'en'),
  }));

// Every page of the kiosk, by name.
export const pages = {
  start: ['start', { is_event_known: true, elections: [
    { title: named('Mayor'), phase: 'open', fingerprint: '3f9a 02c1', closes_ms: Date.UTC(2026, 11, 1, 20), time_zone: 'UTC' },
    { title: named('Should the city build a tram line to the university?'), phase: 'paused', fingerprint: '11aa 22bb', time_zone: 'UTC' }] }],
  'start, not open': ['start', { is_event_known: true, is_test: true, elections: [
    { title: named('Mayor'), phase: 'defined', fingerprint: '3f9a 02c1', opens_ms: Date.UTC(2026, 11, 1, 8), time_zone: 'UTC' }] }],
  'start, connecting': ['start', { is_event_known: false, elections: [] }],
  'start, no election': ['start', { is_event_known: true, elections: [] }],
  code: ['identify', { needs_code: true }],
  'code, mistyped': ['identify', { needs_code: true, notice: 'kiosk.code.wrong', revision: 2 }],
  'voter number': ['identify', { needs_code: false }],
  contest: ['contest', { contest: { index: 0, title: named('Mayor'), choices: choices(6), chosen: 2, is_reviewed: false, phase: 'open' } }],
  'contest with 40 choices': ['contest', { contest: { index: 1, title: named('City council'), choices: choices(40), chosen: null, is_reviewed: false, phase: 'open' } }],
  'contest again': ['contest', { contest: { index: 0, title: named('Mayor'), choices: choices(3), chosen: null, is_reviewed: true, phase: 'closed' } }],
  review: ['review', { lines: [
    { title: named('Mayor'), chosen: named('Grace Hopper'), phase: 'open' }, { title: named('City council'), chosen: null, phase: 'open' }] }],
  'review, paused': ['review', { lines: [{ title: named('Mayor'), chosen: named('Grace Hopper'), phase: 'paused' }] }],
  'review, nothing': ['review', { lines: [{ title: named('Mayor'), chosen: null, phase: 'open' }] }],
  sending: ['answer', { lines: [
    { title: named('Mayor'), state: 'sending', is_blank: false, tracking: '3F9A-02C1-7KQ4-XW0M' }, { title: named('City council'), state: 'not cast', is_blank: true }] }],
  recorded: ['answer', { ends_in_ms: 30_000, lines: [
    { title: named('Mayor'), state: 'recorded', is_blank: false, tracking: '3F9A-02C1-7KQ4-XW0M' },
    { title: named('City council'), state: 'recorded', is_blank: false, tracking: 'B7D2-9K0E-44TZ-QQ81' }] }],
  kept: ['answer', { ends_in_ms: 30_000, lines: [{ title: named('Mayor'), state: 'kept', is_blank: false, tracking: '3F9A-02C1-7KQ4-XW0M' }] }],
  mixed: ['answer', { ends_in_ms: 30_000, lines: [
    { title: named('Mayor'), state: 'recorded', is_blank: false, tracking: '3F9A-02C1-7KQ4-XW0M' },
    { title: named('City council'), state: 'rejected', reason: 'the election is closed', is_blank: false },
    { title: named('School board'), state: 'already voted', is_blank: false }] }],
};

export async function serveFakeMachine() {
  const all = files();
  const machine = { state: stateWith('start'), acts: [] };
  const server = createServer((request, response) => {
    const path = request.url;
    if (path === '/state' || path === '/act') {
      let body = '';
      request.on('data', (data) => { body += data; });
      request.on('end', () => {
        if (path === '/act') machine.acts.push(JSON.parse(body));
        response.setHeader('Content-Type', types['.json']);
        response.end(JSON.stringify(machine.state));
      });
      return;
    }
    const file = all.get(path);
    response.statusCode = file ? 200 : 404;
    if (file) response.setHeader('Content-Type', `${file.type}; charset=utf-8`);
    response.end(file?.body);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  machine.address = `http://127.0.0.1:${server.address().port}/`;
  machine.close = () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
  return machine;
}
