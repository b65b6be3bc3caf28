// What the tests of the gateway run in a browser. Each function is called by name, and gives plain values back.

const toUtf8 = new TextEncoder();
const fromUtf8 = new TextDecoder();

/** JSON lines on a stream, one at a time. */
class Lines {
  constructor({ readable, writable }) {
    this.reader = readable.getReader();
    this.writer = writable?.getWriter();
    this.text = "";
  }

  async next() {
    for (;;) {
      const end = this.text.indexOf("\n");
      if (end !== -1) {
        const line = this.text.slice(0, end);
        this.text = this.text.slice(end + 1);
        return JSON.parse(line);
      }
      const { done, value } = await this.reader.read();
      if (done) return undefined;
      this.text += fromUtf8.decode(value, { stream: true });
    }
  }

  send(line) {
    return this.writer.write(toUtf8.encode(`${JSON.stringify(line)}\n`));
  }

  async ask(line) {
    await this.send(line);
    return this.next();
  }
}

function open(url, hash, options = {}) {
  const value = Uint8Array.from(atob(hash), (char) => char.charCodeAt(0));
  return new WebTransport(url, { serverCertificateHashes: [{ algorithm: "sha-256", value }], ...options });
}

async function openLines(session) {
  return new Lines(await session.createBidirectionalStream());
}

async function openDatagrams(session) {
  const { readable, writable } = session.datagrams;
  const reader = readable.getReader();
  const writer = (writable ?? session.datagrams.createWritable()).getWriter();
  return {
    send: (line) => writer.write(toUtf8.encode(JSON.stringify(line))),
    next: async () => JSON.parse(fromUtf8.decode((await reader.read()).value)),
  };
}

const p50 = (times) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)];

