-- ARGV: the lane, the epoch, whether it is given back, the pause, the number of events and
-- their Seqs, of each QueueDone.
local last = overtaken()
if last then return last end
allow()
renew()
local lost, i = {}, 4
while i <= #ARGV do
	local lane, epoch, back, pause, count = ARGV[i], ARGV[i + 1], ARGV[i + 2], tonumber(ARGV[i + 3]), tonumber(ARGV[i + 4])
	i = i + 5
	local held, after, holder = get_lane(lane)
	if held and int(held) == epoch and holder == me then
		for j = i, i + count - 1 do
			if call('ZREM', QUEUE .. lane, ARGV[j]) == 1 then
				call('HDEL', EVENTS, ARGV[j])
				call('HDEL', TRIES, ARGV[j])
			end
		end
		if back == '1' or call('EXISTS', QUEUE .. lane) == 0 then
			release(lane, me, pause)
		else
			set_ready(lane, after, me)
		end
	else
		lost[#lost + 1] = lane
		lost[#lost + 1] = epoch
	end
	i = i + count
end
return answer(lost)
