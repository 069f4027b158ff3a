// The words of one language are fetched with the page, the other's when somebody asks for it; Vietnamese is what a missing
// choice falls back to.
import i18next from "i18next";
import { initReactI18next, useTranslation } from "react-i18next";
import type { Both } from "../api/types";
import { setWireLanguage } from "../api/client";

export type Language = "vi" | "en";
const STORED = "luytre.language";

function stored(): Language {
  try {
    return window.localStorage.getItem(STORED) === "en" ? "en" : "vi";
  } catch {
    return "vi";
  }
}

const WORDS = { vi: () => import("./words_vi"), en: () => import("./words_en") } as const;

async function learn(language: Language) {
  if (!i18next.hasResourceBundle(language, "translation")) i18next.addResourceBundle(language, "translation", (await WORDS[language]()).default);
}

export async function startLanguages() {
  const language = stored();
  const words = (await WORDS[language]()).default;
  await i18next.use(initReactI18next).init({
    lng: language,
    fallbackLng: false,
    resources: { [language]: { translation: words } },
    interpolation: { escapeValue: false },
    returnNull: false,
    initAsync: false,
    // A key that neither file has is a defect: the browser test fails on any error in the console.
    saveMissing: true,
    missingKeyHandler: (_languages, _namespace, key, otherwise) => {
      if (otherwise === key) console.error(`missing words: ${key}`);
    },
  });
  speak(language);
}

export function speak(language: Language) {
  document.documentElement.lang = language;
  setWireLanguage(language);
  try {
    window.localStorage.setItem(STORED, language);
  } catch {
    // Storage may be refused; the server keeps the user's choice anyway.
  }
  // The page keeps its words until the new ones are here; the last choice wins.
  if (i18next.language !== language)
    void learn(language)
      .then(() => (document.documentElement.lang === language ? i18next.changeLanguage(language) : undefined))
      .catch(() => {});
}

export function useWords() {
  const { t, i18n } = useTranslation();
  const language = (i18n.language === "en" ? "en" : "vi") satisfies Language as Language;
  /** The side of a bilingual text that this user reads; the other one when a writer left it empty. */
  const pick = (both: Both | null | undefined) => (both ? both[language] || both.vi || both.en || "" : "");
  return { t, language, pick };
}
