// What the tests of the client run in a browser, on a page that has loaded it as `everywire`.

const upTo = (count) => Array.from({ length: count }, (_, n) => n);
const p50 = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];

async function take(subscription, count, onEvent = () => {}) {
  const data = [];
  for await (const event of subscription) {
    data.push(event.data);
    onEvent(data.length, event);
    if (data.length === count) break;
  }
  return data;
}

globalThis.tests = {
  /** One session for many channels, and a second one for a channel that the first has already. */
  async pool(url, options, channel) {
    const client = everywire.connect(url, options);
    const names = upTo(10).map((n) => `${channel}/${n}`);
    const subscriptions = [...names, names[0]].map((name) => client.subscribe(name));
    await Promise.all(subscriptions.map(({ ready }) => ready));
    const { sessions } = client.stats;
    const received = Promise.all(subscriptions.map((subscription) => take(subscription, 2)));
    for (const name of names) {
      await client.publish(name, { type: "n", data: { n: 1, text: "ä" }, mark: 7 });
      await client.publish(name, { type: "n", data_base64: "AAEC/w==" });
    }
    const result = {
      received: await received,
      transports: [...new Set(subscriptions.map(({ transport }) => transport))],
      protocols: sessions.map(({ protocol }) => protocol),
      shares: sessions.map((session) => session.subscriptions).sort((a, b) => b - a),
    };
    const bytes = client.subscribe(names[1], { after: "earliest" });
    let event;
    await take(bytes, 2, (count, one) => {
      event = count === 2 ? one : event;
    });
    client.close();
    return { ...result, base64: event.data_base64, left: client.stats.sessions.length };
  },

  /** Reads until the last number, over whatever happens meanwhile; says how it went. */
  async follow(url, options, channel, count) {
    const client = everywire.connect(url, options);
    globalThis.client = client;
    const subscription = client.subscribe(channel);
    globalThis.wires = [];
    subscription.on("transport", (wire) => globalThis.wires.push(wire));
    await subscription.ready;
    globalThis.following = subscription.transport;
    const data = await take(subscription, count, (taken) => {
      globalThis.taken = taken;
    });
    const { stats } = subscription;
    client.close();
    return { data, stats };
  },

  /** Cuts the subscription, and its whole session, in the middle. */
  async cuts(url, options, channel) {
    const client = everywire.connect(url, options);
    const subscription = client.subscribe(channel);
    await subscription.ready;
    const answers = upTo(300).map((n) => client.publish(channel, { type: "n", data: n }));
    const data = await take(subscription, 300, (count) => count % 60 === 0 && subscription.cut());
    await Promise.all(answers);
    const { transport, stats } = subscription;
    client.close();
    return { data, transport, reconnects: stats.reconnects };
  },

  /** The last of many values, by datagrams. */
  async latest(url, options, channel) {
    const client = everywire.connect(url, options);
    const subscription = client.subscribe(channel);
    await subscription.ready;
    for (const n of upTo(200)) client.publishLatest(channel, { type: "position", data: n });
    const data = [];
    for await (const event of subscription) if (data.push(event.data) > 0 && event.data === 199) break;
    const { datagramsSent } = client.stats.sessions[0];
    client.close();
    return { stored: data.length, datagramsSent };
  },

  /** Two tokens: `fetchToken` is asked again when the first one ends. */
  async renews(url, options, room, tokenUrls) {
    let asked = 0;
    const token = async () => {
      const [name, body] = tokenUrls[Math.min(asked, tokenUrls.length - 1)];
      asked += 1;
      const headers = { "content-type": "application/json" };
      const response = await fetch(name, { method: "POST", headers, body: JSON.stringify(body) });
      return (await response.json()).token;
    };
    const client = everywire.connect(url, { ...options, token });
    const subscription = client.subscribe(room);
    const ended = new Promise((resolve) => {
      subscription.on("error", ({ code }) => code === "unauthenticated" && resolve());
    });
    const received = take(subscription, 2);
    await subscription.ready;
    await client.publish(room, { type: "n", data: "before" });
    await ended;
    await client.publish(room, { type: "n", data: "after" });
    const result = { data: await received, asked, transport: subscription.transport };
    client.close();
    return result;
  },

  /** How long it takes from the call of publish until its answer, and until the event has come back; in milliseconds. */
  async times(url, options, channel, count) {
    const result = {};
    for (const wire of ["webtransport", "websocket", "sse", "ndjson", "long-poll"]) {
      const client = everywire.connect(url, { ...options, transports: [wire] });
      const subscription = client.subscribe(channel);
      await subscription.ready;
      const iterator = subscription[Symbol.asyncIterator]();
      const acks = [];
      const arrivals = [];
      for (const n of upTo(count)) {
        const startedMs = performance.now();
        const [, ackMs] = await Promise.all([
          iterator.next().then(() => arrivals.push(performance.now() - startedMs)),
          client.publish(channel, { type: "n", data: n }).then(() => performance.now() - startedMs),
        ]);
        acks.push(ackMs);
      }
      const { bytes, connectMs } = subscription.stats;
      result[wire] = {
        ackMs: p50(acks),
        arrivalMs: p50(arrivals),
        bytes: Math.round(bytes / count),
        connectMs,
      };
      client.close();
    }
    return result;
  },
};
