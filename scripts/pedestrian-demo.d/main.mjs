// scripts/pedestrian-demo: starts the pipeline, sends scenes through it, prints the results, stops it.

import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { forEachLine } from '../local.d/lines.mjs';
import { Interrupted, exitCodes, interruption, makeFolder, showFailure } from '../local.d/running.mjs';
import { parseFlagsOrExit } from './flags.mjs';
import { Pipeline } from './pipeline.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const script = 'pedestrian-demo';

function complete(options, folder) {
  options.seed ??= Math.floor(Math.random() * 10_000);
  options.out = resolve(options.out ?? `${folder}-views`);
  if (options.data) options.data = resolve(options.data);
  if (options.summary) options.summary = resolve(options.summary);
  return options;
}

const show = (part) => forEachLine(part.child.stdout, (line) => console.log(line));

// Sends all scenes through the pipeline and prints each view and the summary.
async function sendScenes(pipeline, scenes, endOf) {
  show(pipeline.startConsumer(scenes, scenes.count));
  pipeline.startProducer(scenes);
  await endOf(pipeline.endsDone());
  const count = pipeline.leaveViews(pipeline.options.out);
  const out = relative(process.cwd(), pipeline.options.out) || '.';
  console.log(`\n${count} aerial views in ${out}; ${out}/sheets shows each beside the two camera frames.`);
  return count === scenes.count ? exitCodes.ok : exitCodes.failed;
}

async function main() {
  const given = parseFlagsOrExit(process.argv.slice(2));
  const folder = makeFolder(root);
  const options = complete(given, folder);
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
      console.log(`\nThe services stay until Ctrl-C. More scenes:\n\n  ${pipeline.moreScenes()}\n`);
      show(pipeline.startConsumer(scenes, 0));
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
  if (done && !options.exit) pipeline.leaveViews(options.out);
  if (result === exitCodes.failed || options.keep) {
    console.error(`\nLogs and data are kept in ${relative(process.cwd(), folder)}`);
  } else {
    pipeline.removeFiles();
  }
  process.exit(result);
}

await main();
