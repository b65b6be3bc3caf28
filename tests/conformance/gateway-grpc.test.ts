import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ServiceError } from "@grpc/grpc-js";
import { Client, compressionAlgorithms, credentials, Metadata, status } from "@grpc/grpc-js";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import {
  ChatRequestSchema,
  ChatResponseSchema,
  PublishRequestSchema,
  PublishResponseSchema,
  PublishStreamRequestSchema,
  PublishStreamResponseSchema,
  ReadRequestSchema,
  ReadResponseSchema,
  SubscribeRequestSchema,
} from "../../proto/gen/everywire/v1/channel_service_pb.ts";
import { EventSchema } from "../../proto/gen/everywire/v1/event_pb.ts";
import { startGateway } from "../../scripts/gateway.ts";
import { ROOT } from "../../scripts/paths.ts";
import { toDoorError } from "./doors/grpc.ts";
import { until } from "./gateway-clients.ts";
import { orSkipped, PYTHON, whyNoModule } from "./missing.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

const SERVICE = "/everywire.v1.ChannelService";
const run = promisify(execFile);

let target: ServedTarget;
beforeAll(async () => {
  target = await serveTarget({}, { withGateway: true });
}, 60_000);
afterAll(() => target.stop());

const newChannel = () => `demo/${randomUUID()}`;
const write =
  <D extends DescMessage>(schema: D) =>
  (message: MessageShape<D>) =>
    Buffer.from(toBinary(schema, message));
const read =
  <D extends DescMessage>(schema: D) =>
  (bytes: Buffer) =>
    fromBinary(schema, bytes);

const wires = [
  { name: "in clear", secure: false },
  { name: "over TLS", secure: true },
];

