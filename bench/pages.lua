-- For wrk: every request is another path of a file, one a line. Arguments: the file, the encoding that is asked for.
function init(args)
  paths, number = {}, 0
  for line in io.lines(args[1]) do
    paths[#paths + 1] = line
  end
  wrk.headers["Accept-Encoding"] = args[2]
end

function request()
  number = number + 1
  return wrk.format(nil, paths[number % #paths + 1])
end

function done(summary, latency)
  io.write(string.format('{"requests":%d,"microseconds":%d,"bytes":%d,"status":%d,"broken":%d,"p50":%f,"p99":%f,"longest":%f}\n',
    summary.requests, summary.duration, summary.bytes, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, latency.max / 1000))
end
