// Add a sensor: its name, then one line to run, to copy or to read off the screen, with what is left of its time; and
// taking one away, with a reason and its name typed: that cannot be taken back, it has to be enrolled again.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState } from "react";
import { post } from "../../api/client";
import type { Sensor, Token } from "../../api/types";
import { copy } from "../../app/copy";
import { useSession } from "../../app/session";
import { toast } from "../../app/toasts";
import { useWords } from "../../i18n";
import { ActButton } from "../../parts/button";
import { Dialog } from "../../parts/dialog";
import { Icon } from "../../parts/icons";
import { Trouble } from "../../parts/panel";
import { Text } from "../../parts/text";
import { Time } from "../../parts/time";

function Qr({ rows, label }: { rows: readonly string[]; label: string }) {
  const size = rows.length + 8; // the quiet zone of ISO/IEC 18004: four modules on each side
  const path = rows.flatMap((row, y) => [...row].flatMap((module, x) => (module === "1" ? [`M${x + 4} ${y + 4}h1v1h-1z`] : []))).join("");
  return (
    <svg className="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shapeRendering="crispEdges">
      <rect className="qr-ground" width={size} height={size} />
      <path className="qr-dark" d={path} />
    </svg>
  );
}

function Left({ until }: { until: string }) {
  const { t } = useWords();
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 10_000);
    return () => clearInterval(timer);
  }, []);
  const minutes = Math.floor((Date.parse(until) - now) / 60_000);
  return minutes < 0 ? <strong className="bad-text">{t("enrol.ended")}</strong> : <span>{t("enrol.left", { minutes })}</span>;
}

function Command({ token }: { token: Token }) {
  const { t } = useWords();
  const shown = useRef<HTMLPreElement>(null);
  const [qr, setQr] = useState(false);
  const take = () => void copy(token.command, shown.current).then((done) => toast(t(done ? "value.copied" : "value.copyRefused"), { bad: !done }));
  return (
    <>
      <p>{t("enrol.run")}</p>
      <div className="command-box">
        <pre ref={shown} className="command figures">
          {token.command}
        </pre>
        <ActButton tone="main" autoFocus onClick={take}>
          <Icon name="copy" /> {t("value.copy")}
        </ActButton>
      </div>
      <p className="muted">
        {t("enrol.until")} <Time at={token.expires_at} short /> · <Left until={token.expires_at} />
      </p>
      <p className="muted">{t("enrol.fingerprint")}</p>
      <p>
        <ActButton tone="quiet" aria-pressed={qr} onClick={() => setQr(!qr)}>
          {t(qr ? "enrol.hideQr" : "enrol.showQr")}
        </ActButton>
      </p>
      {qr && <Qr rows={token.qr} label={t("enrol.qr")} />}
    </>
  );
}

export function Enrol({ onClose }: { onClose: () => void }) {
  const { t } = useWords();
  const { me } = useSession();
  const [name, setName] = useState("");
  const [role, setRole] = useState<"sensor" | "node">("sensor");
  const [agency, setAgency] = useState(me.grants.find((grant) => grant.agency)?.agency ?? me.node.agency);
  const make = useMutation({ mutationFn: () => post<Token>("/sensors/tokens", { name: name.trim(), role, agency: agency.trim() }) });
  return (
    <Dialog title={t("enrol.title")} onClose={onClose} wide>
      {make.data ? (
        <Command token={make.data} />
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            make.mutate();
          }}
        >
          <label className="field">
            <span>{t("enrol.name")}</span>
            <input autoFocus required maxLength={64} pattern="[A-Za-z0-9._\-]+" value={name} onChange={(event) => setName(event.target.value)} />
            <small className="muted">{t("enrol.nameHint")}</small>
          </label>
          {me.node.role === "national" && (
            <label className="field">
              <span>{t("enrol.role")}</span>
              <select value={role} onChange={(event) => setRole(event.target.value as "sensor" | "node")}>
                <option value="sensor">{t("enrol.sensor")}</option>
                <option value="node">{t("enrol.node")}</option>
              </select>
            </label>
          )}
          <label className="field">
            <span>{t("alert.agency")}</span>
            <input required maxLength={64} value={agency} onChange={(event) => setAgency(event.target.value)} />
          </label>
          {make.isError && <Trouble error={make.error} />}
          <footer className="dialog-foot">
            <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
            <ActButton type="submit" tone="main" disabled={make.isPending}>
              {t("enrol.make")}
            </ActButton>
          </footer>
        </form>
      )}
    </Dialog>
  );
}

export function Revoke({ sensor, onClose }: { sensor: Sensor; onClose: () => void }) {
  const { t } = useWords();
  const client = useQueryClient();
  const [reason, setReason] = useState("");
  const [typed, setTyped] = useState("");
  const revoke = useMutation({
    mutationFn: () => post(`/sensors/${encodeURIComponent(sensor.id)}/revoke`, { reason: reason.trim(), name: typed.trim() }),
    onSuccess: () => {
      toast(t("sensor.revoked", { name: sensor.name }));
      void client.invalidateQueries({ queryKey: ["sensors"] });
      void client.invalidateQueries({ queryKey: ["sensor"] });
      onClose();
    },
  });
  return (
    <Dialog title={t("sensor.revokeTitle", { name: sensor.name })} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          revoke.mutate();
        }}
      >
        <p>{t("sensor.revokeWhat")}</p>
        <label className="field">
          <span>{t("sensor.revokeLabel")}</span>
          <textarea autoFocus required rows={3} maxLength={4000} value={reason} onChange={(event) => setReason(event.target.value)} />
        </label>
        <label className="field">
          <span>
            {t("sensor.typeName")} <strong><Text mono>{sensor.name}</Text></strong>
          </span>
          <input required autoComplete="off" autoCapitalize="none" spellCheck={false} maxLength={64} value={typed} onChange={(event) => setTyped(event.target.value)} />
        </label>
        {revoke.isError && <Trouble error={revoke.error} />}
        <footer className="dialog-foot">
          <ActButton onClick={onClose}>{t("act.cancel")}</ActButton>
          <ActButton type="submit" tone="main" disabled={revoke.isPending || typed.trim() !== sensor.name || !reason.trim()}>
            {t("act.revoke")}
          </ActButton>
        </footer>
      </form>
    </Dialog>
  );
}
