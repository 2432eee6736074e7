-- Cancels an unfinished job, forgets a finished one; a second time with the same token changes nothing, so that it may be
-- sent again where no answer came. ARGV: id, lifetime, token. Gives 'gone' where there is none.
local id = ARGV[1]
local state, ender = unpack(redis.call('HMGET', job(id), 'state', 'ender'))
if state and ender == ARGV[3] then return 'ok' end
if not state then return 'gone' end
if state == 'queued' or state == 'running' then
  finish(id, 'cancelled', ARGV[2], {'ender', ARGV[3]})
else
  forget(id)
end
return 'ok'
