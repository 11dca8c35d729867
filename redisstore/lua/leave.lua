allow()
finish(me, false)
if call('EXISTS', FREE) == 1 then wake(WAKE) end
return 1
