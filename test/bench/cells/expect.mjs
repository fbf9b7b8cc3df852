// What the null broker must have counted when nothing was lost, repeated, disordered or changed.

export function expectPublished(problems, report, { total, size, qos }) {
  expect(problems, report, {
    messages: total, bytes: total * size, [`qos${qos}`]: total, unchecked: size < 4 ? total : 0,
    gaps: 0, duplicates: 0, corrupt: 0, resent: 0, misusedIds: 0, overQuota: 0, openIds: 0,
  });
}

export function expectReceived(problems, report, { total, qos }) {
  expect(problems, report, { sent: total, acked: qos === 0 ? 0 : total, badAcks: 0, inFlight: 0, messages: 0 });
}

function expect(problems, report, expected) {
  for (const [name, value] of Object.entries(expected)) {
    if (report[name] !== value) problems.push(`the broker's ${name} is ${report[name]}, not ${value}`);
  }
}
