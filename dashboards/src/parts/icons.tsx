// Line icons, drawn for this rail. Decoration only: each stands beside its word.
const PATHS = {
  queue: "M4 6h16M4 12h16M4 18h10",
  incident: "M12 3 21 19H3zM12 10v4M12 16.5v.5",
  inbox: "M4 13h4l2 3h4l2-3h4M4 13v6h16v-6L17 5H7z",
  nation: "M4 20V10l8-6 8 6v10zM4 20h16M8 20v-7M12 20v-7M16 20v-7",
  hunt: "M10.5 4a6.5 6.5 0 1 1 0 13 6.5 6.5 0 0 1 0-13M15.5 15.5 20 20",
  service: "M3 12h4l3-7 4 14 3-7h4",
  sensor: "M12 12v8M8.5 8.5a5 5 0 0 0 0 7M15.5 8.5a5 5 0 0 1 0 7M5.5 5.5a9 9 0 0 0 0 13M18.5 5.5a9 9 0 0 1 0 13",
  rule: "M7 4h10v16H7zM10 8h4M10 12h4M10 16h2",
  phone: "M7 3h10v18H7zM11 18h2",
  notice: "M6 17V11a6 6 0 0 1 12 0v6l2 1H4zM10 20.5h4",
  clock: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16M12 8v4.5l3 2",
  system: "M4 5h16v6H4zM4 13h16v6H4zM7 8h.5M7 16h.5M11 8h6M11 16h6",
  indicator: "M12 3a9 9 0 1 0 9 9M12 8a4 4 0 1 0 4 4M12 12l8-8M16 4h4v4",
  inventory: "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM16.5 13v7M13 16.5h7",
  key: "M3 7h18v10H3zM6 10h.5M10 10h.5M14 10h.5M18 10h.5M7 14h10",
  out: "M14 4H5v16h9M10 12h10M17 9l3 3-3 3",
  compact: "M4 6h16M4 10h16M4 14h16M4 18h16",
  roomy: "M4 5h16M4 8h9M4 16h16M4 19h9",
  copy: "M8 8h12v12H8zM4 16V4h12",
  close: "M6 6l12 12M18 6 6 18",
  open: "M9 5l7 7-7 7",
  check: "M5 12.5 10 17 19 7",
  send: "M4 12 20 4l-4 16-4-6z",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  people: "M9 5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7M2.5 20c.5-4 3-6 6.5-6s6 2 6.5 6M16 5.5a3 3 0 0 1 0 6M17.5 14.5c2.3 .7 3.7 2.6 4 5.5",
  audit: "M6 3h9l4 4v14H6zM14 3v5h5M9 12h7M9 15.5h7M9 19h4",
  language: "M4 6h9M8.5 4v2M6 6c.5 4 3 6.5 6 8M11 6c-.5 4-3 6.5-6.5 8M13 20l4-10 4 10M14.5 17h5",
  overview: "M4 4h7v9H4zM13 4h7v5h-7zM13 11h7v9h-7zM4 15h7v5H4z",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M18.7 5.3l-1.4 1.4M6.7 17.3l-1.4 1.4",
  moon: "M19 14.5A7.5 7.5 0 0 1 9.5 5a7.5 7.5 0 1 0 9.5 9.5",
  themeAuto: "M12 4a8 8 0 1 1 0 16 8 8 0 0 1 0-16M12 4v16M12 8h5.5M12 12h7.5M12 16h5.5",
  fold: "M4 5h16v14H4zM9 5v14M16 9.5 13.5 12l2.5 2.5",
  unfold: "M4 5h16v14H4zM9 5v14M13.5 9.5 16 12l-2.5 2.5",
  more: "M5 7h14M5 12h14M5 17h14",
  back: "M15 5l-7 7 7 7",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** Three stems behind a shield: the village's bamboo hedge. */
export function Mark() {
  return (
    <svg className="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path className="mark-shield" d="M16 1.5 29 6v9.5c0 7.6-5.2 12.6-13 15-7.8-2.4-13-7.4-13-15V6z" />
      <path
        className="mark-stems"
        d="M9.5 9.5v5M9.5 17.5v5M16 7v6M16 16v5M16 24v2.4M22.5 9.5v5M22.5 17.5v5"
      />
    </svg>
  );
}
