import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { CodeBlock } from "../parts/code-block.tsx";
import { TabList } from "../parts/tab-list.tsx";
import { ORIGIN, toMessage } from "../shell/server.ts";
import type { Call, ExplorerDoor, Inputs, OperationName } from "./call.ts";
import { toCommand } from "./snippets/command.ts";
import { toJavascript } from "./snippets/javascript.ts";
import { toPython } from "./snippets/python.ts";
import { toShell } from "./snippets/shell.ts";

const LANGUAGES = ["curl", "javascript", "python", "everywire"] as const;
type Language = (typeof LANGUAGES)[number];

const TITLES: Readonly<Record<Language, string>> = {
  curl: "Shell",
  javascript: "JavaScript",
  python: "Python",
  everywire: "everywire",
};

interface SnippetsProps {
  readonly door: ExplorerDoor;
  readonly operation: OperationName;
  readonly inputs: Inputs;
  readonly prepare: () => Call | Promise<Call>;
}

/** The same call, to be copied. */
export function Snippets({ door, operation, inputs, prepare }: SnippetsProps) {
  const language = useSignal<Language>("curl");
  const shown = useSignal({ text: "", of: "" });
  const { value: chosen } = language;
  // biome-ignore lint/correctness/useExhaustiveDependencies: what is prepared follows from the others
  useEffect(() => {
    let isWanted = true;
    const write = async () => {
      const written = await toText(chosen, { door, operation, inputs, prepare }).catch(toMessage);
      if (isWanted) shown.value = { text: written, of: `${door.name} ${operation} ${chosen}` };
    };
    void write();
    return () => {
      isWanted = false;
    };
  }, [door, operation, inputs, chosen, shown]);
  return (
    <section class="card" aria-label="The same call elsewhere">
      <div class="card-head">
        <h2>The same call</h2>
        <TabList
          label="Language"
          options={LANGUAGES.map((name) => ({ name, title: TITLES[name] }))}
          chosen={language}
          panel="snippet"
        />
      </div>
      <div
        class="card-body"
        id="snippet"
        role="tabpanel"
        aria-label={TITLES[language.value]}
        data-shown={shown.value.of}
      >
        <CodeBlock text={shown.value.text} wraps label={TITLES[language.value]} />
      </div>
    </section>
  );
}

async function toText(
  language: Language,
  { door, operation, inputs, prepare }: SnippetsProps,
): Promise<string> {
  if (language === "everywire") {
    return toCommand(door, operation, inputs, ORIGIN) ?? "# The command has no word for this one.";
  }
  const call = await prepare();
  if (language === "curl") return toShell(call, ORIGIN);
  return language === "javascript" ? toJavascript(call, ORIGIN) : toPython(call, ORIGIN);
}
