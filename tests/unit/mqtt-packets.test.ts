import fc from "fast-check";
import type { IPublishPacket, Packet } from "mqtt-packet";
import { generate, parser } from "mqtt-packet";
import { describe, expect, it } from "vitest";
import { decodeAcknowledgement, decodePacket, encodePacket } from "../../durable-objects/mqtt-packets.ts";
import { encodeAcknowledgement, encodeStored } from "../../wire/mqtt-acknowledgement.ts";
import { BadPacket, PacketFramer, splitPackets } from "../../wire/mqtt-frame.ts";
import type { PublishPacket } from "../../wire/mqtt-publish.ts";
import { decodePublish, encodePublish } from "../../wire/mqtt-publish.ts";

const base: PublishPacket = {
  topic: "a/b",
  qos: 0,
  isRetained: false,
  isDuplicate: false,
  packetId: undefined,
  properties: {},
  payload: Uint8Array.of(1, 2, 3),
};

/** Packets as they are, and as the codec of npm has them. */
const table: readonly [string, PublishPacket, Partial<IPublishPacket>][] = [
  ["QoS 0", base, {}],
  ["an empty payload", { ...base, payload: new Uint8Array() }, { payload: Buffer.alloc(0) }],
  [
    "QoS 1, again",
    { ...base, qos: 1, packetId: 65_535, isDuplicate: true },
    { qos: 1, messageId: 65_535, dup: true },
  ],
  [
    "QoS 2, retained",
    { ...base, qos: 2, packetId: 1, isRetained: true },
    { qos: 2, messageId: 1, retain: true },
  ],
  ["a length of two bytes", { ...base, payload: new Uint8Array(200) }, { payload: Buffer.alloc(200) }],
  [
    "a length of three bytes",
    { ...base, payload: new Uint8Array(20_000) },
    { payload: Buffer.alloc(20_000) },
  ],
];
const properties: readonly [
  string,
  PublishPacket["properties"],
  NonNullable<IPublishPacket["properties"]>,
][] = [
  ["text", { isText: true }, { payloadFormatIndicator: true }],
  ["an expiry", { expirySeconds: 4_000_000_000 }, { messageExpiryInterval: 4_000_000_000 }],
  ["a content type", { contentType: "text/ü" }, { contentType: "text/ü" }],
  ["a response topic", { responseTopic: "r" }, { responseTopic: "r" }],
  [
    "correlation data",
    { correlationData: Uint8Array.of(0, 255) },
    { correlationData: Buffer.from([0, 255]) },
  ],
  ["an alias", { topicAlias: 300 }, { topicAlias: 300 }],
  [
    "user properties",
    {
      userProperties: [
        ["a", "1"],
        ["b", ""],
      ],
    },
    { userProperties: { a: "1", b: "" } },
  ],
];

describe("PUBLISH", () => {
  it.each(table)("is what mqtt-packet writes and reads: %s", (_name, packet, other) => {
    const theirs = {
      cmd: "publish",
      topic: "a/b",
      qos: 0,
      dup: false,
      retain: false,
      payload: Buffer.from([1, 2, 3]),
      ...other,
    } as const;
    for (const version of [4, 5] as const) {
      const bytes = generate(theirs as Packet, { protocolVersion: version });
      expect(Buffer.from(encodePublish(packet, version)).toString("hex")).toBe(bytes.toString("hex"));
      const decoded = decodePublish(bytes, version);
      expect({ ...decoded, payload: [...decoded.payload] }).toEqual({
        ...packet,
        payload: [...packet.payload],
      });
    }
  });

  it.each(properties)("has the properties that mqtt-packet reads: %s", (_name, ours, theirs) => {
    const [packet] = readAll(encodePublish({ ...base, properties: ours }, 5)) as [IPublishPacket];
    expect(JSON.stringify(packet.properties)).toBe(JSON.stringify(theirs));
    const decoded = decodePublish(encodePublish({ ...base, properties: ours }, 5), 5);
    expect(decoded.properties).toEqual(ours);
  });

  it("says several subscription identifiers", () => {
    const [packet] = readAll(
      encodePublish({ ...base, properties: { subscriptionIds: [1, 200, 20_000] } }, 5),
    );
    expect((packet as IPublishPacket).properties?.subscriptionIdentifier).toEqual([1, 200, 20_000]);
  });

  it("keeps user properties in the order of their publisher, also where names come again", () => {
    const userProperties = [
      ["b", "1"],
      ["2", "2"],
      ["a", "3"],
      ["b", "4"],
      ["1", "5"],
    ] as const;
    const decoded = decodePublish(encodePublish({ ...base, properties: { userProperties } }, 5), 5);
    expect(decoded.properties.userProperties).toEqual(userProperties);
  });

  it.each([
    ["QoS 3", [0x36, 5, 0, 1, 0x61, 0, 1]],
    ["a duplicate at QoS 0", [0x38, 3, 0, 1, 0x61]],
    ["packet identifier 0", [0x32, 5, 0, 1, 0x61, 0, 0]],
    ["a topic that is cut off", [0x30, 3, 0, 9, 0x61]],
    ["a topic that is not UTF-8", [0x30, 3, 0, 1, 0xff]],
    ["a topic with a null character", [0x30, 3, 0, 1, 0]],
    ["an unknown property", [0x30, 6, 0, 1, 0x61, 2, 0x70, 0]],
    ["a property twice", [0x30, 8, 0, 1, 0x61, 4, 1, 1, 1, 1]],
    ["a payload format of 2", [0x30, 6, 0, 1, 0x61, 2, 1, 2]],
    ["a subscription identifier", [0x30, 6, 0, 1, 0x61, 2, 0x0b, 1]],
    ["properties that are too long", [0x30, 4, 0, 1, 0x61, 9]],
  ])("refuses %s", (_name, bytes) => {
    expect(() => decodePublish(Uint8Array.from(bytes), 5)).toThrow(BadPacket);
  });

  it("throws nothing but BadPacket, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 60 }), fc.constantFrom(4, 5), (bytes, version) => {
        const [packet] = safely(() =>
          splitPackets(Uint8Array.from([0x30 | ((bytes[0] ?? 0) & 15), ...bytes.slice(1)])),
        );
        if (packet !== undefined) safely(() => [decodePublish(packet, version)]);
      }),
      { numRuns: 3000 },
    );
  });
});

