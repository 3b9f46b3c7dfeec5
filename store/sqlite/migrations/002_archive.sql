-- Where the messages of a conversation are that is archived, in the words of
-- whoever has archived it; empty while they are in their table.
ALTER TABLE conversations ADD COLUMN archive TEXT NOT NULL DEFAULT '';
