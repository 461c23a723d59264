-- For wrk: every request is a delivery of its own, of about 900 bytes. Arguments: key, shipments, id of the first.
local thread = 0

function setup(one)
  one:set("id", thread)
  thread = thread + 1
end

function init(args)
  shipments = tonumber(args[2])
  number = tonumber(args[3]) + id * 10000000
  wrk.method = "POST"
  wrk.headers["webhook_key"] = args[1]
  wrk.headers["Content-Type"] = "application/json"
  local file = io.open(args[4])
  before, between, after = file:read("*a"):match("^(.-)\n(.-)\n(.*)$")
  file:close()
end

function request()
  number = number + 1
  local waybill = string.format("46%08d", number * 7919 % shipments)
  return wrk.format(nil, nil, nil, before .. waybill .. between .. string.format("%.0f", number) .. after)
end

function done(summary, latency)
  io.write(string.format('{"requests":%d,"microseconds":%d,"status":%d,"broken":%d,"timeouts":%d,"p50":%f,"p99":%f,"p999":%f,"longest":%f}\n',
    summary.requests, summary.duration, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write, summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency:percentile(99.9) / 1000, latency.max / 1000))
end
