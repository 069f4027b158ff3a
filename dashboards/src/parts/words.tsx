// What the national centre and the agency said to each other about one item.
import type { Word } from "../api/types";
import { useWords } from "../i18n";
import { Empty } from "./empty";
import { useLoose } from "./history";
import { Text } from "./text";
import { Time } from "./time";

export function Words({ words }: { words: readonly Word[] }) {
  const { t } = useWords();
  const loose = useLoose();
  if (!words.length) return <Empty kind="nothing" title={t("words.none")} />;
  return (
    <ol className="words">
      {words.map((word) => (
        <li key={word.id} className={`word word-${word.kind}`}>
          <p className="word-head">
            <strong>
              <Text>{word.by || t("node.national")}</Text>
            </strong>
            <span className="tag tag-plain">{loose("word", word.kind)}</span>
            <Time at={word.at} />
          </p>
          {word.text && (
            <p>
              <Text>{word.text}</Text>
            </p>
          )}
        </li>
      ))}
    </ol>
  );
}
