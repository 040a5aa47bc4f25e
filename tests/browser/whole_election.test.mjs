// Whole elections through the pages, with everything real: services, stores, broker and office. People
// vote with codes at two kiosks, services are killed meanwhile, and the board shows what came of it.
// KIOSK_VOTES=200 lets that many people vote while services are killed.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { HeldElection } from '../../scripts/demo.d/held_election.mjs';
import { parseFlags } from '../../scripts/demo.d/flags.mjs';
import { page } from '../../scripts/local.d/http.mjs';
import { makeFolder } from '../../scripts/local.d/running.mjs';
import { openBrowser, openPage } from './browser.mjs';
import { ScriptedVoter } from './scripted_voter.mjs';
import { VoterAtKiosk } from './voter.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const votesUnderFaults = Number(process.env.KIOSK_VOTES ?? 8);
const killEveryMs = 3_000;
const [mayor, tram] = [12, 13];
const people = ['Ada Lovelace', 'Alan Turing', 'Grace Hopper', 'Muhammad al-Khwarizmi', 'Émilie du Châtelet'];
const titles = { [mayor]: 'Mayor', [tram]: 'Should the city build a tram line to the university?' };

let election;
let browser;
let codes;
// What the voters chose in votes that the kiosk says are recorded or kept, by election.
const expected = { [mayor]: [0, 0, 0, 0, 0], [tram]: [0, 0] };

before(async () => {
  const flags = ['--people', '--loggers', '2', '--recorders', '2', '--machines', '1', '--voters', String(votesUnderFaults + 10)];
  election = new HeldElection({
    options: { ...parseFlags(flags).options, seed: 1 },
    folder: makeFolder(root),
    scripts: join(root, 'scripts'),
    programs: process.env.POLLBUS_PROGRAMS ?? join(root, 'build/dev/bin'),
    report: () => {},
  });
  [browser] = await Promise.all([openBrowser(), election.start()]);
  codes = [...election.codes];
});

after(async () => {
  await browser?.close();
  const failures = (await election?.stop()) ?? [];
  assert.deepEqual(failures.map(String), []);
  election?.removeFiles();
});

async function atKiosk() {
  const page = await openPage(browser);
  return new VoterAtKiosk(page);
}

const place = () => ({ address: election.kioskAddress });
const count = async (sql) => Number((await election.postgres.query(sql))[0][0]);

// The board's answer to a tracking code.
async function boardSays(code) {
  const response = await fetch(`${election.boardAddress}tracking?code=${code}&lang=en`);
  return response.text();
}

const boardShows = (path, text) =>
  until(async () => (await (await fetch(new URL(path, election.boardAddress))).text()).includes(text));

async function assertRecordedOnBoard(trackingCodes) {
  for (const code of trackingCodes) assert.match(await boardSays(code), /A vote with this code is recorded in:/, code);
}

