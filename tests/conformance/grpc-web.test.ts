import { create, fromBinary } from "@bufbuild/protobuf";
import { ValueSchema } from "@bufbuild/protobuf/wkt";
import grpcWeb from "grpc-web";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ChannelService } from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import { StatusSchema } from "../../proto/gen/google/rpc/status_pb.ts";
import { http } from "./doors/http.ts";
import type { GoogleFormat } from "./google-grpc-web.ts";
import { GoogleClient } from "./google-grpc-web.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
beforeAll(async () => {
  server = await serveTarget({ HEARTBEAT_SECONDS: "1" });
});
afterAll(() => server.stop());

const { publish, read, subscribe } = ChannelService.method;
const text = (value: string) => create(ValueSchema, { kind: { case: "stringValue", value } });

describe.each<GoogleFormat>(["text", "binary"])("Google's grpc-web client, in %s", (format) => {
  const client = () => new GoogleClient(server, format);

  it("publishes and reads", async () => {
    const channel = `demo/google-${format}`;
    // Long enough that the base64 comes in several chunks.
    const long = "grüße".repeat(20_000);
    const { sequence } = await client().call(publish, { channel, type: "t", data: text(long) });
    const page = await client().call(read, { channel, after: "earliest" });
    expect(page.events).toMatchObject([{ sequence, data: { kind: { value: long } } }]);
  });

  it("reads a stream to its end", async () => {
    const channel = `demo/google-stream-${format}`;
    for (let n = 0; n < 50; n += 1)
      await http.publish?.(server, channel, { type: `t${n}`, data: "x".repeat(n * 100) });
    const { received } = client().stream(subscribe, { channel, after: "earliest", limit: 50 });
    for (let n = 0; n < 50; n += 1) expect((await received.next()).type).toBe(`t${n}`);
    await expect(received.next()).rejects.toThrow("The stream ended well.");
  });

  it("is told the status and its details", async () => {
    const error = (await client()
      .call(publish, { channel: "rooms/a", type: "t" })
      .catch((thrown: unknown) => thrown)) as grpcWeb.RpcError;
    expect(error.code).toBe(grpcWeb.StatusCode.UNAUTHENTICATED);
    expect(error.message).toBe("This needs a bearer token.");
    const status = fromBinary(
      StatusSchema,
      Buffer.from(error.metadata["grpc-status-details-bin"] ?? "", "base64"),
    );
    expect(status.details[0]?.typeUrl).toBe("type.googleapis.com/google.rpc.ErrorInfo");
    const garbage = new GoogleClient({ url: server.url, token: "garbage" }, format);
    await expect(garbage.call(read, { channel: "demo/a" })).rejects.toMatchObject({
      code: grpcWeb.StatusCode.UNAUTHENTICATED,
    });
  });

  it("has its deadline honoured", async () => {
    const deadline = String(Date.now() + 300);
    const { received } = client().stream(subscribe, { channel: "demo/quiet" }, { deadline });
    await expect(received.next()).rejects.toMatchObject({ code: grpcWeb.StatusCode.DEADLINE_EXCEEDED });
  });
});

describe("Google's grpc-web client, in text", () => {
  it("gets each event as it is published, and leaves when it likes", async () => {
    const channel = "demo/google-live";
    const { received, cancel } = new GoogleClient(server, "text").stream(subscribe, { channel });
    expect((await received.next()).type).toBe("everywire.position");
    for (let n = 0; n < 3; n += 1) {
      const published = await http.publish?.(server, channel, { type: "t", data: n });
      let event = await received.next();
      while (event.type === "everywire.position") event = await received.next();
      expect(event.sequence).toBe(published?.sequence);
    }
    cancel();
  });
});

describe("application/grpc-web-text", () => {
  const post = (body: string | ReadableStream<Uint8Array>, type = "application/grpc-web-text") =>
    fetch(`${server.url}/everywire.v1.ChannelService/Read`, {
      method: "POST",
      headers: { "content-type": type },
      body,
      duplex: "half",
    } as RequestInit);
  /** An envelope with {"channel": "demo/a"}. */
  const envelope = Buffer.from([0, 0, 0, 0, 8, 0x0a, 6, ...Buffer.from("demo/a")]);

  it("is answered in the type that it came in", async () => {
    for (const type of ["application/grpc-web-text", "application/grpc-web-text+proto"]) {
      const answer = await post(envelope.toString("base64"), type);
      expect(answer.headers.get("content-type")).toBe("application/grpc-web-text+proto");
      expect(await answer.text()).toMatch(/^[A-Za-z0-9+/=]+$/);
    }
  });

  it("can be cut anywhere, and padded in the middle", async () => {
    const padded = envelope.subarray(0, 4).toString("base64") + envelope.subarray(4).toString("base64");
    const body = new ReadableStream<Uint8Array>({
      async start(controller) {
        for (const letter of padded) controller.enqueue(Buffer.from(letter));
        controller.close();
      },
    });
    const answer = Buffer.from(await (await post(body)).text(), "base64").toString("latin1");
    expect(answer).toContain("grpc-status: 0");
  });

  it.each(["****", "AAAAA", "=AAA", "AA=A"])(
    "is refused where it is %j, which is no base64",
    async (body) => {
      const answer = Buffer.from(await (await post(body)).text(), "base64").toString("latin1");
      expect(answer).toContain("grpc-status: 3");
    },
  );
});
