// A panel fails alone: it has its own loading, error and empty states, and its own boundary against a broken drawing.
import type { UseQueryResult } from "@tanstack/react-query";
import { Component, type ReactNode, useEffect, useState } from "react";
import { Refusal, Unreachable } from "../api/client";
import { useWords } from "../i18n";

export class Boundary extends Component<{ fallback: (retry: () => void) => ReactNode; children: ReactNode }, { broken: boolean }> {
  override state = { broken: false };
  static getDerivedStateFromError() {
    return { broken: true };
  }
  override render() {
    return this.state.broken ? this.props.fallback(() => this.setState({ broken: false })) : this.props.children;
  }
}

/** What went wrong, in the reader's language: the server's words when it gave some. */
export function useExplain() {
  const { t } = useWords();
  return (error: unknown): { text: string; code: string | null } => {
    if (error instanceof Refusal) {
      const { title, detail, code, status } = error.problem;
      if (status === 403) return { text: detail || t("error.forbidden"), code: code ?? null };
      return { text: detail || title, code: code ?? `HTTP ${status}` };
    }
    if (error instanceof Unreachable) return { text: t("error.unreachable"), code: null };
    return { text: t("error.unknown"), code: null };
  };
}

export function Trouble({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t } = useWords();
  const { text, code } = useExplain()(error);
  return (
    <div className="trouble" role="alert">
      <p>
        {text} {code && <span className="muted figures">{code}</span>}
      </p>
      {retry && (
        <button type="button" className="button" onClick={retry}>
          {t("error.retry")}
        </button>
      )}
    </div>
  );
}

/** Nothing for 300 ms, then a skeleton; after 2 s it says what is running. */
export function Loading({ rows = 4 }: { rows?: number }) {
  const { t } = useWords();
  const [step, setStep] = useState(0);
  useEffect(() => {
    const first = setTimeout(() => setStep(1), 300);
    const second = setTimeout(() => setStep(2), 2_000);
    return () => {
      clearTimeout(first);
      clearTimeout(second);
    };
  }, []);
  if (step === 0) return <div className="loading" aria-busy="true" />;
  return (
    <div className="loading" aria-busy="true" aria-live="polite">
      {Array.from({ length: rows }, (_, index) => (
        <div key={index} className="skeleton" />
      ))}
      {step === 2 && <p className="muted">{t("loading.still")}</p>}
    </div>
  );
}

export function Ask<T>({ query, children, rows }: { query: UseQueryResult<T>; children: (data: T) => ReactNode; rows?: number }) {
  if (query.data !== undefined) return <>{children(query.data)}</>;
  if (query.isError) return <Trouble error={query.error} retry={() => void query.refetch()} />;
  return <Loading {...(rows ? { rows } : {})} />;
}

type PanelProps = { title?: ReactNode; aside?: ReactNode; className?: string; children: ReactNode };

export function Panel({ title, aside, className = "", children }: PanelProps) {
  const { t } = useWords();
  return (
    <section className={`panel ${className}`}>
      {(title || aside) && (
        <header className="panel-head">
          {title && <h2>{title}</h2>}
          {aside && <div className="panel-aside">{aside}</div>}
        </header>
      )}
      <Boundary
        fallback={(retry) => (
          <div className="trouble" role="alert">
            <p>{t("error.panel")}</p>
            <button type="button" className="button" onClick={retry}>
              {t("error.retry")}
            </button>
          </div>
        )}
      >
        {children}
      </Boundary>
    </section>
  );
}