async function until(holds) {
  const deadline = Date.now() + 60_000;
  while (!(await holds())) {
    assert.ok(Date.now() < deadline, `waited for ${holds}`);
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

const allParts = () => [election.loggers, election.recorders, election.bus, election.stores, election.pages].flat();
const untilAllRun = () => until(() => allParts().every(({ isReady, end }) => isReady && !end));

test('a person votes in two contests with a code and finds both tracking codes on the board', { timeout: 60_000 }, async () => {
  const voter = await atKiosk();
  const code = codes.pop();
  await voter.toReview(place(), code.toLowerCase().replaceAll('-', ' '), [[titles[mayor], people[3]], [titles[tram], 'Yes']], 'code');
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  const found = await voter.trackingCodes();
  assert.equal(new Set(found).size, 2);
  expected[mayor][3] += 1;
  expected[tram][0] += 1;
  await assertRecordedOnBoard(found);
  await voter.press('kiosk.done');

  // The same code again, with other choices.
  await voter.toReview(undefined, code, [[titles[mayor], people[0]], [titles[tram], 'No']], 'code');
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.already-voted');
  assert.deepEqual(await voter.trackingCodes(), []);
  await voter.press('kiosk.done');
  await voter.page.context().close();
  assert.equal(await count('SELECT count(*) FROM votes'), 2);
});

test('a vote appears on the page of a hall within two seconds, as a server-sent event', { timeout: 60_000 }, async () => {
  const [voter, hall] = [await atKiosk(), await openPage(browser)];
  const polls = [];
  hall.on('request', (request) => { if (request.url().includes('live.json')) polls.push(request.url()); });
  await hall.goto(new URL(`/elections/${tram}?view=hall&lang=en`, election.boardAddress).href);
  await voter.toReview(place(), codes.pop(), [[titles[mayor]], [titles[tram], 'No']], 'code');
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  await hall.waitForFunction(() => document.querySelector('[data-key="choice-1-votes"]').textContent === '1', undefined, { timeout: 2_000 });
  assert.deepEqual(polls, [], 'the page of a hall does not poll');
  expected[tram][1] += 1;
  await voter.press('kiosk.done');
  await Promise.all([voter, { page: hall }].map(({ page }) => page.context().close()));
});

test('while services and kiosks are killed, every page tells the truth and every vote counts once', { timeout: 1_800_000 }, async () => {
  const kiosks = [election.kioskAddress, await election.startKiosk(1)];
  const waiting = codes.splice(0, votesUnderFaults);
  const told = [];
  const voteAt = async (address) => {
    const tab = await openPage(browser);
    for (let code = waiting.pop(); code; code = waiting.pop()) {
      const [choice, answer] = [told.length % people.length, told.length % 2];
      const voter = new ScriptedVoter(tab, address, { [titles[mayor]]: people[choice], [titles[tram]]: ['Yes', 'No'][answer] });
      const outcome = { code, choices: { [mayor]: choice, [tram]: answer } };
      told.push(outcome);
      outcome.votes = await voter.vote(code);
    }
    await tab.context().close();
  };
  const kills = {};
  const kill = async () => {
    for (let i = 0; !voting.isOver; i += 1) {
      const groups = [election.loggers, election.recorders, election.bus, election.stores, election.pages];
      const running = groups[i % groups.length].filter(({ isReady, end }) => isReady && !end);
      const victim = running[Math.floor(i / groups.length) % running.length];
      if (victim) {
        kills[victim.name] = (kills[victim.name] ?? 0) + 1;
        victim.kill();
        victim.stopping = false; // it crashed, so the election starts it again
        election.restarts.clear();
      }
      await Promise.race([voting, new Promise((resolve) => { setTimeout(resolve, killEveryMs); })]);
    }
  };
  const voting = Promise.all(kiosks.map(voteAt)).finally(() => { voting.isOver = true; });
  await Promise.race([Promise.all([voting, kill()]), election.failure]);
  await untilAllRun();

  const kiosksOf = election.pages.filter(({ name }) => name.startsWith('kiosk'));
  const isDelivered = async ({ env }) => /^pollbus_votes_pending 0$/m.test((await page({ host: env.HTTP_HOST, port: env.HTTP_PORT }, '/metrics')) ?? '');
  await until(async () => (await Promise.all(kiosksOf.map(isDelivered))).every(Boolean));
  const words = told.flatMap(({ votes }) => Object.values(votes).map(({ state }) => state));
  assert.deepEqual(words.filter((word) => !['recorded', 'kept', 'already voted'].includes(word)), []);
  for (const { votes, choices } of told) {
    for (const [id, title] of Object.entries(titles)) {
      // "Already voted" only for a vote whose answer the voter did not see: it counts.
      expected[id][choices[id]] += 1;
      if (votes[title].tracking) await assertRecordedOnBoard([votes[title].tracking]);
    }
  }
  const byState = Object.fromEntries(['recorded', 'kept', 'already voted'].map((state) => [state, words.filter((word) => word === state).length]));
  console.log(`# ${told.length} voters, ${words.length} votes: ${JSON.stringify(byState)}; killed: ${JSON.stringify(kills)}`);
});

test('an election that closes while a voter is at the review is said at once, and the other contest counts', { timeout: 60_000 }, async () => {
  const voter = await atKiosk();
  await voter.toReview(place(), codes.pop(), [[titles[mayor], people[2]], [titles[tram], 'Yes']], 'code');
  await election.officeSays('pause', '--election', String(mayor));
  await voter.page.getByText(voter.text('kiosk.now-paused')).waitFor();
  await election.officeSays('resume', '--election', String(mayor));
  await voter.page.getByText(voter.text('kiosk.now-paused')).waitFor({ state: 'detached' });
  await election.officeSays('close', '--election', String(tram));
  await voter.page.getByText(voter.text('kiosk.now-closed')).waitFor();
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.mixed');
  await voter.page.getByText(voter.text('kiosk.reason.closed')).waitFor();
  expected[mayor][2] += 1;
  await assertRecordedOnBoard(await voter.trackingCodes());
  await voter.press('kiosk.done');
  await voter.page.context().close();
});

test('nothing of a voter stays in the page, in what the browser keeps, or in any log', { timeout: 60_000 }, async () => {
  const voter = await atKiosk();
  const code = codes.pop();
  await voter.toReview(place(), code, [[titles[mayor], people[4]]], 'code');
  await voter.press('kiosk.cast');
  await voter.heading('kiosk.answer.title.recorded');
  const [tracking] = await voter.trackingCodes();
  expected[mayor][4] += 1;
  await voter.press('kiosk.done');
  await voter.page.locator('.languages').waitFor();
  const traces = await voter.traces();
  const logs = readdirSync(election.folder).filter((name) => name.endsWith('.log') || name.endsWith('.last-ballot'));
  assert.ok(logs.length >= 8, String(logs));
  const texts = { page: traces, ...Object.fromEntries(logs.map((name) => [name, readFileSync(join(election.folder, name), 'utf8')])) };
  for (const [name, text] of Object.entries(texts)) {
    for (const secret of [code, code.replaceAll('-', ''), tracking, people[4]]) assert.ok(!text.includes(secret), `${secret} is in ${name}`);
  }
  await voter.page.context().close();
});

test('after closing, sealing and certifying, board and office show what the voters chose', { timeout: 60_000 }, async () => {
  for (const command of ['close', 'seal', 'certify']) await election.officeSays(command, '--all');
  for (const [id, votes] of Object.entries(expected)) {
    await boardShows(`/elections/${id}?lang=en`, 'Certified result');
    const result = await (await fetch(new URL(`/elections/${id}/results.json`, election.boardAddress))).json();
    assert.deepEqual(result.result.choices.map((choice) => choice.votes), votes, titles[id]);
    assert.deepEqual(result.result, JSON.parse((await election.runOffice(['results', '--election', id, '--format', 'json'])).stdout).result);
  }
  const marks = await Promise.all([mayor, tram].map((id) => election.redis.countKeys(`voted:${id}:*`)));
  const sums = [mayor, tram].map((id) => expected[id].reduce((sum, votes) => sum + votes));
  assert.deepEqual(marks, sums);
});
