import type { RunCommand } from "../command.ts";
import type { Shell } from "../completion.ts";
import { renderCompletion } from "../completion.ts";
import { EXIT } from "../exit-code.ts";

/** Prints a completion script. */
export const run: RunCommand = async ({ words, output, commands }) => {
  const shell = words.positionals[0] as Shell;
  const script = renderCompletion(shell, commands);
  if (output.isJson) output.json({ shell, script });
  else output.raw(script);
  return EXIT.ok;
};
