-- Only SQL that SQLite and PostgreSQL share.
-- Which files an ended task's outputs are, and since when they are gone: the collector of files asks by hash.
ALTER TABLE task_history ADD COLUMN stderr_sha256 TEXT NOT NULL DEFAULT '';

ALTER TABLE task_history ADD COLUMN stderr_size BIGINT NOT NULL DEFAULT 0;

ALTER TABLE task_history ADD COLUMN expired_ms BIGINT;

-- Only outputs that are files: smaller ones are in the task's own record.
CREATE INDEX task_history_by_result ON task_history (result_sha256, ended_ms) WHERE result_size > 4096;

CREATE INDEX task_history_by_stderr ON task_history (stderr_sha256, ended_ms) WHERE stderr_size > 4096;
