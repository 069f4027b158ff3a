// The tile map: 34 provinces and cities where they lie, the islands in the sea to their east. The tiles are data
// (tiles.json) and are always drawn, whatever the server says or does not say: a cell without an answer is "never".
// In: the cells that somebody reports from, the unit that is chosen. Out: the unit that is pressed.
import { type CSSProperties, type KeyboardEvent, useRef, useState } from "react";
import { useMedia } from "../../app/media";
import { useWords } from "../../i18n";
import { StateMark, STATES } from "./state";
import tiles from "./tiles.json";
import type { Cell } from "./types";

export type Placed = { unit: string; name: string; short: string; row: number; column: number; of?: string; span?: number };
export const TILES: readonly Placed[] = tiles;
const NAMES = new Map(TILES.map((tile) => [tile.unit, tile.name]));
const STEPS: Record<string, readonly [number, number]> = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

/** The nearest tile in the direction of an arrow key; the same one at the edge. */
export function neighbour(from: Placed, key: string): Placed {
  const [down, right] = STEPS[key] ?? [0, 0];
  const home = key === "ArrowLeft" && TILES.find((tile) => tile.unit === from.of);
  if (home) return home; // from an island to its province, as the other way round
  let best = from;
  let least = Number.POSITIVE_INFINITY;
  for (const tile of TILES) {
    const [rows, columns] = [tile.row - from.row, tile.column - from.column];
    const ahead = rows * down + columns * right;
    if (ahead <= 0) continue;
    const away = ahead + 2 * Math.abs(down ? columns : rows);
    if (away < least) [best, least] = [tile, away];
  }
  return best;
}

export function TileMap({ cells, chosen, onChoose }: { cells: readonly Cell[]; chosen: string | null; onChoose: (unit: string | null) => void }) {
  const { t } = useWords();
  const box = useRef<HTMLDivElement>(null);
  const [at, setAt] = useState("ha-noi");
  const short = useMedia("(max-width: 760px)"); // as in national.css
  const known = new Map(cells.map((cell) => [cell.unit, cell]));
  const move = (event: KeyboardEvent, tile: Placed) => {
    if (!(event.key in STEPS)) return;
    event.preventDefault();
    event.stopPropagation();
    const next = neighbour(tile, event.key);
    setAt(next.unit);
    box.current?.querySelector<HTMLButtonElement>(`[data-unit="${next.unit}"]`)?.focus();
  };
  return (
    <>
      <div className="tile-map" role="group" aria-label={t("national.map.label")} ref={box}>
        <span className="tile-sea" aria-hidden="true">
          {t("national.map.sea")}
        </span>
        {TILES.map((tile) => {
          // An island that nobody reports from by itself is as its province is.
          const cell = known.get(tile.unit) ?? (tile.of ? known.get(tile.of) : undefined);
          const state = cell?.state ?? "never";
          const word = t(`national.state.${state}`);
          const label = tile.of
            ? t("national.map.island", { name: tile.name, of: NAMES.get(tile.of) ?? tile.of, state: word })
            : cell
              ? t("national.map.cell", { name: tile.name, state: word, connected: cell.connected, agencies: cell.agencies })
              : t("national.map.empty", { name: tile.name, state: word });
          return (
            <button
              key={tile.unit}
              type="button"
              className={`tile tile-${state}${tile.of ? " tile-island" : ""}`}
              style={{ "--row": tile.row, "--column": tile.column, "--span": tile.span ?? 1 } as CSSProperties}
              data-unit={tile.unit}
              data-state={state}
              // What can be read on it begins its name (WCAG 2.5.3).
              aria-label={short && !tile.of ? `${tile.short}, ${label}` : label}
              aria-pressed={chosen === tile.unit}
              title={label}
              tabIndex={at === tile.unit ? 0 : -1}
              onFocus={() => setAt(tile.unit)}
              onKeyDown={(event) => move(event, tile)}
              onClick={() => onChoose(chosen === tile.unit ? null : tile.unit)}
            >
              <span className="tile-name">{tile.name}</span>
              <span className="tile-short" aria-hidden="true">
                {tile.short}
              </span>
              <StateMark state={state} />
            </button>
          );
        })}
      </div>
      <ul className="tile-key">
        {STATES.map((state) => (
          <li key={state}>
            <span className={`tile-swatch tile-${state}`}>
              <StateMark state={state} />
            </span>{" "}
            {t(`national.state.${state}`)}
          </li>
        ))}
      </ul>
    </>
  );
}
