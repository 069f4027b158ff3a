import { describe, expect, it } from "vitest";
import { nameOf } from "./keys";

describe("the physical key decides", () => {
  it.each([
    ["KeyJ", false, "j"],
    ["KeyJ", true, "Shift+j"],
    ["Slash", false, "/"],
    ["Slash", true, "?"],
    ["Digit8", true, "*"],
    ["Digit3", false, "3"],
    ["Numpad3", false, "3"],
    ["BracketLeft", false, "["],
    ["NumpadEnter", false, "Enter"],
    ["F5", false, ""],
  ])("%s shift=%s is %s", (code, shiftKey, name) => expect(nameOf({ code, shiftKey })).toBe(name));
});
