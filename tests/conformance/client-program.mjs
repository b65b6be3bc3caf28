/**
 * What every runtime runs with the package as it is built: publishes, reads over each wire, is cut, and goes on.
 *
 * @param {typeof import("../../clients/typescript/index.ts")} everywire
 * @param {string} url
 * @param {string} channel
 * @param {import("../../clients/typescript/index.ts").ConnectOptions} [options]
 */
export async function runClientProgram(everywire, url, channel, options = {}) {
  const client = everywire.connect(url, options);
  const subscription = client.subscribe(channel);
  await subscription.ready;
  const first = subscription.transport;
  const count = 40;
  const answers = Array.from({ length: count }, (_, n) => client.publish(channel, { type: "n", data: n }));
  const data = [];
  for await (const event of subscription) {
    data.push(event.data);
    if (data.length === count / 2) subscription.cut();
    if (data.length === count) break;
  }
  const published = await Promise.all(answers);
  const wires = {};
  for (const transport of ["sse", "ndjson", "long-poll"]) {
    const again = client.subscribe(channel, { after: "earliest", transport });
    wires[transport] = 0;
    for await (const _ of again) {
      wires[transport] += 1;
      if (wires[transport] === count) break;
    }
  }
  const { duplicate } = await client.publish(channel, { type: "n", id: published[0].id });
  client.close();
  return {
    first,
    data,
    sequences: new Set(published.map(({ sequence }) => sequence)).size,
    wires,
    duplicate,
  };
}
