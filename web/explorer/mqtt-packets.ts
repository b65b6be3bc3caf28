import { Buffer } from "buffer/";
import type { Packet } from "mqtt-packet";
import { generate, parser } from "mqtt-packet";
import type { Decoder } from "./call.ts";

const OPTIONS = { protocolVersion: 5 } as const;

/** One MQTT 5 packet as bytes. */
export function encodePacket(packet: Packet): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(generate(packet, OPTIONS));
}

/** The first packet of a connection; a token goes as the password (functions/mqtt/README.md). */
export function encodeConnect(clientId: string, token: string | undefined): Uint8Array<ArrayBuffer> {
  return encodePacket({
    cmd: "connect",
    protocolId: "MQTT",
    protocolVersion: 5,
    clean: true,
    clientId,
    keepalive: 60,
    ...(token === undefined ? {} : { username: "token", password: Buffer.from(token) as never }),
  });
}

/** Reads the packets in a stream of bytes, wherever its frames begin and end. */
export class MqttDecoder implements Decoder {
  readonly #parsers = { in: parser(OPTIONS), out: parser(OPTIONS) };

  push(bytes: Uint8Array<ArrayBuffer>, direction: "out" | "in"): readonly string[] {
    const packets: Packet[] = [];
    const { [direction]: reader } = this.#parsers;
    const take = (packet: Packet) => packets.push(packet);
    reader.on("packet", take);
    reader.parse(Buffer.from(bytes) as never);
    reader.removeListener("packet", take);
    return packets.map(describe);
  }
}

function describe({ cmd, ...fields }: Packet): string {
  const shown = JSON.stringify(
    fields,
    (name, value: unknown) => {
      if (name === "password") return "(the token)";
      // What this kind of packet has not.
      if (value === null) return undefined;
      if (value instanceof Uint8Array) return new TextDecoder().decode(value);
      // What Buffer says of itself before the replacer sees it.
      const { type, data } = (value ?? {}) as { type?: unknown; data?: unknown };
      if (type === "Buffer" && Array.isArray(data))
        return new TextDecoder().decode(Uint8Array.from(data as number[]));
      return value;
    },
    2,
  );
  return `${cmd} ${shown}`;
}
