// Every word, a file per area and language. A file holds one or more top-level names of its own; none is in two files.
// The page fetches one language (index.ts); this joins both for the types and the tests.
import en from "./words_en";
import vi from "./words_vi";

export { en, vi };
