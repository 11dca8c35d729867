CREATE TABLE IF NOT EXISTS STORE (
	name    text COLLATE "C" PRIMARY KEY,
	value   bytea NOT NULL,
	expires timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS INDEX_expires ON STORE (expires) WHERE expires < 'infinity';

-- Events of communities, until they are finished.
CREATE TABLE IF NOT EXISTS STORE_events (
	community bigint,
	lane      text COLLATE "C",
	seq       bigint,
	tries     int NOT NULL,
	id        text NOT NULL,
	data      bytea NOT NULL,
	PRIMARY KEY (community, lane, seq)
);

-- Lanes that have events. A lane without a holder is free.
CREATE TABLE IF NOT EXISTS STORE_lanes (
	community bigint,
	lane      text COLLATE "C",
	head      bigint NOT NULL, -- the first event of a free lane
	last      bigint NOT NULL, -- the last event
	holder    text COLLATE "C",
	epoch     bigint NOT NULL,
	after     bigint NOT NULL, -- the last event that the holder has got
	parked    bigint[],
	paused    timestamptz, -- nobody takes a free lane before
	PRIMARY KEY (community, lane)
);
CREATE INDEX IF NOT EXISTS INDEX_free ON STORE_lanes (community, head) WHERE holder IS NULL;
CREATE INDEX IF NOT EXISTS INDEX_held ON STORE_lanes (community, holder) WHERE holder IS NOT NULL;
CREATE INDEX IF NOT EXISTS INDEX_ready ON STORE_lanes (community, holder) WHERE last > after;
CREATE INDEX IF NOT EXISTS INDEX_paused ON STORE_lanes (community, paused) WHERE paused IS NOT NULL;

-- Processes that are alive.
CREATE TABLE IF NOT EXISTS STORE_workers (
	community bigint,
	id        text COLLATE "C",
	called    timestamptz NOT NULL, -- the last call
	turn      bigint NOT NULL,      -- the number of the last Beat
	waits     timestamptz,          -- the time since which it waits for free lanes
	PRIMARY KEY (community, id)
);

CREATE TABLE IF NOT EXISTS STORE_roles (
	community bigint,
	role      text COLLATE "C",
	leader    text COLLATE "C",
	value     text NOT NULL,
	PRIMARY KEY (community, role)
);

CREATE TABLE IF NOT EXISTS STORE_beats (
	community bigint PRIMARY KEY,
	beat      timestamptz NOT NULL
);

-- Hashes of the IDs that were put in the last hours.
CREATE TABLE IF NOT EXISTS STORE_seen (
	hour      int,
	community bigint,
	hash      bigint,
	PRIMARY KEY (hour, community, hash)
);

-- The numbers of events and epochs. They begin with the time, so that they grow also if the
-- database is a new one.
DO $vk$ BEGIN
	EXECUTE 'CREATE SEQUENCE IF NOT EXISTS ' || LITERAL_seq || ' START WITH ' || (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
END $vk$;

-- Uses of keys that are limited.
CREATE TABLE IF NOT EXISTS STORE_uses (
	key   text COLLATE "C",
	token text COLLATE "C",
	at    timestamptz NOT NULL,
	ends  timestamptz NOT NULL,
	PRIMARY KEY (key, token)
);
CREATE INDEX IF NOT EXISTS INDEX_uses_ends ON STORE_uses (ends);

-- Windows of the rules with Rest.
CREATE TABLE IF NOT EXISTS STORE_rests (
	key    text COLLATE "C" PRIMARY KEY,
	tokens text[] NOT NULL,
	opened timestamptz NOT NULL,
	start  timestamptz NOT NULL,
	is_full  boolean NOT NULL,
	per    interval NOT NULL,
	ends   timestamptz NOT NULL
);
CREATE INDEX IF NOT EXISTS INDEX_rests_ends ON STORE_rests (ends);

CREATE TABLE IF NOT EXISTS STORE_holders (
	key   text COLLATE "C",
	owner text COLLATE "C",
	ends  timestamptz NOT NULL,
	PRIMARY KEY (key, owner)
);
CREATE INDEX IF NOT EXISTS INDEX_holders_ends ON STORE_holders (ends);
