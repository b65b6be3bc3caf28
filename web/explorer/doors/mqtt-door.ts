import type { ExplorerDoor, Inputs, SocketCall, Step } from "../call.ts";
import { parseData } from "../call.ts";
import { quoteShell } from "../quote-shell.ts";

/** Loaded when it is first wanted: it brings a library for the packets. */
async function toCall(inputs: Inputs, step: "publish" | "subscribe"): Promise<SocketCall> {
  const { encodeConnect, encodePacket, MqttDecoder } = await import("../mqtt-packets.ts");
  const connect: Step = {
    message: encodeConnect(`explorer-${crypto.randomUUID().slice(0, 8)}`, inputs.token),
  };
  const then: Step = {
    after: "connack",
    message:
      step === "publish"
        ? encodePacket({
            cmd: "publish",
            topic: inputs.channel,
            payload: JSON.stringify(parseData(inputs)),
            qos: 1,
            dup: false,
            retain: false,
            messageId: 1,
            // The CloudEvents binding, binary mode: attributes are user properties.
            properties: {
              contentType: "application/json",
              userProperties: {
                specversion: "1.0",
                id: crypto.randomUUID(),
                source: "/explorer",
                type: inputs.type,
              },
            },
          })
        : encodePacket({
            cmd: "subscribe",
            messageId: 1,
            subscriptions: [{ topic: inputs.channel, qos: 0 }],
            properties: { userProperties: { after: inputs.after } },
          }),
  };
  return {
    kind: "socket",
    path: "/mqtt",
    protocols: ["mqtt"],
    steps: [connect, then],
    until: step === "publish" ? "puback" : undefined,
    shell: toMosquitto(inputs, step),
    decode: new MqttDecoder(),
  };
}

/** Over TCP, on the port that `npm start` takes: mosquitto's commands speak no WebSocket. */
function toMosquitto({ channel, type, data, after, token }: Inputs, step: "publish" | "subscribe"): string {
  const words = [
    `mosquitto_${step === "publish" ? "pub" : "sub"}`,
    "-V",
    "5",
    "-h",
    location.hostname,
    "-p",
    "7183",
  ];
  if (token !== undefined) words.push("-u", "token", "-P", token);
  words.push("-t", channel);
  if (step === "publish") {
    words.push("-q", "1", "-m", data, "-D", "publish", "content-type", "application/json");
    const attributes = { specversion: "1.0", id: crypto.randomUUID(), source: "/mosquitto", type };
    for (const [name, value] of Object.entries(attributes))
      words.push("-D", "publish", "user-property", name, value);
  } else words.push("-D", "subscribe", "user-property", "after", after);
  return words.map(quoteShell).join(" ");
}

export const mqtt: ExplorerDoor = {
  name: "mqtt",
  title: "MQTT 5 over WebSocket",
  note: "Binary packets. The type and the cursor travel as user properties, as the CloudEvents binding has it.",
  via: "mqtt",
  calls: {
    publish: (inputs) => toCall(inputs, "publish"),
    subscribe: (inputs) => toCall(inputs, "subscribe"),
  },
};
