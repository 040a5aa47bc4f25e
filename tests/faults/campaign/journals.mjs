// Reads the journals of voting machines from outside. The format is that of
// src/voting_machine/journal.cc: records of 512 bytes, of which the first is the header; each other
// record is free (zeros) or holds a checksum, the length of a message at byte 8, and the message,
// which is a `submit vote`, at byte 16.

import { readFileSync } from 'node:fs';

const recordBytes = 512;
const lengthOffset = 8;
const messageOffset = 16;

// The vote in a `submit vote` message, or undefined if the text is not one.
export function parseVote(text) {
  try {
    const { UUID, election_ID, machine_ID, voter_ID, voting } = JSON.parse(text);
    if (typeof UUID !== 'string' || typeof voting !== 'number') return undefined;
    return { uuid: UUID.toLowerCase(), election: election_ID, machine: machine_ID, voter: voter_ID, choice: voting };
  } catch {
    return undefined;
  }
}

export function votesInJournal(bytes) {
  const votes = [];
  for (let record = recordBytes; record + recordBytes <= bytes.length; record += recordBytes) {
    const length = bytes.readUInt16LE(record + lengthOffset);
    if (length === 0 || messageOffset + length > recordBytes) continue;
    const begin = record + messageOffset;
    const vote = parseVote(bytes.toString('utf8', begin, begin + length));
    if (vote) votes.push(vote);
  }
  return votes;
}

// The votes in a journal; none if the machine has not made the file yet.
export function readJournal(file) {
  try {
    return votesInJournal(readFileSync(file));
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}
