-- Elections that an office defines, opens, closes, seals and certifies (docs/elections.md), and counts
-- by machine and choice.

-- The votes of each defined election are a partition of their own, because sealing rewrites them. All
-- other votes are in the default partition. Only partitions have a primary key: one on the whole table
-- would have to contain the election.
ALTER TABLE votes RENAME TO votes_default;
ALTER TABLE votes_default RENAME CONSTRAINT votes_pkey TO votes_default_pkey;
CREATE TABLE votes (
  id uuid NOT NULL,
  electionid bigint NOT NULL,
  machineid bigint NOT NULL,
  voting integer NOT NULL
) PARTITION BY LIST (electionid);
ALTER TABLE votes ATTACH PARTITION votes_default DEFAULT;

-- The number of stored votes, kept by the transaction that stores them. The number is the sum over all
-- slots: each session of a recorder has a slot of its own, so that recorders do not wait for each
-- other's commits. Half-full pages allow updates in place.
DO $$
BEGIN
  IF (SELECT coalesce(sum(votes), 0) FROM vote_counts) <> (SELECT count(*) FROM votes) THEN
    RAISE EXCEPTION 'the database has lost votes: vote_counts has a larger sum than votes has rows'
      USING ERRCODE = '55000';
  END IF;
END $$;
DROP TABLE vote_counts;
CREATE TABLE vote_counts (
  electionid bigint,
  machineid bigint,
  voting integer,
  slot smallint,
  votes bigint NOT NULL,
  PRIMARY KEY (electionid, machineid, voting, slot)
) PARTITION BY LIST (electionid);
CREATE TABLE vote_counts_default PARTITION OF vote_counts DEFAULT WITH (fillfactor = 50);
INSERT INTO vote_counts
  SELECT electionid, machineid, voting, 0, count(*) FROM votes GROUP BY 1, 2, 3;

-- The number of votes that were stored in a minute. Says nothing about machine or choice.
CREATE TABLE turnout (
  electionid bigint,
  minute timestamptz,
  slot smallint,
  votes bigint NOT NULL,
  PRIMARY KEY (electionid, minute, slot)
) WITH (fillfactor = 50);

-- What the office did to an election: signed events in a chain. data is text exactly as it was signed;
-- signature and hash are lower-case hexadecimal digits.
CREATE TABLE events (
  electionid bigint,
  sequence bigint,
  kind text NOT NULL,
  data text NOT NULL,
  signature text NOT NULL,
  hash text NOT NULL,
  PRIMARY KEY (electionid, sequence)
);

-- The state that the events of an election lead to. phase is by events alone, without the clock.
CREATE TABLE elections (
  electionid bigint PRIMARY KEY,
  event text NOT NULL,
  phase text NOT NULL,
  is_live boolean NOT NULL,
  is_test boolean NOT NULL,
  opens_utc_ms bigint,
  closes_utc_ms bigint,
  sequence bigint NOT NULL
);
CREATE INDEX elections_event ON elections (event);

-- --- Counting ------------------------------------------------------------------------------------

-- pollbus.count_slot is a setting of the recorder's session.
CREATE FUNCTION count_votes() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = public, pg_temp AS $$
DECLARE
  own_slot smallint := coalesce(nullif(current_setting('pollbus.count_slot', true), ''), '0')::smallint;
BEGIN
  INSERT INTO vote_counts AS counted
    SELECT electionid, machineid, voting, own_slot, count(*) FROM added GROUP BY 1, 2, 3
    ORDER BY 1, 2, 3
  ON CONFLICT (electionid, machineid, voting, slot)
    DO UPDATE SET votes = counted.votes + excluded.votes;
  INSERT INTO turnout AS counted
    SELECT electionid, date_trunc('minute', now()), own_slot, count(*) FROM added GROUP BY 1
    ORDER BY 1
  ON CONFLICT (electionid, minute, slot) DO UPDATE SET votes = counted.votes + excluded.votes;
  RETURN NULL;
END $$;
CREATE TRIGGER count_votes AFTER INSERT ON votes REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION count_votes();

