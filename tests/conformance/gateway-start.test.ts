import type { ChildProcess } from "node:child_process";
import { execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { buildIfStale } from "../../scripts/build.ts";
import { chooseGatewayPorts } from "../../scripts/keep-gateway.ts";
import { ROOT } from "../../scripts/paths.ts";
import { findFreePort } from "../../scripts/port.ts";
import { askHttp1, askHttp2, connectHttp2, until } from "./gateway-clients.ts";

const HOST = "127.0.0.1";

interface Started {
  readonly process: ChildProcess;
  readonly url: string;
  readonly tlsPort: number;
  /** All that it has printed. */
  output(): string;
}

let directory: string;
const processes: ChildProcess[] = [];
beforeAll(async () => {
  await buildIfStale();
  directory = await mkdtemp(join(tmpdir(), "everywire-start-"));
});
afterEach(async () => {
  for (const child of processes.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const exited = once(child, "exit");
    child.kill("SIGTERM");
    await exited;
  }
});
afterAll(() => rm(directory, { recursive: true, force: true }));

/** `npm start` with ports of its own. */
async function start(environment: Readonly<Record<string, string>>): Promise<Started> {
  const names = ["PORT", "TCP_PORT", "MQTT_PORT", "QSTASH_PORT", "GRPC_PORT", "GATEWAY_HEALTH_PORT"];
  const ports = await Promise.all(names.map(async (name) => [name, String(await findFreePort(HOST))]));
  const own: Record<string, string> = {
    ...Object.fromEntries(ports),
    TLS_PORT: String(await findFreePort(HOST, ["tcp", "udp"])),
    UDP_PORT: String(await findFreePort(HOST, ["udp"])),
    EVERYWIRE_STATE: directory,
    ...environment,
  };
  const child = spawn(process.execPath, [join(ROOT, "scripts", "start.ts")], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...own },
    stdio: ["ignore", "pipe", "pipe"],
  });
  processes.push(child);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  await until(() => output.includes("Ctrl-C stops") || child.exitCode !== null, 30_000);
  return {
    process: child,
    url: `http://${HOST}:${own.PORT}`,
    tlsPort: Number(own.TLS_PORT),
    output: () => output,
  };
}

const toTarget = ({ url, tlsPort }: Started) => {
  const gateway = {
    tlsPort,
    grpcPort: 0,
    udpPort: 0,
    healthPort: 0,
    certificateHash: "",
    certificatePath: "",
  };
  return { url, gateway };
};
const capabilities = async ({ url }: Started) =>
  (await (await fetch(`${url}/capabilities`)).json()) as {
    doors: { name: string; through?: string }[];
    gateway: { status: string; http?: string[] };
  };
const gatewayDoors = async (started: Started) =>
  (await capabilities(started)).doors.filter(({ through }) => through === "gateway").map(({ name }) => name);

describe("npm start", () => {
  it("has the gateway without being asked, says what it adds, and starts it again where it is killed", async () => {
    const started = await start({});
    expect(started.output()).toContain(`https://localhost:${started.tlsPort} (HTTP/1.1, HTTP/2, HTTP/3`);
    expect(await gatewayDoors(started)).toEqual(["grpc", "udp", "webtransport"]);
    expect((await capabilities(started)).gateway).toMatchObject({
      status: "ok",
      http: ["1.1", "2", "3"],
      // By which a page's WebTransport takes a certificate that no authority signed.
      certificateHash: expect.stringMatching(/^[A-Za-z0-9+/]{43}=$/),
    });
    const { stdout } = await promisify(execFile)("pgrep", [
      "-f",
      "-P",
      `${started.process.pid}`,
      "gateway/main.ts",
    ]);
    process.kill(Number(stdout.trim()), "SIGKILL");
    await until(async () => (await capabilities(started)).gateway.status === "unavailable");
    expect(await gatewayDoors(started)).toEqual([]);
    expect((await fetch(`${started.url}/health`)).status).toBe(200);
    await until(async () => (await capabilities(started)).gateway.status === "ok", 20_000);
    expect((await askHttp1(toTarget(started), "/health")).status).toBe(200);
    const exited = once(started.process, "exit");
    started.process.kill("SIGTERM");
    expect(await exited).toEqual([0, null]);
  });

  it("serves the rest where there is no Deno, and says what is missing", async () => {
    const started = await start({ DENO: "/nonexistent/deno" });
    expect(started.output()).toContain("HTTP/3 and WebTransport does not run: Deno cannot be run");
    expect(await gatewayDoors(started)).toEqual(["grpc", "udp"]);
    const session = await connectHttp2(toTarget(started));
    const { status, headers } = await askHttp2(session, { ":path": "/health" });
    session.close();
    expect(status).toBe(200);
    // There is nothing to be announced.
    expect(headers["alt-svc"]).toBeUndefined();
  });

  it("leaves it out on GATEWAY=off", async () => {
    const started = await start({ GATEWAY: "off" });
    expect((await capabilities(started)).gateway).toEqual({ status: "off" });
    expect(await gatewayDoors(started)).toEqual([]);
    await expect(askHttp1(toTarget(started), "/health")).rejects.toThrow(/ECONNREFUSED/);
  });

  it("refuses a port that somebody named and somebody else has, before it starts anything", async () => {
    const tcp = createServer().listen(0, HOST);
    const udp = createSocket("udp4").bind(0, HOST);
    await Promise.all([once(tcp, "listening"), once(udp, "listening")]);
    const taken = { TLS_PORT: `${udp.address().port}`, GRPC_PORT: `${(tcp.address() as AddressInfo).port}` };
    for (const [name, port] of Object.entries(taken)) {
      const { process: child, output } = await start({ [name]: port });
      expect(child.exitCode).toBe(1);
      expect(output()).toContain(`Port ${port} on ${HOST} is in use by another process. Set ${name}`);
    }
    expect((await start({ GATEWAY: "maybe" })).output()).toContain(
      "GATEWAY is 'on' or 'off', and is 'maybe'.",
    );
    udp.close();
    tcp.close();
  });

  it("takes another port where a usual one is taken and nobody named it", async () => {
    const udp = createSocket("udp4");
    // Somebody else may have it, which is as good.
    udp.on("error", () => {}).bind(8443, HOST);
    await Promise.race([once(udp, "listening"), once(udp, "error")]);
    const ports = await chooseGatewayPorts({ GRPC_PORT: "0" }, HOST);
    expect(ports.TLS_PORT).not.toBe(8443);
    for (const port of Object.values(ports)) expect(port).toBeGreaterThan(0);
    expect(new Set(Object.values(ports)).size).toBe(4);
    udp.close();
  });
});
