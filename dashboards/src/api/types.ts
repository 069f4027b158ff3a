// The people's port as this dashboard reads it (base /api/v1). Names and values are the contract's.

export type Both = { vi: string; en: string };
export type Level = "informational" | "low" | "medium" | "high" | "critical";
export type Page<T> = { items: T[]; next: string | null; total: number };

export type Problem = {
  type?: string;
  title: string;
  status: number;
  detail?: string | null;
  code?: string;
  instance?: string;
  errors?: { field: string; message: string }[];
};

export type Public = {
  name: string;
  role: "agency" | "national";
  exercise: boolean;
  language: "vi" | "en";
  version: string;
  setup_needed: boolean;
};

export type Me = {
  user: { id: number; username: string; name: string; language: "vi" | "en" };
  grants: { role: string; agency: string | null }[];
  permissions: string[];
  csrf: string;
  expires_at: string;
  node: { name: string; agency: string; role: "agency" | "national"; exercise: boolean; version: string };
};

export type AlertStatus = "new" | "claimed" | "snoozed" | "closed";
export type Disposition =
  | "true_positive"
  | "benign_true"
  | "false_positive"
  | "duplicate"
  | "test"
  | "undetermined";

export type Alert = {
  id: string;
  agency: string;
  rule_id: string;
  title: Both;
  reason: Both;
  level: Level;
  type: "sigma" | "correlation" | "detector";
  status: AlertStatus;
  woken: boolean;
  count: number;
  first_seen: string;
  last_seen: string;
  created_at: string;
  group: Record<string, string>;
  entities: Record<string, string[]>;
  techniques: string[];
  score: number | null;
  assignee: { id: number; name: string } | null;
  snooze: { until: string; reason: string; by: string } | null;
  disposition: Disposition | null;
  incident_id: string | null;
  spark: number[];
  revision: number;
};

export type Hit = { id: string; at: string; event_ids: string[]; reason: Both; count: number };
export type AlertDetail = Alert & {
  hits: Hit[];
  hits_total: number;
  description: Both;
  steps: { vi: string[]; en: string[] };
};

export type AlertPage = Page<Alert> & {
  counts: { level: Partial<Record<Level, number>>; status: Partial<Record<AlertStatus, number>> };
  as_of: string;
};

export type EcsEvent = Record<string, unknown>;
export type EventPage = Page<EcsEvent> & {
  partial?: boolean;
  total_is_floor?: boolean;
  took_ms?: number;
  histogram?: { at: string; count: number }[] | null;
};

export type HistoryEntry = {
  at: string;
  actor: { id: number | null; name: string };
  act: string;
  from: string | null;
  to: string | null;
  note: string | null;
};

export type Delivery = {
  item_id: string;
  item_revision: number;
  sequence: number;
  state: "waiting" | "sent" | "received" | "refused" | "acknowledged";
  attempts: number;
  last_attempt_at: string | null;
  next_attempt_at: string | null;
  last_error: string | null;
  reason: Both | null;
  receipt: { id: string; at: string; by: string } | null;
  queued_at: string;
};

export type Word = {
  id: string;
  at: string;
  item_id: string;
  kind: "receipt" | "acknowledged" | "note" | "refused";
  text: string;
  by: string;
};

export type IncidentState = "open" | "investigating" | "contained" | "resolved" | "closed";
export type Indicator = { type: string; value: string; tlp: string };
export type Incident = {
  id: string;
  agency: string;
  title: string;
  level: Level;
  state: IncidentState;
  coordinator: { id: number; name: string };
  first_seen: string;
  last_seen: string;
  created_at: string;
  closed_at: string | null;
  alerts: Alert[];
  indicators: Indicator[];
  delivery: Delivery | null;
  words: Word[];
  revision: number;
};

export type RaisedState = "new" | "acknowledged" | "refused";
export type Raised = {
  id: string;
  agency: string;
  agency_name: string;
  kind: "incident" | "alert";
  title: string;
  level: Level;
  state: RaisedState;
  item_id: string;
  item_revision: number;
  sequence: number;
  first_seen: string;
  last_seen: string;
  received_at: string;
  indicators: (Indicator & { shared_with: string[] })[];
  shared: number;
  alerts_count: number;
  acknowledged: { at: string; by: string | null } | null;
  revision: number;
};
export type RaisedDetail = Raised & {
  item: Record<string, unknown>;
  revisions: { item_revision: number; received_at: string }[];
  related: Raised[];
  words: Word[];
};
export type Shared = {
  type: string;
  value: string;
  agencies: { code: string; name: string }[];
  raised: string[];
  first_seen: string;
  last_seen: string;
};

export type SensorRole = {
  role: string;
  state: "ok" | "quiet" | "never";
  last_data_at: string | null;
  events_total: number;
  lag_s: number | null;
  received: number | null;
  spooled: number | null;
  dropped: number | null;
};
export type Sensor = {
  id: number | string;
  name: string;
  agency: string;
  role: string;
  roles: SensorRole[];
  enrolled_at: string;
  certificate_expires_at: string | null;
  revoked_at: string | null;
  flagged: boolean | string | null;
  last_seen_at: string | null;
};
export type Token = { token: string; expires_at: string; command: string };

export type Rule = {
  id: string;
  title: Both;
  level: Level;
  kind: string;
  state: "running" | "refused";
  reason: string | null;
  logsource: Record<string, string> | string | null;
  hits_24h: number;
  techniques: string[];
};

export type DeadLetter = {
  at: string;
  sender: string;
  dataset: string | null;
  status: number;
  reason: string;
  excerpt: string | null;
};
export type System = {
  processes: Record<string, unknown>[];
  store: { kind: string; usage_bytes: number; budget_bytes: number; newest_event_at: string | null };
  lag: { index_s: number | null; correlator_s: number | null; casework_s: number | null };
};
export type AuditEntry = Record<string, unknown> & { at: string };

export type StreamEvent = {
  type: "alert" | "incident" | "raised" | "delivery" | "sensor" | "system";
  id: string;
  revision: number;
  agency: string;
  kind: "created" | "changed";
};
