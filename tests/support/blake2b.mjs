// BLAKE2b (RFC 7693) with key, salt and personalization, which Node's own crypto does not offer.

const mask = (1n << 64n) - 1n;
const iv = [
  0x6a09e667f3bcc908n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn, 0xa54ff53a5f1d36f1n,
  0x510e527fade682d1n, 0x9b05688c2b3e6c1fn, 0x1f83d9abfb41bd6bn, 0x5be0cd19137e2179n,
];
const sigma = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0],
];
const lanes = [
  [0, 4, 8, 12], [1, 5, 9, 13], [2, 6, 10, 14], [3, 7, 11, 15],
  [0, 5, 10, 15], [1, 6, 11, 12], [2, 7, 8, 13], [3, 4, 9, 14],
];
const blockBytes = 128;

const rotated = (word, bits) => ((word >> BigInt(bits)) | (word << BigInt(64 - bits))) & mask;

function mix(v, [a, b, c, d], x, y) {
  v[a] = (v[a] + v[b] + x) & mask;
  v[d] = rotated(v[d] ^ v[a], 32);
  v[c] = (v[c] + v[d]) & mask;
  v[b] = rotated(v[b] ^ v[c], 24);
  v[a] = (v[a] + v[b] + y) & mask;
  v[d] = rotated(v[d] ^ v[a], 16);
  v[c] = (v[c] + v[d]) & mask;
  v[b] = rotated(v[b] ^ v[c], 63);
}

function compress(h, block, count, isLast) {
  const words = Array.from({ length: 16 }, (_, i) => block.readBigUInt64LE(8 * i));
  const v = [...h, ...iv];
  v[12] ^= count;
  if (isLast) v[14] ^= mask;
  for (let round = 0; round < 12; round += 1) {
    const order = sigma[round % sigma.length];
    lanes.forEach((lane, i) => mix(v, lane, words[order[2 * i]], words[order[2 * i + 1]]));
  }
  return h.map((word, i) => word ^ v[i] ^ v[i + 8]);
}

// The parameter block of RFC 7693, section 2.5: lengths of digest and key, fanout 1 and depth 1;
// then salt and personalization.
function initial({ digestBytes, key, salt, personal }) {
  const parameters = Buffer.alloc(64);
  parameters.set([digestBytes, key.length, 1, 1]);
  parameters.set(salt, 32);
  parameters.set(personal, 48);
  return iv.map((word, i) => word ^ parameters.readBigUInt64LE(8 * i));
}

const nothing = Buffer.alloc(0);

export function blake2b(data, { digestBytes = 32, key = nothing, salt = nothing, personal = nothing } = {}) {
  const keyBlock = key.length > 0 ? Buffer.concat([key, Buffer.alloc(blockBytes - key.length)]) : nothing;
  const input = Buffer.concat([keyBlock, data]);
  const blocks = Math.max(1, Math.ceil(input.length / blockBytes));
  let h = initial({ digestBytes, key, salt, personal });
  for (let i = 0; i < blocks; i += 1) {
    const end = Math.min(input.length, (i + 1) * blockBytes);
    const block = Buffer.alloc(blockBytes);
    input.copy(block, 0, i * blockBytes, end);
    h = compress(h, block, BigInt(end), i === blocks - 1);
  }
  const digest = Buffer.alloc(64);
  h.forEach((word, i) => digest.writeBigUInt64LE(word, 8 * i));
  return digest.subarray(0, digestBytes);
}
