// The pedestrian system by deploy/compose.yaml

import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { reservePort } from '../../scripts/local.d/ports.mjs';
import { compose, containersOf, crash, docker, fileOf, stages, until, untilHealthy, untilRestarted } from './support.mjs';

const sceneCount = 20;
const scenesPerSecond = '2';
const viewsFile = '/var/lib/pollbus/views/views.csv';
const services = [...stages, 'pedestrian-consumer'];
const slow = { timeout: 300_000 };

const folder = mkdtempSync(join(tmpdir(), 'pollbus-scenes-'));

// The program pedestrian-scenes of the build stage renders the scenes, as docs/pedestrian.md describes.
before(async () => {
  const reserved = await reservePort();
  await reserved.release();
  process.env.BROKER_PORT = String(reserved.port);
  process.env.PEDESTRIAN_DATA = folder;
  chmodSync(folder, 0o755);
  const own = ['run', '--rm', '--network', 'none', '--user', `${process.getuid()}`, '--volume', `${folder}:/scenes`];
  const command = ['pedestrian-scenes', '--out', '/scenes', '--scenes', String(sceneCount), '--seed', '7'];
  await docker(...own, process.env.POLLBUS_BUILD_STAGE, ...command);
});

after(async () => {
  rmSync(folder, { recursive: true });
  await compose('--profile', 'pedestrian', 'down', '--volumes', '--remove-orphans');
});

// One line for each view that is saved.
async function savedViews(consumer) {
  const text = await fileOf(consumer, viewsFile).catch(() => '');
  return text.toString().split('\n').filter(Boolean).slice(1);
}

test('up starts the seven stages and the consumer, all become healthy, and no service of the election starts', slow, async () => {
  await compose('--profile', 'pedestrian', 'up', '--detach', ...services);
  for (const service of services) {
    const containers = await containersOf(service);
    assert.equal(containers.length, 1, service);
    await untilHealthy(containers[0]);
  }
  for (const service of ['voting-logger', 'voting-recorder', 'redis', 'postgres']) {
    assert.deepEqual(await containersOf(service), [], service);
  }
});

test('every scene results in one view although each stage is killed meanwhile', slow, async () => {
  const [consumer] = await containersOf('pedestrian-consumer');
  const producing = compose('run', '--rm', '-T', 'pedestrian-producer', '--rate', scenesPerSecond);
  await until('the first view is saved', async () => (await savedViews(consumer)).length > 0);
  const victims = (await Promise.all(stages.map(containersOf))).flat();
  for (const victim of victims) await untilRestarted(victim, await crash(victim));
  assert.match(await producing, new RegExp(`${sceneCount} records published`));
  const views = await until('all views are saved', async () => {
    const saved = await savedViews(consumer);
    return saved.length >= sceneCount && saved;
  });
  const timestamps = views.map((line) => line.split(',')[0]);
  assert.equal(new Set(timestamps).size, sceneCount);
  assert.equal(timestamps.length, sceneCount);
});
