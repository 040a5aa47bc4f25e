// Message authentication as docs/wire-format.md describes it, without the code of the services.

import { blake2b } from './blake2b.mjs';

function withLength(text) {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(bytes.length));
  return Buffer.concat([length, bytes]);
}

export function deriveKey(mainKey, context, id) {
  const salt = Buffer.alloc(16);
  salt.writeBigUInt64LE(BigInt(id));
  return blake2b(Buffer.alloc(0), { key: mainKey, salt, personal: Buffer.from(context) });
}

export function macOf(key, { functionName, machine = '', data }) {
  return blake2b(Buffer.concat([functionName, machine, data].map(withLength)), { key }).toString('hex');
}

// The two keys of a machine, from SUBMIT_KEY and RESULT_KEY in hexadecimal digits.
export function machineKeys({ SUBMIT_KEY, RESULT_KEY }, machine) {
  const derived = (hex, context) => deriveKey(Buffer.from(hex, 'hex'), context, machine).toString('hex');
  return {
    MACHINE_SUBMIT_KEY: derived(SUBMIT_KEY, 'pollbusS'),
    MACHINE_RESULT_KEY: derived(RESULT_KEY, 'pollbusR'),
  };
}
