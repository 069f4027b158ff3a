// Four empties, never mixed up: no data yet, all done, nothing matches the filter, not allowed to see.
import type { ReactNode } from "react";

export type EmptyKind = "nothing" | "done" | "filtered" | "forbidden";
const SHAPES: Record<EmptyKind, string> = {
  nothing: "M8 40h48M16 32h8v8h-8zM30 24h8v16h-8zM44 28h8v12h-8z",
  done: "M14 33 27 45 51 20",
  filtered: "M10 14h44L37 34v14l-10 5V34z",
  forbidden: "M20 30v-8a12 12 0 0 1 24 0v8M14 30h36v22H14zM32 38v6",
};

export function Empty({ kind, title, children, action }: { kind: EmptyKind; title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className={`empty empty-${kind}`} role="status">
      <svg viewBox="0 0 64 64" aria-hidden="true" focusable="false">
        <path d={SHAPES[kind]} />
      </svg>
      <p className="empty-title">{title}</p>
      {children && <p className="muted">{children}</p>}
      {action}
    </div>
  );
}
