-- Keeps a job for its owner, and notes how far it is.
-- ARGV: id, entry, token, consumer, then nothing, or state, step, steps, seconds left (empty where not known).
-- Gives 'ok', or 'lost' where it is no longer the owner's: ended, cancelled, or another's.
local id, entry, token = ARGV[1], ARGV[2], ARGV[3]
if redis.call('HGET', job(id), 'owner') ~= token then return 'lost' end
redis.call('XCLAIM', jobs, group, ARGV[4], 0, entry, 'JUSTID')
if ARGV[5] then
  redis.call('HSET', job(id), 'state', ARGV[5], 'step', ARGV[6], 'steps', ARGV[7], 'seconds', ARGV[8])
  redis.call('HINCRBY', job(id), 'revision', 1)
  tell(id)
end
return 'ok'
