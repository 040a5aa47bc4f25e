// scripts/pedestrian-demo: starts the pipeline, sends scenes through it, shows the result, stops it.

import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { forEachLine } from '../local.d/lines.mjs';
import { Interrupted, exitCodes, interruption, makeFolder, showFailure } from '../local.d/running.mjs';
import { parseFlagsOrExit } from './flags.mjs';
import { Pipeline } from './pipeline.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const script = 'pedestrian-demo';

function readOptions(folder) {
  const options = parseFlagsOrExit(process.argv.slice(2));
  options.seed ??= Math.floor(Math.random() * 10_000);
  options.out = resolve(options.out ?? `${folder}-views`);
  if (options.data) options.data = resolve(options.data);
  if (options.summary) options.summary = resolve(options.summary);
  return options;
}

// Sends all scenes through, and shows each view and the table.
async function sendScenes(pipeline, scenes, endOf) {
  const consumer = pipeline.startEnds(scenes);
  forEachLine(consumer.child.stdout, (line) => console.log(line));
  await endOf(pipeline.endsDone());
  const count = pipeline.leaveViews(pipeline.options.out);
  console.log(`\n${count} aerial views in ${relative(process.cwd(), pipeline.options.out)}`);
  return count === scenes.count ? exitCodes.ok : exitCodes.failed;
}

async function main() {
  const folder = makeFolder(root);
  const options = readOptions(folder);
  const pipeline = new Pipeline({
    options,
    folder,
    programs: process.env.POLLBUS_PROGRAMS ?? join(root, 'build', 'release', 'bin'),
    report: (text) => console.log(text),
  });
  const interrupted = interruption(() => {
    pipeline.kill();
    process.exit(exitCodes.interrupted);
  });
  const endOf = (work) => Promise.race([work, pipeline.failure, interrupted]);

  let result;
  let done = false;
  try {
    const scenes = await endOf(pipeline.scenes());
    await endOf(pipeline.start());
    console.log('');
    result = await sendScenes(pipeline, scenes, endOf);
    done = true;
    if (!options.exit) {
      console.log(`\nThe services stay until Ctrl-C. The same scenes again:\n\n  ${pipeline.oneMoreProducer(scenes.labels)}\n`);
      await endOf(new Promise(() => {}));
    }
  } catch (error) {
    if (!(error instanceof Interrupted)) {
      showFailure(script, error);
      result = exitCodes.failed;
    } else if (!done) {
      result = exitCodes.interrupted;
    }
  }

  for (const failure of await pipeline.stop()) {
    showFailure(script, failure);
    result = exitCodes.failed;
  }
  if (result === exitCodes.failed || options.keep) {
    console.error(`\nLogs and data are kept in ${relative(process.cwd(), folder)}`);
  } else {
    pipeline.removeFiles();
  }
  process.exit(result);
}

await main();
