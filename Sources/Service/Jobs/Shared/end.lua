-- Ends a job for its owner, once: a second time with the same token changes nothing, so that it may be sent again where no
-- answer came. Older results go where there is no room.
-- ARGV: id, token, state, lifetime, most bytes of results, then for done the head and body of the answer and, where something
-- was drawn to restore with, that, else the problem.
-- Gives 'ok', or 'lost' where it is no longer the owner's.
local id, token, state = ARGV[1], ARGV[2], ARGV[3]
local owner, ender = unpack(redis.call('HMGET', job(id), 'owner', 'ender'))
if owner ~= token then return ender == token and 'ok' or 'lost' end
expire()
if state == 'done' then
  local body, drawn = ARGV[7], ARGV[8]
  local size = #body + (drawn and #drawn or 0)
  while total('results') + size > tonumber(ARGV[5]) and oldest() do forget(oldest()) end
  local steps = redis.call('HGET', job(id), 'steps')
  local fields = {'ender', token, 'head', ARGV[6], 'bytes', #body, 'step', steps or ''}
  if drawn then
    table.insert(fields, 'guidance')
    table.insert(fields, #drawn)
  end
  finish(id, state, ARGV[4], fields, body, drawn)
else
  finish(id, state, ARGV[4], {'ender', token, 'problem', ARGV[6]})
end
return 'ok'
