-- Gives a job back that its owner won't do: the next replica takes it at once, and the claim does not count.
-- ARGV: id, entry, token, consumer, idle milliseconds from which on an entry is claimed.
local id, entry, token = ARGV[1], ARGV[2], ARGV[3]
if redis.call('HGET', job(id), 'owner') ~= token then return 'lost' end
redis.call('XCLAIM', jobs, group, ARGV[4], 0, entry, 'IDLE', ARGV[5] + 1000, 'JUSTID')
redis.call('HDEL', job(id), 'owner', 'step', 'steps', 'seconds')
redis.call('HINCRBY', job(id), 'claims', -1)
redis.call('HSET', job(id), 'state', 'queued')
redis.call('HINCRBY', job(id), 'revision', 1)
redis.call('ZADD', waiting, redis.call('HGET', job(id), 'number'), id)
tell(id)
return 'ok'
