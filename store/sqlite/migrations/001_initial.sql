-- Times are microseconds since 1970, UTC. What clients sent is a blob, as text
-- would have to be UTF-8. A conversation's name is a tenant's and an id of any
-- length; its tables know it by number.

CREATE TABLE conversations (
    conversation_id INTEGER PRIMARY KEY,
    tenant          TEXT    NOT NULL,
    id              TEXT    NOT NULL,
    project_id      TEXT    NOT NULL,
    user_id         TEXT    NOT NULL,
    version         INTEGER NOT NULL DEFAULT 0,
    summary_version INTEGER NOT NULL DEFAULT 0,
    metadata        TEXT    NOT NULL DEFAULT '{}' CHECK (json_type(metadata) = 'object'),
    archived        INTEGER NOT NULL DEFAULT 0,
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    UNIQUE (tenant, id)
) STRICT;

CREATE INDEX conversations_user ON conversations (tenant, user_id);
-- An index on updated_at would be written with every append; what was updated
-- before some time was created before it as well.
CREATE INDEX conversations_created ON conversations (created_at);

CREATE TABLE messages (
    conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    seq             INTEGER NOT NULL CHECK (seq > 0),
    role            TEXT    NOT NULL,
    dialect         TEXT    NOT NULL,
    raw             BLOB    NOT NULL,
    digest          BLOB    NOT NULL CHECK (length(digest) = 16),
    tokens          INTEGER NOT NULL,
    model           TEXT    NOT NULL,
    incomplete      INTEGER NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, seq)
) STRICT;

CREATE INDEX messages_created ON messages (created_at);

-- The keys of appends, and the version that each returned.
CREATE TABLE appends (
    conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    key             TEXT    NOT NULL,
    version         INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE summaries (
    conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    version         INTEGER NOT NULL CHECK (version > 0),
    through         INTEGER NOT NULL,
    fields          BLOB    NOT NULL,
    text            TEXT    NOT NULL,
    model           TEXT    NOT NULL,
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (conversation_id, version)
) STRICT;

CREATE TABLE todos (
    conversation_id INTEGER NOT NULL REFERENCES conversations ON DELETE CASCADE,
    position        INTEGER NOT NULL,
    todo_id         INTEGER NOT NULL,
    title           TEXT    NOT NULL,
    description     TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('not-started', 'in-progress', 'completed')),
    PRIMARY KEY (conversation_id, position)
) STRICT, WITHOUT ROWID;

-- The bodies come last, so that sums do not read them. A call may name a
-- conversation that is not there (yet), so it is no foreign key.
CREATE TABLE calls (
    tenant             TEXT    NOT NULL,
    created_at         INTEGER NOT NULL,
    id                 TEXT    NOT NULL,
    conversation       TEXT    NOT NULL,
    project_id         TEXT    NOT NULL,
    user_id            TEXT    NOT NULL,
    layer              TEXT    NOT NULL,
    model              TEXT    NOT NULL,
    cached             INTEGER NOT NULL,
    input_tokens       INTEGER NOT NULL,
    output_tokens      INTEGER NOT NULL,
    cost_nano          INTEGER NOT NULL,
    request_id         TEXT    NOT NULL,
    key_id             TEXT    NOT NULL,
    op                 TEXT    NOT NULL,
    role               TEXT    NOT NULL,
    provider           TEXT    NOT NULL,
    status             INTEGER NOT NULL,
    error              TEXT    NOT NULL,
    cache_read_tokens  INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    reasoning_tokens   INTEGER NOT NULL,
    cost_known         INTEGER NOT NULL,
    estimated          INTEGER NOT NULL,
    duration_ns        INTEGER NOT NULL,
    decision           BLOB,
    request            BLOB,
    answer             BLOB,
    PRIMARY KEY (tenant, created_at, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX calls_conversation ON calls (tenant, conversation, created_at) WHERE conversation <> '';
CREATE INDEX calls_user ON calls (tenant, user_id, created_at) WHERE user_id <> '';

CREATE TABLE rules (
    tenant     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    project_id TEXT    NOT NULL,
    body       BLOB    NOT NULL,
    enabled    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE responses (
    tenant     TEXT    NOT NULL,
    id         TEXT    NOT NULL,
    input      BLOB    NOT NULL,
    body       BLOB    NOT NULL,
    provider   TEXT    NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;

CREATE INDEX responses_expires ON responses (expires_at);

-- The claims of idempotency keys; status, header and body are null until one
-- is completed.
CREATE TABLE claims (
    tenant     TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    owner      TEXT    NOT NULL,
    status     INTEGER,
    header     BLOB,
    body       BLOB,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, key)
) STRICT;

CREATE INDEX claims_expires ON claims (expires_at);
