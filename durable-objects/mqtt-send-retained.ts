import type { CloudEvent } from "../core/event.ts";
import { matchesTopicFilter } from "../core/mqtt-topic.ts";
import type { MqttChannels } from "./mqtt-channels.ts";
import { toDeliveryFacts } from "./mqtt-event.ts";
import type { MqttOutbound } from "./mqtt-outbound.ts";
import type { MqttRetained } from "./mqtt-retained.ts";
import { listServerTopics } from "./mqtt-server-topics.ts";
import type { Subscription } from "./mqtt-session-state.ts";

/** Sends what the topics that a new subscription matches have kept (MQTT 5 §3.3.1.3). */
export async function sendRetained(
  { filter, glob, qos, identifier, hasAfter }: Subscription,
  retained: DurableObjectStub<MqttRetained>,
  channels: MqttChannels,
  outbound: MqttOutbound,
): Promise<void> {
  const identifiers = identifier === undefined ? [] : [identifier];
  const send = (channel: string, topic: string, json: string) => {
    const delivery = { channel, topic, json, isRetained: true, identifiers, wantsSequence: hasAfter };
    const { qos: published } = toDeliveryFacts(JSON.parse(json) as CloudEvent);
    outbound.send(delivery, Math.min(qos, published) as 0 | 1 | 2);
  };
  if (filter.startsWith("$SYS/")) {
    const topics = await listServerTopics(retained);
    for (const { topic, json } of topics) if (matchesTopicFilter(topic, filter)) send("", topic, json);
    return;
  }
  let afterChannel: string | undefined = "";
  while (afterChannel !== undefined) {
    const page: Awaited<ReturnType<MqttRetained["find"]>> = await retained.find({
      filter,
      glob,
      afterChannel,
    });
    for (const { channel, topic, json } of page.messages) {
      if ((await channels.lookUp(channel)).mayReceive) send(channel, topic, json);
    }
    afterChannel = page.next;
  }
}
