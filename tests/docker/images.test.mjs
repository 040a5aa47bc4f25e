// The contents of the images

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { docker, dockerJson, imageOf, programUser, programs, stores, tree, userOf } from './support.mjs';

const images = [...programs, ...stores];
const maxImageBytes = 120_000_000;
// Created by copy_tree in images.sh: the files, and the secrets in deploy/.env.
const plantedFiles = 9;
const secretsInEnv = 9;
const isSecretByName = /(^|\/)\.env$|\.(key|pem|journal)$|credentials/;

const folder = mkdtempSync(join(tmpdir(), 'pollbus-images-'));
after(() => rmSync(folder, { recursive: true }));

// The archives of the layers of each image.
const layers = {};
before(() => {
  for (const image of images) {
    const archive = join(folder, `${image}.tar`);
    execFileSync('docker', ['save', '--output', archive, imageOf(image)]);
    execFileSync('tar', ['-x', '-C', folder, '--one-top-level', '-f', archive]);
    rmSync(archive);
    const [manifest] = JSON.parse(readFileSync(join(folder, image, 'manifest.json'), 'utf8'));
    layers[image] = manifest.Layers.map((layer) => join(folder, image, layer));
  }
});

const namesIn = (layer) => execFileSync('tar', ['-t', '-f', layer], { encoding: 'utf8', maxBuffer: 1 << 28 }).trim().split('\n');
const filesOf = (image) => layers[image].flatMap(namesIn).filter((name) => !name.endsWith('/'));

// All secrets that the checkout contained when the images were built.
function plantedSecrets() {
  const texts = execFileSync('grep', ['-rhoE', 'lies-about-[0-9a-f]{32}', tree], { encoding: 'utf8' }).trim().split('\n');
  const given = readFileSync(join(tree, 'deploy/.env'), 'utf8').match(/[0-9a-f]{64}/g);
  assert.equal(texts.length, plantedFiles);
  assert.equal(given.length, secretsInEnv);
  return [...texts, ...given];
}

for (const image of images) {
  test(`${image}: runs as its numbered user, not as root`, async () => {
    const [{ Config }] = await dockerJson('image', 'inspect', imageOf(image));
    const id = userOf[image] ?? programUser;
    assert.equal(Config.User, `${id}:${id}`);
  });

  test(`${image}: is smaller than 120 MB`, async (context) => {
    const [{ Size }] = await dockerJson('image', 'inspect', imageOf(image));
    context.diagnostic(`${image}: ${(Size / 1e6).toFixed(1)} MB`);
    assert.ok(Size < maxImageBytes, `${Size} bytes`);
  });

  test(`${image}: no layer, no setting and no step of its history contains a secret`, async () => {
    const secrets = plantedSecrets();
    const patterns = join(folder, 'patterns');
    execFileSync('tee', [patterns], { input: secrets.join('\n') + '\n' });
    for (const layer of layers[image]) assert.ok(!holdsOneOf(patterns, layer), 'a secret is in a layer');
    const told = (await docker('image', 'inspect', imageOf(image))) + (await docker('history', '--no-trunc', imageOf(image)));
    assert.ok(!secrets.some((secret) => told.includes(secret)));
    assert.deepEqual(filesOf(image).filter((name) => isSecretByName.test(name)), []);
  });

  test(`${image}: has the OCI labels`, async () => {
    const [{ Config }] = await dockerJson('image', 'inspect', imageOf(image));
    const label = (name) => Config.Labels[`org.opencontainers.image.${name}`];
    assert.equal(label('title'), image);
    for (const name of ['description', 'licenses', 'vendor', 'version', 'revision', 'base.name']) assert.ok(label(name), name);
  });

  test(`${image}: has a health check that is in the image`, async () => {
    const [{ Config }] = await dockerJson('image', 'inspect', imageOf(image));
    const [kind, program, flag] = Config.Healthcheck.Test;
    assert.equal(kind, 'CMD');
    if (programs.includes(image)) assert.deepEqual([program, flag], [Config.Entrypoint[0], '--check-health']);
    assert.ok(filesOf(image).includes(program.slice(1)), program);
  });
}

// Whether a file in a layer contains a line of the file `patterns`. The layer may be compressed.
function holdsOneOf(patterns, layer) {
  const script = 'tar -x -O -f "$1" | grep -c -a -F -f "$2" || true';
  return Number(execFileSync('bash', ['-c', script, '-', layer, patterns], { encoding: 'utf8' })) > 0;
}

for (const program of programs) {
  test(`${program}: its image contains no other program`, () => {
    const files = filesOf(program);
    const runnable = files.filter((name) => /^(usr\/)?(local\/)?s?bin\/|^usr\/local\/s?bin\//.test(name));
    assert.deepEqual(runnable, [`usr/local/bin/${program}`]);
    assert.deepEqual(files.filter((name) => /(^|\/)(apt|dpkg|perl|python[\d.]*|busybox|bash|sh|dash)$/.test(name)), []);
  });

  test(`${program}: starts with the libraries in its image and prints its settings`, async () => {
    const text = await docker('run', '--rm', '--read-only', '--network', 'none', imageOf(program), '--help');
    assert.match(text, /--check-health/);
  });
}
