-- Who may do what. Runs after every migration, for those of the roles that exist (scripts/postgres-roles).
-- pollbus_recorder may add votes and receipts, read receipts, and call functions; nothing else.
-- pollbus_results may read views that show a tally only when it may be seen.
DO $$
BEGIN
  IF to_regrole('pollbus_recorder') IS NOT NULL THEN
    GRANT INSERT ON votes TO pollbus_recorder;
    GRANT INSERT, SELECT ON receipts TO pollbus_recorder;
    GRANT EXECUTE ON FUNCTION
      stored_votes(), check_counts(), apply_event(jsonb, jsonb, bigint, jsonb), applied_migrations(),
      election_events(bigint), defined_elections(text), sealed_elections(bigint[]),
      election_turnout(bigint), shows_tally(bigint), election_tally(bigint)
    TO pollbus_recorder;
  END IF;
  IF to_regrole('pollbus_results') IS NOT NULL THEN
    GRANT SELECT ON board_elections, board_events, board_turnout, board_turnout_by_minute, board_tally,
      board_receipts TO pollbus_results;
  END IF;
END $$;
