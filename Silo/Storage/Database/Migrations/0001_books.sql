-- Only SQL that SQLite and PostgreSQL share. Money: integer micro-credits. Moments: milliseconds since 1970, except in the seed's table.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE silo_leases (
    silo TEXT PRIMARY KEY,
    host TEXT NOT NULL,
    until_ms BIGINT NOT NULL
);

CREATE TABLE users (
    user_id TEXT PRIMARY KEY,
    username TEXT UNIQUE NOT NULL,
    email TEXT UNIQUE NOT NULL,
    password_hash TEXT NOT NULL,
    salt TEXT NOT NULL,
    created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
    last_login TIMESTAMP,
    role TEXT DEFAULT 'user',
    is_active BOOLEAN DEFAULT TRUE,
    display_name TEXT NOT NULL,
    username_key TEXT UNIQUE NOT NULL,
    email_key TEXT UNIQUE NOT NULL
);

CREATE TABLE accounts (
    account_id TEXT PRIMARY KEY,
    balance_micros BIGINT NOT NULL
);

-- side: -1 the payer's line, 1 the payee's. One of each per task, attempt and kind: nothing is paid twice, also where payer is payee.
CREATE TABLE postings (
    task_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('starting', 'reward')),
    side INTEGER NOT NULL,
    account_id TEXT NOT NULL REFERENCES accounts (account_id),
    micros BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    PRIMARY KEY (task_id, attempt, kind, side),
    CHECK ((side = -1 AND micros < 0) OR (side = 1 AND micros > 0)),
    CHECK (micros BETWEEN -1000000000000000 AND 1000000000000000)
);

CREATE INDEX postings_by_account ON postings (account_id, at_ms);

CREATE TABLE task_history (
    task_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    task_type TEXT NOT NULL,
    state INTEGER NOT NULL CHECK (state BETWEEN 4 AND 7),
    reason TEXT NOT NULL,
    created_ms BIGINT NOT NULL,
    started_ms BIGINT,
    ended_ms BIGINT NOT NULL,
    node_id TEXT,
    attempts INTEGER NOT NULL,
    result_sha256 TEXT NOT NULL,
    result_size BIGINT NOT NULL,
    run_ms BIGINT NOT NULL CHECK (run_ms BETWEEN 0 AND 1000000000000)
);

CREATE INDEX task_history_by_end ON task_history (ended_ms);

CREATE TABLE attempt_history (
    task_id TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    node_id TEXT NOT NULL,
    run_ms BIGINT NOT NULL CHECK (run_ms BETWEEN 0 AND 1000000000000),
    micros BIGINT NOT NULL CHECK (micros BETWEEN 0 AND 1000000000000000),
    PRIMARY KEY (task_id, attempt)
);

CREATE TABLE node_totals (
    node_id TEXT PRIMARY KEY,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    run_ms BIGINT NOT NULL,
    earned_micros BIGINT NOT NULL
);

-- hour: hours since 1970; run_ms: of the completed tasks.
CREATE TABLE hourly_stats (
    hour BIGINT PRIMARY KEY,
    completed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    run_ms BIGINT NOT NULL
);

CREATE TABLE parked_settlements (
    task_id TEXT PRIMARY KEY,
    payload TEXT NOT NULL,
    error TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);

CREATE TABLE audit_log (
    audit_id TEXT PRIMARY KEY,
    at_ms BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL
);