-- Functions that read counts lock the tables first, because a snapshot that is older than a seal would
-- find them empty: TRUNCATE is not safe for earlier snapshots, and a statement takes its own snapshot
-- before it waits for locks.
CREATE FUNCTION stored_votes() RETURNS TABLE (election bigint, stored bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  LOCK TABLE vote_counts IN ACCESS SHARE MODE;
  RETURN QUERY SELECT electionid, sum(votes)::bigint FROM vote_counts GROUP BY electionid;
END $$;

-- Compares the counts with the rows, in one snapshot: how many votes were counted but are no longer
-- there, and how many are there but were not counted.
CREATE FUNCTION check_counts() RETURNS TABLE (missing bigint, uncounted bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  LOCK TABLE votes, vote_counts IN ACCESS SHARE MODE;
  RETURN QUERY
    SELECT coalesce(sum(greatest(coalesce(counted.n, 0) - coalesce(held.n, 0), 0)), 0)::bigint,
           coalesce(sum(greatest(coalesce(held.n, 0) - coalesce(counted.n, 0), 0)), 0)::bigint
    FROM (
      SELECT electionid, machineid, voting, sum(votes) AS n FROM vote_counts GROUP BY 1, 2, 3
    ) AS counted FULL JOIN (
      SELECT electionid, machineid, voting, count(*) AS n FROM votes GROUP BY 1, 2, 3
    ) AS held USING (electionid, machineid, voting);
END $$;

-- --- Events --------------------------------------------------------------------------------------

-- Returns '' or why the election cannot be defined. The locks wait for transactions that are adding
-- votes to the default partition.
CREATE FUNCTION make_partitions(election bigint) RETURNS text LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
  early bigint;
BEGIN
  LOCK TABLE votes_default, vote_counts_default IN ACCESS EXCLUSIVE MODE;
  SELECT sum(votes) INTO early FROM vote_counts_default WHERE electionid = election;
  IF early > 0 THEN
    RETURN format('the election has %s votes that were cast before it was defined; '
                  'choose an election_ID that was never used', early);
  END IF;
  EXECUTE format('CREATE TABLE votes_%s (LIKE votes INCLUDING ALL, PRIMARY KEY (id))', election);
  EXECUTE format('CREATE TABLE vote_counts_%s (LIKE vote_counts INCLUDING ALL) WITH (fillfactor = 50)',
                 election);
  EXECUTE format('ALTER TABLE votes ATTACH PARTITION votes_%1$s FOR VALUES IN (%1$s)', election);
  EXECUTE format('ALTER TABLE vote_counts ATTACH PARTITION vote_counts_%1$s FOR VALUES IN (%1$s)',
                 election);
  RETURN '';
END $$;

CREATE FUNCTION refuse_change_after_seal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the election is sealed' USING ERRCODE = 'PB001';
END $$;

-- Returns '' or why the election cannot be sealed. After a seal no vote can be added: the lock waits
-- for transactions that are adding votes, and those that come later meet the trigger, whatever their
-- snapshot. The rows are written anew in random order and under new ids, so that neither their
-- place nor their transaction tells when a vote was stored; the old storage, with everything that
-- was deleted from it, is given up (TRUNCATE).
CREATE FUNCTION seal_votes(election bigint, marks bigint) RETURNS text LANGUAGE plpgsql
SET search_path = public, pg_temp AS $$
DECLARE
  held bigint;
BEGIN
  SELECT coalesce(sum(votes), 0) INTO held FROM vote_counts WHERE electionid = election;
  IF held <> marks THEN
    RETURN format('%s votes are stored, and %s voters are marked', held, marks);
  END IF;
  EXECUTE format('LOCK TABLE votes_%s IN ACCESS EXCLUSIVE MODE', election);
  EXECUTE format('CREATE TEMPORARY TABLE sealed_votes ON COMMIT DROP AS SELECT gen_random_uuid() AS id, '
                 'electionid, machineid, voting FROM votes_%s', election);
  SELECT count(*) INTO held FROM pg_temp.sealed_votes;
  IF held <> marks THEN
    DROP TABLE pg_temp.sealed_votes;
    RETURN format('%s votes are stored, and %s voters are marked', held, marks);
  END IF;
  CREATE TEMPORARY TABLE sealed_counts ON COMMIT DROP AS
    SELECT electionid, machineid, voting, 0::smallint AS slot, count(*) AS votes
    FROM pg_temp.sealed_votes GROUP BY 1, 2, 3;
  IF EXISTS (
    SELECT FROM pg_temp.sealed_counts AS held FULL JOIN (
      SELECT machineid, voting, sum(votes) AS votes FROM vote_counts WHERE electionid = election
      GROUP BY 1, 2) AS counted USING (machineid, voting)
    WHERE held.votes IS DISTINCT FROM counted.votes) THEN
    DROP TABLE pg_temp.sealed_votes, pg_temp.sealed_counts;
    RETURN 'the counts of the votes differ from the votes: the database was changed by hand';
  END IF;
  EXECUTE format('TRUNCATE votes_%s', election);
  EXECUTE format('INSERT INTO votes_%s SELECT * FROM pg_temp.sealed_votes ORDER BY id', election);
  EXECUTE format('CREATE TRIGGER sealed BEFORE INSERT OR UPDATE OR DELETE ON votes_%s FOR EACH ROW '
                 'EXECUTE FUNCTION refuse_change_after_seal()', election);
  EXECUTE format('TRUNCATE vote_counts_%s', election);
  EXECUTE format('INSERT INTO vote_counts_%s SELECT * FROM pg_temp.sealed_counts', election);
  EXECUTE format('CREATE TRIGGER sealed BEFORE INSERT OR UPDATE OR DELETE ON vote_counts_%s FOR EACH ROW '
                 'EXECUTE FUNCTION refuse_change_after_seal()', election);
  DROP TABLE pg_temp.sealed_votes, pg_temp.sealed_counts;
  RETURN '';
END $$;

-- Returns '' or why the tally, [{"voting":…,"votes":…}…], cannot be certified.
CREATE FUNCTION check_tally(election bigint, tally jsonb) RETURNS text LANGUAGE sql STABLE
SET search_path = public, pg_temp AS $$
  SELECT CASE WHEN EXISTS (
    SELECT FROM (SELECT voting, count(*)::numeric AS n FROM votes WHERE electionid = election GROUP BY 1) held
    FULL JOIN (
      SELECT voting, sum(votes) AS n FROM jsonb_to_recordset(tally) AS t (voting integer, votes bigint)
      GROUP BY 1 HAVING sum(votes) <> 0) claimed USING (voting)
    WHERE held.n IS DISTINCT FROM claimed.n)
  THEN 'the tally differs from the stored votes' ELSE '' END
$$;

-- Stores an event, does to the votes what it says, and returns ''. Otherwise changes nothing and
-- returns 'taken' if the election has an event with this sequence number, or a sentence that says why
-- the event is refused. `event` and `state` are rows of the two tables; the caller has checked the
-- signature and computed the state. Officials wait for each other.
CREATE FUNCTION apply_event(event jsonb, state jsonb, marks bigint, tally jsonb) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '5s' AS $$
DECLARE
  new_event events := jsonb_populate_record(NULL::events, event);
  new_state elections := jsonb_populate_record(NULL::elections, state);
  last bigint;
  refusal text := '';
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('pollbus election', new_event.electionid));
  SELECT coalesce(max(sequence), 0) INTO last FROM events WHERE electionid = new_event.electionid;
  IF new_event.sequence <= last THEN RETURN 'taken'; END IF;
  IF new_event.sequence <> last + 1 THEN
    RETURN format('event %s is missing', last + 1);
  END IF;
  IF new_event.kind = 'define' THEN
    refusal := make_partitions(new_event.electionid);
  ELSIF new_event.kind = 'seal' THEN
    refusal := seal_votes(new_event.electionid, marks);
  ELSIF new_event.kind = 'certify' THEN
    refusal := check_tally(new_event.electionid, tally);
  END IF;
  IF refusal <> '' THEN RETURN refusal; END IF;
  INSERT INTO events SELECT new_event.*;
  DELETE FROM elections WHERE electionid = new_state.electionid;
  INSERT INTO elections SELECT new_state.*;
  RETURN '';
END $$;

-- --- What a recorder may know ---------------------------------------------------------------------

CREATE FUNCTION applied_migrations() RETURNS TABLE (version integer, name text, checksum text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT version, name, checksum FROM schema_migrations ORDER BY version
$$;

CREATE FUNCTION election_events(election bigint) RETURNS TABLE (data text, signature text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT data, signature FROM events WHERE electionid = election ORDER BY sequence
$$;

-- The defined elections of an event, or all if the name is null.
CREATE FUNCTION defined_elections(event_name text) RETURNS TABLE (electionid bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT electionid FROM elections WHERE event_name IS NULL OR event = event_name ORDER BY electionid
$$;

CREATE FUNCTION sealed_elections(wanted bigint[]) RETURNS TABLE (electionid bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT electionid FROM elections
  WHERE electionid = ANY (wanted) AND phase IN ('sealed', 'certified')
$$;

CREATE FUNCTION election_turnout(election bigint) RETURNS TABLE (machine bigint, stored bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  LOCK TABLE vote_counts IN ACCESS SHARE MODE;
  RETURN QUERY SELECT machineid, sum(votes)::bigint FROM vote_counts WHERE electionid = election
    GROUP BY machineid ORDER BY machineid;
END $$;

-- --- What everybody may know (role pollbus_results) -------------------------------------------------

-- Readers of more than one view should begin with LOCK TABLE … IN ACCESS SHARE MODE (see above).

-- shows_tally: the election is closed, by an event or by the clock, or shows its tally while it is open.
CREATE VIEW board_elections WITH (security_barrier) AS
  SELECT *, is_live OR phase IN ('closed', 'sealed', 'certified')
            OR coalesce(closes_utc_ms <= extract(epoch FROM clock_timestamp()) * 1000, false)
    AS shows_tally
  FROM elections;

CREATE VIEW board_events WITH (security_barrier) AS
  SELECT electionid, sequence, kind, data, signature, hash FROM events;

CREATE VIEW board_turnout WITH (security_barrier) AS
  SELECT electionid, machineid, sum(votes)::bigint AS votes FROM vote_counts GROUP BY 1, 2;

CREATE VIEW board_turnout_by_minute WITH (security_barrier) AS
  SELECT electionid, minute, sum(votes)::bigint AS votes FROM turnout GROUP BY 1, 2;

-- A choice without a vote has no row.
CREATE VIEW board_tally WITH (security_barrier) AS
  SELECT electionid, voting, sum(votes)::bigint AS votes FROM vote_counts
  WHERE electionid IN (SELECT electionid FROM board_elections WHERE shows_tally)
  GROUP BY 1, 2;

CREATE VIEW board_receipts WITH (security_barrier) AS SELECT receipt, electionid FROM receipts;

-- For recorders, which must not read tables or views.
CREATE FUNCTION shows_tally(election bigint) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT coalesce((SELECT shows_tally FROM board_elections WHERE electionid = election), false)
$$;

CREATE FUNCTION election_tally(election bigint) RETURNS TABLE (choice integer, stored bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
BEGIN
  LOCK TABLE vote_counts IN ACCESS SHARE MODE;
  RETURN QUERY SELECT voting, votes FROM board_tally WHERE electionid = election ORDER BY voting;
END $$;

REVOKE EXECUTE ON FUNCTION
  count_votes(), stored_votes(), check_counts(), make_partitions(bigint),
  refuse_change_after_seal(), seal_votes(bigint, bigint), check_tally(bigint, jsonb),
  apply_event(jsonb, jsonb, bigint, jsonb), applied_migrations(),
  election_events(bigint), defined_elections(text), sealed_elections(bigint[]),
  election_turnout(bigint), shows_tally(bigint), election_tally(bigint)
FROM PUBLIC;
