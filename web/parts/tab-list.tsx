import type { Signal } from "@preact/signals";

interface TabListProps<Name extends string> {
  readonly label: string;
  readonly options: readonly { readonly name: Name; readonly title: string }[];
  readonly chosen: Signal<Name>;
  /** The id of what the tabs choose between. */
  readonly panel: string;
}

/** Tabs in one row; the arrow keys move between them (ARIA Authoring Practices, "Tabs"). */
export function TabList<Name extends string>({ label, options, chosen, panel }: TabListProps<Name>) {
  const move = (event: KeyboardEvent & { readonly currentTarget: HTMLElement }) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
    if (step === 0) return;
    const index = options.findIndex(({ name }) => name === chosen.value);
    const next = options[(index + step + options.length) % options.length];
    if (next === undefined) return;
    chosen.value = next.name;
    event.currentTarget.querySelector<HTMLElement>(`[data-name="${next.name}"]`)?.focus();
  };
  return (
    <div class="segmented" role="tablist" aria-label={label} onKeyDown={move} tabIndex={-1}>
      {options.map(({ name, title }) => (
        <button
          key={name}
          type="button"
          role="tab"
          data-name={name}
          aria-controls={panel}
          aria-selected={chosen.value === name}
          tabIndex={chosen.value === name ? 0 : -1}
          onClick={() => (chosen.value = name)}
        >
          {title}
        </button>
      ))}
    </div>
  );
}
