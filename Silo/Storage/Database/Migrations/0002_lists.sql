-- Only SQL that SQLite and PostgreSQL share.
-- What a task cost, beside it: lists and analytics need not visit its attempts.
ALTER TABLE task_history ADD COLUMN micros BIGINT NOT NULL DEFAULT 0;

UPDATE task_history SET micros = (
    SELECT coalesce(sum(attempt_history.micros), 0) FROM attempt_history WHERE attempt_history.task_id = task_history.task_id);

-- A page is a stretch of an index, wherever in the list it lies; state and type are in it, so that a filter skips rows without reading them.
CREATE INDEX task_history_by_user ON task_history (user_id, created_ms, task_id, state, task_type);

CREATE INDEX task_history_by_creation ON task_history (created_ms, task_id, state, task_type);
