-- A row of an answer. The kinds are: 0 an event, 1 a lost lane, 2 the milliseconds until the
-- next pause is over, 3 the number of a Beat that has overtaken the call, 4 the worker does
-- not lead the role, 5 the worker is dead.
DO $vk$ BEGIN
	CREATE TYPE FUNC_row AS (kind int, lane text, epoch bigint, after bigint, seq bigint, tries int, id text, data bytea);
EXCEPTION WHEN duplicate_object THEN NULL;
END $vk$;

-- lock takes a lock of a community until the end of the transaction: 'calls' is shared by
-- all calls and belongs to one that frees what others hold; 'idle' belongs to a Take that is
-- about to wait and is shared by the calls that wake one; and there is one for each worker,
-- shared by its calls, which belongs to its Beat.
CREATE OR REPLACE FUNCTION FUNC_lock(community bigint, name text, shared boolean) RETURNS void LANGUAGE plpgsql AS $vk$
DECLARE
	k bigint := hashtextextended(LITERAL_lock || '/' || community || '/' || name, 0);
BEGIN
	IF shared THEN
		PERFORM pg_advisory_xact_lock_shared(k);
	ELSE
		PERFORM pg_advisory_xact_lock(k);
	END IF;
END $vk$;

-- enter begins a call. It returns 0, the number of a Beat that has overtaken the call, or -1
-- if the lease was not to be renewed and the worker is dead.
CREATE OR REPLACE FUNCTION FUNC_enter(g bigint, me text, my_turn bigint, renew boolean) RETURNS bigint LANGUAGE plpgsql AS $vk$
DECLARE
	w STORE_workers;
BEGIN
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION 'the isolation of transactions is %', current_setting('transaction_isolation') USING ERRCODE = '25001';
	END IF;
	PERFORM FUNC_lock(g, 'calls', true);
	PERFORM FUNC_lock(g, 'worker/' || me, true);
	SELECT * INTO w FROM STORE_workers WHERE community = g AND id = me;
	IF NOT FOUND THEN
		IF NOT renew THEN
			RETURN -1;
		END IF;
		INSERT INTO STORE_workers VALUES (g, me, clock_timestamp(), 0) ON CONFLICT DO NOTHING;
		RETURN 0;
	END IF;
	IF w.turn > my_turn THEN
		RETURN w.turn;
	END IF;
	IF renew THEN
		-- Rarely: calls of the same worker would wait for each other.
		UPDATE STORE_workers SET called = clock_timestamp()
			WHERE community = g AND id = me AND called < clock_timestamp() - interval '200 milliseconds';
	END IF;
	RETURN 0;
END $vk$;

-- release frees a lane, whose row is locked, or deletes it if it has no events.
CREATE OR REPLACE FUNCTION FUNC_release(g bigint, l text, pause interval) RETURNS void LANGUAGE plpgsql AS $vk$
DECLARE
	first bigint;
	final bigint;
BEGIN
	SELECT min(seq), max(seq) INTO first, final FROM STORE_events WHERE community = g AND lane = l;
	IF first IS NULL THEN
		DELETE FROM STORE_lanes WHERE community = g AND lane = l;
	ELSE
		UPDATE STORE_lanes SET holder = NULL, head = first, last = final, after = 0, parked = NULL,
				paused = CASE WHEN pause > interval '0' THEN clock_timestamp() + pause END
			WHERE community = g AND lane = l;
	END IF;
END $vk$;

-- wake makes the Take of a worker look again.
CREATE OR REPLACE FUNCTION FUNC_wake(g bigint, worker text) RETURNS void LANGUAGE sql AS $vk$
	SELECT pg_notify(LITERAL_wake, g || ' ' || worker)
$vk$;

-- wake_one wakes a worker that waits for free lanes.
CREATE OR REPLACE FUNCTION FUNC_wake_one(g bigint) RETURNS void LANGUAGE plpgsql AS $vk$
DECLARE
	worker text;
