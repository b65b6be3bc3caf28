import type { DescMethodServerStreaming, DescMethodUnary } from "@bufbuild/protobuf";
import { create, createFileRegistry } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { FieldDescriptorProto_Type, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type { ConnectRouter, HandlerContext, Transport } from "@connectrpc/connect";
import { Code, ConnectError } from "@connectrpc/connect";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { describe, expect, it, vi } from "vitest";
import { EverywireError } from "../../core/error.ts";
import { parseSettings } from "../../core/settings.ts";
import { createApp } from "../../functions/boundary/app.ts";
import type { Edge } from "../../functions/boundary/edge.ts";
import { createConnectDoor } from "../../functions/connect/connect-door.ts";

/** A service that nothing in this project knows of, built from a descriptor alone. */
function buildEliza() {
  const text = (name: string) => ({
    name,
    field: [{ name: "text", number: 1, type: FieldDescriptorProto_Type.STRING }],
  });
  const method = (name: string, more: object = {}) => ({
    name,
    inputType: ".eliza.v1.Line",
    outputType: ".eliza.v1.Line",
    ...more,
  });
  const file: FileDescriptorProto = create(FileDescriptorProtoSchema, {
    name: "eliza/v1/eliza.proto",
    package: "eliza.v1",
    syntax: "proto3",
    messageType: [text("Line")],
    service: [
      {
        name: "ElizaService",
        method: [
          method("Say"),
          method("Introduce", { serverStreaming: true }),
          method("Converse", { clientStreaming: true, serverStreaming: true }),
          method("Silent"),
        ],
      },
    ],
  });
  const service = createFileRegistry(file, () => undefined).getService("eliza.v1.ElizaService");
  if (service === undefined) throw new Error("The descriptor has no service.");
  return service;
}

const ElizaService = buildEliza();
type Line = { readonly text: string };

/** One door with one service on it, called without a network. */
function serve(routes: (router: ConnectRouter) => void) {
  const door = createConnectDoor(
    { name: "eliza", summary: "", example: "", guarantees: undefined, needs: [] },
    routes,
  );
  const edge = {
    settings: parseSettings({ RATE_LIMITS: "off" }),
    ports: {},
    addressOf: () => "",
  } as unknown as Edge;
  const app = createApp([door], edge);
  return (input: RequestInfo | URL, init?: RequestInit) =>
    app(new Request(input as string, init), {} as never);
}

const transports = [
  { name: "Connect", createTransport: createConnectTransport as (options: object) => Transport },
  { name: "gRPC-Web", createTransport: createGrpcWebTransport as (options: object) => Transport },
];

describe.each(transports)("a service of somebody else's over $name", ({ createTransport }) => {
  const fetch = serve((router) =>
    router.service(ElizaService, {
      say: (line: Line) => {
        if (line.text === "refuse") throw new EverywireError("gone", "It was here once.");
        if (line.text === "break") throw new Error("secret");
        return { text: `You said ${line.text}.` };
      },
      introduce: async function* (line: Line) {
        yield { text: `Hi ${line.text}.` };
        yield { text: "I'm Eliza." };
      },
    } as never),
  );
  const transport = createTransport({ baseUrl: "http://eliza.test", fetch });
  const call = async (name: string, text: string): Promise<string> => {
    const method = ElizaService.method[name] as DescMethodUnary;
    const { message } = await transport.unary(method, undefined, 500, undefined, { text } as never);
    return (message as unknown as Line).text;
  };

  it("answers calls", async () => {
    expect(await call("say", "hello")).toBe("You said hello.");
  });

  it("streams", async () => {
    async function* input() {
      yield { text: "Bob" };
    }
    const method = ElizaService.method.introduce as DescMethodServerStreaming;
    const { message } = await transport.stream(method, undefined, undefined, undefined, input() as never);
    expect((await Array.fromAsync(message)).map((line) => (line as unknown as Line).text)).toEqual([
      "Hi Bob.",
      "I'm Eliza.",
    ]);
  });

  it("tells what was refused, and nothing of a fault but that there was one", async () => {
    await expect(call("say", "refuse")).rejects.toMatchObject({
      code: Code.NotFound,
      rawMessage: "It was here once.",
    });
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    await expect(call("say", "break")).rejects.toMatchObject({
      code: Code.Internal,
      rawMessage: expect.not.stringContaining("secret"),
    });
    expect(log.mock.calls.flat()).toContainEqual(new Error("secret"));
    log.mockRestore();
  });

  it("answers a method that is not implemented as such", async () => {
    await expect(call("silent", "")).rejects.toMatchObject({ code: Code.Unimplemented });
  });
});

describe("a service that waits for ever", () => {
  it.each(transports)("is cut at the deadline, over $name", async ({ createTransport }) => {
    const fetch = serve((router) =>
      router.service(ElizaService, { say: () => new Promise(() => {}) } as never),
    );
    const answer = await fetch("http://eliza.test/eliza.v1.ElizaService/Say", {
      method: "POST",
      headers: { "content-type": "application/json", "connect-timeout-ms": "50" },
      body: "{}",
    });
    expect(await answer.json()).toMatchObject({ code: "deadline_exceeded" });
    const transport = createTransport({ baseUrl: "http://eliza.test", fetch });
    const method = ElizaService.method.say as DescMethodUnary;
    const error = await transport
      .unary(method, undefined, 50, undefined, {} as never)
      .catch(ConnectError.from);
    expect(error).toMatchObject({ code: Code.DeadlineExceeded });
  });

  it("hears that its client has left", async () => {
    const left = Promise.withResolvers<void>();
    const fetch = serve((router) =>
      router.service(ElizaService, {
        introduce: async function* (_line: Line, { signal }: { signal: AbortSignal }) {
          signal.addEventListener("abort", () => left.resolve());
          yield { text: "Hi." };
          await new Promise(() => {});
        },
      } as never),
    );
    const answer = await fetch("http://eliza.test/eliza.v1.ElizaService/Introduce", {
      method: "POST",
      headers: { "content-type": "application/grpc-web+proto" },
      body: new Uint8Array(5),
    });
    const reader = answer.body?.getReader();
    await reader?.read();
    await reader?.cancel();
    await left.promise;
  });
});

describe("a plain call, which is answered without the library", () => {
  let calls = 0;
  const fetch = serve((router) =>
    router.service(ElizaService, {
      say: ({ text }: Line, context: HandlerContext) => {
        calls += 1;
        if (text === "refuse") throw new EverywireError("gone", "It was here once.");
        if (text === "headers") context.responseHeader.set("x-mood", "good");
        if (text === "trailers") context.responseTrailer.set("x-mood", "better");
        return { text: text === "long" ? "x".repeat(3000) : `${context.protocolName}: ${text}` };
      },
    } as never),
  );
  const json = (text: string) => ({ type: "application/json", body: JSON.stringify({ text }) });
  const binary = (text: string) => {
    const bytes = new TextEncoder().encode(text);
    return new Uint8Array([0x0a, bytes.byteLength, ...bytes]);
  };
  const enveloped = (message: Uint8Array) => new Uint8Array([0, 0, 0, 0, message.byteLength, ...message]);
  const forms = ["hello", "", "refuse", "headers", "trailers", "long"].flatMap((text) => [
    json(text),
    { type: "application/proto", body: binary(text) },
    { type: "application/grpc-web", body: enveloped(binary(text)) },
    { type: "application/grpc-web+proto", body: enveloped(binary(text)) },
  ]);
  const broken = [
    { type: "application/json", body: "{" },
    { type: "application/json", body: '{"text":1}' },
    { type: "application/json", body: "" },
    { type: "application/json", body: '{"text":"a","more":1}' },
    { type: "application/proto", body: new Uint8Array([0x0a, 9, 1]) },
    { type: "application/grpc-web", body: enveloped(new Uint8Array([0x0a, 9, 1])) },
    { type: "application/grpc-web", body: new Uint8Array([0, 0, 0, 0, 9, 1]) },
    {
      type: "application/grpc-web",
      body: new Uint8Array([...enveloped(binary("a")), ...enveloped(binary("b"))]),
    },
    { type: "application/grpc-web", body: new Uint8Array() },
  ];

  /** What the client sees, without what differs from one answer to the next. */
  async function ask({ type, body }: (typeof forms)[number], headers: Record<string, string>) {
    const length = String(typeof body === "string" ? body.length : body.byteLength);
    const response = await fetch("http://eliza.test/eliza.v1.ElizaService/Say", {
      method: "POST",
      headers: { "content-type": type, "content-length": length, ...headers },
      body: body as BodyInit,
    });
    const seen = new Map(response.headers);
    for (const name of ["x-request-id", "server-timing", "content-length"]) seen.delete(name);
    return { status: response.status, seen, bytes: [...new Uint8Array(await response.arrayBuffer())] };
  }

  it.each([...forms, ...broken].map((form) => [form.type, String(form.body).slice(0, 40), form] as const))(
    "%s %s has the same answer either way, and calls the method once",
    async (_type, _body, form) => {
      const isEnveloped = form.type.startsWith("application/grpc");
      // A deadline is not plain.
      const deadline: Record<string, string> = isEnveloped
        ? { "grpc-timeout": "60S" }
        : { "connect-timeout-ms": "60000" };
      const codings = ["", "gzip", "identity,deflate,gzip", "br, gzip"];
      for (const coding of codings) {
        const more: Record<string, string> =
          coding === "" ? {} : { [isEnveloped ? "grpc-accept-encoding" : "accept-encoding"]: coding };
        calls = 0;
        const theLibrarys = await ask(form, { ...deadline, ...more });
        const callsByLibrary = calls;
        calls = 0;
        expect(await ask(form, more)).toEqual(theLibrarys);
        expect(calls).toBe(callsByLibrary);
      }
    },
  );
});
