// HTTP/2 frames on a plain socket, for conversations that no client library would have.

import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

export const frameType = {
  ...{ data: 0, headers: 1, priority: 2, reset: 3, settings: 4, push: 5 },
  ...{ ping: 6, goaway: 7, windowUpdate: 8, continuation: 9 },
};
export const flag = { endStream: 1, endHeaders: 4 };
const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(type, flags, stream, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

// A header field that is not added to the table (RFC 7541, 6.2.2). Name and value are short.
export function field(name, value) {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

// The header fields of a gRPC call.
export function callOf(method) {
  return Buffer.concat([
    field(':method', 'POST'),
    field(':scheme', 'http'),
    field(':path', method),
    field(':authority', 'test'),
    field('te', 'trailers'),
    field('content-type', 'application/grpc'),
  ]);
}

// A connection that reads and ignores what the server sends. With `ca`, it is encrypted.
export class RawConnection {
  constructor(address, { ca } = {}) {
    const [host, port] = address.split(':');
    this.isEncrypted = ca !== undefined;
    this.socket = this.isEncrypted
      ? connectTls({ host, port: Number(port), ca, ALPNProtocols: ['h2'] })
      : connect(Number(port), host);
    this.socket.on('error', () => {});
    this.socket.resume();
    this.closed = new Promise((resolve) => this.socket.once('close', resolve));
  }

  async open() {
    await once(this.socket, this.isEncrypted ? 'secureConnect' : 'connect');
    await this.send(preface, frame(frameType.settings, 0, 0));
    return this;
  }

  // Returns false once the server has closed the connection.
  async send(...frames) {
    if (this.socket.destroyed || !this.socket.writable) return false;
    if (!this.socket.write(Buffer.concat(frames))) {
      await Promise.race([once(this.socket, 'drain').catch(() => {}), this.closed]);
    }
    return !this.socket.destroyed;
  }

  close() {
    this.socket.destroy();
    return this.closed;
  }
}
