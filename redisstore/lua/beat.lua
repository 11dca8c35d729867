-- ARGV: the lane, the epoch, the last Seq and the parked Seqs, of each lane that the worker
-- believes to hold.
local last = overtaken()
if last then return last end
allow()
local beat = tonumber(call('HGET', base, 'beat') or '0')
call('HSET', base, 'beat', int(now))
renew()
call('HSET', TURNS, me, int(turn))
if now - beat >= LEASE / 2 or now < beat then
	for _, worker in ipairs(call('ZRANGE', WORKERS, 0, -1)) do
		call('ZADD', WORKERS, int(now), worker)
	end
	if now < beat then unpause('+inf') end -- the clock has gone back
else
	for _, worker in ipairs(call('ZRANGEBYSCORE', WORKERS, '-inf', int(now - LEASE))) do
		finish(worker, true)
	end
end
local lost, known = {}, {}
for i = 4, #ARGV, 4 do
	local lane, epoch, last, parked = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 3]
	local held, after, holder = get_lane(lane)
	if held and int(held) == epoch and holder == me then
		known[lane] = true
		if last < after then
			set_lane(lane, held, last, me)
			set_ready(lane, last, me)
		end
		if parked ~= '' then
			call('HSET', PARKED, lane, parked)
		else
			call('HDEL', PARKED, lane)
		end
	else
		lost[#lost + 1] = lane
		lost[#lost + 1] = epoch
	end
end
for _, lane in ipairs(call('SMEMBERS', HELD .. me)) do
	local epoch, _, holder = get_lane(lane)
	if holder ~= me then
		release(lane, me, 0)
	elseif not known[lane] then
		set_lane(lane, epoch, 0, me)
		set_ready(lane, 0, me)
		call('HDEL', PARKED, lane)
	end
end
return answer(lost)
