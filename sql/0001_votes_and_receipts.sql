-- A vote is nobody's: a random key, no time, and nothing that leads to a receipt.
CREATE TABLE votes (
  id uuid PRIMARY KEY,
  electionid bigint NOT NULL,
  machineid bigint NOT NULL,
  voting integer NOT NULL
);

-- That a vote is stored: a keyed hash of its election and UUID.
CREATE TABLE receipts (
  receipt bytea PRIMARY KEY,
  electionid bigint NOT NULL
);
