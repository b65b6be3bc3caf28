import type { TcpPortName } from "../core/settings.ts";
import { doors as table } from "../functions/routes.ts";
import type { Served } from "./serve.ts";

/** The doors that are served, all or those of these names, and a command to try each: what `npm start` prints. */
export function formatDoors(
  { url, tcpPorts }: Pick<Served, "url" | "tcpPorts">,
  names: readonly string[] | undefined,
): string {
  const doors = table.filter(({ name }) => names === undefined || names.includes(name));
  const { hostname } = new URL(url);
  const width = Math.max(...doors.map((door) => door.name.length));
  const rows = doors.map(({ name, summary, example }) => {
    const command = example
      .replaceAll("{url}", url)
      .replaceAll("{ws}", url.replace(/^http/, "ws"))
      .replaceAll("{host}", hostname)
      .replace(/\{(TCP_PORT|MQTT_PORT)\}/g, (_, port: TcpPortName) => String(tcpPorts[port]));
    return `  ${name.padEnd(width)}  ${summary}\n  ${" ".repeat(width)}  ${command}`;
  });
  return rows.join("\n");
}