describe.each(wires)("gRPC $name", ({ secure }) => {
  let client: Client;
  beforeEach(() => {
    const { tlsPort, grpcPort } = target.gateway ?? {};
    const options = { rejectUnauthorized: false };
    client = secure
      ? new Client(`127.0.0.1:${tlsPort}`, credentials.createSsl(null, null, null, options), {
          "grpc.keepalive_time_ms": 500,
        })
      : new Client(`127.0.0.1:${grpcPort}`, credentials.createInsecure(), { "grpc.keepalive_time_ms": 500 });
  });
  afterEach(() => client.close());

  const unary = <I extends DescMessage, O extends DescMessage>(
    method: string,
    [input, output]: readonly [I, O],
    request: MessageInitShape<I>,
    metadata = new Metadata(),
    options: object = {},
  ) => {
    const initial = Promise.withResolvers<Metadata>();
    const response = new Promise<MessageShape<O>>((resolve, reject) => {
      const done = (error: ServiceError | null, message?: MessageShape<O>) =>
        error === null && message !== undefined ? resolve(message) : reject(error);
      const path = method.startsWith("/") ? method : `${SERVICE}/${method}`;
      const call = client.makeUnaryRequest(
        path,
        write(input),
        read(output),
        create(input, request),
        metadata,
        options,
        done,
      );
      call.on("metadata", initial.resolve);
    });
    return Object.assign(response, { initial: initial.promise });
  };
  const PUBLISH = [PublishRequestSchema, PublishResponseSchema] as const;
  const value = (text: string) => ({ kind: { case: "stringValue" as const, value: text } });

  it("has all four kinds of call", async () => {
    const channel = newChannel();
    const first = unary("Publish", PUBLISH, { channel, type: "t", data: value("1") });
    expect((await first).sequence).toMatch(/-0000000001$/);
    expect((await first.initial).get("x-request-id")[0]).toMatch(/^req_/);

    const uploaded = new Promise<MessageShape<typeof PublishStreamResponseSchema>>((resolve, reject) => {
      const upload = client.makeClientStreamRequest(
        `${SERVICE}/PublishStream`,
        write(PublishStreamRequestSchema),
        read(PublishStreamResponseSchema),
        (error, response) => (error === null && response !== undefined ? resolve(response) : reject(error)),
      );
      for (let n = 0; n < 20; n += 1)
        upload.write(create(PublishStreamRequestSchema, { channel, type: "t" }));
      upload.end();
    });
    expect((await uploaded).published).toBe(20);

    const events = client.makeServerStreamRequest(
      `${SERVICE}/Subscribe`,
      write(SubscribeRequestSchema),
      read(EventSchema),
      create(SubscribeRequestSchema, { channel, after: "earliest", limit: 21 }),
    );
    let count = 0;
    for await (const event of events) if ((event as { sequence: string }).sequence !== "") count += 1;
    expect(count).toBe(21);

    const chat = client.makeBidiStreamRequest(
      `${SERVICE}/Chat`,
      write(ChatRequestSchema),
      read(ChatResponseSchema),
    );
    const receipts: string[] = [];
    chat.on("data", ({ message }: MessageShape<typeof ChatResponseSchema>) => {
      if (message.case === "receipt") receipts.push(message.value.sequence);
    });
    // Each one only when the one before was answered: both ways are open at once.
    for (let n = 1; n <= 5; n += 1) {
      chat.write(create(ChatRequestSchema, { channel, type: "t" }));
      await until(() => receipts.length === n);
    }
    chat.end();
    await once(chat, "end");
  });

  it("tells errors by their status, with details", async () => {
    const refused = unary("Publish", PUBLISH, { channel: "rooms/lobby", type: "t" });
    const error = (await refused.catch((thrown: unknown) => thrown)) as ServiceError;
    expect(error).toMatchObject({ code: status.UNAUTHENTICATED, details: "This needs a bearer token." });
    expect(toDoorError(error)).toMatchObject({ code: "unauthenticated" });
    await expect(unary("/no.such.Service/Method", PUBLISH, {})).rejects.toMatchObject({
      code: status.UNIMPLEMENTED,
    });
  });

  it("carries metadata there", async () => {
    const { token } = await target.signIn("alice");
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${token}`);
    metadata.set("trace-bin", Buffer.from([0, 255]));
    metadata.set("x-request-id", "asked-by-the-test");
    const published = unary("Publish", PUBLISH, { channel: "rooms/lobby", type: "t" }, metadata);
    await published;
    expect((await published.initial).get("x-request-id")).toEqual(["asked-by-the-test"]);
  });

  it("ends a call at its deadline, and when the client cancels it", async () => {
    const subscribe = (deadline: number) =>
      client.makeServerStreamRequest(
        `${SERVICE}/Subscribe`,
        write(SubscribeRequestSchema),
        read(EventSchema),
        create(SubscribeRequestSchema, { channel: newChannel() }),
        new Metadata(),
        { deadline },
      );
    const late = subscribe(Date.now() + 300);
    late.resume();
    const [error] = await once(late, "error");
    expect(error.code).toBe(status.DEADLINE_EXCEEDED);
    const upstream = async () => {
      const health = await fetch(`http://127.0.0.1:${target.gateway?.healthPort}/health`);
      return ((await health.json()) as { upstream: number }).upstream;
    };
    await until(async () => (await upstream()) === 0);
    const cancelled = subscribe(Date.now() + 60_000);
    cancelled.resume().on("error", () => {});
    await once(cancelled, "metadata");
    expect(await upstream()).toBe(1);
    cancelled.cancel();
    await until(async () => (await upstream()) === 0);
  });

  it("carries large messages, and compressed ones", async () => {
    const channel = newChannel();
    const data = value("x".repeat(250_000));
    await unary("Publish", PUBLISH, { channel, type: "t", data });
    await unary("Publish", PUBLISH, { channel, type: "t", data });
    const page = await unary("Read", [ReadRequestSchema, ReadResponseSchema], { channel, after: "earliest" });
    expect(page.events).toHaveLength(2);
    // More than a request may have, and more than gRPC's own libraries take.
    for (const length of [1_100_000, 5_000_000]) {
      const refused = unary("Publish", PUBLISH, { channel, type: "t", data: value("x".repeat(length)) });
      await expect(refused).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
    }
    const { tlsPort, grpcPort } = target.gateway ?? {};
    const zipped = new Client(
      `127.0.0.1:${secure ? tlsPort : grpcPort}`,
      secure
        ? credentials.createSsl(null, null, null, { rejectUnauthorized: false })
        : credentials.createInsecure(),
      { "grpc.default_compression_algorithm": compressionAlgorithms.gzip },
    );
    const before = client;
    client = zipped;
    const answer = await unary("Publish", PUBLISH, { channel, type: "t", data });
    expect(answer.sequence).toMatch(/-0000000003$/);
    const read3 = await unary("Read", [ReadRequestSchema, ReadResponseSchema], {
      channel,
      after: "earliest",
    });
    expect(read3.events).toHaveLength(3);
    before.close();
  });
});

