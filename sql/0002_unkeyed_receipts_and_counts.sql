-- A receipt is now a hash without a key (src/election/receipt.h), and a hash of the vote's content
-- stands beside it, so that a different vote with the same UUID is noticed. Receipts of the earlier
-- form cannot be converted; the recorder refuses to migrate a database that holds any.
ALTER TABLE receipts ADD COLUMN content bytea NOT NULL;

-- The number of stored votes of each election, to be compared with the number of marks in Redis.
-- The number is the sum over all slots: each database session updates a slot of its own, so that
-- recorders do not wait for each other's commits. Half-full pages allow updates in place.
CREATE TABLE vote_counts (
  electionid bigint,
  slot smallint,
  votes bigint NOT NULL,
  PRIMARY KEY (electionid, slot)
) WITH (fillfactor = 50);
