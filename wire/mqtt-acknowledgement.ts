import { encodeVariable } from "./mqtt-frame.ts";
import type { UserProperty } from "./mqtt-publish.ts";

/** The packets that answer others and are mostly nothing but an identifier (MQTT 5 §3.4 to §3.7). */
export type AcknowledgementName = "puback" | "pubrec" | "pubrel" | "pubcomp";

const HEADERS = { puback: 0x40, pubrec: 0x50, pubrel: 0x62, pubcomp: 0x70 } as const;
const SUCCESS = 0;
const USER_PROPERTY = 0x26;
const UTF8 = new TextEncoder();

/** An acknowledgement that says no more than yes. */
export function encodeAcknowledgement(cmd: AcknowledgementName, packetId: number): Uint8Array {
  return Uint8Array.of(HEADERS[cmd], 2, packetId >> 8, packetId & 0xff);
}

/** What a publisher is told of what was stored. */
export interface StoredMessage {
  readonly id: string;
  readonly sequence?: string | undefined;
  readonly duplicate: boolean;
}

/** The acknowledgement of a publish that tells a client of MQTT 5 where its message is. */
export function encodeStored(
  cmd: "puback" | "pubrec",
  packetId: number,
  { id, sequence, duplicate }: StoredMessage,
): Uint8Array {
  const pairs: UserProperty[] = [["id", id]];
  if (sequence !== undefined) pairs.push(["sequence", sequence]);
  pairs.push(["duplicate", String(duplicate)]);
  const properties = pairs.flatMap((pair) => [USER_PROPERTY, ...pair.flatMap(toText)]);
  const rest = [packetId >> 8, packetId & 0xff, SUCCESS, ...encodeVariable(properties.length), ...properties];
  return Uint8Array.from([HEADERS[cmd], ...encodeVariable(rest.length), ...rest]);
}

function toText(text: string): number[] {
  const bytes = UTF8.encode(text);
  return [bytes.byteLength >> 8, bytes.byteLength & 0xff, ...bytes];
}
