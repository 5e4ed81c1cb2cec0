-- load.lua: what wrk sends in a round of api_figures.py, and its figures as one line of JSON.
-- Arguments: METHOD, a file with the token, and for POST the number of hosts and a word that makes this run's bodies its own.
local method, token, hosts, run
local sent = 0

function init(args)
  method, hosts, run = args[1], tonumber(args[3]), args[4]
  local file = assert(io.open(args[2]))
  token = file:read("l")
  file:close()
  math.randomseed(7)
  wrk.headers["X-Auth-Token"] = token
  wrk.headers["Accept"] = "application/json"
  wrk.headers["OpenStack-API-Version"] = "instance-ha 1.0"
  if method == "POST" then wrk.headers["Content-Type"] = "application/json" end
end

function request()
  if method ~= "POST" then return wrk.format(method) end
  sent = sent + 1
  local body = string.format(
    '{"notification": {"type": "PROCESS", "hostname": "bench-%d", "generated_time": "%s", ' ..
    '"payload": {"event": "STOPPED", "process_name": "%s-%d"}}}',
    math.random(hosts), os.date("!%Y-%m-%dT%H:%M:%S.000001"), run, sent)
  return wrk.format("POST", nil, nil, body)
end

function done(summary, latency, _)
  local e = summary.errors
  io.write(string.format(
    '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "bad_status": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.status, e.connect + e.read + e.write + e.timeout))
end
