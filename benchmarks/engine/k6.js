// One page, closed with VUS users or open at RATE requests a second; prints what was measured as JSON.
//
// k6 is given what costs it least: bodies are read and not kept, as this engine does it where nothing reads them;
// connections are kept alive over iterations (the defaults, said here since all depends on them); only the statistics
// that are printed are computed.
import http from 'k6/http';

const vus = Number(__ENV.VUS);
const duration = `${__ENV.SECONDS}s`;
const closed = { executor: 'constant-vus', vus, duration };
const open = {
  executor: 'constant-arrival-rate',
  rate: Number(__ENV.RATE),
  timeUnit: '1s',
  duration,
  preAllocatedVUs: vus,
  maxVUs: vus,
};

export const options = {
  discardResponseBodies: true,
  noConnectionReuse: false,
  noVUConnectionReuse: false,
  summaryTrendStats: ['med', 'p(99)'],
  scenarios: { page: __ENV.RATE ? open : closed },
};

export default function () {
  http.get(__ENV.URL);
}

export function handleSummary({ metrics }) {
  const { count, rate } = metrics.http_reqs.values;
  const duration = metrics.http_req_duration.values;
  return {
    stdout: JSON.stringify({
      requests: count,
      rate_per_s: rate,
      failed: metrics.http_req_failed.values.passes,
      p50_ms: duration.med,
      p99_ms: duration['p(99)'],
    }),
  };
}
