-- For wrk with as many threads as connections: what each of them got, as one line of JSON. Times in microseconds.
local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init()
   answered = 0
end

function response()
   answered = answered + 1
end

function done(summary, latency)
   local least, most = math.huge, 0
   for _, thread in ipairs(threads) do
      local got = thread:get("answered")
      least, most = math.min(least, got), math.max(most, got)
   end
   local errors = summary.errors
   io.write(string.format(
      '{"requests": %d, "duration_us": %d, "failed": %d, "p50_us": %d, "p99_us": %d, "least": %d, "most": %d}\n',
      summary.requests, summary.duration,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(50), latency:percentile(99), least, most
   ))
end
