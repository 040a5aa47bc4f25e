// A subscription without a filter, which receives every message on the topic. The broker keeps the
// messages until they are read.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { v1 } from '@google-cloud/pubsub';
import { grpc } from 'google-gax';

process.env.METADATA_SERVER_DETECTION = 'none';
const maxMessages = 1_000;
const project = 'projects/local';

export class Tap {
  // `secrets` is the folder of the certificates. The operator may read everything.
  constructor(port, secrets) {
    const pem = (file) => readFileSync(join(secrets, 'operator', file));
    const sslCreds = grpc.credentials.createSsl(pem('ca.pem'), pem('key.pem'), pem('cert.pem'));
    const address = { servicePath: '127.0.0.1', port, sslCreds };
    this.client = new v1.SubscriberClient({ ...address, projectId: 'local' });
    this.name = `${project}/subscriptions/tap`;
    this.submitted = [];
    this.results = [];
  }

  async open() {
    await this.client.createSubscription({ name: this.name, topic: `${project}/topics/election`, ackDeadlineSeconds: 60 });
    return this;
  }

  // Reads all messages that are available. Repeated deliveries do no harm.
  async read() {
    for (;;) {
      const [{ receivedMessages }] = await this.client.pull({ subscription: this.name, maxMessages, returnImmediately: true });
      if (receivedMessages.length === 0) return;
      for (const { message } of receivedMessages) this.take(message);
      const ackIds = receivedMessages.map(({ ackId }) => ackId);
      await this.client.acknowledge({ subscription: this.name, ackIds });
    }
  }

  take({ attributes, data }) {
    const list = { 'submit vote': this.submitted, result: this.results }[attributes.function];
    list?.push(JSON.parse(data.toString()));
  }

  close() {
    return this.client.close();
  }
}
