-- This part begins each script of the Limits. KEYS[1] begins the names of the key's values.
if redis.replicate_commands then redis.replicate_commands() end -- for Redis 6
local call = redis.call
local USES = KEYS[1] .. ':uses'       -- sorted set: tokens by their time, of rules without Rest
local REST = KEYS[1] .. ':rest'       -- hash: the window of a rule with Rest
local HOLDERS = KEYS[1] .. ':holders' -- sorted set: holders by the end of their lease

local time = call('TIME')
local now = time[1] * 1000000 + time[2]
local SECOND = 1000000 -- the clock has gone back if there is something that much later

local function int(n) return string.format('%.0f', n) end
local function expire(key, at) call('PEXPIREAT', key, int(math.ceil(at / 1000))) end

-- window returns the window of a rest if it is not over: the number of its uses, its start,
-- the time at which it was opened, and whether it is full.
local function window(per)
	local w = call('HMGET', REST, 'start', 'opened', 'full', 'per')
	local start = tonumber(w[1] or '0')
	per = per or tonumber(w[4] or '0')
	local used = call('HLEN', REST) - 4
	if used <= 0 or now - start >= per or start - now >= SECOND then return 0 end
	return used, start, tonumber(w[2]), w[3] == '1', per
end

-- left returns how long a use has to wait.
local function left(rate, per, rest)
	if rest then
		local used, start = window(per)
		return used >= rate and start + per - now or 0
	end
	call('ZREMRANGEBYSCORE', USES, '-inf', int(now - per))
	call('ZREMRANGEBYSCORE', USES, int(now + SECOND), '+inf')
	local used = call('ZCARD', USES)
	if used < rate then return 0 end
	local at = call('ZRANGE', USES, used - rate, used - rate, 'WITHSCORES')[2]
	return math.max(1, tonumber(at) + per - now)
end
