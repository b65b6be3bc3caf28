import { doors } from "../functions/routes.ts";

/** The doors and a command to try each: what `npm start` prints. */
export function formatDoors(url: string): string {
  const width = Math.max(...doors.map((door) => door.name.length));
  const rows = doors.map(({ name, summary, example }) => {
    const command = example.replaceAll("{url}", url).replaceAll("{ws}", url.replace(/^http/, "ws"));
    return `  ${name.padEnd(width)}  ${summary}\n  ${" ".repeat(width)}  ${command}`;
  });
  return rows.join("\n");
}
