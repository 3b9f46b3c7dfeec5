-- What clients and models wrote is bytea: text holds no zero byte. JSON that is
-- to come back to the byte is json or bytea; jsonb is for what is searched.
-- Names are compared by their bytes. A conversation's name is a tenant's and an
-- id; its tables know it by number.

CREATE TABLE conversations (
    conversation_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenant          text        COLLATE "C" NOT NULL,
    id              text        COLLATE "C" NOT NULL,
    project_id      text        COLLATE "C" NOT NULL,
    user_id         text        COLLATE "C" NOT NULL,
    version         bigint      NOT NULL DEFAULT 0,
    summary_version bigint      NOT NULL DEFAULT 0,
    metadata        jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(metadata) = 'object'),
    archived        boolean     NOT NULL DEFAULT false,
    -- The times of its oldest and newest message: who reads it looks only into
    -- the partitions in between.
    oldest_at       timestamptz NOT NULL DEFAULT 'infinity',
    newest_at       timestamptz NOT NULL DEFAULT '-infinity',
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    UNIQUE (tenant, id)
) WITH (fillfactor = 80);
-- Every append updates its row. With room in the page, and no index on what it
-- changes, that touches no index; so there is none on updated_at.

CREATE INDEX conversations_user ON conversations (tenant, user_id, created_at);
CREATE INDEX conversations_created ON conversations (created_at);

CREATE TABLE messages (
    conversation_id bigint      NOT NULL REFERENCES conversations ON DELETE CASCADE,
    seq             bigint      NOT NULL CHECK (seq > 0),
    role            text        COLLATE "C" NOT NULL,
    dialect         text        COLLATE "C" NOT NULL,
    raw             bytea       NOT NULL,
    digest          bytea       NOT NULL CHECK (octet_length(digest) = 16),
    tokens          bigint      NOT NULL,
    model           text        COLLATE "C" NOT NULL,
    incomplete      boolean     NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, seq, created_at)
) PARTITION BY RANGE (created_at);

CREATE INDEX messages_created ON messages (created_at);

-- The keys of appends, and the version that each returned.
CREATE TABLE appends (
    conversation_id bigint      NOT NULL REFERENCES conversations ON DELETE CASCADE,
    key             text        COLLATE "C" NOT NULL,
    version         bigint      NOT NULL,
    PRIMARY KEY (conversation_id, key)
);

CREATE TABLE summaries (
    conversation_id bigint      NOT NULL REFERENCES conversations ON DELETE CASCADE,
    version         bigint      NOT NULL CHECK (version > 0),
    through         bigint      NOT NULL,
    fields          json,
    text            bytea       NOT NULL,
    model           text        COLLATE "C" NOT NULL,
    created_at      timestamptz NOT NULL,
    PRIMARY KEY (conversation_id, version)
);

CREATE TABLE todos (
    conversation_id bigint      NOT NULL REFERENCES conversations ON DELETE CASCADE,
    position        bigint      NOT NULL,
    todo_id         bigint      NOT NULL,
    title           bytea       NOT NULL,
    description     bytea       NOT NULL,
    status          text        COLLATE "C" NOT NULL CHECK (status IN ('not-started', 'in-progress', 'completed')),
    PRIMARY KEY (conversation_id, position)
);

-- A call may name a conversation that is not there (yet), and is kept when the
-- conversation is not; so conversation is its name, and no foreign key.
CREATE TABLE calls (
    tenant             text        COLLATE "C" NOT NULL,
    created_at         timestamptz NOT NULL,
    id                 text        COLLATE "C" NOT NULL,
    request_id         text        COLLATE "C" NOT NULL,
    project_id         text        COLLATE "C" NOT NULL,
    user_id            text        COLLATE "C" NOT NULL,
    key_id             text        COLLATE "C" NOT NULL,
    conversation       text        COLLATE "C" NOT NULL,
    op                 text        COLLATE "C" NOT NULL,
    role               text        COLLATE "C" NOT NULL,
    layer              text        COLLATE "C" NOT NULL,
    provider           text        COLLATE "C" NOT NULL,
    model              text        COLLATE "C" NOT NULL,
    status             bigint      NOT NULL,
    error              text        COLLATE "C" NOT NULL,
    cached             boolean     NOT NULL,
    input_tokens       bigint      NOT NULL,
    cache_read_tokens  bigint      NOT NULL,
    cache_write_tokens bigint      NOT NULL,
    output_tokens      bigint      NOT NULL,
    reasoning_tokens   bigint      NOT NULL,
    cost_nano          bigint      NOT NULL,
    cost_known         boolean     NOT NULL,
    estimated          boolean     NOT NULL,
    duration_ns        bigint      NOT NULL,
    decision           json,
    request            bytea,
    answer             bytea,
    PRIMARY KEY (tenant, created_at, id)
) PARTITION BY RANGE (created_at);