describe("a gateway that stops", () => {
  it("lets a call that is under way come to its end, and takes no new one", async () => {
    const { url, stateDirectory } = target;
    const gateway = await startGateway({ url, stateDirectory, onLog: () => {} });
    const address = `127.0.0.1:${gateway.ports.GRPC_PORT}`;
    const client = new Client(address, credentials.createInsecure());
    const answered = Promise.withResolvers<number>();
    const upload = client.makeClientStreamRequest(
      `${SERVICE}/PublishStream`,
      write(PublishStreamRequestSchema),
      read(PublishStreamResponseSchema),
      (error, response) => (error ? answered.reject(error) : answered.resolve(Number(response?.published))),
    );
    const message = create(PublishStreamRequestSchema, { channel: newChannel(), type: "t" });
    for (let n = 0; n < 3; n += 1) upload.write(message);
    const health = `http://127.0.0.1:${gateway.ports.GATEWAY_HEALTH_PORT}/health`;
    await until(async () => ((await (await fetch(health)).json()) as { upstream: number }).upstream === 1);
    const stopped = gateway.stop();
    // Its port is closed first.
    await until(() => isRefused(gateway.ports.GRPC_PORT));
    for (let n = 0; n < 2; n += 1) upload.write(message);
    upload.end();
    expect(await answered.promise).toBe(5);
    await stopped;
    client.close();
  });
});

async function isRefused(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}

const whyNoGrpcio = await whyNoModule("grpc");

describe("other clients of gRPC", () => {
  it("buf curl finds the services by reflection, and calls them", async () => {
    const buf = join(ROOT, "node_modules", ".bin", "buf");
    const { grpcPort, tlsPort } = target.gateway ?? {};
    const curl = async (...options: readonly string[]) =>
      (await run(buf, ["curl", "--protocol", "grpc", ...options], { cwd: tmpdir(), timeout: 20_000 })).stdout;
    const clear = ["--http2-prior-knowledge", `http://127.0.0.1:${grpcPort}`];
    expect(await curl("--list-services", ...clear)).toContain("grpc.health.v1.Health");
    const check = [...clear.slice(0, 1), "-d", "{}", `${clear[1]}/grpc.health.v1.Health/Check`];
    expect(JSON.parse(await curl(...check))).toEqual({ status: "SERVING" });
    const body = JSON.stringify({ channel: newChannel(), type: "t", data: { a: 1 } });
    const url = `https://127.0.0.1:${tlsPort}${SERVICE}/Publish`;
    expect(JSON.parse(await curl("-k", "-d", body, url))).toMatchObject({ duplicate: false });
  });

  it.skipIf(whyNoGrpcio)(orSkipped("Python's grpcio calls it in all four ways", whyNoGrpcio), async () => {
    const script = join(ROOT, "tests", "conformance", "grpc_client.py");
    const address = `127.0.0.1:${target.gateway?.grpcPort}`;
    const { stdout } = await run(PYTHON, [script, address, newChannel()], { timeout: 30_000 });
    expect(JSON.parse(stdout)).toEqual({
      unary: 1,
      client_streaming: 50,
      server_streaming: 51,
      bidi: 20,
      refused: "UNAUTHENTICATED",
      details: ["grpc-status-details-bin"],
      late: "DEADLINE_EXCEEDED",
      unknown: "UNIMPLEMENTED",
    });
  });
});
