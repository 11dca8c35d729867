-- ARGV: the rate, the time in microseconds, whether the rule has Rest, and the token, which
-- is empty if nothing is to be taken.
local rate, per, rest, token = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4]
local wait = left(rate, per, rest)
if wait > 0 or token == '' then return int(wait) end
if not rest then
	call('ZADD', USES, int(now), token)
	expire(USES, now + per)
	return '0'
end
local used, start, opened = window(per)
if used == 0 then
	call('DEL', REST)
	start, opened = now, now
end
if used + 1 >= rate then start = now end
call('HSET', REST, 'start', int(start), 'opened', int(opened), 'full', used + 1 >= rate and '1' or '0', 'per', int(per), token, '')
expire(REST, start + per)
return '0'
