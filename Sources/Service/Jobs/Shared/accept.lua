-- Takes a job in, once: a second time changes nothing, so that it may be sent again where no answer came.
-- ARGV: id, upload, order, request id, milliseconds to its deadline and to the end of its keys, most jobs, most bytes of
-- uploads. Gives 'ok', 'full' or 'large'.
local id, body = ARGV[1], ARGV[2]
if redis.call('EXISTS', job(id)) == 1 then return 'ok' end
expire()
local limit, most = tonumber(ARGV[7]), tonumber(ARGV[8])
local count = redis.call('ZCARD', unfinished)
if count >= limit then return 'full' end
if total('uploads') + #body > most then return 'large' end
while count + redis.call('ZCARD', finished) >= limit do forget(oldest()) end

local number = redis.call('HINCRBY', totals, 'number', 1)
redis.call('SET', upload(id), body, 'PX', ARGV[6])
redis.call('HSET', uploads, id, #body)
redis.call('HINCRBY', totals, 'uploads', #body)
local entry = redis.call('XADD', jobs, '*', 'id', id)
redis.call('HSET', job(id), 'state', 'queued', 'order', ARGV[3], 'request', ARGV[4], 'entry', entry, 'number', number,
  'deadline', now + ARGV[5], 'revision', 1, 'claims', 0)
redis.call('PEXPIRE', job(id), ARGV[6])
redis.call('ZADD', unfinished, now + ARGV[5], id)
redis.call('ZADD', waiting, number, id)
return 'ok'
