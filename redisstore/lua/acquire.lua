-- ARGV: the owner, the number of holders, and the lease in microseconds.
local owner, n, lease = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
call('ZREMRANGEBYSCORE', HOLDERS, '-inf', int(now))
local ok = n == 0 or call('ZSCORE', HOLDERS, owner) or call('ZCARD', HOLDERS) < n
if ok then
	call('ZADD', HOLDERS, int(now + lease), owner)
	expire(HOLDERS, call('ZRANGE', HOLDERS, -1, -1, 'WITHSCORES')[2])
end
return {call('ZCARD', HOLDERS), ok and 1 or 0}
