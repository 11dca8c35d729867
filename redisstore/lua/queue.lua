-- This part begins each script of the Queue. A server with a full memory may have deleted
-- any of the keys if its policy is not noeviction: then events are lost, and no script fails. KEYS[1] is a hash: n is the last Seq or
-- epoch, beat is the time of the last Beat. Its name begins the names of all other keys of
-- the community. ARGV has the worker's ID, its room, the number of the call, and what the
-- call needs.
if redis.replicate_commands then redis.replicate_commands() end -- for Redis 6
local call = redis.call
local base, me, room, turn = KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])

local EVENTS = base .. ':events'      -- hash: the ID and the data of an event, by Seq
local TRIES = base .. ':tries'        -- hash: the Tries of an event that has any, by Seq
local LANES = base .. ':lanes'        -- hash: epoch, after and holder, by lane that is held
local PARKED = base .. ':parked'      -- hash: the parked Seqs of the holder's last Beat, by lane
local FREE = base .. ':free'          -- sorted set: free lanes by the Seq of their first event
local PAUSED = base .. ':paused'      -- sorted set: lanes that nobody may take, by the end of the pause
local WORKERS = base .. ':workers'    -- sorted set: workers that are alive, by the time of their last call
local TURNS = base .. ':turns'        -- hash: the number of a worker's last Beat
local LEADERS = base .. ':leaders'    -- hash: the leader of a role
local VALUES = base .. ':values'      -- hash: the value of a role
local WAKE = base .. ':wake'          -- list: makes a Take look for free lanes
local QUEUE = base .. ':lane:'        -- sorted set for each lane: the Seqs of its events
local HELD = base .. ':held:'         -- set for each worker: the lanes that it holds
local READY = base .. ':ready:'       -- sorted set for each worker: those of them that have events for it
local AWAKE = base .. ':wake:'        -- list for each worker: makes its Take look
local SEEN = base .. ':seen:'         -- sets for each hour: hashes of the IDs that were put

local LEASE, HOUR = 5000, 3600000
local MOST_EVENTS, MOST_BYTES = 256, 1048576

-- The first write is one that a server whose memory is full allows. It allows the others
-- of the script then, too, so that only Put fails and events can still be finished.
local function allow() call('DEL', base .. ':none') end

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function int(n) return string.format('%.0f', n) end

-- number returns the next Seq or epoch. It is at least the time, so that it grows also if
-- the server has lost its data, or the last of them in a fail-over.
local n, used = tonumber(call('HGET', base, 'n') or '0'), false
local function number()
	n, used = math.max(n + 1, time[1] * 1000000 + time[2]), true
	return n
end

-- wake makes one blocked call look again.
local function wake(list)
	if call('EXISTS', list) == 0 then call('RPUSH', list, '1') end
end

local function get_lane(lane)
	local s = call('HGET', LANES, lane)
	if not s then return nil end
	local epoch, after, holder = string.match(s, '^(%d+) (%d+) (.*)$')
	return tonumber(epoch), tonumber(after), holder
end

local function set_lane(lane, epoch, after, holder)
	call('HSET', LANES, lane, int(epoch) .. ' ' .. int(after) .. ' ' .. holder)
end

-- set_ready notes whether a lane has events after the given one.
local function set_ready(lane, after, holder)
	local seq = call('ZRANGEBYSCORE', QUEUE .. lane, '(' .. int(after), '+inf', 'LIMIT', 0, 1)[1]
	if seq then
		call('ZADD', READY .. holder, seq, lane)
	else
		call('ZREM', READY .. holder, lane)
	end
end

-- release frees a lane for the given time from now on, or forgets it if it has no events.
local function release(lane, holder, pause)
	call('SREM', HELD .. holder, lane)
	call('ZREM', READY .. holder, lane)
	local _, _, other = get_lane(lane)
	if other and other ~= holder then return end
	call('HDEL', LANES, lane)
	call('HDEL', PARKED, lane)
	local seq = call('ZRANGE', QUEUE .. lane, 0, 0)[1]
	if not seq then return end
	if pause > 0 then
		call('ZADD', PAUSED, int(now + pause), lane)
		wake(WAKE)
	else
		call('ZADD', FREE, seq, lane)
	end
end

