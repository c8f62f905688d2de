-- For wrk with as many threads as connections: prints the result as one line of JSON, with the responses of the slowest
-- and the fastest connection. Times in microseconds.
local threads = {}

function setup(thread)
   table.insert(threads, thread)
end

function init()
   responses = 0
end

function response()
   responses = responses + 1
end

function done(summary, latency)
   local min_responses, max_responses = math.huge, 0
   for _, thread in ipairs(threads) do
      local count = thread:get("responses")
      min_responses, max_responses = math.min(min_responses, count), math.max(max_responses, count)
   end
   local errors = summary.errors
   io.write(string.format(
      '{"requests": %d, "duration_us": %d, "failed": %d, "p50_us": %d, "p99_us": %d, "min_responses": %d, "max_responses": %d}\n',
      summary.requests, summary.duration,
      errors.connect + errors.read + errors.write + errors.status + errors.timeout,
      latency:percentile(50), latency:percentile(99), min_responses, max_responses
   ))
end
