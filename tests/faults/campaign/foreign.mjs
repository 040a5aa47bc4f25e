// How messages that the campaign publishes itself differ from those of the election.

// An attribute on each: a repeated copy, a bad message, a forged vote.
export const attributes = { copy: 'faultsCopy', poison: 'faultsPoison', forged: 'faultsForged' };

// The machine id in bad and forged messages. No machine has it, so nobody waits for the answers.
export const forger = 999_999;
