// What compilers and linkers check at run time (cmake/Pollbus.cmake) is in the programs that ship.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const programs = process.env.POLLBUS_PROGRAMS;
const names = ['pubsub-broker', 'voting-machine', 'voting-logger', 'voting-recorder', 'election-office', 'election-board'];
const isRelease = /^CMAKE_BUILD_TYPE:\w+=Release$/m.test(readFileSync(join(programs, '..', 'CMakeCache.txt'), 'utf8'));

const readelf = (name, ...flags) =>
  execFileSync('readelf', ['--wide', ...flags, join(programs, name)], { encoding: 'utf8', maxBuffer: 1 << 28 });

// The other presets are for development.
for (const name of isRelease ? names : []) {
  test(`${name} is position-independent, and its tables are read-only once it has started`, () => {
    const dynamic = readelf(name, '--dynamic');
    assert.match(dynamic, /FLAGS_1.*\bPIE\b/);
    assert.match(dynamic, /FLAGS_1.*\bNOW\b/);
    const segments = readelf(name, '--program-headers');
    assert.match(segments, /GNU_RELRO/);
    assert.match(segments, /GNU_STACK.* RW /);
  });

  test(`${name} checks its stack, the sizes of buffers and the bounds of containers`, () => {
    const symbols = readelf(name, '--dyn-syms');
    assert.match(symbols, /__stack_chk_fail/);
    assert.match(symbols, /__\w+_chk@GLIBC/);
    assert.match(symbols, /__glibcxx_assert_fail/);
  });
}
