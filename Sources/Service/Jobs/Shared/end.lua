-- Ends a job for its owner, once: a second time with the same token changes nothing, so that it may be sent again where no
-- answer came. Older results go where there is no room.
-- ARGV: id, token, state, lifetime, most bytes of results, then for done the head and body of the answer, else the problem.
-- Gives 'ok', or 'lost' where it is no longer the owner's.
local id, token, state = ARGV[1], ARGV[2], ARGV[3]
local owner, ender = unpack(redis.call('HMGET', job(id), 'owner', 'ender'))
if owner ~= token then return ender == token and 'ok' or 'lost' end
expire()
if state == 'done' then
  local body = ARGV[7]
  while total('results') + #body > tonumber(ARGV[5]) and oldest() do forget(oldest()) end
  local steps = redis.call('HGET', job(id), 'steps')
  finish(id, state, ARGV[4], {'ender', token, 'head', ARGV[6], 'bytes', #body, 'step', steps or ''}, body)
else
  finish(id, state, ARGV[4], {'ender', token, 'problem', ARGV[6]})
end
return 'ok'