CREATE INDEX calls_created ON calls (created_at);
CREATE INDEX calls_conversation ON calls (tenant, conversation, created_at) WHERE conversation <> '';
CREATE INDEX calls_user ON calls (tenant, user_id, created_at) WHERE user_id <> '';

-- What belongs to no month that has a partition is kept here.
CREATE TABLE messages_default PARTITION OF messages DEFAULT;
CREATE TABLE calls_default PARTITION OF calls DEFAULT;

CREATE TABLE routing_rules (
    tenant     text        COLLATE "C" NOT NULL,
    id         text        COLLATE "C" NOT NULL,
    project_id text        COLLATE "C" NOT NULL,
    body       json        NOT NULL,
    enabled    boolean     NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE responses (
    tenant     text        COLLATE "C" NOT NULL,
    id         text        COLLATE "C" NOT NULL,
    input      bytea,
    body       bytea,
    provider   text        COLLATE "C" NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE INDEX responses_expires ON responses (expires_at);

-- The claims of idempotency keys; status is null until one is completed.
CREATE TABLE claims (
    tenant     text        COLLATE "C" NOT NULL,
    key        text        COLLATE "C" NOT NULL,
    digest     bytea       NOT NULL CHECK (octet_length(digest) = 32),
    owner      text        COLLATE "C" NOT NULL,
    status     bigint,
    header     bytea,
    body       bytea,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant, key)
);

CREATE INDEX claims_expires ON claims (expires_at);

-- add_partition makes the partition of a table for a month, in UTC, and moves
-- there what the default one holds of it. It is attached, not created in place,
-- as that lets others go on reading and writing the table.
CREATE FUNCTION add_partition(parent text, month date) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    part  text := format('%s_%s', parent, to_char(month, 'YYYY_MM'));
    rest  text := format('%s_default', parent);
    since timestamptz := date_trunc('month', month::timestamp) AT TIME ZONE 'UTC';
    until timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') AT TIME ZONE 'UTC';
BEGIN
    IF to_regclass(quote_ident(part)) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, parent);
    EXECUTE format('LOCK TABLE ONLY %I IN SHARE UPDATE EXCLUSIVE MODE', parent);
    EXECUTE format('LOCK TABLE ONLY %I IN ACCESS EXCLUSIVE MODE', rest);
    EXECUTE format(
        'WITH moved AS (DELETE FROM %I WHERE created_at >= %L AND created_at < %L RETURNING *) INSERT INTO %I SELECT * FROM moved',
        rest, since, until, part);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', parent, part, since, until);
    RETURN true;
END $$;

-- lock_conversation returns a conversation's row, locked until the transaction
-- ends. Where there is none it makes it, or returns null.
CREATE FUNCTION lock_conversation(in_tenant text, in_id text, in_project text, in_user text, make boolean)
RETURNS conversations LANGUAGE plpgsql AS $$
DECLARE
    c conversations;
BEGIN
    SELECT * INTO c FROM conversations WHERE tenant = in_tenant AND id = in_id FOR NO KEY UPDATE;
    IF NOT FOUND AND make THEN
        INSERT INTO conversations (tenant, id, project_id, user_id)
            VALUES (in_tenant, in_id, in_project, in_user) ON CONFLICT DO NOTHING;
        SELECT * INTO c FROM conversations WHERE tenant = in_tenant AND id = in_id FOR NO KEY UPDATE;
    END IF;
    RETURN c;
END $$;

-- append_messages adds messages behind the version in_after, or behind whatever
-- there is when it is negative. On a conflict it adds nothing, and version is
-- the one that holds.
CREATE FUNCTION append_messages(
    in_tenant text, in_id text, in_project text, in_user text, in_after bigint, in_key text,
    roles text[], dialects text[], raws bytea[], digests bytea[], tokens bigint[], models text[],
    incompletes boolean[], times timestamptz[],
    OUT version bigint, OUT conflict boolean
) LANGUAGE plpgsql AS $$
DECLARE
    c    conversations := lock_conversation(in_tenant, in_id, in_project, in_user, in_after <= 0);
    held bigint;
