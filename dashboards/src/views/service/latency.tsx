// Answer times of 24 hours: median and 95 %, as two lines told apart by their stroke too. ECharts is loaded with the page.
import { LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { CanvasRenderer } from "echarts/renderers";
import { useEffect, useRef } from "react";
import { count } from "../../app/text";
import { clockOf, momentOf } from "../../app/time";
import { useWords } from "../../i18n";
import type { ServiceFull } from "../services/types";

use([LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

export default function LatencyChart({ hours }: { hours: ServiceFull["hours"] }) {
  const { t, language } = useWords();
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const node = box.current;
    if (!node) return;
    const style = getComputedStyle(node);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const font = { fontFamily: "IBM Plex Mono, monospace", fontSize: 13 };
    const chart = init(node);
    const line = (name: string, values: (number | null)[], stroke: string, type: "solid" | "dashed") => ({
      name,
      type: "line" as const,
      data: values,
      connectNulls: false,
      symbol: type === "solid" ? "circle" : "rect",
      symbolSize: 5,
      itemStyle: { color: stroke },
      lineStyle: { color: stroke, type, width: 2 },
    });
    chart.setOption({
      animation: false,
      grid: { left: 8, right: 12, top: 32, bottom: 4, outerBoundsMode: "same" },
      textStyle: { ...font, color: colour("--muted") },
      legend: { top: 0, left: 0, textStyle: { ...font, color: colour("--text") }, itemWidth: 28 },
      tooltip: {
        trigger: "axis",
        renderMode: "richText",
        backgroundColor: colour("--surface"),
        borderColor: colour("--line"),
        textStyle: { ...font, color: colour("--text") },
        formatter: (found: unknown) => {
          const [first] = found as { dataIndex: number }[];
          const hour = hours[first?.dataIndex ?? 0];
          if (!hour) return "";
          const ms = (value: number | null) => (value === null ? "—" : `${count(Math.round(value), language)} ms`);
          return `${momentOf(hour.at)}\n${t("services.p50")} ${ms(hour.p50_ms)}\n${t("services.p95")} ${ms(hour.p95_ms)}`;
        },
      },
      xAxis: { type: "category", data: hours.map((hour) => clockOf(hour.at, false)), axisLabel: { color: colour("--muted"), hideOverlap: true }, axisLine: { lineStyle: { color: colour("--line") } }, axisTick: { show: false } },
      yAxis: { type: "value", axisLabel: { color: colour("--muted"), formatter: (value: number) => `${count(value, language)} ms` }, splitLine: { lineStyle: { color: colour("--line") } }, splitNumber: 3 },
      series: [line(t("services.p50"), hours.map((hour) => hour.p50_ms), colour("--brand"), "solid"), line(t("services.p95"), hours.map((hour) => hour.p95_ms), colour("--warn"), "dashed")],
    });
    const watch = new ResizeObserver(() => chart.resize());
    watch.observe(node);
    return () => {
      watch.disconnect();
      chart.dispose();
    };
  }, [hours, language, t]);
  return <div ref={box} className="latency-box" role="img" aria-label={t("services.latencyLabel")} />;
}
