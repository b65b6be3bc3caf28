import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PROOFS } from "../../functions/door.ts";
import type { Target } from "./door-driver.ts";
import { connect } from "./doors/websocket.ts";
import { toHeaders, toUrl } from "./http-exchange.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let served: ServedTarget;
beforeAll(async () => {
  served = await serveTarget();
}, 60_000);
afterAll(() => served.stop());

const members = async (target: Target, channel: string) => {
  const response = await fetch(toUrl(target, `/channels/${channel}/presence`), {
    headers: toHeaders(target),
  });
  return ((await response.json()) as { members: readonly Record<string, unknown>[] }).members;
};

describe("presence", () => {
  it(PROOFS.presence[1], async () => {
    const channel = "rooms/presence";
    const [alice, bob] = await Promise.all([served.signIn("alice"), served.signIn("bob")]);
    const hers = await connect(alice, channel);
    const his = await connect(bob, channel);
    expect(await hers.events.next()).toMatchObject({
      sequence: undefined,
      event: { type: "presence.join", subject: channel, data: { id: "bob", name: "bob" } },
    });
    expect(await members(alice, channel)).toEqual([
      { id: "alice", name: "alice", connections: 1 },
      { id: "bob", name: "bob", connections: 1 },
    ]);
    hers.socket.send('{"op":"who","ref":"w"}');
    expect(await hers.operations.next()).toMatchObject({
      op: "who",
      ref: "w",
      members: [{ id: "alice" }, { id: "bob" }],
    });
    his.socket.close();
    expect((await hers.events.next()).event).toMatchObject({ type: "presence.leave", data: { id: "bob" } });
    expect(await members(alice, channel)).toHaveLength(1);
    hers.socket.terminate();
  });

  it("lists an anonymous connection, and announces none", async () => {
    const channel = "demo/presence";
    const target = { url: served.url };
    const first = await connect(target, channel);
    const second = await connect(target, channel);
    expect(await members(target, channel)).toHaveLength(2);
    second.socket.send('{"type":"t","data":1}');
    expect((await first.events.next()).event.data).toBe(1);
    first.socket.terminate();
    second.socket.terminate();
  });

  it("passes typing on to the others, and keeps none of it", async () => {
    const channel = "rooms/typing";
    const [alice, bob] = await Promise.all([served.signIn("alice"), served.signIn("bob")]);
    const hers = await connect(alice, channel);
    const his = await connect(bob, channel);
    await hers.events.next();
    his.socket.send('{"type":"chat.typing","data":{"typing":true},"ack":1}');
    expect(await his.operations.next()).toMatchObject({ op: "ack", ref: 1 });
    expect(await hers.events.next()).toMatchObject({
      sequence: undefined,
      event: { type: "chat.typing", source: "/users/bob", data: { typing: true } },
    });
    his.socket.send('{"type":"chat.message","data":"hi"}');
    // The typing did not come back to its sender: the message is the first that he sees.
    expect((await his.events.next()).event.type).toBe("chat.message");
    const late = await connect(alice, channel, { after: "earliest" });
    expect((await late.events.next()).event.type).toBe("chat.message");
    for (const { socket } of [hers, his, late]) socket.terminate();
  });
});

describe("a socket's token", () => {
  it("comes as the subprotocol bearer.{token}, which is echoed", async () => {
    const { url, token } = await served.signIn("alice");
    const { socket } = await connect({ url }, "rooms/a", { protocols: [`bearer.${token}`] });
    expect(socket.protocol).toBe(`bearer.${token}`);
    socket.terminate();
  });

  it("stays out of the answer where 'everywire' is offered beside it", async () => {
    const { url, token } = await served.signIn("alice");
    const { socket } = await connect({ url }, "rooms/a", { protocols: ["everywire", `bearer.${token}`] });
    expect(socket.protocol).toBe("everywire");
    socket.terminate();
  });

  it("comes as access_token, for a browser", async () => {
    const { url, token } = await served.signIn("alice");
    const socket = new WebSocket(`${url.replace("http", "ws")}/ws/rooms/a?access_token=${token}`);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error("It was refused.")));
    });
    socket.close();
  });

  it("is refused before the upgrade, in HTTP", async () => {
    await expect(
      connect({ url: served.url }, "rooms/a", { protocols: ["bearer.bad"] }),
    ).rejects.toMatchObject({
      code: "unauthenticated",
    });
    const plain = await fetch(`${served.url}/ws/demo/a`);
    expect(plain.status).toBe(400);
  });
});
