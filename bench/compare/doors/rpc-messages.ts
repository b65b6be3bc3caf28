import { EVENT_TYPE } from "./publisher.ts";

/** A message as gRPC, gRPC-Web and Connect's streams frame it: a byte of flags, four of length. */
export function toEnvelope(message: Uint8Array): Buffer {
  const envelope = Buffer.alloc(5 + message.byteLength);
  envelope.writeUInt32BE(message.byteLength, 1);
  envelope.set(message, 5);
  return envelope;
}

/** `SubscribeRequest {channel = 1, after = 2}` in protobuf. */
export function encodeSubscribe(channel: string, after: string): Buffer {
  return Buffer.concat([textField(1, channel), textField(2, after)]);
}

/** `PublishRequest {channel = 1, type = 2, data = 3}`, whose data is a `google.protobuf.Value` of a string (field 3). */
export function encodePublish(channel: string, data: string): Buffer {
  const value = textField(3, JSON.parse(data) as string);
  return Buffer.concat([textField(1, channel), textField(2, EVENT_TYPE), bytesField(3, value)]);
}

function textField(number: number, text: string): Buffer {
  return bytesField(number, Buffer.from(text));
}

/** A field of wire type 2: its length, then its bytes (protobuf encoding, "Length-Delimited Records"). */
function bytesField(number: number, bytes: Uint8Array): Buffer {
  const length: number[] = [];
  let rest = bytes.byteLength;
  for (; rest > 127; rest = Math.floor(rest / 128)) length.push((rest % 128) | 0x80);
  return Buffer.concat([Buffer.of((number << 3) | 2, ...length, rest), bytes]);
}
