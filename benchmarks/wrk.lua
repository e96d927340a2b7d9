-- Asks for the paths of a file in turn (the first argument), and prints one line of JSON in the end.
local requests, next_one = {}, 0

function init(arguments)
  for path in io.lines(arguments[1]) do
    requests[#requests + 1] = wrk.format("GET", path)
  end
end

function request()
  next_one = next_one % #requests + 1
  return requests[next_one]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "microseconds": %d, "p50": %f, "p99": %f, "bytes": %d, "bad": %d, "broken": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), summary.bytes,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
