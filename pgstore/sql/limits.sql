-- Limits lock one key at a time, and do not wait for the disk: what a crash of the server
-- loses is a moment of counting.

CREATE OR REPLACE FUNCTION FUNC_key(k text) RETURNS void LANGUAGE plpgsql AS $vk$
BEGIN
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION 'the isolation of transactions is %', current_setting('transaction_isolation') USING ERRCODE = '25001';
	END IF;
	PERFORM set_config('synchronous_commit', 'off', true);
	PERFORM pg_advisory_xact_lock(hashtextextended(LITERAL_lock || '/key/' || k, 0));
END $vk$;

-- window returns the window of a rest, if it is not over.
CREATE OR REPLACE FUNCTION FUNC_window(k text, length interval, now_time timestamptz) RETURNS SETOF STORE_rests LANGUAGE sql AS $vk$
	SELECT * FROM STORE_rests WHERE key = k AND cardinality(tokens) > 0
		AND start > now_time - coalesce(length, per) AND start < now_time + interval '1 second'
$vk$;

-- reserve takes a use and returns 0, or returns the microseconds to wait. If new_token is
-- empty, it takes nothing.
CREATE OR REPLACE FUNCTION FUNC_reserve(k text, rate bigint, length interval, rest boolean, new_token text) RETURNS bigint LANGUAGE plpgsql AS $vk$
DECLARE
	now_time timestamptz;
	w STORE_rests;
	used bigint;
	free_at timestamptz;
BEGIN
	PERFORM FUNC_key(k);
	now_time := clock_timestamp();
	IF rest THEN
		SELECT * INTO w FROM FUNC_window(k, length, now_time);
		used := coalesce(cardinality(w.tokens), 0);
		IF used >= rate THEN
			RETURN ceil(extract(epoch FROM w.start + length - now_time) * 1000000);
		END IF;
		IF new_token = '' THEN
			RETURN 0;
		END IF;
		IF used = 0 THEN
			w := ROW(k, '{}', now_time, now_time, false, length, now_time)::STORE_rests;
		END IF;
		w.tokens := w.tokens || new_token;
		w.is_full := used + 1 >= rate;
		IF w.is_full THEN
			w.start := now_time;
		END IF;
		INSERT INTO STORE_rests VALUES (k, w.tokens, w.opened, w.start, w.is_full, length, w.start + length)
			ON CONFLICT (key) DO UPDATE SET tokens = excluded.tokens, opened = excluded.opened, start = excluded.start,
				is_full = excluded.is_full, per = excluded.per, ends = excluded.ends;
		RETURN 0;
	END IF;
	DELETE FROM STORE_uses WHERE key = k AND (at <= now_time - length OR at > now_time + interval '1 second');
	SELECT count(*) INTO used FROM STORE_uses WHERE key = k;
	IF used >= rate THEN
		SELECT at + length INTO free_at FROM STORE_uses WHERE key = k ORDER BY at OFFSET used - rate LIMIT 1;
		RETURN greatest(1, ceil(extract(epoch FROM free_at - now_time) * 1000000));
	END IF;
	IF new_token <> '' THEN
		INSERT INTO STORE_uses VALUES (k, new_token, now_time, now_time + length);
	END IF;
	RETURN 0;
END $vk$;

CREATE OR REPLACE FUNCTION FUNC_cancel(k text, old_token text) RETURNS void LANGUAGE plpgsql AS $vk$
DECLARE
	w STORE_rests;
BEGIN
	PERFORM FUNC_key(k);
	DELETE FROM STORE_uses WHERE key = k AND token = old_token;
	SELECT * INTO w FROM FUNC_window(k, NULL, clock_timestamp());
	IF old_token = ANY (w.tokens) THEN
		UPDATE STORE_rests SET tokens = array_remove(tokens, old_token), is_full = false,
				start = CASE WHEN is_full THEN opened ELSE start END,
				ends = CASE WHEN is_full THEN opened + per ELSE ends END
			WHERE key = k;
	END IF;
END $vk$;

CREATE OR REPLACE FUNCTION FUNC_reset(k text) RETURNS void LANGUAGE plpgsql AS $vk$
BEGIN
	PERFORM FUNC_key(k);
	DELETE FROM STORE_uses WHERE key = k;
	DELETE FROM STORE_rests WHERE key = k;
END $vk$;

CREATE OR REPLACE FUNCTION FUNC_acquire(k text, new_owner text, n int, lease interval) RETURNS TABLE (holders bigint, ok boolean) LANGUAGE plpgsql AS $vk$
BEGIN
	PERFORM FUNC_key(k);
	DELETE FROM STORE_holders h WHERE h.key = k AND h.ends <= clock_timestamp();
	SELECT count(*) INTO holders FROM STORE_holders h WHERE h.key = k;
	ok := n = 0 OR holders < n OR EXISTS (SELECT FROM STORE_holders h WHERE h.key = k AND h.owner = new_owner);
	IF ok THEN
		INSERT INTO STORE_holders VALUES (k, new_owner, clock_timestamp() + lease)
			ON CONFLICT (key, owner) DO UPDATE SET ends = excluded.ends;
		SELECT count(*) INTO holders FROM STORE_holders h WHERE h.key = k;
	END IF;
	RETURN NEXT;
END $vk$;

CREATE OR REPLACE FUNCTION FUNC_unhold(k text, old_owner text) RETURNS void LANGUAGE plpgsql AS $vk$
BEGIN
	PERFORM FUNC_key(k);
	DELETE FROM STORE_holders WHERE key = k AND owner = old_owner;
END $vk$;

-- sweep deletes some of what has expired.
CREATE OR REPLACE FUNCTION FUNC_sweep() RETURNS void LANGUAGE sql AS $vk$
	DELETE FROM STORE_uses WHERE ctid = ANY (ARRAY(SELECT ctid FROM STORE_uses WHERE ends <= clock_timestamp() LIMIT 10000 FOR UPDATE SKIP LOCKED));
	DELETE FROM STORE_rests WHERE ctid = ANY (ARRAY(SELECT ctid FROM STORE_rests WHERE ends <= clock_timestamp() LIMIT 10000 FOR UPDATE SKIP LOCKED));
	DELETE FROM STORE_holders WHERE ctid = ANY (ARRAY(SELECT ctid FROM STORE_holders WHERE ends <= clock_timestamp() LIMIT 10000 FOR UPDATE SKIP LOCKED));
	DELETE FROM STORE_seen WHERE ctid = ANY (ARRAY(SELECT ctid FROM STORE_seen
		WHERE hour < floor(extract(epoch FROM clock_timestamp()) / 3600) - 3 LIMIT 10000 FOR UPDATE SKIP LOCKED));
$vk$;
