import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Notice } from "../parts/notice.tsx";

interface LazyViewProps {
  readonly load: () => Promise<ComponentType>;
}

/** Shows a view as soon as its file is there. */
export function LazyView({ load }: LazyViewProps) {
  const shown = useSignal<{ readonly Content: ComponentType } | undefined>(undefined);
  const hasFailed = useSignal(false);
  useEffect(() => {
    let isWanted = true;
    load().then(
      (Content) => {
        if (isWanted) shown.value = { Content };
      },
      () => {
        hasFailed.value = true;
      },
    );
    return () => {
      isWanted = false;
    };
  }, [load, shown, hasFailed]);
  if (hasFailed.value) {
    return <Notice kind="bad">This part of the page could not be loaded. Is the server still there?</Notice>;
  }
  if (shown.value === undefined) return <p class="muted">Loading…</p>;
  const { Content } = shown.value;
  return <Content />;
}
