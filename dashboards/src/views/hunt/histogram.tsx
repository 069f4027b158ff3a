// Events over time; a drag chooses a range. ECharts is loaded here only. Its tooltip draws text on the canvas: HTML
// tooltips carry inline styles, which the policy forbids.
import { BarChart } from "echarts/charts";
import { BrushComponent, GridComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { count } from "../../app/text";
import { clockOf, dateOf, momentOf } from "../../app/time";
import { useWords } from "../../i18n";

use([BarChart, GridComponent, TooltipComponent, BrushComponent, CanvasRenderer]);

type Props = { bars: readonly { at: string; count: number }[]; onZoom: (since: string, until: string) => void };

export default function Histogram({ bars, onZoom }: Props) {
  const { t, language } = useWords();
  const box = useRef<HTMLDivElement>(null);
  const zoom = useRef(onZoom);
  useEffect(() => {
    zoom.current = onZoom;
  });
  useEffect(() => {
    const node = box.current;
    if (!node) return;
    const style = getComputedStyle(node);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const chart = init(node);
    const step = bars.length > 1 ? Date.parse(bars[1]?.at ?? "") - Date.parse(bars[0]?.at ?? "") : 60_000;
    const days = bars.length > 1 && Date.parse(bars.at(-1)?.at ?? "") - Date.parse(bars[0]?.at ?? "") > 86_400_000;
    const font = { fontFamily: "IBM Plex Mono, monospace", fontSize: 13 };
    chart.setOption({
      animation: false,
      grid: { left: 8, right: 8, top: 8, bottom: 4, outerBoundsMode: "same" },
      textStyle: { ...font, color: colour("--muted") },
      tooltip: {
        trigger: "axis",
        renderMode: "richText",
        backgroundColor: colour("--surface"),
        borderColor: colour("--line"),
        textStyle: { ...font, color: colour("--text") },
        formatter: (found: unknown) => {
          const [first] = found as { dataIndex: number }[];
          const bar = bars[first?.dataIndex ?? 0];
          return bar ? `${momentOf(bar.at)}\n${count(bar.count, language)}` : "";
        },
      },
      xAxis: {
        type: "category",
        data: bars.map((bar) => (days ? dateOf(bar.at).slice(0, 5) : clockOf(bar.at, false))),
        axisLabel: { color: colour("--muted"), hideOverlap: true },
        axisLine: { lineStyle: { color: colour("--line") } },
        axisTick: { show: false },
      },
      yAxis: {
        type: "value",
        minInterval: 1,
        axisLabel: { color: colour("--muted"), formatter: (value: number) => count(value, language) },
        splitLine: { lineStyle: { color: colour("--line") } },
        splitNumber: 2,
      },
      brush: { xAxisIndex: 0, brushStyle: { color: colour("--brand-soft"), borderColor: colour("--brand") }, transformable: false },
      series: [{ type: "bar", data: bars.map((bar) => bar.count), itemStyle: { color: colour("--bar") }, barCategoryGap: "12%", large: false }],
    });
    chart.dispatchAction({ type: "takeGlobalCursor", key: "brush", brushOption: { brushType: "lineX", brushMode: "single" } });
    chart.on("brushEnd", (event) => {
      const [area] = (event as { areas?: { coordRange?: [number, number] }[] }).areas ?? [];
      const [left, right] = area?.coordRange ?? [];
      if (left === undefined || right === undefined || left === right) return;
      const since = bars[Math.max(0, left)]?.at;
      const until = bars[Math.min(bars.length - 1, right)]?.at;
      if (since && until) zoom.current(since, new Date(Date.parse(until) + step).toISOString());
    });
    const watch = new ResizeObserver(() => chart.resize());
    watch.observe(node);
    return () => {
      watch.disconnect();
      chart.dispose();
    };
  }, [bars, language]);
  return <div ref={box} className="histogram-box" role="img" aria-label={t("hunt.histogram")} />;
}
