-- ARGV: whether there is a mark, its role, its value; then the hash of the ID, the lane and
-- the ID with the data of each event.
local period = math.floor(now / HOUR)

-- is_new remembers an ID, and reports whether it is new. The sets are small, so that Redis
-- keeps them as arrays of integers.
local function is_new(hash)
	if hash == '' then return true end
	local shard = ':' .. string.sub(hash, -2)
	for _, i in ipairs({-1, 1, 2, 3}) do -- -1 for a clock that has gone back
		if call('SISMEMBER', SEEN .. (period - i) .. shard, hash) == 1 then return false end
	end
	local key = SEEN .. period .. shard
	if call('SADD', key, hash) == 0 then return false end
	if call('SCARD', key) == 1 then call('PEXPIRE', key, 5 * HOUR) end
	return true
end

local last = overtaken()
if last then return last end
renew()
if ARGV[4] == '1' then
	if call('HGET', LEADERS, ARGV[5]) ~= me then return 'not leading' end
	call('HSET', VALUES, ARGV[5], ARGV[6])
end
for i = 7, #ARGV, 3 do
	local lane = ARGV[i + 1]
	if is_new(ARGV[i]) then
		local seq = int(number())
		call('HSET', EVENTS, seq, ARGV[i + 2])
		own[seq] = i
		call('ZADD', QUEUE .. lane, seq, seq)
		local _, _, holder = get_lane(lane)
		if holder and call('SISMEMBER', HELD .. holder, lane) == 0 then
			release(lane, holder, 0)
		elseif holder then
			call('ZADD', READY .. holder, 'NX', seq, lane)
			if holder ~= me then wake(AWAKE .. holder) end
		elseif not call('ZSCORE', PAUSED, lane) then
			call('ZADD', FREE, 'NX', seq, lane)
		end
	end
end
return answer()
