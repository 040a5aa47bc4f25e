// A Pub/Sub emulator that somebody else runs: our topic on it, by the official client.

import { LocalFailure } from '../local.d/part.mjs';
import { somebodyListens } from '../local.d/ports.mjs';

const timeoutMs = 20_000;

// Throws when the emulator does not answer. Returns what takes everything of ours away again.
export async function createTopicOn(hostAndPort, project, topic) {
  const [host, port] = [hostAndPort.slice(0, hostAndPort.lastIndexOf(':')), hostAndPort.split(':').at(-1)];
  if (!(await somebodyListens(Number(port), host))) throw new LocalFailure(`nobody listens at ${hostAndPort}`);
  process.env.PUBSUB_EMULATOR_HOST = hostAndPort;
  // The client need not look for a Google Cloud machine around itself.
  process.env.METADATA_SERVER_DETECTION = 'none';
  const { PubSub } = await import('@google-cloud/pubsub');
  const client = new PubSub({ projectId: project });
  await inTime(client.createTopic(topic), `the Pub/Sub emulator at ${hostAndPort} does not answer`);
  return async () => {
    await inTime(removeAll(client), `cannot clean up on ${hostAndPort}`);
    await client.close();
  };
}

// The project's name is this demo's own, and so is all that is in it.
async function removeAll(client) {
  const [subscriptions] = await client.getSubscriptions();
  for (const subscription of subscriptions) await subscription.delete();
  const [topics] = await client.getTopics();
  for (const topic of topics) await topic.delete();
}

async function inTime(promise, complaint) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new LocalFailure(complaint)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
