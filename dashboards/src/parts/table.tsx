// A table that is never wider than its panel: where its columns do not fit (a phone, a narrow panel, long words), each
// row becomes a small list of "heading: value". Measured as it stands, so nobody has to guess a width for each language.
// In: the table's rows as elements, its columns' headings in <thead>. Out: the same table, `data-stacked` where needed.
import { type ReactNode, useEffect, useLayoutEffect, useRef } from "react";

/** Fits the table into its frame; the headings go to the cells for when they stand alone. */
function fit(table: HTMLTableElement, frame: HTMLElement) {
  delete table.dataset.stacked;
  const heads = [...(table.tHead?.rows[0]?.cells ?? [])].map((cell) => cell.textContent ?? "");
  for (const row of table.tBodies[0]?.rows ?? [])
    [...row.cells].forEach((cell, index) => {
      if (heads[index]) cell.dataset.label = heads[index]; // also where it fits: a table inside one that is stacked is stacked
    });
  if (table.scrollWidth > frame.clientWidth + 1) table.dataset.stacked = "";
}

export function Table({ className = "", children }: { className?: string; children: ReactNode }) {
  const table = useRef<HTMLTableElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const again = () => table.current && frame.current && fit(table.current, frame.current);
  useLayoutEffect(() => void again());
  useEffect(() => {
    const node = frame.current;
    if (!node) return;
    let width = node.clientWidth;
    const watch = new ResizeObserver(() => {
      if (node.clientWidth === width) return; // only its own rows have changed its height
      width = node.clientWidth;
      again();
    });
    watch.observe(node);
    return () => watch.disconnect();
  }, []);
  return (
    <div className="table-fit" ref={frame}>
      <table className={`plain ${className}`} ref={table}>
        {children}
      </table>
    </div>
  );
}
