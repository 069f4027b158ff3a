// Text that a stranger wrote: isolated from the direction of its neighbours, invisible characters named.
import { pieces } from "../app/text";

export function Text({ children, mono = false }: { children: string; mono?: boolean }) {
  return (
    <bdi className={mono ? "figures" : undefined}>
      {pieces(children).map((piece, index) =>
        piece.hidden ? (
          <span key={index} className="hidden-character">
            {piece.text}
          </span>
        ) : (
          piece.text
        ),
      )}
    </bdi>
  );
}
