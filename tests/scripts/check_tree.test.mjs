import assert from 'node:assert/strict';
import { test } from 'node:test';

import { breachesIn } from '../../scripts/check-tree.mjs';

const header = (...includes) => ['#pragma once', ...includes.map((name) => `#include ${name}`)].join('\n');

test('a tree that keeps the rules is accepted', () => {
  const breaches = breachesIn({
    'src/bus/CMakeLists.txt': 'pollbus_library(bus\n SOURCES admin.cc\n DEPENDS pollbus::base gRPC::grpc++)',
    'src/bus/admin.h': header('"base/status.h"'),
    'src/bus/admin.cc': '#include "bus/admin.h"\n#include <grpcpp/grpcpp.h>',
    'src/voting_logger/handler.h': header('"bus/admin.h"', '"stores/voter_register.h"'),
  });
  assert.deepEqual(breaches, []);
});

test('a folder must not include one above it', () => {
  const [breach] = breachesIn({ 'src/base/clock.h': header('"bus/admin.h"') });
  assert.match(breach, /base must not include bus\/admin\.h/);
});

test('the core of the broker includes neither the service around it nor gRPC', () => {
  const breaches = breachesIn({
    'src/broker/service/server.h': header('"broker/core/filter.h"', '<grpcpp/grpcpp.h>'),
    'src/broker/core/filter.h': header('"broker/service/server.h"'),
  });
  assert.deepEqual(breaches, [
    'src/broker/core/filter.h: broker/core must not include broker/service/server.h',
    'src/broker/core/filter.h: gRPC must stay out of broker/core: broker/service/server.h -> grpcpp/grpcpp.h',
  ]);
});

test('a folder without a rule is reported', () => {
  const [breach] = breachesIn({ 'src/broker/attic/a.h': header() });
  assert.match(breach, /no rule for the folder broker\/attic/);
});

test('services must not include each other', () => {
  const [breach] = breachesIn({ 'src/voting_logger/a.h': header('"voting_recorder/b.h"') });
  assert.match(breach, /voting_logger must not include voting_recorder/);
});

test('gRPC must not reach a service through a header of the bus', () => {
  const breaches = breachesIn({
    'src/bus/stubs.h': header('<google/pubsub/v1/pubsub.grpc.pb.h>'),
    'src/bus/admin.h': header('"bus/stubs.h"'),
    'src/voting_machine/a.h': header('"bus/admin.h"'),
  });
  assert.equal(breaches.length, 1);
  assert.match(breaches[0], /gRPC must stay out of voting_machine: bus\/admin\.h -> bus\/stubs\.h/);
});

test('only stores may use hiredis and libpq', () => {
  const breaches = breachesIn({
    'src/voting_logger/a.h': header('<hiredis/hiredis.h>'),
    'src/voting_recorder/a.h': header('<libpq-fe.h>'),
    'src/stores/a.h': header('<hiredis/hiredis.h>', '<libpq-fe.h>'),
  });
  assert.equal(breaches.length, 2);
});

test('a folder makes one library from all its sources', () => {
  const breaches = breachesIn({
    'src/election/CMakeLists.txt': 'pollbus_library(votes SOURCES wire.cc)',
    'src/election/wire.cc': '',
    'src/election/uuid.cc': '',
  });
  assert.deepEqual(breaches, [
    'src/election/CMakeLists.txt: must make the one library election, makes votes',
    'src/election/CMakeLists.txt: does not build uuid.cc',
  ]);
});

test('a target must not link what its folder must not include', () => {
  const breaches = breachesIn({
    'src/broker/CMakeLists.txt': 'pollbus_library(broker DEPENDS pollbus::bus PkgConfig::libpq)',
  });
  assert.deepEqual(breaches, [
    'src/broker/CMakeLists.txt: broker must not link pollbus::bus',
    'src/broker/CMakeLists.txt: libpq must stay out of broker',
  ]);
});
