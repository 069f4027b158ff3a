// The text of a chosen file, as the server reads one: UTF-8 with or without its mark, UTF-16 with it (Notepad's "Unicode",
// spreadsheets' "Unicode text"). What is neither shows as �, and the preview says that line for line.

export function textOf(bytes: ArrayBuffer): string {
  const [first, second] = new Uint8Array(bytes.slice(0, 2));
  const name = first === 0xff && second === 0xfe ? "utf-16le" : first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
  return new TextDecoder(name).decode(bytes);
}
