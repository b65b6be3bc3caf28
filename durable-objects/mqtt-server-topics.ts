import { MESSAGE_TYPE } from "../core/mqtt-message.ts";
import { VERSION } from "../core/version.ts";
import type { MqttRetained } from "./mqtt-retained.ts";

/** What is told under `$SYS/`, to who subscribes to it: as messages that the topics keep. They are not followed. */
export async function listServerTopics(
  retained: DurableObjectStub<MqttRetained>,
): Promise<readonly { readonly topic: string; readonly json: string }[]> {
  const values = {
    "$SYS/broker/version": `everywire version ${VERSION}`,
    "$SYS/broker/retained messages/count": String(await retained.count()),
    "$SYS/broker/time": new Date().toISOString(),
  };
  return Object.entries(values).map(([topic, data]) => ({
    topic,
    json: JSON.stringify({ type: MESSAGE_TYPE, datacontenttype: "text/plain", data }),
  }));
}