BEGIN
	PERFORM FUNC_lock(g, 'idle', true);
	DELETE FROM STORE_waits WHERE community = g AND id = (
			SELECT id FROM STORE_waits WHERE community = g AND since > clock_timestamp() - interval '5 seconds'
			ORDER BY since LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING id INTO worker;
	IF FOUND THEN
		PERFORM FUNC_wake(g, worker);
	END IF;
END $vk$;

-- unwait ends the Take of a worker that has given up. If it was woken, another one is woken.
CREATE OR REPLACE FUNCTION FUNC_unwait(g bigint, me text) RETURNS void LANGUAGE plpgsql AS $vk$
BEGIN
	DELETE FROM STORE_waits WHERE community = g AND id = me;
	IF NOT FOUND THEN
		PERFORM FUNC_wake_one(g);
	END IF;
END $vk$;

-- finish ends a worker. The caller has the lock 'calls' for itself.
CREATE OR REPLACE FUNCTION FUNC_finish(g bigint, worker text, died boolean) RETURNS void LANGUAGE plpgsql AS $vk$
DECLARE
	l STORE_lanes;
BEGIN
	FOR l IN SELECT * FROM STORE_lanes WHERE community = g AND holder = worker LOOP
		IF died THEN
			UPDATE STORE_events SET tries = tries + 1 WHERE community = g AND lane = l.lane AND seq = (
				SELECT min(seq) FROM STORE_events
				WHERE community = g AND lane = l.lane AND seq <= l.after AND seq <> ALL (coalesce(l.parked, '{}')));
		END IF;
		PERFORM FUNC_release(g, l.lane, interval '0');
	END LOOP;
	DELETE FROM STORE_workers WHERE community = g AND id = worker;
	DELETE FROM STORE_waits WHERE community = g AND id = worker;
	UPDATE STORE_roles SET leader = NULL WHERE community = g AND leader = worker;
END $vk$;

-- ready locks lanes that have events for their holder.
CREATE OR REPLACE FUNCTION FUNC_ready(g bigint, me text) RETURNS SETOF STORE_lanes LANGUAGE plpgsql ROWS 10 AS $vk$
BEGIN
	RETURN QUERY SELECT * FROM STORE_lanes WHERE community = g AND holder = me AND last > after LIMIT 257 FOR UPDATE SKIP LOCKED;
END $vk$;

-- free locks free lanes.
CREATE OR REPLACE FUNCTION FUNC_free(g bigint, room int) RETURNS SETOF STORE_lanes LANGUAGE plpgsql ROWS 10 AS $vk$
BEGIN
	RETURN QUERY SELECT * FROM STORE_lanes
		WHERE community = g AND holder IS NULL AND (paused IS NULL OR paused <= clock_timestamp())
		ORDER BY head LIMIT greatest(0, least(room, 257)) FOR UPDATE SKIP LOCKED;
END $vk$;

-- answer delivers events to a worker. Rows that are locked are those of a call that looks
-- after them itself.
CREATE OR REPLACE FUNCTION FUNC_answer(g bigint, me text, room int) RETURNS SETOF FUNC_row LANGUAGE plpgsql AS $vk$
DECLARE
	l STORE_lanes;
	e STORE_events;
	events int := 0;
	bytes bigint := 0;
	size int;
	cut boolean := false;
	last_seq bigint;
BEGIN
	FOR l IN
		SELECT * FROM FUNC_ready(g, me) UNION ALL SELECT * FROM FUNC_free(g, room)
	LOOP
		last_seq := l.after;
		IF l.holder IS NULL THEN
			l.after := 0;
			last_seq := 0;
			SELECT octet_length(data) + octet_length(id) INTO size FROM STORE_events WHERE community = g AND lane = l.lane AND seq = l.head;
			EXIT WHEN events > 0 AND (events >= 256 OR bytes + size > 1048576);
			l.epoch := nextval(LITERAL_seq);
		END IF;
		FOR e IN SELECT * FROM STORE_events WHERE community = g AND lane = l.lane AND seq > l.after ORDER BY seq LIMIT 257 - events LOOP
			size := octet_length(e.data) + octet_length(e.id);
			cut := events > 0 AND (events >= 256 OR bytes + size > 1048576);
			EXIT WHEN cut;
			events := events + 1;
			bytes := bytes + size;
			last_seq := e.seq;
			RETURN NEXT ROW(0, l.lane, l.epoch, l.after, e.seq, e.tries, e.id, e.data)::FUNC_row;
		END LOOP;
		IF NOT cut THEN
			l.last := last_seq; -- there are no later ones
		END IF;
		UPDATE STORE_lanes SET holder = me, epoch = l.epoch, after = last_seq, last = l.last, paused = NULL WHERE community = g AND lane = l.lane;
		EXIT WHEN cut;
	END LOOP;
	IF cut THEN
		PERFORM FUNC_wake(g, me);
	END IF;
	IF EXISTS (SELECT FROM STORE_lanes WHERE community = g AND holder IS NULL AND (paused IS NULL OR paused <= clock_timestamp())) THEN
		PERFORM FUNC_wake_one(g);
	END IF;
END $vk$;

-- put answers with the number of an event among its arguments, from 1, as its ID, and without
-- data, if this call has added it.
CREATE OR REPLACE FUNCTION FUNC_put(g bigint, me text, room int, turn bigint, mark_role text, mark_value text,
	hashes bigint[], lanes text[], ids text[], datas bytea[]) RETURNS SETOF FUNC_row LANGUAGE plpgsql AS $vk$
DECLARE
	state bigint := FUNC_enter(g, me, turn, true);
	now_hour int := floor(extract(epoch FROM clock_timestamp()) / 3600);
	fresh bigint[];
	kept bigint[]; -- the numbers of the events that are added
	added bigint[]; -- their Seqs
	worker text;
BEGIN
	IF state > 0 THEN
		RETURN NEXT ROW(3, NULL, NULL, NULL, state, NULL, NULL, NULL)::FUNC_row;
		RETURN;
	END IF;
	IF mark_role IS NOT NULL THEN
		UPDATE STORE_roles SET value = mark_value WHERE community = g AND role = mark_role AND leader = me;
		IF NOT FOUND THEN
			RETURN NEXT ROW(4, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::FUNC_row;
			RETURN;
		END IF;
	END IF;
	WITH added AS (
		INSERT INTO STORE_seen
		SELECT DISTINCT now_hour, g, h FROM unnest(hashes) h
		WHERE h IS NOT NULL AND NOT EXISTS (SELECT FROM STORE_seen s
			WHERE s.hour IN (now_hour - 3, now_hour - 2, now_hour - 1, now_hour + 1) AND s.community = g AND s.hash = h)
		ORDER BY h
		ON CONFLICT DO NOTHING RETURNING hash)
	SELECT array_agg(hash) INTO fresh FROM added;
	SELECT array_agg(d.n ORDER BY d.n) INTO kept FROM (
		SELECT DISTINCT ON (coalesce(i.hash, 0), CASE WHEN i.hash IS NULL THEN i.n END) i.n
		FROM unnest(hashes) WITH ORDINALITY i(hash, n)
		WHERE i.hash IS NULL OR i.hash = ANY (fresh)
		ORDER BY coalesce(i.hash, 0), CASE WHEN i.hash IS NULL THEN i.n END, i.n) d;
	-- The lanes are locked before the events get their Seqs.
	INSERT INTO STORE_lanes AS l (community, lane, head, last, epoch, after)
		SELECT g, d.lane, 0, 0, 0, 0 FROM (
			SELECT DISTINCT i.lane COLLATE "C" AS lane
			FROM unnest(lanes) WITH ORDINALITY i(lane, n) JOIN unnest(kept) k(n) USING (n)) d
		ORDER BY d.lane
		ON CONFLICT (community, lane) DO UPDATE SET last = l.last;
	WITH events AS (
		INSERT INTO STORE_events
		SELECT g, f.lane, nextval(LITERAL_seq), 0, f.id, f.data FROM (
			SELECT i.* FROM unnest(lanes, ids, datas) WITH ORDINALITY i(lane, id, data, n) JOIN unnest(kept) k(n) USING (n)
			ORDER BY n) f
		RETURNING seq)
	SELECT array_agg(seq ORDER BY seq) INTO added FROM events;
	FOR worker IN
		WITH changed AS (
			UPDATE STORE_lanes l SET last = a.hi, head = CASE WHEN l.head = 0 THEN a.lo ELSE l.head END
			FROM (
				SELECT i.lane, min(a.seq) lo, max(a.seq) hi
				FROM unnest(kept, added) a(n, seq) JOIN unnest(lanes) WITH ORDINALITY i(lane, n) USING (n)
				GROUP BY i.lane) a
			WHERE l.community = g AND l.lane = a.lane RETURNING l.holder)
		SELECT DISTINCT holder FROM changed WHERE holder IS NOT NULL AND holder <> me
	LOOP
		PERFORM FUNC_wake(g, worker);
	END LOOP;
	RETURN QUERY SELECT r.kind, r.lane, r.epoch, r.after, r.seq, r.tries, coalesce(own.n::text, r.id), CASE WHEN own.n IS NULL THEN r.data END
		FROM FUNC_answer(g, me, room) r, LATERAL (SELECT kept[array_position(added, r.seq)] AS n) own;
END $vk$;

CREATE OR REPLACE FUNCTION FUNC_take(g bigint, me text, room int, turn bigint, blocked boolean) RETURNS SETOF FUNC_row LANGUAGE plpgsql AS $vk$
DECLARE
	state bigint := FUNC_enter(g, me, turn, NOT blocked);
	pause timestamptz;
BEGIN
	IF state > 0 THEN
		RETURN NEXT ROW(3, NULL, NULL, NULL, state, NULL, NULL, NULL)::FUNC_row;
		RETURN;
	END IF;
	IF state < 0 THEN
		PERFORM FUNC_wake_one(g);
		RETURN NEXT ROW(5, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::FUNC_row;
		RETURN;
	END IF;
	DELETE FROM STORE_waits WHERE community = g AND id = me;
	RETURN QUERY SELECT * FROM FUNC_answer(g, me, room);
	IF FOUND THEN
		RETURN;
	END IF;
	-- A call that frees a lane from now on sees that this one waits.
	PERFORM FUNC_lock(g, 'idle', false);
	RETURN QUERY SELECT * FROM FUNC_answer(g, me, room);
	IF FOUND THEN
		RETURN;
	END IF;
	IF room > 0 THEN
		INSERT INTO STORE_waits VALUES (g, me, clock_timestamp())
			ON CONFLICT (community, id) DO UPDATE SET since = excluded.since;
		SELECT min(paused) INTO pause FROM STORE_lanes WHERE community = g AND paused IS NOT NULL AND holder IS NULL;
		IF pause IS NOT NULL THEN
			RETURN NEXT ROW(2, NULL, NULL, NULL, greatest(1, ceil(extract(epoch FROM pause - clock_timestamp()) * 1000))::bigint, NULL, NULL, NULL)::FUNC_row;
		END IF;
	END IF;
END $vk$;

CREATE OR REPLACE FUNCTION FUNC_done(g bigint, me text, room int, turn bigint,
	lanes text[], epochs bigint[], backs boolean[], pauses bigint[], seqs text[]) RETURNS SETOF FUNC_row LANGUAGE plpgsql AS $vk$
DECLARE
	state bigint := FUNC_enter(g, me, turn, true);
	d record;
	done_seqs bigint[];
	paused_one boolean := false;
BEGIN
	IF state > 0 THEN
		RETURN NEXT ROW(3, NULL, NULL, NULL, state, NULL, NULL, NULL)::FUNC_row;
		RETURN;
	END IF;
	FOR d IN SELECT * FROM unnest(lanes, epochs, backs, pauses, seqs) WITH ORDINALITY i(lane, epoch, back, pause, seqs, n)
		ORDER BY i.lane COLLATE "C", i.n
	LOOP
		PERFORM FROM STORE_lanes l WHERE l.community = g AND l.lane = d.lane AND l.holder = me AND l.epoch = d.epoch FOR UPDATE;
		IF NOT FOUND THEN
			RETURN NEXT ROW(1, d.lane, d.epoch, NULL, NULL, NULL, NULL, NULL)::FUNC_row;
			CONTINUE;
		END IF;
		done_seqs := d.seqs; -- not in the statement, which would read the text again for each row
		DELETE FROM STORE_events e WHERE e.community = g AND e.lane = d.lane AND e.seq = ANY (done_seqs);
		IF d.back OR NOT EXISTS (SELECT FROM STORE_events e WHERE e.community = g AND e.lane = d.lane) THEN
			PERFORM FUNC_release(g, d.lane, d.pause * interval '1 microsecond');
			paused_one := paused_one OR d.pause > 0;
		END IF;
	END LOOP;
	RETURN QUERY SELECT * FROM FUNC_answer(g, me, room);
	IF paused_one THEN
		PERFORM FUNC_wake_one(g); -- it waits until the end of the pause
	END IF;
END $vk$;

CREATE OR REPLACE FUNCTION FUNC_beat(g bigint, me text, room int, my_turn bigint,
	lanes text[], epochs bigint[], lasts bigint[], parked_seqs text[]) RETURNS SETOF FUNC_row LANGUAGE plpgsql AS $vk$
DECLARE
	lease constant interval := '5 seconds';
	now_time timestamptz;
	before timestamptz;
	last_turn bigint;
	worker text;
	l record;
	dead boolean;
BEGIN
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION 'the isolation of transactions is %', current_setting('transaction_isolation') USING ERRCODE = '25001';
	END IF;
	dead := EXISTS (SELECT FROM STORE_workers WHERE community = g AND id <> me AND called < clock_timestamp() - lease);
	PERFORM FUNC_lock(g, 'calls', NOT dead);
	PERFORM FUNC_lock(g, 'worker/' || me, false);
	SELECT turn INTO last_turn FROM STORE_workers WHERE community = g AND id = me;
	IF last_turn > my_turn THEN
		RETURN NEXT ROW(3, NULL, NULL, NULL, last_turn, NULL, NULL, NULL)::FUNC_row;
		RETURN;
	END IF;
	INSERT INTO STORE_beats VALUES (g, '-infinity') ON CONFLICT DO NOTHING;
	SELECT beat INTO before FROM STORE_beats WHERE community = g FOR UPDATE;
	now_time := clock_timestamp();
	UPDATE STORE_beats SET beat = now_time WHERE community = g;
	INSERT INTO STORE_workers VALUES (g, me, now_time, my_turn)
		ON CONFLICT (community, id) DO UPDATE SET called = excluded.called, turn = excluded.turn;
	IF before <= now_time - lease / 2 OR now_time < before THEN
		UPDATE STORE_workers SET called = now_time WHERE community = g AND id <> me;
		IF now_time < before THEN -- the clock has gone back
			UPDATE STORE_lanes SET paused = NULL WHERE community = g AND paused IS NOT NULL;
		END IF;
	ELSIF dead THEN
		FOR worker IN SELECT id FROM STORE_workers
			WHERE community = g AND id <> me AND called <= now_time - lease - interval '200 milliseconds'
		LOOP
			PERFORM FUNC_finish(g, worker, true);
		END LOOP;
	END IF;
	RETURN QUERY SELECT 1, h.lane, h.epoch, NULL::bigint, NULL::bigint, NULL::int, NULL::text, NULL::bytea
		FROM unnest(lanes, epochs) h(lane, epoch)
		WHERE NOT EXISTS (SELECT FROM STORE_lanes x WHERE x.community = g AND x.lane = h.lane AND x.holder = me AND x.epoch = h.epoch);
	-- No other call of the worker runs, so that only those that change are locked.
	FOR l IN
		SELECT x.lane, least(x.after, coalesce(h.last, 0)) AS after, h.parked
		FROM STORE_lanes x LEFT JOIN (
			SELECT i.lane, i.epoch, i.last, CASE WHEN i.parked <> '{}' THEN i.parked::bigint[] END AS parked
			FROM unnest(lanes, epochs, lasts, parked_seqs) i(lane, epoch, last, parked)) h
			ON h.lane = x.lane AND h.epoch = x.epoch
		WHERE x.community = g AND x.holder = me AND (x.after > coalesce(h.last, 0) OR x.parked IS DISTINCT FROM h.parked)
		ORDER BY x.lane
	LOOP
		UPDATE STORE_lanes x SET after = l.after, parked = l.parked WHERE x.community = g AND x.lane = l.lane;
	END LOOP;
	RETURN QUERY SELECT * FROM FUNC_answer(g, me, room);
END $vk$;

-- lead returns the number of a Beat and NULL if that has overtaken the call.
CREATE OR REPLACE FUNCTION FUNC_lead(g bigint, me text, my_turn bigint, my_role text) RETURNS TABLE (val text, leads boolean) LANGUAGE plpgsql AS $vk$
DECLARE
	state bigint := FUNC_enter(g, me, my_turn, true);
BEGIN
	IF state > 0 THEN
		RETURN QUERY SELECT state::text, NULL::boolean;
		RETURN;
	END IF;
	RETURN QUERY INSERT INTO STORE_roles AS r VALUES (g, my_role, me, '')
		ON CONFLICT (community, role) DO UPDATE SET leader = coalesce(r.leader, me)
		RETURNING r.value, r.leader = me;
END $vk$;

CREATE OR REPLACE FUNCTION FUNC_leave(g bigint, me text) RETURNS void LANGUAGE plpgsql AS $vk$
BEGIN
	PERFORM FUNC_lock(g, 'calls', false);
	PERFORM FUNC_finish(g, me, false);
	PERFORM FUNC_wake_one(g);
	PERFORM FUNC_wake(g, me);
END $vk$;
