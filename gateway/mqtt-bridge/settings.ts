import type { Glob } from "../mirror/glob.ts";

/** How the bridge to another MQTT broker is set up. */
export interface MqttBridgeSettings {
  readonly url: string;
  /** The channels whose events go out. */
  readonly out: readonly Glob[];
  /** The topic filters, at the broker, whose messages come in. */
  readonly in: readonly string[];
  /** What the broker's topics begin with, before the channel. */
  readonly outPrefix: string;
  /** What channels begin with, before the broker's topic. */
  readonly inPrefix: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @returns undefined where there is no broker
 * @throws Error naming the variable
 */
export function parseMqttBridgeSettings(
  env: Environment,
  parseGlobs: (text: string) => readonly Glob[],
): MqttBridgeSettings | undefined {
  const { MQTT_BRIDGE_URL: url, MQTT_BRIDGE_OUT_PREFIX: outPrefix = "" } = env;
  if (!url) return undefined;
  if (!URL.canParse(url) || !/^(mqtts?|wss?):$/.test(new URL(url).protocol)) {
    throw new Error("MQTT_BRIDGE_URL must be an mqtt:, mqtts:, ws: or wss: URL.");
  }
  if (/[+#\0]/.test(outPrefix)) throw new Error("MQTT_BRIDGE_OUT_PREFIX must be the beginning of a topic.");
  const filters = (env.MQTT_BRIDGE_IN ?? "").split(",").map((item) => item.trim());
  return {
    url,
    out: parseGlobs(env.MQTT_BRIDGE_OUT ?? ""),
    in: filters.filter((filter) => filter !== ""),
    outPrefix,
    inPrefix: env.MQTT_BRIDGE_IN_PREFIX ?? "",
  };
}
