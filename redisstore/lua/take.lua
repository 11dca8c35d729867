-- ARGV: whether the Take has blocked. Then it renews nothing, and takes nothing if the
-- worker is dead.
local last = overtaken()
if last then return last end
allow()
if ARGV[4] == '0' then
	renew()
elseif not call('ZSCORE', WORKERS, me) then
	if call('EXISTS', FREE) == 1 then wake(WAKE) end
	return {{}, {}, -1}
end
return answer()
