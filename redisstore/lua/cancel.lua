-- ARGV: the token.
call('ZREM', USES, ARGV[1])
local used, start, opened, full, per = window()
if used > 0 and call('HDEL', REST, ARGV[1]) == 1 then
	if used == 1 then
		call('DEL', REST)
	elseif full then
		call('HSET', REST, 'start', int(opened), 'full', '0')
		expire(REST, opened + per)
	end
end
return 1
