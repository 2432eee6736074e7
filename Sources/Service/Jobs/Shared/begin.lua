-- Makes a replica the owner of a job whose entry it has read or claimed. The token is new with each claim; whoever shows
-- another one from now on may change nothing. With the same token again, where no answer came, it is the same claim.
-- ARGV: id, entry, token, most claims, lifetime, the problem of a job that ended too many owners, that of one without its
-- upload. Gives 'gone', 'ended' where this ended it, or order, bytes of the upload, milliseconds left, claims so far, request id.
local id, entry, token = ARGV[1], ARGV[2], ARGV[3]
local state, own = unpack(redis.call('HMGET', job(id), 'state', 'entry'))
if own ~= entry or (state ~= 'queued' and state ~= 'running') then
  redis.call('XACK', jobs, group, entry)
  redis.call('XDEL', jobs, entry)
  return 'gone'
end
local claims = tonumber(redis.call('HGET', job(id), 'claims'))
if redis.call('HGET', job(id), 'owner') ~= token then claims = redis.call('HINCRBY', job(id), 'claims', 1) end
if claims > tonumber(ARGV[4]) then
  finish(id, 'failed', ARGV[5], {'problem', ARGV[6]})
  return 'ended'
end
local size = redis.call('STRLEN', upload(id))
if size == 0 then
  finish(id, 'failed', ARGV[5], {'problem', ARGV[7]})
  return 'ended'
end
redis.call('HSET', job(id), 'owner', token)
if redis.call('ZREM', waiting, id) == 1 then redis.call('PUBLISH', prefix .. 'changes', '*') end
local order, request, deadline = unpack(redis.call('HMGET', job(id), 'order', 'request', 'deadline'))
return {order, size, deadline - now, claims, request}
