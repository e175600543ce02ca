-- Only SQL that SQLite and PostgreSQL share.
-- The record of an ended task leaves the floor some time after it was settled: kept here first, noted in its row when it is gone there.
CREATE TABLE task_records (
    task_id TEXT PRIMARY KEY,
    record TEXT NOT NULL
);

ALTER TABLE task_history ADD COLUMN erased_ms BIGINT;

CREATE INDEX task_history_in_floor ON task_history (ended_ms, task_id) WHERE erased_ms IS NULL;

-- What an account's outputs take, added up over the few tasks that have such.
CREATE INDEX task_history_outputs ON task_history (user_id, result_size, stderr_size)
    WHERE expired_ms IS NULL AND (result_size > 4096 OR stderr_size > 4096);