globalThis.tests = {
  /** Fetches, and says over what. */
  async fetchAll(url, channel) {
    const post = { method: "POST", headers: { "content-type": "application/json" } };
    const published = await fetch(`${url}/channels/${channel}`, {
      ...post,
      body: JSON.stringify({ type: "t", data: "x".repeat(200_000) }),
    });
    const page = await (await fetch(`${url}/channels/${channel}?after=earliest`)).json();
    const missing = await fetch(`${url}/nothing`);
    const sse = await fetch(`${url}/sse/${channel}?after=earliest`);
    const reader = sse.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    while (!text.includes("event: t")) text += (await reader.read()).value;
    await fetch(`${url}/channels/${channel}`, { ...post, body: '{"type":"live","data":1}' });
    while (!text.includes("event: live")) text += (await reader.read()).value;
    await reader.cancel();
    return {
      status: published.status,
      length: page.events[0].data.length,
      missing: [missing.status, (await missing.json()).error.code],
    };
  },

  async operations(url, hash, channel) {
    const session = open(url, hash);
    await session.ready;
    const lines = await openLines(session);
    const streams = session.incomingUnidirectionalStreams.getReader();
    const subscribed = await lines.ask({ op: "subscribe", ref: "s", channel });
    const again = await lines.ask({ op: "subscribe", ref: "s2", channel });
    const events = new Lines({ readable: (await streams.read()).value });
    const first = await events.next();
    const acks = [];
    const times = [];
    for (let n = 0; n < 20; n += 1) {
      const startedMs = performance.now();
      acks.push(await lines.ask({ op: "publish", ref: n, channel, type: "t", data: n }));
      times.push(performance.now() - startedMs);
    }
    const received = [];
    while (received.length < 20) received.push(await events.next());
    const bad = await lines.ask({ op: "fly", ref: "b" });
    const unsubscribed = await lines.ask({ op: "unsubscribe", ref: "u", channel });
    const end = await events.next();
    // A second stream of the same session, closed by the client: everything is answered before it ends.
    const other = await openLines(session);
    for (let n = 0; n < 10; n += 1) other.send({ op: "publish", ref: n, channel, type: "t", data: n });
    await other.writer.close();
    const late = [];
    for (let line = await other.next(); line !== undefined; line = await other.next()) late.push(line.ref);
    session.close({ closeCode: 7, reason: "done" });
    return {
      subscribed,
      again,
      first,
      sequences: [acks.map(({ sequence }) => sequence), received.map(({ sequence }) => sequence)],
      bad,
      unsubscribed,
      end: end === undefined,
      late,
      closed: await session.closed,
      p50: p50(times),
    };
  },

  async datagrams(url, hash, channel) {
    const session = open(url, hash);
    await session.ready;
    const lines = await openLines(session);
    const streams = session.incomingUnidirectionalStreams.getReader();
    await lines.ask({ op: "subscribe", ref: "s", channel });
    const events = new Lines({ readable: (await streams.read()).value });
    await events.next();
    const datagrams = await openDatagrams(session);
    // Sent in one go: those that wait are replaced by what is newer, and the last one is stored.
    const last = 200;
    for (let n = 1; n <= last; n += 1)
      await datagrams.send({ op: "publish", channel, type: "position", data: n });
    const stored = [];
    while (stored.at(-1) !== last) stored.push((await events.next()).data);
    const times = [];
    let ack;
    for (let n = 0; n < 20; n += 1) {
      const startedMs = performance.now();
      await datagrams.send({ op: "publish", ref: n, channel, type: "ping", data: n });
      do ack = await datagrams.next();
      while (ack.ref !== n);
      times.push(performance.now() - startedMs);
    }
    await datagrams.send({ op: "subscribe", ref: "d", channel: `${channel}/d` });
    const subscribed = await datagrams.next();
    await datagrams.send({
      op: "publish",
      ref: "p",
      channel: `${channel}/d`,
      type: "t",
      data: "as a datagram",
    });
    const both = [await datagrams.next(), await datagrams.next()];
    await datagrams.send("nonsense");
    const fault = await datagrams.next();
    session.close();
    return {
      stored,
      ack,
      subscribed,
      event: both.find(({ op }) => op === undefined),
      fault,
      p50: p50(times),
    };
  },

  /** Opens a session, and gives why it was not. */
  async refused(url, hash, options) {
    try {
      const session = open(url, hash, options);
      session.closed.catch(() => {});
      await session.ready;
      session.close();
      return undefined;
    } catch (error) {
      return error.message;
    }
  },

  async subprotocol(url, hash, protocols) {
    const session = open(url, hash, { protocols });
    await session.ready;
    const { protocol } = session;
    session.close();
    return protocol;
  },

  /** Many sessions on one connection, each with its own streams; one that is closed leaves the others alone. */
  async many(url, hash, channel, count) {
    const sessions = Array.from({ length: count }, () => open(url, hash, { allowPooling: false }));
    await Promise.all(sessions.map(({ ready }) => ready));
    const lines = await Promise.all(sessions.map(openLines));
    const answers = await Promise.all(
      lines.map((one, n) => one.ask({ op: "publish", ref: n, channel, type: "t" })),
    );
    sessions[0].close();
    await sessions[0].closed;
    const after = await lines[1].ask({ op: "ping", ref: "still" });
    for (const session of sessions.slice(1)) session.close();
    return { refs: answers.map(({ ref }) => ref), after };
  },

  /** Signs in, and publishes where only a user may. */
  async signedIn(url, hash, token, channel) {
    const session = open(url, hash);
    await session.ready;
    const lines = await openLines(session);
    const before = await lines.ask({ op: "publish", ref: 1, channel, type: "t" });
    const hello = await lines.ask({ op: "hello", ref: 2, token });
    const subscribed = await lines.ask({ op: "subscribe", ref: 3, channel });
    const after = await lines.ask({ op: "publish", ref: 4, channel, type: "t" });
    session.close();
    return { before, hello, subscribed, after };
  },

  /** Subscribes, and gives what comes until the number is reached, however long the server was away. */
  async follow(url, hash, channel, last) {
    const session = open(url, hash);
    await session.ready;
    const lines = await openLines(session);
    const streams = session.incomingUnidirectionalStreams.getReader();
    await lines.ask({ op: "subscribe", ref: "s", channel, after: "earliest" });
    const events = new Lines({ readable: (await streams.read()).value });
    await events.next();
    globalThis.following = true;
    const received = [];
    while (received.at(-1) !== last) received.push((await events.next()).data);
    session.close();
    return received;
  },

  /** Writes as fast as the stream takes it, for a while, without reading a single answer. */
  async flood(url, hash, channel, forMs) {
    const session = open(url, hash);
    await session.ready;
    const stream = await session.createBidirectionalStream();
    const writer = stream.writable.getWriter();
    const line = toUtf8.encode(
      `${JSON.stringify({ op: "publish", channel, type: "t", data: "x".repeat(10_000) })}\n`,
    );
    const until = performance.now() + forMs;
    let sent = 0;
    let blockedMs = 0;
    while (performance.now() < until) {
      const startedMs = performance.now();
      const isLate = await Promise.race([
        writer.write(line).then(() => false),
        new Promise((resolve) => setTimeout(resolve, until - performance.now(), true)),
      ]);
      blockedMs += performance.now() - startedMs;
      if (isLate) break;
      sent += 1;
    }
    const other = await openLines(session);
    const pong = await other.ask({ op: "ping", ref: "other" });
    session.close();
    return { sent, blockedMs, pong };
  },
};
