-- Only SQL that SQLite and PostgreSQL share.
-- Who did what from where, and what it was before; times: how many of the same within a minute one row stands for.
ALTER TABLE audit_log ADD COLUMN address TEXT NOT NULL DEFAULT '';

ALTER TABLE audit_log ADD COLUMN value_before TEXT NOT NULL DEFAULT '';

ALTER TABLE audit_log ADD COLUMN value_after TEXT NOT NULL DEFAULT '';

ALTER TABLE audit_log ADD COLUMN times BIGINT NOT NULL DEFAULT 1;

-- Ids grow with time: a page is a stretch of one of these.
CREATE INDEX audit_log_by_actor ON audit_log (actor, audit_id);

CREATE INDEX audit_log_by_subject ON audit_log (subject, audit_id);

CREATE INDEX audit_log_by_action ON audit_log (action, audit_id);

-- closing_ms: since when it is being closed (what it has in the pool is being ended), null: it is not. temporary_ms: until when a password
-- that an admin made is good for, null: the password is the account's own.
ALTER TABLE users ADD COLUMN closing_ms BIGINT;

ALTER TABLE users ADD COLUMN temporary_ms BIGINT;

CREATE INDEX users_closing ON users (closing_ms) WHERE closing_ms IS NOT NULL;

-- From where an account was logged in to lately, as keyed hashes: who comes from there is not kept waiting by strangers' failures.
CREATE TABLE known_networks (
    user_id TEXT NOT NULL,
    network_hash TEXT NOT NULL,
    last_ms BIGINT NOT NULL,
    PRIMARY KEY (user_id, network_hash)
);

-- only_name: the one user name it is for, without letter case; empty: any.
CREATE TABLE registration_codes (
    code_id TEXT PRIMARY KEY,
    code_hash TEXT UNIQUE NOT NULL,
    made_by TEXT NOT NULL,
    made_ms BIGINT NOT NULL,
    expires_ms BIGINT NOT NULL,
    uses INTEGER NOT NULL,
    uses_left INTEGER NOT NULL CHECK (uses_left BETWEEN 0 AND uses),
    note TEXT NOT NULL,
    only_name TEXT NOT NULL
);

-- A kind more: `grant`, what an admin gave or took. A constraint cannot be changed in place.
CREATE TABLE postings_now (
    task_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('starting', 'reward', 'grant')),
    side INTEGER NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    micros BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (task_id, attempt, kind, side),
    CHECK ((side = -1 AND micros < 0) OR (side = 1 AND micros > 0)),
    CHECK (micros BETWEEN -1000000000000000 AND 1000000000000000)
);

INSERT INTO postings_now (task_id, attempt, kind, side, account_id, micros, at_ms)
    SELECT task_id, attempt, kind, side, account_id, micros, at_ms FROM postings;

DROP TABLE postings;

ALTER TABLE postings_now RENAME TO postings;

CREATE INDEX postings_by_account ON postings (account_id, at_ms);
