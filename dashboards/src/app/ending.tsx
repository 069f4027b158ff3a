// The session's end, said before it comes: at its limit (a working day) nothing prolongs it, so what is being written
// would be lost. Idleness is no matter here: a tab that is open asks every five minutes.
import { useEffect, useState } from "react";
import { useWords } from "../i18n";
import { ActButton } from "../parts/button";
import { useSession, useSigning } from "./session";
import { clockOf } from "./time";

export const WARN_MS = 10 * 60_000;

export function Ending() {
  const { t } = useWords();
  const { me } = useSession();
  const signing = useSigning();
  const ends = Date.parse(me.expires_at);
  const [near, setNear] = useState(false);
  const [hidden, setHidden] = useState(false);
  useEffect(() => {
    const look = () => setNear(ends - Date.now() < WARN_MS);
    look();
    const timer = setInterval(look, 15_000);
    return () => clearInterval(timer);
  }, [ends]);
  if (!near || hidden) return null;
  return (
    <div className="ending" role="alert">
      <p>{t("frame.ends", { at: clockOf(me.expires_at, false) })}</p>
      <ActButton onClick={() => void signing.out()}>{t("frame.again")}</ActButton>
      <ActButton tone="quiet" onClick={() => setHidden(true)}>
        {t("act.hide")}
      </ActButton>
    </div>
  );
}
