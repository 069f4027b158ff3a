import type { ButtonHTMLAttributes, MouseEvent, ReactNode } from "react";

type Props = ButtonHTMLAttributes<HTMLButtonElement> & { hint?: string; tone?: "plain" | "main" | "quiet"; children: ReactNode };

function ignored(event: MouseEvent) {
  event.preventDefault();
  event.stopPropagation();
}

/** A button that shows its key: every key has a visible button, every button names its key.
 *
 * While `disabled`, it is dimmed and does nothing, yet keeps the focus: a browser takes the focus from a button with the
 * attribute `disabled` and gives it to nobody, so who works by keyboard would begin again at the top after every act.
 * Without its click, Enter in a field of the form sends nothing either. */
export function ActButton({ hint, tone = "plain", children, className = "", disabled = false, onClick, type = "button", ...rest }: Props) {
  const look = tone === "main" ? "button button-main" : tone === "quiet" ? "button-quiet" : "button";
  return (
    <button {...rest} type={type} className={`${look} ${className}`.trimEnd()} aria-disabled={disabled || undefined} onClick={(event) => (disabled ? ignored(event) : onClick?.(event))}>
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
