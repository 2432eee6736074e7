-- Forgets what has expired, ends jobs whose deadline passed and that nobody has ended, and tells what there is.
-- Consumers that have long been silent and have nothing are those of replicas that are gone.
-- ARGV: lifetime, milliseconds behind the deadline, the problem of such jobs, silence after which a consumer goes.
-- Gives counts: waiting, unfinished, done, failed, cancelled, bytes of results and of uploads.
expire()
for _, id in ipairs(redis.call('ZRANGEBYSCORE', unfinished, '-inf', now - ARGV[2], 'LIMIT', 0, 100)) do
  finish(id, 'failed', ARGV[1], {'problem', ARGV[3]})
end
local consumers = redis.pcall('XINFO', 'CONSUMERS', jobs, group)
for _, fields in ipairs(consumers.err and {} or consumers) do
  local consumer = {}
  for index = 1, #fields, 2 do consumer[fields[index]] = fields[index + 1] end
  if consumer.pending == 0 and consumer.idle > tonumber(ARGV[4]) then
    redis.call('XGROUP', 'DELCONSUMER', jobs, group, consumer.name)
  end
end
return {redis.call('ZCARD', waiting), redis.call('ZCARD', unfinished), total('done'), total('failed'),
  total('cancelled'), total('results'), total('uploads')}
