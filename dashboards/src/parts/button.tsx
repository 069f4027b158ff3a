import type { ButtonHTMLAttributes, ReactNode } from "react";

type Props = ButtonHTMLAttributes<HTMLButtonElement> & { hint?: string; tone?: "plain" | "main" | "quiet"; children: ReactNode };

/** A button that shows its key: every key has a visible button, every button names its key. */
export function ActButton({ hint, tone = "plain", children, className = "", ...rest }: Props) {
  const look = tone === "main" ? "button button-main" : tone === "quiet" ? "button-quiet" : "button";
  return (
    <button type="button" className={`${look} ${className}`} {...rest}>
      {children}
      {hint && <kbd aria-hidden="true">{hint}</kbd>}
    </button>
  );
}

export function Tag({ tone = "plain", children, title }: { tone?: "plain" | "ok" | "warn" | "bad" | "info"; children: ReactNode; title?: string }) {
  return (
    <span className={`tag tag-${tone}`} title={title}>
      {children}
    </span>
  );
}