describe("other packets", () => {
  it.each(["puback", "pubrec", "pubrel", "pubcomp"] as const)(
    "%s is written as npm's codec writes it",
    (cmd) => {
      expect([...encodeAcknowledgement(cmd, 300)]).toEqual([...encodePacket({ cmd, messageId: 300 }, 4)]);
    },
  );

  it.each([
    ["puback", { id: "evt_1", sequence: "0001", duplicate: false }],
    ["pubrec", { id: "ü".repeat(100), sequence: "0001", duplicate: true }],
    ["puback", { id: "evt_1", sequence: undefined, duplicate: false }],
  ] as const)("%s says where its message is", (cmd, { id, sequence, duplicate }) => {
    const userProperties = {
      id,
      ...(sequence === undefined ? {} : { sequence }),
      duplicate: String(duplicate),
    };
    const packet = { cmd, messageId: 300, reasonCode: 0, properties: { userProperties } } as const;
    expect([...encodeStored(cmd, 300, { id, sequence, duplicate })]).toEqual([...encodePacket(packet, 5)]);
  });

  it.each([
    ["puback", 4],
    ["pubrec", 5],
    ["pubrel", 5],
    ["pubcomp", 4],
  ] as const)("%s of version %i is read", (cmd, version) => {
    const bytes = encodePacket({ cmd, messageId: 300 }, version);
    expect(decodeAcknowledgement(bytes, version)).toEqual({ cmd, packetId: 300, reasonCode: 0 });
    const reasonCode = cmd === "puback" || cmd === "pubrec" ? 0x87 : 0x92;
    const refused = encodePacket({ cmd, messageId: 300, reasonCode } as Packet, 5);
    expect(decodeAcknowledgement(refused, 5)).toEqual({ cmd, packetId: 300, reasonCode });
  });

  it("throws nothing but BadPacket, whatever the bytes are", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 2, maxLength: 40 }), fc.constantFrom(4, 5), (bytes, version) => {
        for (const packet of safely(() => splitPackets(bytes))) {
          safely(() => [decodeAcknowledgement(packet, version) ?? decodePacket(packet, version)]);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("framing", () => {
  const packets = [
    [0xc0, 0],
    [0x30, 3, 0, 1, 0x61],
    [0x30, 0x83, 1, ...new Array(131).fill(7)],
    [0xe0, 0],
  ].map((bytes) => Uint8Array.from(bytes));
  const stream = Uint8Array.from(packets.flatMap((packet) => [...packet]));

  it("finds the same packets however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 200 }), (sizes) => {
        const framer = new PacketFramer(1000);
        const found: Uint8Array[] = [];
        let offset = 0;
        for (let index = 0; offset < stream.length; index += 1) {
          const size = sizes[index % sizes.length] ?? 1;
          found.push(...framer.push(stream.subarray(offset, offset + size)));
          offset += size;
        }
        expect(found.map(String)).toEqual(packets.map(String));
      }),
    );
  });

  it("refuses a packet that is too large when it has seen its length, and one whose length never ends", () => {
    expect(() => new PacketFramer(100).push(Uint8Array.of(0x30, 0x83, 1))).toThrow(
      expect.objectContaining({ reasonCode: 0x95 }),
    );
    expect(() => new PacketFramer(100).push(Uint8Array.of(0x30, 255, 255, 255, 255))).toThrow(
      expect.objectContaining({ reasonCode: 0x81 }),
    );
  });
});

function readAll(bytes: Uint8Array): Packet[] {
  const reader = parser({ protocolVersion: 5 });
  const packets: Packet[] = [];
  reader.on("packet", (packet) => packets.push(packet));
  reader.parse(Buffer.from(bytes));
  return packets;
}

/** Runs something that may refuse its input. @throws what is no refusal */
function safely<T>(run: () => readonly T[]): readonly T[] {
  try {
    return run();
  } catch (thrown) {
    if (thrown instanceof BadPacket) return [];
    throw thrown;
  }
}
