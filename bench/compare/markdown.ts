import type { Table } from "./chapter.ts";
import { formatNumber } from "./sentence.ts";

/** What stands where nothing was measured. */
const NOT_MEASURED = "-";

/** Writes a table: numbers rounded and to the right, words to the left. */
export function toMarkdownTable({ caption, columns, rows }: Table): string {
  const isNumeric = columns.map((_, index) => {
    const known = rows.map((row) => row[index]).filter((cell) => cell !== undefined && cell !== null);
    return known.length > 0 && known.every((cell) => typeof cell === "number");
  });
  const lines = [
    toLine(columns),
    toLine(columns.map((_, index) => (isNumeric[index] ? "---:" : "---"))),
    ...rows.map((row) => toLine(columns.map((_, index) => toCell(row[index])))),
  ];
  return `${caption === undefined ? "" : `**${caption}**\n\n`}${lines.join("\n")}`;
}

function toLine(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function toCell(value: string | number | undefined | null): string {
  // Kept figures come from JSON, where what is not there may be null.
  if (value === undefined || value === null || Number.isNaN(value)) return NOT_MEASURED;
  if (typeof value === "number") return formatNumber(value);
  return value.replaceAll("|", "\\|").replaceAll("\n", " ");
}
