// Uses a Pub/Sub emulator that the demo did not start, through the official client.

import { LocalFailure } from '../local.d/part.mjs';
import { somebodyListens, splitHostAndPort } from '../local.d/ports.mjs';

const timeoutMs = 20_000;

// Creates the topic. Returns a function that deletes everything in the project. Throws when the
// emulator does not answer.
export async function createTopicOn(address, project, topic) {
  const { host, port } = splitHostAndPort(address);
  if (!(await somebodyListens(port, host))) throw new LocalFailure(`no server listens at ${address}`);
  process.env.PUBSUB_EMULATOR_HOST = address;
  // Keeps the client from looking for the metadata server of Google Cloud.
  process.env.METADATA_SERVER_DETECTION = 'none';
  const { PubSub } = await import('@google-cloud/pubsub');
  const client = new PubSub({ projectId: project });
  await withinTimeout(client.createTopic(topic), `the Pub/Sub emulator at ${address} does not answer`);
  return async () => {
    await withinTimeout(removeAll(client), `cannot clean up on ${address}`);
    await client.close();
  };
}

// Only this demo uses the project, so everything in it can go.
async function removeAll(client) {
  const [subscriptions] = await client.getSubscriptions();
  for (const subscription of subscriptions) await subscription.delete();
  const [topics] = await client.getTopics();
  for (const topic of topics) await topic.delete();
}

async function withinTimeout(promise, complaint) {
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