-- unpause frees the lanes whose pause is over at the given time.
local function unpause(at)
	for _, lane in ipairs(call('ZRANGEBYSCORE', PAUSED, '-inf', at)) do
		call('ZREM', PAUSED, lane)
		local seq = call('ZRANGE', QUEUE .. lane, 0, 0)[1]
		if seq then call('ZADD', FREE, seq, lane) end
	end
end

-- finish ends a worker.
local function finish(worker, died)
	for _, lane in ipairs(call('SMEMBERS', HELD .. worker)) do
		local _, after, holder = get_lane(lane)
		if died and holder == worker then
			local parked = ',' .. (call('HGET', PARKED, lane) or '') .. ','
			for _, seq in ipairs(call('ZRANGEBYSCORE', QUEUE .. lane, '-inf', int(after))) do
				if not string.find(parked, ',' .. seq .. ',', 1, true) then
					call('HINCRBY', TRIES, seq, 1)
					break
				end
			end
		end
		release(lane, worker, 0)
	end
	call('DEL', HELD .. worker, READY .. worker, AWAKE .. worker)
	call('ZREM', WORKERS, worker)
	call('HDEL', TURNS, worker)
	local leaders = call('HGETALL', LEADERS)
	for i = 1, #leaders, 2 do
		if leaders[i + 1] == worker then call('HDEL', LEADERS, leaders[i]) end
	end
end

-- own has the events of this Put by Seq: the index of their first argument.
local own = {}

-- answer delivers events to the worker, and returns them, the lost lanes, and the time
-- until the next pause is over. In place of the data of an event that this Put has brought,
-- it returns the event's number, from 0.
local function answer(lost)
	local batches, events, bytes, full = {}, 0, 0, false
	local tried = call('EXISTS', TRIES) == 1
	local function fits(size)
		return events == 0 or events < MOST_EVENTS and bytes + size <= MOST_BYTES
	end
	local function deliver(lane, epoch, after)
		local batch, last = {lane, int(epoch), int(after)}, after
		for _, seq in ipairs(call('ZRANGEBYSCORE', QUEUE .. lane, '(' .. int(after), '+inf', 'LIMIT', 0, MOST_EVENTS + 1 - events)) do
			local arg = own[seq]
			local data = arg and ARGV[arg + 2] or call('HGET', EVENTS, seq)
			if data and not fits(#data) then
				full = true
				break
			end
			if data then
				events, bytes = events + 1, bytes + #data
				batch[#batch + 1] = seq
				batch[#batch + 1] = tried and call('HGET', TRIES, seq) or '0'
				batch[#batch + 1] = arg and (arg - 7) / 3 or data
			else
				call('ZREM', QUEUE .. lane, seq)
			end
			last = tonumber(seq)
		end
		if #batch > 3 then batches[#batches + 1] = batch end
		if call('EXISTS', QUEUE .. lane) == 1 then
			set_lane(lane, epoch, last, me)
			set_ready(lane, last, me)
		else
			release(lane, me, 0)
		end
	end
	while not full do
		local lane = call('ZRANGE', READY .. me, 0, 0)[1]
		if not lane then break end
		local epoch, after, holder = get_lane(lane)
		if holder == me then
			deliver(lane, epoch, after)
		else
			release(lane, me, 0)
		end
	end
	unpause(now)
	while room > 0 and not full do
		local lane = call('ZRANGE', FREE, 0, 0)[1]
		if not lane then break end
		local seq = call('ZRANGE', QUEUE .. lane, 0, 0)[1]
		if seq and not fits(call('HSTRLEN', EVENTS, seq)) then break end
		call('ZREM', FREE, lane)
		if seq then
			call('SADD', HELD .. me, lane)
			deliver(lane, number(), 0)
			room = room - 1
		end
	end
	if call('EXISTS', READY .. me) == 1 then wake(AWAKE .. me) end
	if call('EXISTS', FREE) == 1 then wake(WAKE) end
	if used then call('HSET', base, 'n', int(n)) end
	local pause = call('ZRANGE', PAUSED, 0, 0, 'WITHSCORES')[2]
	return {batches, lost or {}, pause and math.max(1, tonumber(pause) - now) or 0}
end

-- overtaken returns the number of the worker's last Beat if that is after this call. The
-- call must have no effect then: its caller may have given up before that Beat.
local function overtaken()
	local last = tonumber(call('HGET', TURNS, me) or '0')
	return last > turn and last
end

-- renew renews the worker's lease.
local function renew() call('ZADD', WORKERS, int(now), me) end
