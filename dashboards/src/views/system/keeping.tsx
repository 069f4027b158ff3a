// Backup, disk, database and what waits to leave: the same answer as the processes'.
import type { System } from "../../api/types";
import { bytes, count } from "../../app/text";
import { useWords } from "../../i18n";
import { Tag } from "../../parts/button";
import { Ask, Panel } from "../../parts/panel";
import { Table } from "../../parts/table";
import { Text } from "../../parts/text";
import { Ago, Time } from "../../parts/time";
import { useAsk } from "./ask";

export function Keeping() {
  const { t, language, pick } = useWords();
  const query = useAsk<System>("system", "/system");
  return (
    <Ask query={query}>
      {({ backup, disk, database, waiting, jobs }) => (
        <>
          <div className="tiles">
            <Panel title={t("health.disk")}>
              <dl className="facts">
                <div>
                  <dt>{t("health.free")}</dt>
                  <dd className="figures">
                    {bytes(disk.free_bytes, language)} / {bytes(disk.total_bytes, language)}
                  </dd>
                </div>
                <div>
                  <dt>{t("health.daysLeft")}</dt>
                  <dd>{disk.days_left === null ? "—" : disk.days_left < 14 ? <Tag tone={disk.days_left < 3 ? "bad" : "warn"}>{count(disk.days_left, language)}</Tag> : <span className="figures">{count(Math.floor(disk.days_left), language)}</span>}</dd>
                </div>
                <div>
                  <dt>{t("health.database")}</dt>
                  <dd className="figures">
                    {database.kind === "sqlite" ? "SQLite" : "PostgreSQL"} {database.bytes === null ? "" : bytes(database.bytes, language)} · {database.revision}
                  </dd>
                </div>
              </dl>
            </Panel>
            <Panel title={t("health.leaving")}>
              <dl className="facts">
                {waiting.map((queue) => (
                  <div key={queue.name}>
                    <dt>{t(`health.queue.${queue.name}`)}</dt>
                    <dd>
                      <span className="figures">{count(queue.count, language)}</span> {queue.oldest_at && <Ago at={queue.oldest_at} />}
                    </dd>
                  </div>
                ))}
                <div>
                  <dt>{t("overview.backup")}</dt>
                  <dd>
                    {backup.last_good_at ? <Time at={backup.last_good_at} short /> : <Tag tone="warn">{t(backup.target ? "overview.noBackup" : "overview.noTarget")}</Tag>} {backup.late && <Tag tone="bad">{t("health.late")}</Tag>}{" "}
                    {backup.last_good_at && <span className="muted">{t(backup.last_verified_at ? "overview.verified" : "overview.unverified")}</span>}
                    {backup.problem && (
                      <div className="bad-text">
                        <Text>{pick(backup.problem)}</Text>
                      </div>
                    )}
                  </dd>
                </div>
              </dl>
            </Panel>
          </div>
          <Panel title={t("health.jobs")}>
            {jobs.length === 0 ? (
              <p className="muted">{t("health.noJobs")}</p>
            ) : (
              <Table>
                <thead>
                  <tr>
                    <th scope="col">{t("health.job")}</th>
                    <th scope="col">{t("health.lastRun")}</th>
                    <th scope="col" className="end">
                      {t("health.took")}
                    </th>
                    <th scope="col">{t("health.outcome")}</th>
                  </tr>
                </thead>
                <tbody>
                  {jobs.map((job) => (
                    <tr key={job.name}>
                      <td className="figures">{job.name}</td>
                      <td>
                        <Ago at={job.started_at} />
                      </td>
                      <td className="end figures">{count(job.took_s, language)} s</td>
                      <td>
                        {job.outcome === "failed" ? <Tag tone="bad">{t("health.ran.failed")}</Tag> : <span className="muted">{t("health.ran.done")}</span>} <Text>{job.detail}</Text>
                      </td>
                    </tr>
                  ))}
                </tbody>
              </Table>
            )}
          </Panel>
        </>
      )}
    </Ask>
  );
}
