import { fromBase64 } from "../core/base64.ts";
import type { OperationContext } from "../core/context.ts";
import { EverywireError } from "../core/error.ts";
import { encodeEvent, withSequence } from "../core/event.ts";
import { toDefaultSource } from "../core/identity.ts";
import { toNewEvent } from "../core/mqtt-message.ts";
import type { MqttWill } from "../core/mqtt-session.ts";
import { toChannelName, toTopicName } from "../core/mqtt-topic.ts";
import { publishEvent } from "../core/operations/publish-event.ts";
import type { MqttRetained } from "./mqtt-retained.ts";

/**
 * Publishes the will of a session (MQTT 5 §3.1.2.5) as its client would have.
 *
 * @throws EverywireError where it has to be tried again; a will that is refused is given up, since nobody can be told
 */
export async function publishWill(
  context: OperationContext,
  will: MqttWill,
  retained: DurableObjectStub<MqttRetained>,
): Promise<void> {
  const { topic, qos, isRetained } = will;
  const channel = await toChannelName(topic);
  const payload = fromBase64(will.payload);
  const correlationData = will.correlationData === undefined ? undefined : fromBase64(will.correlationData);
  const properties = { ...will, correlationData };
  try {
    const event = toNewEvent(
      { qos, isRetained, properties, payload },
      {
        source: toDefaultSource(context.identity),
        nowMs: context.nowMs,
        eventId: undefined,
        topicToKeep: toTopicName(channel) === topic ? undefined : topic,
      },
    );
    const { sequence } = await publishEvent({ ...context, hasRateLimits: false }, channel, event);
    if (!isRetained || sequence === undefined) return;
    const json = payload.byteLength === 0 ? undefined : withSequence(encodeEvent(event, channel), sequence);
    await retained.keep([{ channel, topic, sequence, json }]);
  } catch (thrown) {
    const error = EverywireError.from(thrown);
    if (error.code === "internal" || error.code === "unavailable") throw error;
    console.warn(`A will was refused: ${error.message}`);
  }
}
