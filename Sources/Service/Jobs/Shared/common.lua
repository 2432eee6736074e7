-- What every script of the store begins with. KEYS[1] is what the names of all keys begin with. Times are milliseconds by
-- the server's clock, which is the same for all replicas.
local prefix = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local jobs, group = prefix .. 'jobs', 'workers'
local waiting, unfinished, finished = prefix .. 'waiting', prefix .. 'unfinished', prefix .. 'finished'
local uploads, kept, totals = prefix .. 'uploads', prefix .. 'kept', prefix .. 'totals'

local function job(id) return prefix .. 'job:' .. id end
local function upload(id) return prefix .. 'upload:' .. id end
local function result(id) return prefix .. 'result:' .. id end
local function guidance(id) return prefix .. 'guidance:' .. id end
local function tell(id) redis.call('PUBLISH', prefix .. 'changes', id) end
local function total(name) return tonumber(redis.call('HGET', totals, name) or '0') end

-- Takes the job's entry out of the stream.
local function leave(id)
  local entry = redis.call('HGET', job(id), 'entry')
  if entry then
    redis.pcall('XACK', jobs, group, entry)
    redis.call('XDEL', jobs, entry)
  end
end

-- Forgets a finished job. What it held is counted in `kept`, so that it also comes right where its keys have expired.
local function forget(id)
  local held = redis.call('HGET', kept, id)
  if held then
    local state, bytes = string.match(held, '^(%a+) (%d+)$')
    redis.call('HINCRBY', totals, state, -1)
    redis.call('HINCRBY', totals, 'results', 0 - tonumber(bytes))
    redis.call('HDEL', kept, id)
  end
  redis.call('ZREM', finished, id)
  redis.call('DEL', job(id), result(id), guidance(id))
end

-- Ends a job: its upload goes, and its end is kept for a lifetime.
local function finish(id, state, lifetime, fields, body, drawn)
  redis.call('DEL', upload(id))
  local bytes = redis.call('HGET', uploads, id)
  if bytes then
    redis.call('HINCRBY', totals, 'uploads', 0 - tonumber(bytes))
    redis.call('HDEL', uploads, id)
  end
  redis.call('ZREM', waiting, id)
  redis.call('ZREM', unfinished, id)
  leave(id)
  redis.call('HDEL', job(id), 'owner', 'order', 'seconds')
  redis.call('HSET', job(id), 'state', state, unpack(fields))
  redis.call('HINCRBY', job(id), 'revision', 1)
  redis.call('PEXPIRE', job(id), lifetime)
  if body then redis.call('SET', result(id), body, 'PX', lifetime) end
  if drawn then redis.call('SET', guidance(id), drawn, 'PX', lifetime) end
  local size = (body and #body or 0) + (drawn and #drawn or 0)
  redis.call('HSET', kept, id, state .. ' ' .. size)
  redis.call('HINCRBY', totals, state, 1)
  redis.call('HINCRBY', totals, 'results', size)
  redis.call('ZADD', finished, now + lifetime, id)
  tell(id)
end

-- Forgets finished jobs whose time is over, so many at once that nobody waits long.
local function expire()
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', finished, '-inf', now, 'LIMIT', 0, 100)) do forget(id) end
end

-- The oldest finished job; nil where there is none.
local function oldest() return redis.call('ZRANGE', finished, 0, 0)[1] end

