// To the clipboard. Browsers give `navigator.clipboard` to https and to this machine only; on a plain http address inside
// an agency the older way still works: select, then copy.
export async function copy(text: string, shown?: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (!shown) return false;
    window.getSelection()?.selectAllChildren(shown);
    return document.execCommand("copy");
  }
}
