import type { ComponentChildren } from "preact";

interface NoticeProps {
  readonly kind?: "info" | "good" | "warn" | "bad";
  readonly children: ComponentChildren;
}

/** A remark beside what it is about. What went wrong is read out at once. */
export function Notice({ kind = "info", children }: NoticeProps) {
  return (
    <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : undefined}>
      <div>{children}</div>
    </div>
  );
}