BEGIN
    conflict := false;
    SELECT a.version INTO held FROM appends a WHERE a.conversation_id = c.conversation_id AND a.key = in_key;
    IF FOUND THEN
        version := held;
        RETURN;
    END IF;
    version := coalesce(c.version, 0);
    IF in_after >= 0 AND in_after <> version THEN
        conflict := true;
        RETURN;
    END IF;
    INSERT INTO messages
        SELECT c.conversation_id, version + m.n, m.role, m.dialect, m.raw, m.digest, m.tokens, m.model, m.incomplete, m.created
        FROM unnest(roles, dialects, raws, digests, tokens, models, incompletes, times)
            WITH ORDINALITY AS m (role, dialect, raw, digest, tokens, model, incomplete, created, n);
    version := version + cardinality(raws);
    INSERT INTO appends VALUES (c.conversation_id, in_key, version);
    UPDATE conversations SET
        version = append_messages.version,
        oldest_at = least(oldest_at, (SELECT min(t) FROM unnest(times) t)),
        newest_at = greatest(newest_at, (SELECT max(t) FROM unnest(times) t)),
        updated_at = greatest(updated_at, clock_timestamp())
        WHERE conversation_id = c.conversation_id;
END $$;

-- put_summary adds a summary behind the version in_after, as append_messages
-- does.
CREATE FUNCTION put_summary(
    in_tenant text, in_id text, in_after bigint,
    in_through bigint, in_fields json, in_text bytea, in_model text, in_created timestamptz,
    OUT version bigint, OUT conflict boolean
) LANGUAGE plpgsql AS $$
DECLARE
    c conversations := lock_conversation(in_tenant, in_id, '', '', in_after <= 0);
BEGIN
    version := coalesce(c.summary_version, 0);
    conflict := in_after >= 0 AND in_after <> version;
    IF conflict THEN
        RETURN;
    END IF;
    version := version + 1;
    INSERT INTO summaries VALUES (c.conversation_id, version, in_through, in_fields, in_text, in_model, in_created);
    UPDATE conversations
        SET summary_version = put_summary.version, updated_at = greatest(updated_at, clock_timestamp())
        WHERE conversation_id = c.conversation_id;
END $$;

-- put_todos replaces a conversation's list.
CREATE FUNCTION put_todos(
    in_tenant text, in_id text, ids bigint[], titles bytea[], descriptions bytea[], statuses text[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    c conversations := lock_conversation(in_tenant, in_id, '', '', true);
BEGIN
    DELETE FROM todos WHERE conversation_id = c.conversation_id;
    INSERT INTO todos
        SELECT c.conversation_id, t.n, t.todo_id, t.title, t.description, t.status
        FROM unnest(ids, titles, descriptions, statuses) WITH ORDINALITY AS t (todo_id, title, description, status, n);
    UPDATE conversations SET updated_at = greatest(updated_at, clock_timestamp())
        WHERE conversation_id = c.conversation_id;
END $$;

-- claim takes a key that is free, or that this owner has taken already, or says
-- what is there.
CREATE FUNCTION claim(
    in_tenant text, in_key text, in_digest bytea, in_owner text, in_expires timestamptz,
    OUT taken boolean, OUT same boolean, OUT status bigint, OUT header bytea, OUT body bytea
) LANGUAGE plpgsql AS $$
BEGIN
    LOOP
        INSERT INTO claims AS c (tenant, key, digest, owner, expires_at)
            VALUES (in_tenant, in_key, in_digest, in_owner, in_expires)
            ON CONFLICT (tenant, key) DO UPDATE
            SET digest = excluded.digest, owner = excluded.owner, expires_at = excluded.expires_at,
                status = NULL, header = NULL, body = NULL
            WHERE c.expires_at <= clock_timestamp()
                OR (c.owner = excluded.owner AND c.digest = excluded.digest AND c.status IS NULL);
        taken := FOUND;
        IF taken THEN
            same := true;
            RETURN;
        END IF;
        SELECT c.digest = in_digest, c.status, c.header, c.body INTO same, status, header, body
            FROM claims c WHERE c.tenant = in_tenant AND c.key = in_key;
        EXIT WHEN FOUND; -- else it was given up in between
    END LOOP;
END $$;
