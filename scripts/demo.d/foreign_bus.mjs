// A Pub/Sub emulator that somebody else runs: our topic on it, by the official client.

const timeoutMs = 20_000;

// Throws when the emulator does not answer. Returns what takes everything of ours away again.
export async function createTopicOn(hostAndPort, project, topic) {
  process.env.PUBSUB_EMULATOR_HOST = hostAndPort;
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
    timer = setTimeout(() => reject(new Error(complaint)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
