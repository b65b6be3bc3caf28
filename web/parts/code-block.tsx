import { useSignal } from "@preact/signals";
import { Icon } from "../shell/icons.tsx";

interface CodeBlockProps {
  readonly text: string;
  /** Breaks long lines rather than scrolling. */
  readonly wraps?: boolean;
  readonly label?: string;
}

/** A piece of code with a button that copies it. */
export function CodeBlock({ text, wraps = false, label = "Code" }: CodeBlockProps) {
  return (
    <div class={wraps ? "code wraps" : "code"}>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard */}
      <section tabIndex={0} aria-label={label}>
        <pre>
          <code>{text}</code>
        </pre>
      </section>
      <CopyButton text={text} />
    </div>
  );
}

/** Copies a text, and says so. */
export function CopyButton({ text }: { readonly text: string }) {
  const state = useSignal<"ready" | "copied" | "failed">("ready");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      state.value = "copied";
    } catch {
      // The clipboard needs a secure context: the text can still be selected by hand.
      state.value = "failed";
    }
    setTimeout(() => (state.value = "ready"), 1500);
  };
  return (
    <button type="button" class="button slim copy" onClick={copy}>
      <Icon name={state.value === "copied" ? "check" : "copy"} />
      <span aria-live="polite">
        {state.value === "copied" ? "Copied" : state.value === "failed" ? "Select it" : "Copy"}
      </span>
    </button>
  );
}
