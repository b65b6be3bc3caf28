import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { UNTRUSTED } from "../conformance/gateway-clients.ts";

const HTTP2_PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const MAX_NOISE_BYTES = 3000;
/** What is nearly a datagram: some of its bytes are changed each time. */
const DATAGRAMS = [
  '{"op":"publish","channel":"demo/noise","type":"t","data":[1,2,3],"ref":1}',
  '{"op":"subscribe","channel":"demo/noise","after":"earliest","proof":"AAAAAAAA"}',
  '{"op":"resend","channel":"demo/noise","after":"0","proof":"AAAAAAAA","token":"x"}',
];

export interface NoisePorts {
  readonly tlsPort: number;
  readonly grpcPort: number;
  readonly healthPort: number;
  readonly udpPort: number;
}

/** Throws random bytes, and what nearly means something, at every port until it is told to stop. Gives how often. */
export async function makeNoise(ports: NoisePorts, isOver: () => boolean): Promise<number> {
  const { tlsPort, grpcPort, healthPort, udpPort } = ports;
  const udp = createSocket("udp4");
  udp.on("error", () => {});
  const noise = () => randomBytes(1 + Math.floor(Math.random() * MAX_NOISE_BYTES));
  const preface = () => Buffer.concat([Buffer.from(HTTP2_PREFACE), noise()]);
  let count = 0;
  for (; !isOver(); count += 1) {
    // The first bits of a long header (RFC 9000 §17.2), so that some are taken for QUIC.
    for (const first of [0xc0, 0x40, 0x00])
      udp.send(
        Buffer.concat([Buffer.of(first, 0, 0, 0, 1), noise().subarray(0, 1200)]),
        tlsPort,
        "127.0.0.1",
      );
    udp.send(noise(), udpPort, "127.0.0.1");
    for (const datagram of DATAGRAMS) udp.send(spoil(datagram), udpPort, "127.0.0.1");
    await Promise.all([
      throwAt(tlsPort, noise()),
      throwAt(grpcPort, noise()),
      throwAt(healthPort, noise()),
      throwAt(tlsPort, noise(), "http/1.1"),
      throwAt(tlsPort, Buffer.from(`GET /${noise().toString("latin1")}`, "latin1"), "http/1.1"),
      throwAt(tlsPort, preface(), "h2"),
      throwAt(grpcPort, preface()),
    ]);
  }
  udp.close();
  return count;
}

function spoil(text: string): Buffer {
  const bytes = Buffer.from(text);
  for (const byte of randomBytes(3)) bytes[byte % bytes.length] = byte;
  return bytes;
}

/** Writes these bytes, over TLS where a protocol is named, and whatever becomes of them. */
async function throwAt(port: number, bytes: Buffer, alpn?: string): Promise<void> {
  const socket =
    alpn === undefined
      ? connect(port, "127.0.0.1")
      : connectTls({ port, host: "127.0.0.1", ...UNTRUSTED, ALPNProtocols: [alpn] });
  socket.on("error", () => {});
  const begun = once(socket, alpn === undefined ? "connect" : "secureConnect");
  await Promise.race([begun.catch(() => {}), once(socket, "close")]);
  socket.write(bytes);
  await Promise.race([once(socket, "close"), delay(50)]);
  socket.destroy();
}

/** The memory of a process and of its children, in MiB, by their numbers. */
export function measureMemory(pid: number): ReadonlyMap<number, number> {
  const lines = execFileSync("ps", ["-A", "-o", "pid=,ppid=,rss="], { encoding: "utf8" }).trim().split("\n");
  const memory = new Map<number, number>();
  for (const line of lines) {
    const [own = 0, parent, kib = 0] = line.trim().split(/\s+/).map(Number);
    if (own === pid || parent === pid) memory.set(own, Math.round(kib / 1024));
  }
  return memory;
}
