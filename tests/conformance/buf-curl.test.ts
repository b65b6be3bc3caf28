import { execFile } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fromBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ErrorInfoSchema } from "../../proto/gen/google/rpc/error_details_pb.ts";
import { ROOT } from "../../scripts/paths.ts";
import { http } from "./doors/http.ts";
import { startH2cRelay } from "./h2c-relay.ts";
import type { ServedTarget } from "./serve-target.ts";
import { serveTarget } from "./serve-target.ts";

let server: ServedTarget;
let relay: Awaited<ReturnType<typeof startH2cRelay>>;
beforeAll(async () => {
  server = await serveTarget();
  relay = await startH2cRelay(server.url);
});
afterAll(async () => {
  relay.stop();
  await server.stop();
});

/** Runs `buf curl` where it finds no .proto of ours, and gives the JSON messages that it prints. */
async function bufCurl(...options: readonly string[]): Promise<string> {
  const buf = join(ROOT, "node_modules", ".bin", "buf");
  const { stdout } = await promisify(execFile)(buf, ["curl", ...options], { cwd: tmpdir(), timeout: 20_000 });
  return stdout;
}

const METHOD = "/everywire.v1.ChannelService";

describe.each(["connect", "grpcweb"])("buf curl --protocol %s", (protocol) => {
  const options = ["--protocol", protocol];

  it.each(["grpc-v1", "grpc-v1alpha"])(
    "learns the services and their methods by reflection (%s)",
    async (version) => {
      const reflect = [...options, "--reflect-protocol", version];
      const services = (await bufCurl(...reflect, "--list-services", relay.url)).trim().split("\n");
      expect(services.sort()).toEqual([
        "everywire.v1.ChannelService",
        "everywire.v1.UserService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1.ServerReflection",
        "grpc.reflection.v1alpha.ServerReflection",
      ]);
      const methods = await bufCurl(...reflect, "--list-methods", relay.url);
      expect(methods).toContain("everywire.v1.UserService/BulkCreateUsers");
    },
  );

  it("calls what it has learnt, with no .proto at hand", async () => {
    const channel = `demo/buf-${protocol}`;
    const call = (method: string, data: object) =>
      bufCurl(...options, "-d", JSON.stringify(data), `${relay.url}${METHOD}/${method}`);
    const published = JSON.parse(await call("Publish", { channel, type: "t", data: { hello: [1, null] } }));
    expect(published).toMatchObject({ duplicate: false });
    const event = JSON.parse(await call("Subscribe", { channel, after: "earliest", limit: 1 }));
    expect(event).toMatchObject({ sequence: published.sequence, data: { hello: [1, null] } });
    const health = `${relay.url}/grpc.health.v1.Health/Check`;
    expect(JSON.parse(await bufCurl(...options, "-d", "{}", health))).toEqual({ status: "SERVING" });
  });

  it("shows the details of an error", async () => {
    const failure = await bufCurl(...options, "-d", '{"channel":"a//b"}', `${relay.url}${METHOD}/Read`).catch(
      (thrown: { stderr: string }) => thrown.stderr,
    );
    const { code, details } = JSON.parse(failure) as {
      code: string;
      details: { type: string; value: string }[];
    };
    expect([code, details[0]?.type]).toEqual(["invalid_argument", "google.rpc.ErrorInfo"]);
    const info = fromBinary(ErrorInfoSchema, Buffer.from(details[0]?.value ?? "", "base64"));
    expect(info).toMatchObject({ reason: "invalid_argument", domain: "everywire" });
  });

  it("needs no HTTP/2 where it has the .proto", async () => {
    const channel = `demo/buf-plain-${protocol}`;
    await http.publish?.(server, channel, { type: "t", data: 7 });
    const schema = ["--schema", join(ROOT, "proto")];
    const url = `${server.url}${METHOD}/Read`;
    const page = await bufCurl(
      ...options,
      ...schema,
      "-d",
      `{"channel":"${channel}","after":"earliest"}`,
      url,
    );
    expect(JSON.parse(page)).toMatchObject({ events: [{ type: "t", data: 7 }], upToDate: true });
  });
});
