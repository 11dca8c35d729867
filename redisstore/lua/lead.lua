-- ARGV: the role.
local last = overtaken()
if last then return last end
allow()
renew()
local leader = call('HGET', LEADERS, ARGV[4])
if not leader then
	leader = me
	call('HSET', LEADERS, ARGV[4], me)
end
return {call('HGET', VALUES, ARGV[4]) or '', leader == me and 1 or 0}
